// Commands that read one thing of the Kubernetes API, as requests of that API: `kubectl get --raw PATH` asks for the same,
// and all of them can go through one `kubectl proxy` (run/api_proxy.hpp) instead of a process each. The answers are given
// the form that the commands print, so that nobody but the runner in front (playbook/joining.hpp) knows.
#pragma once

#include <optional>
#include <string>

#include "run/command.hpp"

namespace meshdx::evidence {

/// The request that asks for what a command in its canonical form prints: `kubectl get pods -n shop -o json` is
/// `kubectl get --raw /api/v1/namespaces/shop/pods`, `kubectl logs` a pod's `/log`. nullopt for every other command.
/// The versions of the kinds are those that every supported release of Kubernetes and Istio serves (Istio's v1beta1: also
/// those before 1.22); where a cluster has another one the request fails, and the command must be run.
std::optional<run::Argv> api_read_for(const run::Argv& command);

/// What `command` would have printed, from the answer to its request, with `together` set. A list's items get the
/// apiVersion and kind that the API leaves out, and managedFields go, as kubectl does. Errors that kubectl words alike for
/// both stay as they are. nullopt when the answer does not settle the matter: then the command must be run.
std::optional<run::CommandResult> from_api_read(const run::Argv& command, const run::CommandResult& answer);

/// Where the answer is that there is no such path: the request that asks whether the cluster has the kind's API group at all.
/// Its answer is for from_api_read(), too: without the group kubectl knows no such kind (the Gateway API, often). nullopt for
/// every other answer. Saves running kubectl, which would read the whole discovery anew before it says so.
std::optional<run::Argv> group_read_for(const run::Argv& command, const run::CommandResult& answer);

}  // namespace meshdx::evidence
