// What sweep and check really print, against the schema of meshdx.survey/v1.
#include <ostream>

#include <doctest/doctest.h>

#include <filesystem>
#include <set>

#include "../report/schema.hpp"
#include "outcome.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

const Json& schema() {
  static const auto parsed = parse_json(meshdx_with({"help", "survey-schema"}).out);
  REQUIRE(parsed.ok());
  return *parsed;
}

/// The words that the schema allows at all, which must be what was seen over all documents.
std::set<std::string> check_one(const std::vector<std::string>& args) {
  const auto printed = meshdx_with(args);
  const auto json = parse_json(printed.out);
  REQUIRE_MESSAGE(json.ok(), args.back());
  std::vector<std::string> wrong;
  testing::validate(schema(), schema(), *json, "", wrong);
  for (const auto& message : wrong) CHECK_MESSAGE(false, args.back() << message);
  CHECK(text_at(*json, "format") == "meshdx.survey/v1");
  CHECK(at(*json, "exitCode") == printed.code);
  return {text_at(*json, "outcome")};
}

}  // namespace

TEST_CASE("the JSON of every survey is of its schema") {
  std::set<std::string> outcomes;
  for (const char* folder : {"faulty", "healthy"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(SOURCE_DIR "/tests/survey/manifests/") + folder)) {
      outcomes.merge(check_one({"check", entry.path().string(), "-o", "json"}));
    }
  }
  const std::string recording = SOURCE_DIR "/tests/survey/recordings/six-faults";
  outcomes.merge(check_one({"replay", recording, "-o", "json"}));
  outcomes.merge(check_one({"replay", recording, "-o", "json", "--", "sweep", "-n", "legacy"}));   // its lists are not in it
  CHECK(outcomes == std::set<std::string>{"cause", "healthy", "inconclusive"});
}
