// The versions that a recording's head names.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "run/command.hpp"

namespace meshdx::playbook {

/// Versions of the cluster, the mesh and their tools ("kubernetes", "kubectl", "istio", "istioctl"), as far as they can be read.
/// No verdict needs them, so only a recording asks.
std::map<std::string, std::string> read_versions(run::CommandRunner& runner, std::chrono::milliseconds timeout);

}  // namespace meshdx::playbook
