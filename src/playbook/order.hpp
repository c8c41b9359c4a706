// What waits for what in a playbook's graph.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "playbook/playbook.hpp"

namespace meshdx::playbook {

/// The steps that each step needs, as indices; what names no step is left out.
std::vector<std::vector<std::size_t>> needs_of(const std::vector<Step>& steps);

/// All steps that must have ended before `step` runs; with itself when it stands in a cycle.
std::set<std::size_t> ancestors(const std::vector<std::vector<std::size_t>>& needs, std::size_t step);

/// Indices of the steps of one cycle, in order; empty when there is none.
std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& needs);

/// For each step the number of steps in the longest chain that waits for it. There must be no cycle.
std::vector<std::size_t> heights(const std::vector<std::vector<std::size_t>>& needs);

}  // namespace meshdx::playbook
