// `meshdx preflight`: what works here, and the roles that would suffice.
#pragma once

#include "cli/cli.hpp"
#include "cli/options.hpp"

namespace meshdx::cli {

/// Prints what works, or with --rbac the manifest. Exit codes are those of a diagnosis (design.md 8).
int preflight(const Options& options, const Io& io);

}  // namespace meshdx::cli
