#include "diagnose/verdict.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace meshdx::diagnose {
namespace {

/// Collects the facts because of which a condition has the value it has: without any of them it might have another.
void justify(const Condition& condition, Tri value, const Findings& findings, std::vector<std::string>& ids) {
  if (condition.op == Condition::Op::fact) {
    if (std::find(ids.begin(), ids.end(), condition.fact) == ids.end()) ids.push_back(condition.fact);
    return;
  }
  if (condition.op == Condition::Op::negation) return justify(condition.parts.front(), !value, findings, ids);
  // One false part makes an `all` false by itself, and one true part an `any` true; the true ones are all worth
  // showing.
  const bool one_is_enough = condition.op == Condition::Op::all && value == Tri::no;
  for (const auto& part : condition.parts) {
    if (evaluate(part, findings) != value) continue;
    justify(part, value, findings, ids);
    if (one_is_enough) return;
  }
}

std::vector<Decision> decisions(const Condition& condition, Tri value, const Findings& findings) {
  std::vector<std::string> ids;
  justify(condition, value, findings, ids);
  std::vector<Decision> result;
  for (auto& id : ids) result.push_back(Decision{id, &findings(id)});
  std::stable_partition(result.begin(), result.end(), [](const Decision& d) { return d.finding->truth == Tri::yes; });
  return result;
}

/// Adds the bindings of a condition's true facts; what is bound already stays.
void bind(const Condition& condition, const Findings& findings, facts::Bindings& bindings) {
  for (const auto& id : facts_of(condition)) {
    const facts::Finding& finding = findings(id);
    if (finding.truth == Tri::yes) bindings.insert(finding.bindings.begin(), finding.bindings.end());
  }
}

State state_of(Tri when, Tri likely) {
  if (when == Tri::yes) return State::confirmed;
  if (likely == Tri::yes) return State::likely;
  return when == Tri::no && likely == Tri::no ? State::ruled_out : State::not_checked;
}

std::vector<Offer> offers(const CauseResult& result, const Findings& findings) {
  std::vector<Offer> made;
  for (const FixTemplate& fix : result.cause->fixes) {
    Offer offer;
    offer.fix = &fix;
    if (!fix.when.empty()) {
      const facts::Finding& finding = findings(fix.when);
      if (finding.truth != Tri::yes) continue;
      offer.bindings = finding.bindings;
    }
    offer.bindings.insert(result.bindings.begin(), result.bindings.end());
    made.push_back(std::move(offer));
  }
  return made;
}

/// The sentences of a text whose values are all known: a likely cause may lack some. All of them when none is complete.
std::string fill_known(const std::string& text, const facts::Bindings& bindings) {
  std::string known;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = text.find(". ", from);
    const auto next = end == std::string::npos ? text.size() : end + 2;
    std::vector<std::string> missing;
    const auto sentence = fill(std::string_view(text).substr(from, next - from), bindings, &missing);
    if (missing.empty()) known += sentence;
    from = next;
  }
  while (!known.empty() && known.back() == ' ') known.pop_back();
  return known.empty() ? fill(text, bindings) : known;
}

/// Fills in what a confirmed or likely cause says.
void tell(CauseResult& result, const Findings& findings) {
  const Condition& condition = condition_of(result);
  result.decided_by = decisions(condition, Tri::yes, findings);
  bind(condition, findings, result.bindings);
  // A likely cause speaks in the same words; what its `when` did find helps to fill them.
  if (result.state == State::likely) bind(result.cause->when, findings, result.bindings);
  result.object = fill(result.cause->object, result.bindings);
  result.message = fill_known(result.cause->say, result.bindings);
  result.offers = offers(result, findings);
}

CauseResult assess(const Cause& cause, const Findings& findings) {
  CauseResult result;
  result.cause = &cause;
  const Tri when = evaluate(cause.when, findings);
  const bool ask_likely = when != Tri::yes && cause.likely_when != nullptr;
  const Tri likely = ask_likely ? evaluate(*cause.likely_when, findings) : Tri::no;
  result.state = state_of(when, likely);
  if (result.state == State::confirmed || result.state == State::likely) {
    tell(result, findings);
  } else if (result.state == State::ruled_out) {
    result.decided_by = decisions(cause.when, Tri::no, findings);
  } else {
    result.decided_by = decisions(when == Tri::unknown ? cause.when : *cause.likely_when, Tri::unknown, findings);
  }
  return result;
}

auto rank(const CauseResult& result) {
  return std::make_tuple(result.state, result.cause->hop, std::string_view(result.cause->code));
}

bool better(const CauseResult& a, const CauseResult& b) { return rank(a) < rank(b); }

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

/// How many `explains` lead from one cause to each other, through any causes of the question.
std::map<std::string, std::size_t> distances(const Cause& from, const std::map<std::string, const Cause*>& causes) {
  std::map<std::string, std::size_t> steps = {{from.id, 0}};
  std::vector<const Cause*> queue = {&from};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    for (const auto& id : queue[i]->explains) {
      const std::size_t step = steps.at(queue[i]->id) + 1;
      const auto cause = causes.find(id);
      if (steps.emplace(id, step).second && cause != causes.end()) queue.push_back(cause->second);
    }
  }
  return steps;
}

