#include <ostream>

#include <doctest/doctest.h>

#include "diagnose/cause.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::diagnose;

namespace {

const FactIds known = {"a", "b", "c", "service.exists"};

const std::string good = R"(id: x
code: MDX0101
title: The Service selects no pod
symptoms: ["503 UH no_healthy_upstream"]
hop: 2
when: {all: [a, {not: b}, {any: [b, [a, c]]}]}
likely-when: c
object: "Service {service.namespace}/{service.name}"
say: "It selects {selector.text}."
explains: [y]
fixes:
  - title: Point it there
    when: service.exists
    patch: {kind: Service, namespace: "{ns}", name: "{name}", ops: "{ops}"}
    then: [[kubectl, rollout, restart, "deploy/{x}", -n, "{ns}"]]
    risk: medium
    effect: mitigation
    touches: requests
  - title: Create one
    create: {apiVersion: v1, kind: Service, metadata: {name: n}}
  - title: Mend it
    advice: Do so.
  - title: Edit it
    patch:
      kind: Namespace
      name: n
      ops:
        - {op: add, path: "/a/{b}", value: null}
        - {op: move, from: /a, path: /b}
        - "{op}"
explain: |
  What happens
  x
  Why
  x
  See it yourself
  x
  Fix
  x
  References
  x
)";

std::string error_of(const std::string& text) {
  const auto document = parse_yaml("d/x.yaml", text);
  if (!document.ok()) return document.error();
  const auto cause = load_cause(*document, known);
  return cause.ok() ? "(loaded)" : cause.error();
}

std::string shown(const Condition& condition) {
  std::vector<std::string> parts;
  for (const auto& part : condition.parts) parts.push_back(shown(part));
  if (condition.op == Condition::Op::fact) return condition.fact;
  const char* name = condition.op == Condition::Op::all ? "all" : condition.op == Condition::Op::any ? "any" : "not";
  return std::string(name) + "(" + join(parts, " ") + ")";
}

}  // namespace

TEST_CASE("a cause file is read whole") {
  const auto document = parse_yaml("d/x.yaml", good);
  REQUIRE_MESSAGE(document.ok(), document.error());
  const auto cause = load_cause(*document, known);
  REQUIRE_MESSAGE(cause.ok(), cause.error());
  CHECK(cause->id == "x");
  CHECK(cause->code == "MDX0101");
  CHECK(cause->hop == 2);
  CHECK(cause->symptoms == std::vector<std::string>{"503 UH no_healthy_upstream"});
  CHECK(shown(cause->when) == "all(a not(b) any(b all(a c)))");
  CHECK(facts_of(cause->when) == std::vector<std::string>{"a", "b", "c"});
  REQUIRE(cause->likely_when != nullptr);
  CHECK(shown(*cause->likely_when) == "c");
  CHECK(cause->explains == std::vector<std::string>{"y"});
  REQUIRE(cause->fixes.size() == 4);
  CHECK(cause->fixes[0].when == "service.exists");
  CHECK(cause->fixes[0].patch == "{ops}");
  CHECK(cause->fixes[0].then[0][3] == "deploy/{x}");
  CHECK(cause->fixes[0].risk == "medium");
  CHECK(cause->fixes[1].create["kind"] == "Service");
  CHECK(cause->fixes[1].effect == "permanent");
  CHECK(cause->fixes[2].advice == "Do so.");
  CHECK(cause->fixes[3].ns == "");
  CHECK(cause->fixes[3].patch.size() == 3);
  CHECK(cause->fixes[0].takes == "");
  const auto late = load_cause(*parse_yaml("d/x.yaml", replace_all(good, "effect: mitigation", "takes: some 5 s")), known);
  REQUIRE_MESSAGE(late.ok(), late.error());
  CHECK(late->fixes[0].takes == "some 5 s");
}

