#include "playbook/judge.hpp"

#include <algorithm>

namespace meshdx::playbook {

namespace {

using diagnose::CauseResult;
using diagnose::Outcome;
using diagnose::State;
using mesh::Case;

/// A cause of the whole, with where it was found.
struct Found {
  CauseResult result;
  std::vector<fix::Fix> fixes;
  std::size_t at = 0;
};

Judged judge_pair(const diagnose::Question& question, const Case& pair, const evidence::Evidence& evidence, const std::vector<std::string>& context_flags) {
  Judged judged;
  judged.facts = std::make_unique<facts::FactBase>(evidence, pair.complaint);
  judged.verdict = diagnose::diagnose(question, *judged.facts);
  for (const auto& result : judged.verdict.causes) {
    const auto holds_after = [&](const evidence::Evidence& edited) {
      return diagnose::evaluate(diagnose::condition_of(result), facts::FactBase(edited, pair.complaint));
    };
    judged.fixes.push_back(fix::make_fixes(result, evidence, context_flags, holds_after));
  }
  judged.pair = &pair;
  return judged;
}

bool confirmed(const Found& found) { return found.result.state == State::confirmed; }

/// What a pair comes to with all that stands behind it.
std::vector<Found> causes_of(const std::vector<Judged>& pairs, std::size_t at) {
  const auto& judged = pairs[at];
  std::vector<Found> own;
  for (std::size_t i = 0; i < judged.verdict.causes.size(); ++i) own.push_back({judged.verdict.causes[i], judged.fixes[i], at});
  if (!judged.pair->next) return own;
  auto behind = causes_of(pairs, *judged.pair->next);
  const bool proven = judged.pair->link == mesh::Sighting::Link::request_id;
  if (!proven) {
    for (auto& found : behind) found.result.state = State::likely;
  }
  const bool explained = !behind.empty() && (!proven || confirmed(behind.front()));
  if (!explained) {
    own.insert(own.end(), behind.begin(), behind.end());
    return own;
  }
  const auto passed = std::stable_partition(own.begin(), own.end(), [](const Found& found) { return !found.result.cause->leads_on; });
  for (auto found = passed; found != own.end(); ++found) behind.front().result.explains.push_back(std::move(found->result));
  behind.insert(behind.end(), own.begin(), passed);
  return behind;
}

/// The callers' causes, each once: one fault often hits them all.
std::vector<Found> all_causes(const std::vector<Judged>& pairs) {
  std::vector<Found> all;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (pairs[i].pair->why == Case::Why::followed) continue;
    for (auto& found : causes_of(pairs, i)) {
      const auto known = std::find_if(all.begin(), all.end(), [&](const Found& other) {
        return other.result.cause == found.result.cause && other.result.object == found.result.object;
      });
      if (known == all.end()) all.push_back(std::move(found));
      else if (confirmed(found) && !confirmed(*known)) *known = std::move(found);
    }
  }
  std::stable_partition(all.begin(), all.end(), confirmed);
  return all;
}

bool healthy(const Judged& judged) { return judged.verdict.outcome == Outcome::healthy; }

/// The pair whose checks stand for the whole: that of the first cause, else the first that is not healthy.
std::size_t deciding(const std::vector<Judged>& pairs, const std::vector<Found>& all) {
  if (!all.empty()) return all.front().at;
  const auto open = std::find_if_not(pairs.begin(), pairs.end(), healthy);
  return open == pairs.end() ? 0 : static_cast<std::size_t>(open - pairs.begin());
}

void sum_up(Judgement& judgement, bool complete) {
  auto all = all_causes(judgement.pairs);
  const auto& decided = judgement.pairs[deciding(judgement.pairs, all)].verdict;
  auto& overall = judgement.overall;
  overall.ruled_out = decided.ruled_out;
  overall.not_checked = decided.not_checked;
  overall.checks = decided.checks;
  overall.notes = decided.notes;
  overall.considered = decided.considered;
  const bool well = all.empty() && complete && std::all_of(judgement.pairs.begin(), judgement.pairs.end(), healthy);
  overall.outcome = !all.empty() && confirmed(all.front()) ? Outcome::cause : well ? Outcome::healthy : Outcome::inconclusive;
  for (auto& found : all) {
    overall.causes.push_back(std::move(found.result));
    judgement.fixes.push_back(std::move(found.fixes));
    judgement.found_at.push_back(found.at);
  }
}

}  // namespace

Judgement judge(const Playbook& playbook, const std::vector<diagnose::Cause>& causes, const mesh::Complaint& complaint,
                const evidence::Evidence& evidence, const std::vector<std::string>& context_flags) {
  diagnose::Question question;
  for (const auto& cause : causes) question.causes.push_back(&cause);
  question.healthy_when = playbook.healthy_when;
  question.notes = playbook.notes;
  Judgement judgement;
  judgement.cases = std::make_unique<const mesh::Cases>(mesh::cases_of(mesh::View(evidence, complaint.home()), complaint));
  for (const auto& pair : judgement.cases->all) judgement.pairs.push_back(judge_pair(question, pair, evidence, context_flags));
  sum_up(judgement, judgement.cases->complete);
  return judgement;
}

}  // namespace meshdx::playbook
