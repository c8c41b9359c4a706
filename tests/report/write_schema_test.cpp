// What write prints as JSON, over all cases of tests/intent, against the schema of meshdx.write/v1.
#include <ostream>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "../intent/cases.hpp"
#include "report/written.hpp"
#include "schema.hpp"
#include "util/text.hpp"

using namespace meshdx;

namespace {

Json schema() {
  std::ifstream file(SOURCE_DIR "/playbooks/schema/write.v1.json");
  const auto parsed = parse_json(std::string(std::istreambuf_iterator<char>(file), {}));
  REQUIRE(parsed.ok());
  return *parsed;
}

}  // namespace

TEST_CASE("the JSON of everything that is written is of its schema") {
  const auto wanted = schema();
  std::set<std::string> actions, kinds;
  const auto check = [&](const Json& one) {
    const auto evidence = intent::test::world(one);
    const auto wish = intent::test::wish(one);
    auto plan = intent::make_plan(mesh::View(evidence), wish, {});
    if (!plan) return;
    report::Written written;
    written.kind = intent::row_of(wish.kind).name;
    written.verify = "meshdx " + join(plan->verify, " ");
    written.plan = std::move(*plan);
    const auto json = report::json_of(written);
    std::vector<std::string> wrong;
    testing::validate(wanted, wanted, json, "", wrong);
    for (const auto& message : wrong) CHECK_MESSAGE(false, message);
    kinds.insert(text_at(json, "kind"));
    for (const auto& step : at(json, "apply")) actions.insert(text_at(step, "action"));
  };
  CHECK(intent::test::for_each_case(check) > 30);
  // What the cases come to is all that the schema allows: no word of it stands there for nothing.
  const auto allowed = [](const Json& list) { return std::set<std::string>(list.begin(), list.end()); };
  CHECK(kinds == allowed(wanted["properties"]["kind"]["enum"]));
  CHECK(actions == allowed(wanted["$defs"]["step"]["properties"]["action"]["enum"]));
}
