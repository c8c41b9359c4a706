// The answer to a question: a verdict on each of its pairs of caller and target, and what they come to together.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "diagnose/verdict.hpp"
#include "evidence/evidence.hpp"
#include "facts/fact.hpp"
#include "fix/fix.hpp"
#include "mesh/cases.hpp"
#include "playbook/playbook.hpp"

namespace meshdx::playbook {

/// One pair and the verdict on it, which points into its facts.
struct Judged {
  const mesh::Case* pair = nullptr;            ///< one of the judgement's
  std::unique_ptr<facts::FactBase> facts;
  diagnose::Verdict verdict;
  std::vector<std::vector<fix::Fix>> fixes;    ///< [i] belongs to verdict.causes[i]
};

struct Judgement {
  std::unique_ptr<const mesh::Cases> cases;    ///< facts and pairs point into it
  std::vector<Judged> pairs;                   ///< in its order
  /// All pairs together. Its causes are those of the ends of the chains, each once, confirmed ones first; what a chain ended
  /// in is the reason of what its earlier hops passed on, and only likely to be when time alone ties them. Its checks and
  /// what was ruled out or not checked are those of the pair that decided.
  diagnose::Verdict overall;
  std::vector<std::vector<fix::Fix>> fixes;    ///< [i] belongs to overall.causes[i]
  std::vector<std::size_t> found_at;           ///< the pair of overall.causes[i]
};

/// Judges a question from the evidence. `causes` are the playbook's and must outlive the result.
Judgement judge(const Playbook& playbook, const std::vector<diagnose::Cause>& causes, const mesh::Complaint& complaint,
                const evidence::Evidence& evidence, const std::vector<std::string>& context_flags);

}  // namespace meshdx::playbook
