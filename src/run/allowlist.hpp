// The read-only commands of design.md §6. Whatever is not on the list is refused before a process starts.
#pragma once

#include "run/command.hpp"
#include "util/expected.hpp"

namespace meshdx::run {

/// Whether meshdx may run this command: `kubectl version | get | logs | auth can-i | config view --minify` and
/// `istioctl version | proxy-status | proxy-config | analyze` with the flags each is known to need, and, with `probe`,
/// the socket table of a sidecar (`kubectl exec POD -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6`). Takes the
/// command without --context and the like, which the live runner adds. The Error is one sentence that names the command
/// and the reason.
Expected<Done> check_allowed(const Argv& argv, bool probe = false);

/// Whether meshdx may send this request of the Kubernetes API (command.hpp, is_api_read). No playbook can ask for one: they
/// stand in for commands of the list. The Error as check_allowed()'s.
Expected<Done> check_api_read(const Argv& argv);

}  // namespace meshdx::run
