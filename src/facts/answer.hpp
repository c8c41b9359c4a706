// An answer is a table that a drill prints beside its verdict: what was asked for, what Envoy has, what was seen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.hpp"
#include "util/json.hpp"

namespace meshdx::facts {

class Context;

struct Column {
  const char* id;                          ///< key of the cell in JSON
  const char* title;                       ///< heading in text
};

/// The `why` of an answer that the gaps met on the way explain.
inline constexpr const char* k_unknown = "?";

/// What a table came out as.
struct Answer {
  std::string says;                        ///< one sentence that sums it up; may be ""
  std::vector<std::vector<Json>> rows;     ///< cells in the order of the columns; null: not known
  std::vector<std::string> remarks;        ///< traps and limits, a sentence each
  Json manifest;                           ///< an object worth pasting, or null
  std::string why;                         ///< not "": the table cannot be made, and this is what is missing
  std::vector<evidence::Source> read;      ///< what was read, in order of reading; gaps included
};

/// One row of the registry of answers.
struct AnswerKind {
  const char* id;                          ///< "canary.split"
  const char* title;                       ///< "SPLIT": the heading in text
  std::vector<Column> columns;
  std::vector<evidence::Kind> needs;       ///< what it may read
  Answer (*compute)(Context&);
};

/// All answers, sorted by id.
const std::vector<AnswerKind>& answer_registry();
const AnswerKind* find_answer(std::string_view id);

}  // namespace meshdx::facts
