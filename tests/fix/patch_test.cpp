#include <ostream>

#include <doctest/doctest.h>

#include <random>

#include "fix/fix.hpp"

using namespace meshdx;
using namespace meshdx::fix;

namespace {

Json json(const std::string& text) {
  auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return *parsed;
}

/// A patch's result as text, or its error.
std::string applied(const std::string& object, const std::string& patch) {
  const auto result = apply_patch(json(object), json(patch));
  return result.ok() ? dump_json(*result) : result.error();
}

/// "test /a" lines: which places a patch tests and changes.
std::string outline(const Json& patch) {
  std::string text;
  for (const auto& operation : patch) {
    text += text_at(operation, "op") + " " + text_at(operation, "path");
    if (operation["op"] == "test") text += " " + dump_json(operation["value"]);
    text += "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("apply_patch: the examples of RFC 6902, appendix A, and its sections") {
  struct Row {
    const char *object, *patch, *result;
  };
  const std::vector<Row> table = {
      {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux"}])", R"({"baz":"qux","foo":"bar"})"},
      {R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])", R"({"foo":["bar","qux","baz"]})"},
      {R"({"baz":"qux","foo":"bar"})", R"([{"op":"remove","path":"/baz"}])", R"({"foo":"bar"})"},
      {R"({"foo":["bar","qux","baz"]})", R"([{"op":"remove","path":"/foo/1"}])", R"({"foo":["bar","baz"]})"},
      {R"({"baz":"qux","foo":"bar"})", R"([{"op":"replace","path":"/baz","value":"boo"}])",
       R"({"baz":"boo","foo":"bar"})"},
      {R"({"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}})",
       R"([{"op":"move","from":"/foo/waldo","path":"/qux/thud"}])",
       R"({"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}})"},
      {R"({"foo":["all","grass","cows","eat"]})", R"([{"op":"move","from":"/foo/1","path":"/foo/3"}])",
       R"({"foo":["all","cows","eat","grass"]})"},
      {R"({"baz":"qux","foo":["a",2,"c"]})",
       R"([{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}])",
       R"({"baz":"qux","foo":["a",2,"c"]})"},
      {R"({"baz":"qux"})", R"([{"op":"test","path":"/baz","value":"bar"}])",
       "operation 1 (test /baz): the value is \"qux\", not \"bar\""},
      {R"({"foo":"bar"})", R"([{"op":"add","path":"/child","value":{"grandchild":{}}}])",
       R"({"child":{"grandchild":{}},"foo":"bar"})"},
      {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz","value":"qux","xyz":123}])", R"({"baz":"qux","foo":"bar"})"},
      {R"({"foo":"bar"})", R"([{"op":"add","path":"/baz/bat","value":"qux"}])",
       "operation 1 (add /baz/bat): there is no /baz"},
      {R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":10}])", R"({"/":9,"~1":10})"},
      {R"({"/":9,"~1":10})", R"([{"op":"test","path":"/~01","value":"10"}])",
       "operation 1 (test /~01): the value is 10, not \"10\""},
      {R"({"foo":["bar"]})", R"([{"op":"add","path":"/foo/-","value":["abc","def"]}])",
       R"({"foo":["bar",["abc","def"]]})"},
      // sections 4 and 5
      {R"({"a":1})", R"([{"op":"add","path":"","value":[1]}])", "[1]"},
      {R"({"a":1})", R"([{"op":"add","path":"/a","value":null}])", R"({"a":null})"},
      {R"([1])", R"([{"op":"add","path":"/1","value":2}])", "[1,2]"},
      {R"([1])", R"([{"op":"add","path":"/2","value":2}])", "operation 1 (add /2): the whole value has no index 2"},
      {R"([1])", R"([{"op":"add","path":"/01","value":2}])", "operation 1 (add /01): the whole value has no index 01"},
      {R"([1])", R"([{"op":"replace","path":"/-","value":2}])", "operation 1 (replace /-): there is no /-"},
      {R"({"a":"x"})", R"([{"op":"add","path":"/a/b","value":2}])", "operation 1 (add /a/b): /a is no map or list"},
      {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])",
       "operation 1 (move /a/b): a value cannot be moved into itself"},
      {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a"}])", R"({"a":{"b":1}})"},
      {R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/a/c"}])", R"({"a":{"b":1,"c":{"b":1}}})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":1.0}])", R"({"a":1})"},
      {R"({"a":1})", R"([{"op":"remove","path":"/a"},{"op":"remove","path":"/a"}])",
       "operation 2 (remove /a): there is no /a"},
      {R"({"a":1})", R"([{"op":"remove","path":""}])", "operation 1 (remove \"\"): the whole value cannot be removed"},
      {R"({"a":1})", R"([{"op":"put","path":"/a"}])", "operation 1 (put /a): has no op that RFC 6902 knows"},
      {R"({"a":1})", R"([{"op":"add","path":"a","value":1}])", "operation 1 (add a): its path is no JSON pointer"},
      {R"({"a":1})", R"([{"op":"add","path":"/~2","value":1}])", "operation 1 (add /~2): its path is no JSON pointer"},
      {R"({"a":1})", R"([{"op":"add","path":"/b"}])", "operation 1 (add /b): has no value"},
      {R"({"a":1})", R"([{"op":"move","path":"/b"}])", "operation 1 (move /b): has no from"},
      {R"({"a":1})", R"([{"op":"add","value":1}])", "operation 1 (add ?): has no path"},
      {R"({"a":1})", "[7]", "operation 1 (? ?): is no map"},
      {R"({"a":1})", R"({"op":"remove","path":"/a"})", "a patch must be a list of operations"},
      {"1", R"([{"op":"replace","path":"/99999999999999999999","value":1}])",
       "operation 1 (replace /99999999999999999999): there is no /99999999999999999999"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.patch));
    std::string expected = row.result;
    CHECK(applied(row.object, row.patch) == expected);
  }
}