/// Whether `ancestor` stands above `child`, or is it.
bool stands_above(std::size_t ancestor, std::size_t child, const std::vector<std::size_t>& parents) {
  for (std::size_t i = child; i != none; i = parents[i]) {
    if (i == ancestor) return true;
  }
  return false;
}

/// For each confirmed cause (best first) the nearest one that explains it, or none. Worst first, so that of causes that
/// explain each other in a ring the best is left on top.
std::vector<std::size_t> explainers(const std::vector<CauseResult>& confirmed,
                                    const std::map<std::string, const Cause*>& causes) {
  std::vector<std::map<std::string, std::size_t>> steps;
  for (const auto& result : confirmed) steps.push_back(distances(*result.cause, causes));
  std::vector<std::size_t> parents(confirmed.size(), none);
  for (std::size_t child = confirmed.size(); child-- > 0;) {
    std::size_t nearest = none;
    for (std::size_t other = 0; other < confirmed.size(); ++other) {
      const auto step = steps[other].find(confirmed[child].cause->id);
      if (step == steps[other].end() || step->second >= nearest || stands_above(child, other, parents)) continue;
      nearest = step->second;
      parents[child] = other;
    }
  }
  return parents;
}

/// Moves a confirmed cause out of the list, with all it explains under it.
CauseResult take_tree(std::size_t index, std::vector<CauseResult>& confirmed, const std::vector<std::size_t>& parents) {
  CauseResult result = std::move(confirmed[index]);
  for (std::size_t i = 0; i < parents.size(); ++i) {
    if (parents[i] == index) result.explains.push_back(take_tree(i, confirmed, parents));
  }
  return result;
}

std::vector<CauseResult> nest(std::vector<CauseResult> confirmed, const std::vector<const Cause*>& all) {
  std::map<std::string, const Cause*> causes;
  for (const Cause* cause : all) causes.emplace(cause->id, cause);
  const auto parents = explainers(confirmed, causes);
  std::vector<CauseResult> roots;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    if (parents[i] == none) roots.push_back(take_tree(i, confirmed, parents));
  }
  return roots;
}

}  // namespace

Tri evaluate(const Condition& condition, const Findings& findings) {
  if (condition.op == Condition::Op::fact) return findings(condition.fact).truth;
  if (condition.op == Condition::Op::negation) return !evaluate(condition.parts.front(), findings);
  const bool any = condition.op == Condition::Op::any;
  const Tri decisive = tri(any);
  Tri value = !decisive;
  for (const auto& part : condition.parts) {
    const Tri truth = evaluate(part, findings);
    value = any ? value | truth : value & truth;
    if (value == decisive) break;
  }
  return value;
}

const Condition& condition_of(const CauseResult& result) {
  const auto* likely = result.cause->likely_when.get();
  return result.state == State::likely && likely != nullptr ? *likely : result.cause->when;
}

/// A cause that another one may be the reason of is not confirmed while that other could not be checked: it would name the
/// symptom for the reason. It waits for what the other lacks.
void hold_back(std::vector<CauseResult>& confirmed, std::vector<CauseResult>& not_checked) {
  const auto open = not_checked;
  for (auto result = confirmed.begin(); result != confirmed.end();) {
    const auto reason = std::find_if(open.begin(), open.end(), [&](const CauseResult& other) {
      const auto& ids = other.cause->explains;
      return std::find(ids.begin(), ids.end(), result->cause->id) != ids.end();
    });
    if (reason == open.end()) {
      ++result;
      continue;
    }
    result->state = State::not_checked;
    result->decided_by = reason->decided_by;
    not_checked.push_back(std::move(*result));
    result = confirmed.erase(result);
  }
}

Verdict diagnose(const Question& question, const Findings& findings) {
  Verdict verdict;
  verdict.considered = question.causes.size();
  std::vector<CauseResult> confirmed, likely;
  for (const Cause* cause : question.causes) {
    CauseResult result = assess(*cause, findings);
    auto& list = result.state == State::confirmed   ? confirmed
                 : result.state == State::likely    ? likely
                 : result.state == State::ruled_out ? verdict.ruled_out
                                                    : verdict.not_checked;
    list.push_back(std::move(result));
  }
  hold_back(confirmed, verdict.not_checked);
  for (auto* list : {&confirmed, &likely, &verdict.ruled_out, &verdict.not_checked})
    std::sort(list->begin(), list->end(), better);
  verdict.causes = nest(std::move(confirmed), question.causes);
  const bool has_cause = !verdict.causes.empty();
  for (auto& result : likely) verdict.causes.push_back(std::move(result));

  Tri healthy = tri(!question.healthy_when.empty());
  for (const auto& id : question.healthy_when) {
    verdict.checks.push_back(Check{id, &findings(id)});
    healthy = healthy & verdict.checks.back().finding->truth;
  }
  for (const auto& id : question.notes) {
    const facts::Finding& finding = findings(id);
    if (finding.truth == Tri::yes) verdict.notes.push_back(finding.text);
  }
  if (has_cause) verdict.outcome = Outcome::cause;
  else if (verdict.causes.empty() && healthy == Tri::yes) verdict.outcome = Outcome::healthy;
  return verdict;
}

}  // namespace meshdx::diagnose
