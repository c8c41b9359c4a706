#include <ostream>

#include <doctest/doctest.h>

#include "util/yaml.hpp"

using meshdx::Json;
using meshdx::parse_yaml;

namespace {

/// The error of a text that must not parse, or "(parsed: ...)".
std::string error_of(const std::string& text) {
  const auto document = parse_yaml("f", text);
  return document.ok() ? "(parsed: " + meshdx::dump_json(document->value) + ")" : document.error();
}

}  // namespace

TEST_CASE("parse_yaml turns scalars into the JSON they say, and nothing more") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"a: 1", R"({"a":1})"},
      {"a: -12", R"({"a":-12})"},
      {"a: 1.5", R"({"a":1.5})"},
      {"a: true", R"({"a":true})"},
      {"a: False", R"({"a":false})"},
      {"a: null", R"({"a":null})"},
      {"a: ~", R"({"a":null})"},
      {"a:", R"({"a":null})"},
      {"a: yes", R"({"a":"yes"})"},
      {"a: on", R"({"a":"on"})"},
      {"a: 010", R"({"a":"010"})"},
      {"a: 0x1f", R"({"a":"0x1f"})"},
      {"a: 1_000", R"({"a":"1_000"})"},
      {"a: 1e999", R"({"a":"1e999"})"},
      {"a: 18446744073709551615", R"({"a":18446744073709551615})"},
      {"a: 18446744073709551616", R"({"a":"18446744073709551616"})"},
      {"a: -", R"((error))"},
      {"a: \"1\"", R"({"a":"1"})"},
      {"a: 'true'", R"({"a":"true"})"},
      {"a: ''", R"({"a":""})"},
      {"a: \"null\"", R"({"a":"null"})"},
      {"a: |\n  x: 1\n  y\n", R"({"a":"x: 1\ny\n"})"},
      {"a: >\n  x\n  y\n", R"({"a":"x y\n"})"},
      {"a: |\n  12\n", R"({"a":"12\n"})"},
      {"a: |\n  \tx\n", R"({"a":"\tx\n"})"},
      {"a: |\n  x", R"({"a":"x\n"})"},
      {"a: |-\n  x\n", R"({"a":"x"})"},
      {"503: x", R"({"503":"x"})"},
      {"true: x", R"({"true":"x"})"},
      {"[1, [a, {b: c}], []]", R"([1,["a",{"b":"c"}],[]])"},
      {"- a\n- - b\n  - c\n-\n  d: e\n", R"(["a",["b","c"],{"d":"e"}])"},
      {"a:\n- b\nc: d", R"({"a":["b"],"c":"d"})"},
      {"---\na: b\n...\n", R"({"a":"b"})"},
      {"\xEF\xBB\xBF" "a: b", R"({"a":"b"})"},
      {"a: b\r\nc: d\r\n", R"({"a":"b","c":"d"})"},
      {"# nothing\n", "null"},
      {"", "null"},
      {"a/b~c: {d: e}", R"({"a/b~c":{"d":"e"}})"},
  };
  for (const auto& row : table) {
    CAPTURE(row.first);
    const auto document = parse_yaml("f", row.first);
    CHECK_MESSAGE((document.ok() ? meshdx::dump_json(document->value) : "(error)") == row.second,
                  (document.ok() ? "" : document.error()));
  }
}