TEST_CASE("guard and undo_patch test what they change and where") {
  struct Row {
    const char *name, *object, *patch, *guarded, *undone;
  };
  const std::string big(600, 'x');
  const std::string big_parent = R"({"spec":{"x":")" + big + R"("}})";
  const std::string big_list = R"({"spec":{"l":[{"name":"a","x":")" + big + big + big + big + R"("}]}})";
  const std::vector<Row> table = {
      {"replace", R"({"spec":{"selector":{"app":"webapp"}}})",
       R"([{"op":"replace","path":"/spec/selector/app","value":"web"}])",
       "test /spec/selector/app \"webapp\"\nreplace /spec/selector/app\n",
       "test /spec/selector/app \"web\"\nreplace /spec/selector/app\n"},
      {"remove", R"({"spec":{"a":{"b":1},"z":2}})", R"([{"op":"remove","path":"/spec/a"}])",
       "test /spec/a {\"b\":1}\nremove /spec/a\n", "add /spec/a\n"},
      {"an element is told by its name", R"({"spec":{"ports":[{"name":"http","port":80,"targetPort":1}]}})",
       R"([{"op":"replace","path":"/spec/ports/0/targetPort","value":8080}])",
       "test /spec/ports/0/name \"http\"\ntest /spec/ports/0/targetPort 1\nreplace /spec/ports/0/targetPort\n",
       "test /spec/ports/0/name \"http\"\ntest /spec/ports/0/targetPort 8080\nreplace /spec/ports/0/targetPort\n"},
      {"or by its port", R"({"spec":{"ports":[{"port":80,"targetPort":1}]}})",
       R"([{"op":"add","path":"/spec/ports/0/targetPort","value":8080}])",
       "test /spec/ports/0/port 80\ntest /spec/ports/0/targetPort 1\nadd /spec/ports/0/targetPort\n",
       "test /spec/ports/0/port 80\ntest /spec/ports/0/targetPort 8080\nreplace /spec/ports/0/targetPort\n"},
      {"its name itself changes", R"({"spec":{"ports":[{"name":"web","port":80}]}})",
       R"([{"op":"replace","path":"/spec/ports/0/name","value":"http-web"}])",
       "test /spec/ports/0/name \"web\"\nreplace /spec/ports/0/name\n",
       "test /spec/ports/0/name \"http-web\"\nreplace /spec/ports/0/name\n"},
      {"nested lists, nothing to tell the outer one by",
       R"({"spec":{"http":[{"route":[{"destination":{"host":"web","subset":"v1"}}]}]}})",
       R"([{"op":"replace","path":"/spec/http/0/route/0/destination/subset","value":"v2"}])",
       "test /spec/http/0 {\"route\":[{\"destination\":{\"host\":\"web\",\"subset\":\"v1\"}}]}\n"
       "replace /spec/http/0/route/0/destination/subset\n",
       "test /spec/http/0/route/0/destination/host \"web\"\ntest /spec/http/0/route/0/destination/subset \"v2\"\n"
       "replace /spec/http/0/route/0/destination/subset\n"},
      {"append to a small list", R"({"spec":{"hosts":["a"]}})", R"([{"op":"add","path":"/spec/hosts/-","value":"b"}])",
       "test /spec/hosts [\"a\"]\nadd /spec/hosts/-\n", "test /spec/hosts/1 \"b\"\nremove /spec/hosts/1\n"},
      {"append to a big list", big_list.c_str(),
       R"([{"op":"add","path":"/spec/l/-","value":{"name":"b","n":{"o":1}}}])",
       "test /spec/l/0/name \"a\"\nadd /spec/l/-\n",
       "test /spec/l/1/n/o 1\ntest /spec/l/1/name \"b\"\nremove /spec/l/1\n"},
      {"remove an element", R"({"spec":{"l":[1,2,3]}})", R"([{"op":"remove","path":"/spec/l/1"}])",
       "test /spec/l/1 2\nremove /spec/l/1\n", "test /spec/l/1 3\nadd /spec/l/1\n"},
      {"a new member of a small parent", R"({"spec":{"a":1}})", R"([{"op":"add","path":"/spec/b","value":1}])",
       "test /spec {\"a\":1}\nadd /spec/b\n", "test /spec/b 1\nremove /spec/b\n"},
      {"a new member of a big parent", big_parent.c_str(), R"([{"op":"add","path":"/spec/b","value":1}])",
       "add /spec/b\n", "test /spec/b 1\nremove /spec/b\n"},
      {"missing parents", R"({"metadata":{"name":"x"}})",
       R"([{"op":"add","path":"/metadata/annotations/a~1b","value":"1"}])",
       "add /metadata/annotations\nadd /metadata/annotations/a~1b\n",
       "test /metadata/annotations/a~1b \"1\"\nremove /metadata/annotations/a~1b\ntest /metadata/annotations "
       "{}\nremove /metadata/annotations\n"},
      {"the last annotation: the API server drops the empty map", R"({"spec":{"metadata":{"annotations":{"a":"1"},"labels":{"b":"2"}}}})",
       R"([{"op":"remove","path":"/spec/metadata/annotations/a"}])",
       "test /spec/metadata/annotations/a \"1\"\nremove /spec/metadata/annotations/a\n",
       "add /spec/metadata/annotations\nadd /spec/metadata/annotations/a\n"},
      {"another label stays", R"({"metadata":{"labels":{"a":"1","b":"2"}}})", R"([{"op":"remove","path":"/metadata/labels/a"}])",
       "test /metadata/labels/a \"1\"\nremove /metadata/labels/a\n", "add /metadata/labels/a\n"},
      {"a missing list", R"({"spec":{}})", R"([{"op":"add","path":"/spec/ports/-","value":1}])",
       "test /spec {}\nadd /spec/ports\nadd /spec/ports/-\n",
       "test /spec/ports/0 1\nremove /spec/ports/0\ntest /spec/ports []\nremove /spec/ports\n"},
      {"move", R"({"spec":{"a":1,"b":2}})", R"([{"op":"move","from":"/spec/a","path":"/spec/b"}])",
       "test /spec/a 1\ntest /spec/b 2\nmove /spec/b\n", "test /spec/b 1\nreplace /spec/b\nadd /spec/a\n"},
      {"its own test is not said twice", R"({"spec":{"a":1}})",
       R"([{"op":"test","path":"/spec/a","value":1},{"op":"remove","path":"/spec/a"}])",
       "test /spec/a 1\nremove /spec/a\n", "add /spec/a\n"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.name));
    const Json object = json(row.object);
    const auto guarded = guard(object, json(row.patch));
    REQUIRE_MESSAGE(guarded.ok(), guarded.error());
    CHECK(outline(*guarded) == std::string(row.guarded));
    const auto after = apply_patch(object, *guarded);
    REQUIRE(after.ok());
    CHECK(outline(undo_patch(object, *after, *guarded)) == std::string(row.undone));
  }
}

