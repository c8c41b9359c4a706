// A playbook's step graph as Mermaid or DOT.
#include "playbook/playbook.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

/// Mermaid reads quotes and brackets in labels; entities are its own way to write them.
std::string mermaid_label(std::string_view text) {
  std::string label;
  for (const char c : text) {
    switch (c) {
      case '"': label += "#quot;"; break;
      case '#': label += "#35;"; break;
      case '<': label += "#lt;"; break;
      case '>': label += "#gt;"; break;
      case '\n': label += ' '; break;
      default: label += c;
    }
  }
  return label;
}

std::string dot_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? ' ' : c;
  }
  return quoted + '"';
}

/// "when client.tls-failed, client.via-upstream", "only with --probe", or "".
std::string edge_label(const Step& step) {
  if (step.probe) return "only with --probe";
  return step.has_when ? "when " + join(diagnose::facts_of(step.when), ", ") : "";
}

}  // namespace

std::string to_mermaid(const Playbook& playbook) {
  std::string text = "flowchart TD\n";
  text += "  start([\"" + mermaid_label(playbook.title) + "\"])\n";
  for (const auto& step : playbook.steps) {
    text += "  " + step.id + "[\"" + mermaid_label(step.id) + "<br/>" + mermaid_label(step.ask) + "\"]\n";
  }
  for (const auto& step : playbook.steps) {
    const auto label = edge_label(step);
    const auto arrow = label.empty() ? std::string(" --> ") : " -->|\"" + mermaid_label(label) + "\"| ";
    if (step.needs.empty()) text += "  start" + arrow + step.id + "\n";
    for (const auto& need : step.needs) text += "  " + need + arrow + step.id + "\n";
  }
  return text;
}

std::string to_dot(const Playbook& playbook) {
  std::string text = "digraph " + dot_string(playbook.id) + " {\n  node [shape=box];\n";
  text += "  start [shape=oval, label=" + dot_string(playbook.title) + "];\n";
  for (const auto& step : playbook.steps) {
    text += "  " + dot_string(step.id) + " [label=" + dot_string(step.id + ": " + step.ask) + "];\n";
  }
  for (const auto& step : playbook.steps) {
    const auto label = edge_label(step);
    const auto tail = " -> " + dot_string(step.id) + (label.empty() ? "" : " [label=" + dot_string(label) + "]") + ";\n";
    if (step.needs.empty()) text += "  start" + tail;
    for (const auto& need : step.needs) text += "  " + dot_string(need) + tail;
  }
  return text + "}\n";
}

}  // namespace meshdx::playbook
