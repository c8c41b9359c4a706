// What a run would do, without doing it.
#include <algorithm>
#include <map>

#include "playbook/execute.hpp"
#include "playbook/placeholder.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

/// Like shell_join, but a word with a placeholder stays readable: it is no command yet.
std::string readable(const run::Argv& argv) {
  std::vector<std::string> words;
  for (const auto& word : argv) words.push_back(placeholders_in({word}).empty() ? shell_quote(word) : word);
  return join(words, " ");
}

/// A way's command lines: with real names where the complaint gives them, else once with its placeholders.
std::vector<std::string> lines_of(const std::vector<std::string>& words, const mesh::Values& values) {
  std::vector<std::string> lines;
  for (const auto& chosen : combinations(words, values, {})) lines.push_back(readable(fill(words, chosen)));
  if (!lines.empty()) return lines;
  const auto option = values.find("option");
  return {readable(fill(words, {{"option", option->second.front()}}))};
}

void add_step(std::string& text, const Step& step, const mesh::Values& values, const ExecuteOptions& options) {
  const bool left_out = step.probe && !options.probe;
  for (const auto& line : lines_of(step.run, values)) text += "  " + line + (left_out ? "   (only with --probe)" : "") + "\n";
  for (const auto& way : step.otherwise) {
    for (const auto& line : lines_of(way, values)) text += "    otherwise " + line + "\n";
  }
  if (step.has_when) text += "    unless known to be needless: " + join(diagnose::facts_of(step.when), ", ") + "\n";
}

}  // namespace

std::string plan(const Playbook& playbook, const mesh::Complaint& complaint, const ExecuteOptions& options) {
  const auto values = values_now(evidence::Evidence{}, complaint, options);
  std::vector<std::string> order;
  std::map<std::string, std::string> groups;
  for (const auto& step : playbook.steps) {
    const auto title = step.needs.empty() ? "at once:" : "after " + join(step.needs, ", ") + ":";
    if (std::find(order.begin(), order.end(), title) == order.end()) order.push_back(title);
    add_step(groups[title], step, values, options);
  }
  std::string text;
  for (const auto& title : order) text += (text.empty() ? "" : "\n") + title + "\n" + groups[title];
  return text;
}

}  // namespace meshdx::playbook
