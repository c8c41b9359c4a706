// From a wish to what is to be pasted: edits of objects that are there, or new ones, in their order, with what speaks against
// them as far as the evidence proves it. Pure: the cluster was read before (gather.hpp).
#pragma once

#include <string>
#include <vector>

#include "fix/fix.hpp"
#include "intent/wish.hpp"
#include "mesh/view.hpp"

namespace meshdx::intent {

/// One command to paste.
struct Step {
  fix::Fix fix;
  std::string what;                       ///< "subsets v1 (version=v1), v2 (version=v2)"
  [[nodiscard]] bool creates() const { return fix.before.is_null(); }
};

struct Plan {
  std::string title;                      ///< "Split requests to Service shop/web: v1 90 %, v2 10 %"
  std::string object;                     ///< "Service shop/web", "Namespace shop"
  std::vector<Step> steps;                ///< in the order to paste; none: it is so already
  std::vector<std::string> warnings;      ///< what will not work, or hurt: proven by evidence, a sentence each
  std::vector<std::string> notes;         ///< what was found and how it was decided
  std::vector<std::string> unknown;       ///< what could not be looked at
  std::vector<std::string> verify;        ///< meshdx arguments that tell whether it is as it was meant
  /// What takes all of it back, last first.
  [[nodiscard]] std::vector<std::string> undo() const;
};

/// The Error names the object, the reason and the way out. `context_flags`: words that the commands must carry.
Expected<Plan> make_plan(const mesh::View& view, const Wish& wish, const std::vector<std::string>& context_flags);

}  // namespace meshdx::intent
