#include "playbook/order.hpp"

#include <algorithm>

namespace meshdx::playbook {

std::vector<std::vector<std::size_t>> needs_of(const std::vector<Step>& steps) {
  std::vector<std::vector<std::size_t>> needs(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const auto& id : steps[i].needs) {
      const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& step) { return step.id == id; });
      if (found != steps.end()) needs[i].push_back(static_cast<std::size_t>(found - steps.begin()));
    }
  }
  return needs;
}

std::set<std::size_t> ancestors(const std::vector<std::vector<std::size_t>>& needs, std::size_t step) {
  std::set<std::size_t> found;
  std::vector<std::size_t> todo{step};
  while (!todo.empty()) {
    const auto here = todo.back();
    todo.pop_back();
    for (const auto need : needs[here]) {
      if (found.insert(need).second) todo.push_back(need);
    }
  }
  return found;
}

std::vector<std::size_t> find_cycle(const std::vector<std::vector<std::size_t>>& needs) {
  for (std::size_t i = 0; i < needs.size(); ++i) {
    const auto before = ancestors(needs, i);
    if (before.count(i) == 0) continue;
    std::vector<std::size_t> circle;
    std::copy_if(before.begin(), before.end(), std::back_inserter(circle),
                 [&](std::size_t other) { return ancestors(needs, other).count(i) != 0; });
    return circle;
  }
  return {};
}

std::vector<std::size_t> heights(const std::vector<std::vector<std::size_t>>& needs) {
  std::vector<std::size_t> heights(needs.size(), 0);
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < needs.size(); ++i) {
      for (const auto need : needs[i]) {
        if (heights[need] > heights[i]) continue;
        heights[need] = heights[i] + 1;
        changed = true;
      }
    }
  }
  return heights;
}

}  // namespace meshdx::playbook
