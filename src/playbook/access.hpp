// When nothing can be read from a cluster: whose fault it is, and the way out.
#pragma once

#include <string>

#include "evidence/source.hpp"
#include "run/command.hpp"

namespace meshdx::playbook {

/// A sentence for a gap that keeps all commands from a cluster (no login, no connection, no answer, no kubectl). It names
/// the kubeconfig context and its server, which kubectl is asked for; without kubectl's answer they are left out.
std::string no_access(evidence::Gap gap, const std::string& why, run::CommandRunner& runner);

}  // namespace meshdx::playbook
