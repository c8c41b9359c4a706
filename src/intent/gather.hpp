// Which commands a wish needs the answers of, and reading them.
#pragma once

#include <chrono>

#include "evidence/evidence.hpp"
#include "intent/wish.hpp"
#include "run/command.hpp"

namespace meshdx::intent {

/// Reads what make_plan looks at: the small Istio kinds for all namespaces, where that is forbidden for the target's and the
/// root namespace; Services and pods of the target's namespace; for isolation and mtls the proxies' logs.
evidence::Evidence gather(run::CommandRunner& runner, const Wish& wish, std::chrono::milliseconds timeout);

}  // namespace meshdx::intent
