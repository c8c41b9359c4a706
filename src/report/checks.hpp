// The order in which checks are told to people; JSON has the playbook's.
#pragma once

#include <vector>

#include "diagnose/verdict.hpp"

namespace meshdx::report {

/// The checks of a verdict in the playbook's order, but failing ones that have nothing to do with its confirmed cause last.
std::vector<diagnose::Check> checks_in_order(const diagnose::Verdict& verdict);

}  // namespace meshdx::report
