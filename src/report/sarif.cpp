// SARIF 2.1.0 (OASIS), as code hosts read it to mark lines of a change.
#include <set>

#include "report/render.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

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

/// One result. `place` may be null.
struct Found {
  std::string code, id, title, message, object;
  bool confirmed = true;
  const Place* place = nullptr;
};

Json rules_of(const std::vector<Found>& all) {
  Json rules = Json::array();
  std::set<std::string> seen;
  for (const auto& found : all) {
    if (!seen.insert(found.code).second) continue;
    rules.push_back({{"id", found.code}, {"name", found.id}, {"shortDescription", {{"text", found.title}}}, {"help", {{"text", "meshdx explain " + found.id}}}});
  }
  return rules;
}

Json result_of(const Found& found) {
  Json result = {{"ruleId", found.code}, {"level", found.confirmed ? "error" : "warning"}, {"message", {{"text", found.message}}}};
  Json location = {{"logicalLocations", Json::array({{{"fullyQualifiedName", found.object}}})}};
  if (found.place != nullptr) {
    location["physicalLocation"] = {{"artifactLocation", {{"uri", uri_of(found.place->file)}}}, {"region", {{"startLine", found.place->line}, {"startColumn", found.place->column}}}};
  }
  result["locations"] = Json::array({location});
  result["partialFingerprints"] = {{"meshdx/v1", found.code + " " + found.object}};
  return result;
}

/// `open`: what could not be decided, as notifications of the run: SARIF has results only for what was found.
std::string sarif(const std::vector<Found>& all, const std::vector<std::string>& open, bool whole, int exit, const std::string& version) {
  Json results = Json::array(), notifications = Json::array();
  for (const auto& found : all) results.push_back(result_of(found));
  for (const auto& text : open) notifications.push_back({{"level", "warning"}, {"message", {{"text", text}}}});
  Json invocation = {{"executionSuccessful", whole}, {"exitCode", exit}};
  if (!notifications.empty()) invocation["toolExecutionNotifications"] = notifications;
  const Json driver = {{"name", "meshdx"}, {"version", version}, {"rules", rules_of(all)}};
  const Json run = {{"tool", {{"driver", driver}}}, {"results", results}, {"columnKind", "unicodeCodePoints"}, {"invocations", Json::array({invocation})}};
  return dump_json({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}}, 2) + "\n";
}

}  // namespace

std::string to_sarif(const SurveyReport& report, const std::string& version) {
  std::vector<Found> all;
  std::vector<std::string> open;
  const auto& problems = report.survey.problems;
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const auto& p = problems[i];
    const auto place = report.places.find(i);
    all.push_back({p.code, p.id, p.title, p.message, p.object, p.state == diagnose::State::confirmed, place == report.places.end() ? nullptr : &place->second});
  }
  for (const auto& subject : report.survey.subjects) {
    if (subject.state == survey::Subject::State::open) open.push_back(subject.name + " is not decided: " + join(subject.open, "; "));
  }
  for (const auto& unread : report.unread) open.push_back(command_line(unread.argv, report.context_flags) + ": " + unread.why);
  return sarif(all, open, !report.interrupted, exit_code(report), version);
}

std::string to_sarif(const Report& report, const std::string& version) {
  std::vector<Found> all;
  std::vector<std::string> open;
  for (const auto& result : report.verdict.causes) {
    all.push_back({result.cause->code, result.cause->id, result.cause->title, result.message, result.object, result.state == diagnose::State::confirmed, nullptr});
  }
  if (report.verdict.outcome == diagnose::Outcome::inconclusive) {
    for (const auto& missing : all_missing(report.verdict)) open.push_back(missing.why);
  }
  return sarif(all, open, !report.trail.interrupted, exit_code(report), version);
}

}  // namespace meshdx::report
