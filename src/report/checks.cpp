#include "report/checks.hpp"

#include <algorithm>

namespace meshdx::report {

namespace {

using Sources = std::vector<evidence::Source>;

bool share_a_source(const Sources& a, const Sources& b) {
  return std::any_of(a.begin(), a.end(), [&](const auto& source) {
    return std::any_of(b.begin(), b.end(), [&](const auto& other) { return other.argv == source.argv; });
  });
}

/// Whether a check fails and rests on nothing that the first cause was found by, as "not in sync" while a push of other
/// things is on its way.
bool beside_the_point(const diagnose::Check& check, const std::vector<diagnose::CauseResult>& causes) {
  const bool decided = !causes.empty() && causes.front().state == diagnose::State::confirmed;
  if (!decided || check.finding == nullptr || check.finding->truth != Tri::no) return false;
  const auto& by = causes.front().decided_by;
  return std::none_of(by.begin(), by.end(), [&](const auto& decision) {
    return decision.finding != nullptr && share_a_source(decision.finding->read, check.finding->read);
  });
}

}  // namespace

std::vector<diagnose::Check> checks_in_order(const diagnose::Verdict& verdict) {
  auto all = verdict.checks;
  std::stable_partition(all.begin(), all.end(), [&](const auto& check) { return !beside_the_point(check, verdict.causes); });
  return all;
}

}  // namespace meshdx::report
