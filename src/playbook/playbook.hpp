// A procedure as a step graph: playbooks/<id>.yaml.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "diagnose/cause.hpp"
#include "util/expected.hpp"
#include "util/yaml.hpp"

namespace meshdx::playbook {

/// One step: a question and the command that answers it. An argv array, never a shell string. A placeholder
/// "{client.pod}" may have several values: the step then runs once for each; with none (yet) it waits.
struct Step {
  std::string id, ask;
  std::vector<std::string> needs;               ///< steps that must have ended before
  std::vector<std::string> run;                 ///< argv template
  std::vector<std::vector<std::string>> otherwise;   ///< tried in turn when the command before failed (forbidden -A, old flags)
  bool has_when = false;
  diagnose::Condition when;                     ///< skipped only when false; unknown counts as "run it"
  bool probe = false;                           ///< only with --probe
};

struct Playbook {
  std::string id, title, about;
  int drill = 0;
  std::vector<Step> steps;
  std::vector<std::string> causes;              ///< ids
  std::vector<std::string> healthy_when;        ///< facts, in the order they are shown
  std::vector<std::string> notes;               ///< facts
  std::vector<std::string> answers;             ///< tables to print, in order
  std::string file;
};

/// Reads a playbook. Errors are "file:line:column: reason": unknown or missing keys, unknown facts and placeholders, steps
/// of one name, needs that are no step, cycles.
Expected<Playbook> load_playbook(const YamlDocument& document);

/// What is wrong with a playbook that loads, each "file:line:column: message": commands off the allowlist or whose output
/// nothing reads, placeholders that nothing before binds, unknown causes, facts (of `when`, healthy-when, notes and the
/// listed causes) whose evidence no step gathers.
std::vector<std::string> lint(const Playbook& playbook, const YamlDocument& document, const std::vector<diagnose::Cause>& causes);

/// The graph as Mermaid ("flowchart TD ...") or Graphviz DOT.
std::string to_mermaid(const Playbook& playbook);
std::string to_dot(const Playbook& playbook);

/// Names that steps may use as placeholders: what mesh::bind gives.
const std::vector<std::string>& placeholders();

}  // namespace meshdx::playbook
