// A fact is a named three-valued statement about the complaint, with what was read to decide it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.hpp"
#include "facts/answer.hpp"
#include "mesh/complaint.hpp"
#include "util/json.hpp"
#include "util/tri.hpp"

namespace meshdx::facts {

/// Names and values that messages ("{service.name}") and fixes use.
using Bindings = std::map<std::string, Json>;

/// What a fact came out as.
struct Finding {
  Tri truth = Tri::unknown;
  std::string text;                        ///< one sentence of what was seen (yes or no), for the report
  std::string why;                         ///< unknown: what is missing
  std::vector<evidence::Source> read;      ///< what was read, in order of reading; gaps included
  Bindings bindings;
};

class Context;

/// One row of the registry.
struct Fact {
  const char* id;                          ///< "service.selector-matches-no-pod"
  const char* title;                       ///< the statement, as one line
  std::vector<evidence::Kind> needs;       ///< what it may read
  Finding (*compute)(Context&);
  std::vector<evidence::Kind> shows = {};  ///< what it mostly rests on, for the report; empty: all it read
};

/// The `why` of an unknown for which no gap is to blame.
inline constexpr const char* k_no_reason = "the evidence does not say";

/// The commands a finding mostly rests on: those it read of the kinds its fact shows, those with a gap first when it is
/// unknown. In order of `shows`.
std::vector<evidence::Source> main_sources(std::string_view fact, const Finding& finding);

/// All facts, sorted by id.
const std::vector<Fact>& registry();
const Fact* find_fact(std::string_view id);

/// The facts of one complaint over one set of evidence, computed when first asked and kept. Deterministic and without I/O.
class FactBase {
 public:
  FactBase(const evidence::Evidence& evidence, const mesh::Complaint& complaint);
  ~FactBase();
  FactBase(const FactBase&) = delete;
  FactBase& operator=(const FactBase&) = delete;

  /// The finding of a registered fact; an unknown id is a programming error (causes are checked when loaded).
  const Finding& operator[](std::string_view id) const;

  /// The table of a registered answer; it holds as long as this object does.
  const Answer& answer(std::string_view id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> m_impl;
};

}  // namespace meshdx::facts
