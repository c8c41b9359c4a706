// Parts of one proxy's dump that one process can fetch together: a process start and a port-forward cost more than what they
// fetch. The answers are taken apart again, so that nobody but the runner in front (playbook/joining.hpp) knows.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "run/command.hpp"

namespace meshdx::evidence {

/// One process for several commands.
struct Join {
  run::Argv argv;                      ///< what to run
  std::vector<std::size_t> members;    ///< which of the commands it answers, by their place; at least two
};

/// Which of the commands can be asked together: `istioctl proxy-config clusters|listeners|routes|secret POD -o json`, as
/// `istioctl proxy-config all POD -o json`. Commands in no Join are to be run as they are.
std::vector<Join> joins_of(const std::vector<run::Argv>& commands);

/// Takes a joined answer apart: one result a member, in their order, as if each had been run by itself, with `together`
/// set. nullopt when the answer does not hold what it should: then each member must be run by itself.
std::optional<std::vector<run::CommandResult>> take_apart(const std::vector<run::Argv>& members, const run::CommandResult& joined);

}  // namespace meshdx::evidence
