#include "playbook/placeholder.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace meshdx::playbook {

namespace {

bool name_char(char c) { return (c >= 'a' && c <= 'z') || c == '.' || c == '-'; }

/// Calls `fn(start, end)` for each "{name}" in a word; both point at the braces.
template <class Fn>
void each_placeholder(std::string_view word, Fn fn) {
  for (std::size_t open = word.find('{'); open != std::string_view::npos; open = word.find('{', open + 1)) {
    const auto close = word.find('}', open);
    if (close == std::string_view::npos) return;
    const auto name = word.substr(open + 1, close - open - 1);
    if (!name.empty() && std::all_of(name.begin(), name.end(), name_char)) fn(open, close);
  }
}

std::string group_of(const std::string& name) { return name.substr(0, name.find('.')); }

std::string field_of(const std::string& name) {
  const auto dot = name.find('.');
  return dot == std::string::npos ? "" : name.substr(dot + 1);
}

const std::string* value_of(const Chosen& chosen, const std::string& name) {
  const auto row = chosen.find(group_of(name));
  if (row == chosen.end()) return nullptr;
  const auto value = row->second.find(field_of(name));
  return value == row->second.end() ? nullptr : &value->second;
}

}  // namespace

std::vector<std::string> placeholders_in(const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const auto& word : words) {
    each_placeholder(word, [&](std::size_t open, std::size_t close) {
      const auto name = word.substr(open + 1, close - open - 1);
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    });
  }
  return names;
}

std::vector<Chosen> combinations(const std::vector<std::string>& words, const mesh::Values& values, const Chosen& fixed) {
  std::set<std::string> open;
  for (const auto& name : placeholders_in(words)) {
    if (fixed.count(group_of(name)) == 0) open.insert(group_of(name));
  }
  std::vector<Chosen> found{fixed};
  for (const auto& group : open) {
    const auto rows = values.find(group);
    if (rows == values.end()) return {};
    std::vector<Chosen> longer;
    for (const auto& chosen : found) {
      for (const auto& row : rows->second) longer.push_back(chosen), longer.back()[group] = row;
    }
    found = std::move(longer);
  }
  return found;
}

run::Argv fill(const std::vector<std::string>& words, const Chosen& chosen) {
  run::Argv argv;
  for (const auto& word : words) {
    std::string filled;
    std::size_t done = 0;
    each_placeholder(word, [&](std::size_t open, std::size_t close) {
      const auto* value = value_of(chosen, word.substr(open + 1, close - open - 1));
      if (value == nullptr) return;
      filled += word.substr(done, open - done) + *value;
      done = close + 1;
    });
    argv.push_back(filled + word.substr(done));
  }
  return argv;
}

}  // namespace meshdx::playbook
