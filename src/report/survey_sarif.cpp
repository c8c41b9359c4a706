// SARIF 2.1.0 (OASIS), as code hosts read it to mark lines of a change.
#include <algorithm>
#include <set>

#include "report/survey.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

using survey::Problem;

/// A path as a URI reference: blanks and the like are escaped, slashes stay.
std::string uri_of(const std::string& path) {
  static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  static constexpr const char* hex = "0123456789ABCDEF";
  std::string uri;
  for (const unsigned char c : starts_with(path, "./") ? path.substr(2) : path) {
    if (plain.find(static_cast<char>(c)) != std::string_view::npos) uri += static_cast<char>(c);
    else uri += std::string("%") + hex[c >> 4U] + hex[c & 15U];
  }
  return uri;
}

Json rules_of(const std::vector<Problem>& problems) {
  Json rules = Json::array();
  std::set<std::string> seen;
  for (const auto& problem : problems) {
    if (!seen.insert(problem.code).second) continue;
    rules.push_back({{"id", problem.code}, {"name", problem.id}, {"shortDescription", {{"text", problem.title}}},
                     {"help", {{"text", "meshdx explain " + problem.id}}}});
  }
  return rules;
}

Json result_of(const Problem& problem, const Place* place) {
  Json result = {{"ruleId", problem.code}, {"level", problem.state == diagnose::State::confirmed ? "error" : "warning"},
                 {"message", {{"text", problem.message}}}};
  Json logical = Json::array({{{"fullyQualifiedName", problem.object}}});
  Json location = {{"logicalLocations", logical}};
  if (place != nullptr) {
    location["physicalLocation"] = {{"artifactLocation", {{"uri", uri_of(place->file)}}}, {"region", {{"startLine", place->line}, {"startColumn", place->column}}}};
  }
  result["locations"] = Json::array({location});
  result["partialFingerprints"] = {{"meshdx/v1", problem.code + " " + problem.object}};
  return result;
}

}  // namespace

std::string to_sarif(const SurveyReport& report, const std::string& version) {
  const auto& problems = report.survey.problems;
  Json results = Json::array();
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const auto place = report.places.find(i);
    results.push_back(result_of(problems[i], place == report.places.end() ? nullptr : &place->second));
  }
  const Json driver = {{"name", "meshdx"}, {"version", version}, {"rules", rules_of(problems)}};
  const Json run = {{"tool", {{"driver", driver}}}, {"results", results}, {"columnKind", "unicodeCodePoints"},
                    {"invocations", Json::array({{{"executionSuccessful", !report.interrupted}, {"exitCode", exit_code(report)}}})}};
  return dump_json({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}}, 2) + "\n";
}

}  // namespace meshdx::report