TEST_CASE("a guarded patch fails on an object that has drifted") {
  struct Row {
    const char *captured, *patch, *drifted;
  };
  const std::vector<Row> table = {
      {R"({"spec":{"a":1}})", R"([{"op":"replace","path":"/spec/a","value":2}])", R"({"spec":{"a":3}})"},
      {R"({"spec":{"a":1}})", R"([{"op":"remove","path":"/spec/a"}])", R"({"spec":{"a":3}})"},
      {R"({"spec":{"a":1}})", R"([{"op":"add","path":"/spec/b","value":2}])", R"({"spec":{"a":1,"b":3}})"},
      {R"({"spec":{"l":[1]}})", R"([{"op":"add","path":"/spec/l/-","value":2}])", R"({"spec":{"l":[1,2]}})"},
      {R"({"spec":{"l":[1]}})", R"([{"op":"add","path":"/spec/l/0","value":2}])", R"({"spec":{"l":[2,1]}})"},
      {R"({"s":{"l":[{"name":"a","p":1},{"name":"b","p":1}]}})", R"([{"op":"replace","path":"/s/l/0/p","value":2}])",
       R"({"s":{"l":[{"name":"b","p":1},{"name":"a","p":1}]}})"},
      {R"({"s":{"l":[{"q":1,"p":1},{"q":2,"p":1}]}})", R"([{"op":"add","path":"/s/l/0/r","value":2}])",
       R"({"s":{"l":[{"q":2,"p":1},{"q":1,"p":1}]}})"},
  };
  for (const Row& row : table) {
    CAPTURE(std::string(row.patch));
    const auto guarded = guard(json(row.captured), json(row.patch));
    REQUIRE(guarded.ok());
    CHECK(apply_patch(json(row.captured), *guarded).ok());
    CHECK_FALSE(apply_patch(json(row.drifted), *guarded).ok());
  }
}

