// The JSON door: what is read the quick way must be what nlohmann's parser reads, and be refused in the same words.
#include "util/json.hpp"

#include <ostream>

#include <doctest/doctest.h>

using namespace meshdx;

TEST_CASE("a text is read as nlohmann's parser reads it, or refused as there") {
  const char* texts[] = {
      "null", "true", "0", "-0", "7", "-7", "1.0", "-0.0", "1e3", "0.1", "9223372036854775807", "9223372036854775808",
      "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "1e400", "1e-400", "01", "+1",
      ".5", "1.", "\"\"", R"("a\u00e4\ud83d\ude00\n")", R"("\ud800")", R"("\udc00")", "\"\xC3\"", "\"\xED\xA0\x80\"", "\"\t\"",
      R"("a\u0000b")", "", " ", "[]", "{}", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":[2]}", "{\"a\":{\"x\":1},\"a\":{\"y\":2}}",
      "{\"b\":1,\"a\":2,\"c\":{\"z\":null,\"A\":false}}", "[1] 2", "\xEF\xBB\xBF{\"a\":1}", "nul", "NaN", "[1,2", "{\"a\"}", "{a:1}",
      "'a'", "[[[[[[]]]]]]", "{\"a\":[{\"b\":[]}]}", "// no\n1"};
  for (const auto* text : texts) {
    INFO(text);
    const auto read = parse_json(text);
    Json wanted;
    std::string error;
    try {
      wanted = Json::parse(text);
    } catch (const Json::exception& e) {
      error = e.what();
    }
    CHECK(read.ok() == error.empty());
    if (!read.ok()) {
      CHECK(error.find(read.error()) != std::string::npos);
      continue;
    }
    CHECK(*read == wanted);
    CHECK(dump_json(*read) == dump_json(wanted));
    if (std::string(text) != "-0") CHECK(read->type() == wanted.type());
  }
}

TEST_CASE("nesting is bounded") {
  CHECK(parse_json("[[1]]", 2).ok());
  CHECK(parse_json("{\"a\":[1]}", 2).ok());
  CHECK(parse_json("[[[1]]]", 2).error() == "JSON nests deeper than 2 levels");
  CHECK(parse_json("{\"a\":{\"b\":{}}}", 2).error() == "JSON nests deeper than 2 levels");
  CHECK(parse_json(std::string(100000, '['), 256).error() == "JSON nests deeper than 256 levels");
  CHECK(parse_json("1", 0).ok());
}

TEST_CASE("a pointer leads to a value or nowhere") {
  const auto value = *parse_json(R"({"a":[{"b/c":1,"~":2},3],"":{"":4},"0":5})");
  const auto found = [&](std::string_view pointer) {
    const auto* at = at_pointer(value, pointer);
    return at == nullptr ? std::string("none") : dump_json(*at);
  };
  CHECK(at_pointer(value, "") == &value);
  CHECK(found("/a/0/b~1c") == "1");
  CHECK(found("/a/0/~0") == "2");
  CHECK(found("/a/1") == "3");
  CHECK(found("//") == "4");
  CHECK(found("/0") == "5");
  for (const char* pointer : {"a", "/b", "/a/2", "/a/-", "/a/01", "/a/x", "/a/", "/a/0/~", "/a/0/~2", "/a/1/x", "/a/+1"}) CHECK(found(pointer) == "none");
}
