#include "report/gaps.hpp"

#include <algorithm>

#include "evidence/evidence.hpp"

namespace meshdx::report {

namespace {

using evidence::Gap;
using playbook::Ran;

/// Whether another command of the same step gave something.
bool answered(const std::vector<Ran>& ran, const Ran& failed) {
  return std::any_of(ran.begin(), ran.end(), [&](const Ran& other) { return other.step == failed.step && other.gap == Gap::none; });
}

/// Whether another form of the same question was answered in full (`proxy-status` without `-o json`).
bool answered_otherwise(const std::vector<Ran>& ran, const Ran& failed) {
  const auto key = evidence::key_of(failed.argv);
  return key && std::any_of(ran.begin(), ran.end(), [&](const Ran& other) {
    return other.step == failed.step && other.gap == Gap::none && evidence::key_of(other.argv) == key;
  });
}

bool gave_nothing(const std::vector<Ran>& ran, const Ran& command) {
  const bool answer = command.needless || command.gap == Gap::none || command.gap == Gap::not_asked || command.gap == Gap::no_such_kind;
  return !answer && !answered_otherwise(ran, command);
}

}  // namespace

std::vector<GapReason> reasons_of(const playbook::Trail& trail) {
  std::vector<GapReason> reasons;
  for (const auto& command : trail.ran) {
    if (!gave_nothing(trail.ran, command)) continue;
    const auto why = command.why.empty() ? std::string(evidence::gap_word(command.gap)) : command.why;
    const bool in_part = answered(trail.ran, command);
    auto place = std::find_if(reasons.begin(), reasons.end(), [&](const GapReason& r) { return r.why == why && r.in_part == in_part; });
    if (place == reasons.end()) place = reasons.insert(place, {why, in_part, {}, command.argv});
    if (std::find(place->steps.begin(), place->steps.end(), command.step) == place->steps.end()) place->steps.push_back(command.step);
  }
  return reasons;
}

}  // namespace meshdx::report