TEST_CASE("guard and undo_patch refuse what does not apply") {
  const Json object = json(R"({"spec":{"a":[]}})");
  const auto missing =
      guard(object, json(R"([{"op":"test","path":"/spec/a","value":[]},{"op":"remove","path":"/spec/b"}])"));
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error() == "operation 2 (remove /spec/b): there is no /spec/b");
  CHECK_FALSE(guard(object, json(R"([{"op":"add","path":"/spec/a/0/b","value":1}])")).ok());
  CHECK_FALSE(guard(object, json(R"({})")).ok());
  CHECK(undo_patch(object, object, json(R"([{"op":"remove","path":"/x"}])")).is_null());
  CHECK(undo_patch(object, json("{}"), json(R"([{"op":"remove","path":"/spec/a"}])")).is_null());
  CHECK(undo_patch(object, object, json("7")).is_null());
}

namespace {

/// Random objects and patches, the same in every run.
class Dice {
 public:
  std::size_t roll(std::size_t sides) { return m_engine() % sides; }

  Json value(int depth) {
    switch (roll(depth > 0 ? 8 : 5)) {
      case 0: return static_cast<int>(roll(5));
      case 1: return roll(2) == 0;
      case 2: return nullptr;
      case 3: return 1.5;
      case 4: return word();
      case 5: {
        Json list = Json::array();
        for (std::size_t i = roll(4); i > 0; --i) list.push_back(value(depth - 1));
        return list;
      }
      default: {
        Json object = Json::object();
        for (std::size_t i = roll(5); i > 0; --i) object[word()] = value(depth - 1);
        return object;
      }
    }
  }

  std::string word() {
    static const std::vector<std::string> words = {"name", "port", "host", "a/b", "c~d",   "metadata",
                                                   "spec", "0",    "-",    "",    "\"'\n", "z"};
    return words[roll(words.size())];
  }

  /// A place in a value: mostly one that is there, at times one beside it.
  std::string place(const Json& value) {
    Json::json_pointer pointer;
    const Json* here = &value;
    while (!here->empty() && here->is_structured() && roll(4) > 0) {
      auto member = here->begin();
      const std::size_t index = roll(here->size());
      std::advance(member, static_cast<std::ptrdiff_t>(index));
      if (here->is_object()) pointer /= member.key();
      else pointer /= index;
      here = &*member;
    }
    if (roll(3) == 0) pointer /= here->is_array() ? std::string(roll(2) == 0 ? "-" : "0") : word();
    if (roll(12) == 0) pointer /= word();
    return pointer.to_string();
  }

  Json operation(const Json& value) {
    static const std::vector<std::string> names = {"add", "add", "remove", "replace", "move", "copy"};
    Json made = Json::object();
    made["op"] = names[roll(names.size())];
    made["path"] = place(value);
    made["from"] = place(value);
    made["value"] = this->value(2);
    return made;
  }

 private:
  std::mt19937 m_engine{20260827};
};

}  // namespace

TEST_CASE("property: a guarded patch and its undo lead back to the very same bytes") {
  Dice dice;
  std::size_t undone = 0;
  for (int round = 0; round < 3000; ++round) {
    const Json before = dice.value(4);
    Json state = before, patch = Json::array();
    for (std::size_t i = 0; i < 1 + dice.roll(4); ++i) {
      const Json operation = dice.operation(state);
      const auto guarded = guard(state, Json::array({operation}));
      if (!guarded.ok()) continue;
      patch.push_back(operation);
      state = *apply_patch(state, *guarded);
    }
    const auto guarded = guard(before, patch);
    REQUIRE_MESSAGE(guarded.ok(), dump_json(before), dump_json(patch));
    const auto after = apply_patch(before, *guarded);
    REQUIRE(after.ok());
    REQUIRE(dump_json(*after) == dump_json(state));
    const Json undo = undo_patch(before, *after, *guarded);
    const auto back = apply_patch(*after, undo);
    REQUIRE_MESSAGE(back.ok(), dump_json(before), dump_json(*guarded), dump_json(undo));
    REQUIRE_MESSAGE(dump_json(*back) == dump_json(before), dump_json(*guarded), dump_json(undo));
    undone += patch.empty() ? 0 : 1;
  }
  CHECK(undone > 2000);
}
