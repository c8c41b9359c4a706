#include "playbook/catalogue.hpp"

#include <algorithm>
#include <iterator>

#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

using diagnose::Cause;

/// What the two digits after MDX stand for.
constexpr const char* k_groups[] = {
    "",
    "A: endpoints and application",
    "B: mutual TLS and TLS",
    "C: protocol",
    "D: routing in the sidecar",
    "E: gateways and Gateway API",
    "F: resilience and policy",
    "G: lifecycle, injection, control plane",
    "H: network and platform",
    "I: what the drills ask; ambient mode",
    "J: from further incident reports",
};

std::size_t group_of(const Cause& cause) {
  const auto number = to_number(std::string_view(cause.code).substr(3, 2)).value_or(0);
  return static_cast<std::size_t>(number);
}

std::string group_title(std::size_t group) {
  return group > 0 && group < std::size(k_groups) ? k_groups[group] : "group " + std::to_string(group);
}

/// A text in a table's cell: the pipes of cluster names must not end it.
std::string cell(const std::string& text) { return replace_all(text, "|", "\\|"); }

std::string symptoms_of(const Cause& cause) {
  std::vector<std::string> lines;
  for (const auto& symptom : cause.symptoms) lines.push_back(cell(symptom));
  return join(lines, "<br>");
}

/// An edit to paste, or what else the cause's fixes are.
std::string fix_of(const Cause& cause) {
  const bool edit = std::any_of(cause.fixes.begin(), cause.fixes.end(), [](const auto& fix) { return fix.advice.empty(); });
  return edit ? "to paste" : cause.fixes.empty() ? "none" : "advice";
}

std::string row(const Cause& cause) {
  return "| " + cause.code + " | [" + cause.id + "](causes/" + cause.id + ".yaml) | " + cell(cause.title) + " | " + symptoms_of(cause) + " | " +
         std::to_string(cause.hop) + " | " + fix_of(cause) + " |\n";
}

}  // namespace

std::string catalogue(const std::vector<Cause>& causes) {
  std::string text =
      "# Causes that meshdx knows\n\n"
      "<!-- Written by `./dev catalogue` from playbooks/causes; do not edit. After a merge conflict run that again. -->\n\n"
      "`meshdx explain CAUSE` tells what happens, why, and how to see it yourself. Hop: 0 made the code, 1 is the\n"
      "configuration behind it, 2 the control plane, 3 a circumstance; the smaller goes first. Fix: a patch or object\n"
      "*to paste* with its undo, or *advice* where no edit can be right.\n";
  std::size_t group = 0;
  for (const auto& cause : causes) {
    if (group_of(cause) != group) {
      group = group_of(cause);
      text += "\n## " + group_title(group) + "\n\n| Code | Cause | What it is | Seen as | Hop | Fix |\n| --- | --- | --- | --- | --- | --- |\n";
    }
    text += row(cause);
  }
  return text;
}

}  // namespace meshdx::playbook
