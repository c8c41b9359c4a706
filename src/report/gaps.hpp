// Which steps gave nothing, by reason.
#pragma once

#include <string>
#include <vector>

#include "playbook/execute.hpp"

namespace meshdx::report {

/// Steps that failed for one reason.
struct GapReason {
  std::string why;                  ///< the sentence of the command, else the word for the gap
  bool in_part = false;             ///< another command answered a part of the question
  std::vector<std::string> steps;   ///< in the order of the playbook, each once
  run::Argv first;                  ///< the first command that failed so
};

/// The reasons why commands of a run gave nothing. That the cluster does not know a kind is an answer: there are none; and a
/// question that another form of the same command answered in full is answered.
std::vector<GapReason> reasons_of(const playbook::Trail& trail);

}  // namespace meshdx::report
