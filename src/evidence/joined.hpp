// Commands that one process can answer together: a process start, a TLS handshake and a port-forward cost more than what
// they fetch. The answers are taken apart again, so that nobody but the runner in front (playbook/joining.hpp) knows.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "run/command.hpp"

namespace meshdx::evidence {

/// One process for several commands.
struct Join {
  run::Argv argv;                      ///< what to run
  std::vector<std::size_t> members;    ///< which of the commands it answers, by their place; at least two
};

/// Which of the commands can be asked together:
/// - `kubectl get KIND -n NS|-A -o json` of the same scope, as `kubectl get KIND,KIND,...`; kinds that come with one another
///   only (Kubernetes' own, Istio's, Gateway API's), because one kind that is missing fails them all, and at most `most`
///   kinds, because kubectl lists them one after the other;
/// - `istioctl proxy-config clusters|listeners|routes|secret POD`, as `istioctl proxy-config all POD`: one port-forward.
/// Commands in no Join are to be run as they are.
std::vector<Join> joins_of(const std::vector<run::Argv>& commands, std::size_t most);

/// Takes a joined answer apart: one result a member, in their order, as if each had been run by itself, with `together`
/// set. A kind that RBAC forbids leaves the others theirs. nullopt when the answer does not tell which part failed or
/// does not hold what it should: then each member must be run by itself.
std::optional<std::vector<run::CommandResult>> take_apart(const std::vector<run::Argv>& members, const run::CommandResult& joined);

}  // namespace meshdx::evidence