TEST_CASE("what is wrong in a cause file is named with its place") {
  struct Row {
    const char *from, *to, *error;
  };
  const std::vector<Row> table = {
      {"symptoms:", "symptom:", "d/x.yaml:4:1: unknown key \"symptom\"; did you mean symptoms?"},
      {"id: x", "id: y", "d/x.yaml:1:5: id y is not the file's name x"},
      {"id: x", "id: X", "d/x.yaml:1:5: id must be made of a-z, 0-9 and '-'"},
      {"id: x\n", "", "d/x.yaml:1:1: id is missing"},
      {"MDX0101", "MDX101", "d/x.yaml:2:7: code must be MDX and four digits"},
      {"MDX0101", "101", "d/x.yaml:2:7: code must be text (quote it)"},
      {"hop: 2", "hop: 4", "d/x.yaml:5:6: hop must be 0, 1, 2 or 3"},
      {"hop: 2", "hop: 18446744073709551615", "d/x.yaml:5:6: hop must be 0, 1, 2 or 3"},
      {"{not: b}", "{not: servce.exists}",
       "d/x.yaml:6:23: unknown fact \"servce.exists\"; did you mean service.exists?"},
      {"{not: b}", "{nor: b}", "d/x.yaml:6:18: unknown key \"nor\"; did you mean not?"},
      {"{not: b}", "{not: b, any: [a]}", "d/x.yaml:6:17: a condition must have exactly one of all, any and not"},
      {"{not: b}", "{any: []}", "d/x.yaml:6:23: an empty any is never true"},
      {"{not: b}", "7", "d/x.yaml:6:17: a condition must be a fact, a list, or a map with all, any or not"},
      {"{not: b}", "{all: b}", "d/x.yaml:6:23: must be a list"},
      {"when: {all: [a, {not: b}, {any: [b, [a, c]]}]}", "when: []", "d/x.yaml:6:7: when must name a fact"},
      {"when: {all: [a, {not: b}, {any: [b, [a, c]]}]}\n", "", "d/x.yaml:1:1: when is missing"},
      {"say: \"It selects {selector.text}.\"", "say: ''", "d/x.yaml:9:6: say must not be empty"},
      {"explains: [y]", "explains: y", "d/x.yaml:10:11: must be a list"},
      {"    when: service.exists", "    when: service", "d/x.yaml:13:11: unknown fact \"service\""},
      {"kind: Service, namespace", "kid: Service, namespace",
       "d/x.yaml:14:13: unknown key \"kid\"; did you mean kind?"},
      {"\"{ops}\"", "\"{ops} \"", "d/x.yaml:14:68: ops must be a list or one {binding}"},
      {"\"{ops}\"", "[]", "d/x.yaml:14:68: ops must not be empty"},
      {"[[kubectl", "[[rm", "d/x.yaml:15:12: a command must begin with kubectl or istioctl"},
      {"risk: medium", "risk: none", "d/x.yaml:16:11: must be one of low, medium, high, not \"none\""},
      {", kind: Service, metadata: {name: n}", ", metadata: {name: n}", "d/x.yaml:20:13: kind is missing"},
      {"metadata: {name: n}", "metadata: {}", "d/x.yaml:20:55: name is missing"},
      {"    advice: Do so.\n", "", "d/x.yaml:21:5: a fix must have exactly one of patch, create and advice"},
      {"op: add", "op: put", "d/x.yaml:28:16: must be one of add, remove, replace, move, copy, test, not \"put\""},
      {", value: null", "", "d/x.yaml:28:11: add needs a value"},
      {"from: /a, ", "", "d/x.yaml:29:11: move needs a from"},
      {"path: /b", "path: b", "d/x.yaml:29:38: path must be a JSON pointer, which begins with '/'"},
      {"  Why\n  x\n", "",
       "d/x.yaml:31:10: the heading \"See it yourself\" stands out of order; the order is: What happens, Why, See "
       "it yourself, Fix, References"},
      {"  Why\n  x\n", "  Why\n", "d/x.yaml:31:10: nothing stands under the heading \"Why\""},
      {"  References\n  x\n", "", "d/x.yaml:31:10: the heading \"References\" is missing on a line of its own"},
      {"  References\n  x\n", "  References\n", "d/x.yaml:31:10: nothing stands under the heading \"References\""},
  };
  for (const Row& row : table) {
    CAPTURE(row.to);
    std::string text = good;
    const auto place = text.find(row.from);
    REQUIRE(place != std::string::npos);
    text.replace(place, std::string(row.from).size(), row.to);
    CHECK(error_of(text) == row.error);
  }
  CHECK(error_of(good) == "(loaded)");
  CHECK(error_of("") == "d/x.yaml:1:1: must be a map");
  CHECK(error_of("[]") == "d/x.yaml:1:1: must be a map");
}

TEST_CASE("a set of causes is sorted by code and fits together") {
  const auto variant = [](const std::string& id, const std::string& code, const std::string& explains) {
    std::string text = replace_all(good, "id: x\n", "id: " + id + "\n");
    text = replace_all(text, "MDX0101", code);
    return replace_all(text, "explains: [y]", "explains: [" + explains + "]");
  };
  const auto both =
      load_causes({{"x.yaml", variant("x", "MDX0102", "yy")}, {"yy.yaml", variant("yy", "MDX0101", "x")}}, known);
  REQUIRE_MESSAGE(both.ok(), both.error());
  CHECK((*both)[0].id == "yy");
  CHECK((*both)[1].id == "x");

  const auto missing = load_causes(
      {{"x.yaml", variant("x", "MDX0102", "x, yyy")}, {"yyyy.yaml", variant("yyyy", "MDX0102", "zz")}}, known);
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error() ==
        "yyyy.yaml:2:7: code MDX0102 is also that of x.yaml\n"
        "x.yaml:10:12: a cause does not explain itself\n"
        "x.yaml:10:15: unknown cause \"yyy\"; did you mean yyyy?\n"
        "yyyy.yaml:10:12: unknown cause \"zz\"");
  const auto twice =
      load_causes({{"a/x.yaml", variant("x", "MDX0102", "")}, {"b/x.yaml", variant("x", "MDX0103", "")}}, known);
  REQUIRE_FALSE(twice.ok());
  CHECK(twice.error() == "b/x.yaml:1:5: id x is also that of a/x.yaml");
  const auto broken = load_causes({{"x.yaml", "a: [\n"}, {"y.yaml", "b: 1\n"}}, known);
  REQUIRE_FALSE(broken.ok());
  CHECK(split(broken.error(), '\n').size() == 2);
}

TEST_CASE("a condition can be read at any place of a document") {
  const auto document = parse_yaml("p.yaml", "steps:\n  - when: [a, b]\n  - when: z\n");
  REQUIRE(document.ok());
  const auto condition = parse_condition(*document, "/steps/0/when", known);
  REQUIRE(condition.ok());
  CHECK(shown(*condition) == "all(a b)");
  CHECK(parse_condition(*document, "/steps/1/when", known).error() == "p.yaml:3:11: unknown fact \"z\"");
  CHECK_FALSE(parse_condition(*document, "/steps/9/when", known).ok());
  CHECK_FALSE(parse_condition(*document, "no pointer", known).ok());
}
