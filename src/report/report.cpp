// What text and JSON share.
#include "report/report.hpp"

#include <algorithm>

#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::report {

int exit_code(const Report& report) {
  if (report.trail.interrupted) return 130;
  switch (report.verdict.outcome) {
    case diagnose::Outcome::cause: return 2;
    case diagnose::Outcome::healthy: return 0;
    case diagnose::Outcome::inconclusive: break;
  }
  return 3;
}

std::string share_text(const Hop& hop) {
  const auto percent = hop.seen == 0 ? 0 : (hop.failed * 100 + hop.seen / 2) / hop.seen;
  return std::to_string(hop.failed) + " of " + count(hop.seen, "request") + " failed" + (hop.failed == 0 || hop.failed == hop.seen ? "" : " (" + std::to_string(percent) + " %)");
}

const char* state_word(diagnose::State state) {
  switch (state) {
    case diagnose::State::confirmed: return "confirmed";
    case diagnose::State::likely: return "likely";
    case diagnose::State::ruled_out: return "ruled out";
    case diagnose::State::not_checked: break;
  }
  return "not checked";
}

const char* outcome_word(diagnose::Outcome outcome) {
  switch (outcome) {
    case diagnose::Outcome::cause: return "cause";
    case diagnose::Outcome::healthy: return "healthy";
    case diagnose::Outcome::inconclusive: break;
  }
  return "inconclusive";
}

namespace {

void add_missing(std::vector<Missing>& found, const std::string& fact, const facts::Finding* finding) {
  if (finding == nullptr || finding->truth != Tri::unknown) return;
  bool by_command = false;
  for (const auto& source : finding->read) {
    if (source.ok() || source.argv.empty()) continue;
    found.push_back({fact, source.why.empty() ? evidence::gap_word(source.gap) : source.why, source.argv});
    by_command = true;
  }
  if (!by_command) found.push_back({fact, finding->why, {}});
}

}  // namespace

std::vector<Missing> missing_for(const diagnose::CauseResult& result) {
  std::vector<Missing> found;
  for (const auto& decision : result.decided_by) add_missing(found, decision.fact, decision.finding);
  return found;
}

std::vector<Missing> all_missing(const diagnose::Verdict& verdict) {
  std::vector<Missing> found;
  for (const auto& check : verdict.checks) add_missing(found, check.fact, check.finding);
  for (const auto& result : verdict.not_checked) {
    for (auto& missing : missing_for(result)) found.push_back(std::move(missing));
  }
  std::vector<Missing> once;
  for (auto& missing : found) {
    const bool known = std::any_of(once.begin(), once.end(), [&](const Missing& other) {
      return missing.command.empty() ? other.why == missing.why : other.command == missing.command;
    });
    if (!known) once.push_back(std::move(missing));
  }
  // "The evidence does not say" helps nobody who is told something better.
  if (once.size() > 1) {
    once.erase(std::remove_if(once.begin(), once.end(), [](const Missing& m) { return m.command.empty() && m.why == facts::k_no_reason; }), once.end());
  }
  return once;
}

std::string command_line(const run::Argv& argv, const std::vector<std::string>& context_flags) {
  auto words = argv;
  if (!words.empty()) words.insert(words.begin() + 1, context_flags.begin(), context_flags.end());
  return shell_join(words);
}

}  // namespace meshdx::report