TEST_CASE("parse_yaml names the place and the reason of what it refuses") {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"a: 1\nb: 2\na: 3\n", "f:3:1: the key \"a\" stands twice; first on line 1"},
      {"x:\n  - {b: 1, b: 2}\n", "f:2:12: the key \"b\" stands twice; first on line 2"},
      {"a: &n 1\n", "f:1:4: anchors (&name) are not taken"},
      {"a: &n {b: 1}\n", "f:1:4: anchors (&name) are not taken"},
      {"&n a: 1\n", "f:1:1: anchors (&name) are not taken"},
      {"a: *n\n", "f:1:4: the referenced anchor is not defined"},
      {"a: !!str 1\n", "f:1:4: tags (!name) are not taken"},
      {"a: ! 1\n", "f:1:4: tags (!name) are not taken"},
      {"a: !x [1]\n", "f:1:4: tags (!name) are not taken"},
      {"a: !!str\nb: 1\n", "f:1:4: tags (!name) are not taken"},
      {"a: 1\n---\nb: 2\n", "f:2:1: more than one document; a file holds one"},
      {"a: 1\n...\nb: 2\n", "f:3:1: more than one document; a file holds one"},
      {"a:\n\tb: 1\n", "f:2:1: a tab in the indentation; indent with blanks"},
      {"a:\n  b: 1\n \tc: 1\n", "f:3:2: a tab in the indentation; indent with blanks"},
      {"a:\n\t- b\n", "f:2:1: a tab in the indentation; indent with blanks"},
      {"a:\n  b: 1\n c: 2\n", "f:3:2: bad indentation, or a key without ':'"},
      {"a:\n  b: 1\n   c: 2\n", "f:3:5: a ':' where no key can be: bad indentation, or text that must be quoted"},
      {"a: b: c\n", "f:1:5: a ':' where no key can be: bad indentation, or text that must be quoted"},
      {"{[1]: 2}\n", "f:1:2: a key must be text, not a list or a map"},
      {"? {a: 1}\n: 2\n", "f:1:3: a key must be text, not a list or a map"},
      {"~: 2\n", "f:1:1: a key must be text; quote it"},
      {": 2\n", "f:1:1: a key must be text; quote it"},
      {"a: [1, 2\n", "f:3:1: a '[' without its ']'"},
      {"a: \"x\n", "f:3:1: a quoted text without its closing quote"},
      {"a: 'x", "f:2:1: a quoted text without its closing quote"},
      {"a: 'b' c\n", "f:1:8: bad indentation, or a key without ':'"},
      {"\xC3\xA4: 1\n\xC3\xA4\xC3\xA4: {\xC3\xA4: 1, \xC3\xA4: 2}\n",
       "f:2:12: the key \"\xC3\xA4\" stands twice; first on line 2"},
      {std::string("a: \0b", 5), "f:1:4: a control character or broken UTF-8"},
      {"a: 1\nb: \xFF\n", "f:2:4: a control character or broken UTF-8"},
      {"a: 1\nb: x\xC2\x85y\n", "f:2:5: a control character or broken UTF-8"},
      {std::string(65, '[') + std::string(65, ']'), "f:1:65: nested deeper than 64 levels"},
      {std::string(5000, '[') + std::string(5000, ']'), "f:1:65: nested deeper than 64 levels"},
      {"a: " + std::string(70000, 'x'), "f:1:1: a line longer than 65536 bytes"},
      {std::string((4U << 20U) + 1, '\n'), "f:1:1: larger than 4 MiB"},
  };
  for (const auto& row : table) {
    CAPTURE(row.first.substr(0, 60));
    CHECK(error_of(row.first) == row.second);
  }
}

TEST_CASE("a document says where its values and keys stand") {
  const auto document =
      parse_yaml("p.yaml", "a: 1\nsteps:\n  - id: x\n    run: [b,\n      c]\n  - y\nnone:\nz: {~/: 1}\n");
  REQUIRE(document.ok());
  CHECK(document->at("", "m") == "p.yaml:1:1: m");
  CHECK(document->at("/a", "m") == "p.yaml:1:4: m");
  CHECK(document->at("/steps", "m") == "p.yaml:3:3: m");
  CHECK(document->at("/steps/0", "m") == "p.yaml:3:5: m");
  CHECK(document->at("/steps/0/run/1", "m") == "p.yaml:5:7: m");
  CHECK(document->at("/steps/1", "m") == "p.yaml:6:5: m");
  CHECK(document->at("/none", "m") == "p.yaml:7:1: m");
  CHECK(document->at("/steps/0/missing/deep", "m") == "p.yaml:3:5: m");
  CHECK(document->at("/nowhere", "m") == "p.yaml:1:1: m");
  CHECK(document->at_key("/steps/0/run", "m") == "p.yaml:4:5: m");
  CHECK(document->at_key("/z/~0~1", "m") == "p.yaml:8:5: m");
}

TEST_CASE("dump_yaml prints what parse_yaml reads back as the same value") {
  const std::vector<std::string> texts = {
      "",      "a",  "yes",  "No",      "n",        "null", "~",          "010", "1e3", "0x1f", "12:30:45",
      "1_000", ".5", "-",    "- a",     "a: b",     "a #b", "#a",         " a",  "a ",  "a\nb", "EOF",
      "'a'",   "\"", "\\",   "{x}",     "[",        "*a",   "&a",         "!a",  "|",   ">",    "%a",
      "@a",    "`a", "/a/b", "a-b.c_d", "\xC3\xA4", "\t",   "2026-01-01", "=",   "<<"};
  Json value = Json::object();
  for (const auto& text : texts) {
    value["text"].push_back(text);
    value["keys"][text] = text;
    value["nested"].push_back(
        Json::array({Json::array({text}), Json::object({{"k", text}, {"l", Json::array({text, 1})}})}));
  }
  value["others"] = Json::array({1, -1, 1.5, true, nullptr, Json::array(), Json::object()});
  const auto back = parse_yaml("f", meshdx::dump_yaml(value));
  REQUIRE_MESSAGE(back.ok(), back.error());
  CHECK(back->value == value);
}

TEST_CASE("dump_yaml looks like kubectl's") {
  const auto value = meshdx::parse_json(
      R"({"kind":"Service","spec":{"ports":[{"name":"http","port":80},{"port":"80"}],"selector":{}}})");
  CHECK(meshdx::dump_yaml(*value) ==
        "kind: Service\nspec:\n  ports:\n  - name: http\n    port: 80\n  - port: \"80\"\n  selector: {}\n");
}
