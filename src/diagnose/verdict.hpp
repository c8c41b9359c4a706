// causes × facts → verdict. Pure: no I/O, no clock, no environment, no printing.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/cause.hpp"
#include "facts/fact.hpp"

namespace meshdx::diagnose {

enum class State { confirmed, likely, ruled_out, not_checked };

/// A fact as it counted for a cause.
struct Decision {
  std::string fact;
  const facts::Finding* finding = nullptr;
};

/// A fix of the cause's file whose own `when` is true.
struct Offer {
  const FixTemplate* fix = nullptr;
  facts::Bindings bindings;               ///< the cause's and, before them, those of the fix's own fact
};

struct CauseResult {
  const Cause* cause = nullptr;
  State state = State::not_checked;
  std::string object, message;            ///< templates filled in (confirmed and likely only)
  facts::Bindings bindings;               ///< of all true facts of the condition; those named first win
  /// Confirmed, likely: the true facts, then the false ones that a `not` asks for; ruled out: the facts that did it
  /// (one, unless it takes several to make an `any` false); not checked: the unknown ones.
  std::vector<Decision> decided_by;
  std::vector<Offer> offers;              ///< fixes to make, in the file's order (confirmed and likely only)
  std::vector<CauseResult> explains;      ///< confirmed causes that this one is the reason of, shown under it
};

enum class Outcome { cause, healthy, inconclusive };

/// A positive check of the playbook (healthy-when), in its order.
struct Check {
  std::string fact;
  const facts::Finding* finding = nullptr;
};

struct Verdict {
  Outcome outcome = Outcome::inconclusive;
  std::vector<CauseResult> causes;        ///< confirmed first, then likely; best first
  std::vector<CauseResult> ruled_out, not_checked;
  std::vector<Check> checks;
  std::vector<std::string> notes;         ///< odd, but it cannot cause this
  std::size_t considered = 0;             ///< how many causes were looked at
};

/// What a playbook asks of the diagnosis.
struct Question {
  std::vector<const Cause*> causes;       ///< the playbook's
  std::vector<std::string> healthy_when;  ///< facts that must all be true
  std::vector<std::string> notes;         ///< facts whose text is a note when true
};

/// Where findings come from. What it returns must outlive the verdict, which points to it.
using Findings = std::function<const facts::Finding&(std::string_view id)>;

/// Evaluates a condition in Kleene's logic. Asks no more facts than it takes.
Tri evaluate(const Condition& condition, const Findings& findings);
Tri evaluate(const Condition& condition, const facts::FactBase& facts);

/// The condition that made a result what it is: `likely-when` of a likely one, else `when`. A fix must make it false.
const Condition& condition_of(const CauseResult& result);

/// Rules: confirmed when `when` is true and no cause that explains it is left unchecked; likely when only `likely-when` is; ruled out when `when` is false and
/// likely-when is not unknown-or-true; else not checked. Order: confirmed before likely, then smaller hop, then code. A
/// confirmed cause that another confirmed one explains, directly or through other causes, is put under it; of two that
/// explain each other the one further back goes under the one in front. Outcome: a cause when one is confirmed; healthy
/// when the playbook has healthy-when facts, all are true, and nothing is confirmed or likely; else inconclusive.
/// Likely causes alone are inconclusive, and stand in `causes` all the same: what was not settled must not end with the
/// exit code of what was.
Verdict diagnose(const Question& question, const Findings& findings);
Verdict diagnose(const Question& question, const facts::FactBase& facts);

/// Fills "{name}" from bindings: texts and numbers plainly, lists and objects as JSON on one line. "{{" and "}}" print
/// as one brace; a brace that begins no name is text. A name without binding stays as it is and is put into `missing`
/// when given. What is filled in is never filled again.
std::string fill(std::string_view text, const facts::Bindings& bindings, std::vector<std::string>* missing = nullptr);

/// The name when the whole text is one "{name}", else "".
std::string_view whole_binding(std::string_view text);

}  // namespace meshdx::diagnose
