// What can be wrong with a playbook that reads well: seen without running it.
#include <algorithm>
#include <set>

#include "playbook/order.hpp"
#include "playbook/placeholder.hpp"
#include "playbook/playbook.hpp"
#include "run/allowlist.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

using Kinds = std::set<evidence::Kind>;

class Linter {
 public:
  Linter(const Playbook& playbook, const YamlDocument& document, const std::vector<diagnose::Cause>& causes)
      : m_playbook(playbook), m_document(document), m_causes(causes), m_needs(needs_of(playbook.steps)) {
    for (const auto& step : playbook.steps) m_gathered.merge(kinds_of(step));
  }

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < m_playbook.steps.size(); ++i) check_step(i);
    check_causes();
    check_facts("/healthy-when", m_playbook.healthy_when);
    check_facts("/notes", m_playbook.notes);
    check_answers();
    return std::move(m_messages);
  }

 private:
  void say(const std::string& pointer, std::string_view message) {
    m_messages.push_back(m_document.at(pointer, message));
  }
  static std::string step_pointer(std::size_t i) { return "/steps/" + std::to_string(i); }
  static Kinds kinds_of(const Step& step);
  static Kinds needed_by(const std::vector<std::string>& facts);

  void check_step(std::size_t i);
  void check_argv(const std::string& pointer, const std::vector<std::string>& argv, bool probe);
  void check_bound(std::size_t i);
  void check_when(std::size_t i);
  void check_causes();
  void check_facts(const std::string& pointer, const std::vector<std::string>& facts);
  void check_answers();
  Kinds gathered_before(std::size_t step) const;
  std::string missing(const Kinds& needed, const Kinds& there) const;

  const Playbook& m_playbook;
  const YamlDocument& m_document;
  const std::vector<diagnose::Cause>& m_causes;
  std::vector<std::vector<std::size_t>> m_needs;
  Kinds m_gathered;                  ///< by any step
  std::vector<std::string> m_messages;
};

/// The evidence a step gathers, whichever of its ways does.
Kinds Linter::kinds_of(const Step& step) {
  Kinds kinds;
  const auto add = [&](const std::vector<std::string>& argv) {
    if (const auto key = evidence::key_of(argv)) kinds.insert(key->kind);
  };
  add(step.run);
  for (const auto& way : step.otherwise) add(way);
  return kinds;
}

Kinds Linter::needed_by(const std::vector<std::string>& facts) {
  Kinds kinds;
  for (const auto& id : facts) {
    const auto* fact = facts::find_fact(id);
    if (fact != nullptr) kinds.insert(fact->needs.begin(), fact->needs.end());
  }
  return kinds;
}

std::string Linter::missing(const Kinds& needed, const Kinds& there) const {
  std::vector<std::string> names;
  for (const auto kind : needed) {
    if (there.count(kind) == 0) names.emplace_back(evidence::kind_name(kind));
  }
  return join(names, ", ");
}

Kinds Linter::gathered_before(std::size_t step) const {
  Kinds before;
  for (const auto ancestor : ancestors(m_needs, step)) before.merge(kinds_of(m_playbook.steps[ancestor]));
  return before;
}

void Linter::check_step(std::size_t i) {
  const auto& step = m_playbook.steps[i];
  check_argv(step_pointer(i) + "/run", step.run, step.probe);
  for (std::size_t way = 0; way < step.otherwise.size(); ++way) {
    check_argv(step_pointer(i) + "/otherwise/" + std::to_string(way), step.otherwise[way], step.probe);
  }
  check_bound(i);
  check_when(i);
}

/// A command must be on the allowlist, and something must be able to read what it prints.
void Linter::check_argv(const std::string& pointer, const std::vector<std::string>& argv, bool probe) {
  const Chosen example = {{"client", {{"pod", "client-0"}, {"namespace", "ns"}}}, {"server", {{"pod", "server-0"}, {"namespace", "ns"}}}, {"target", {{"pod", "target-0"}, {"namespace", "ns"}}}, {"called", {{"namespace", "ns"}}}, {"witness", {{"pod", "witness-0"}, {"namespace", "ns"}}},
                          {"to", {{"namespace", "ns"}}},  {"from", {{"namespace", "ns"}}}, {"namespace", {{"name", "ns"}}},
                          {"control", {{"namespace", "ns"}, {"revision", "rev"}, {"config-map", "istio-rev"}}}, {"option", {{"log-lines", "500"}}}};
  const auto filled = fill(argv, example);
  const auto allowed = run::check_allowed(filled, probe);
  if (!allowed) {
    say(pointer, allowed.error());
  } else if (!evidence::key_of(filled)) {
    say(pointer, "meshdx does not read what '" + join(argv, " ") + "' prints");
  }
}

/// A pod's name is known only once pods have been listed.
void Linter::check_bound(std::size_t i) {
  const auto& step = m_playbook.steps[i];
  const auto before = gathered_before(i);
  if (before.count(evidence::Kind::pods) != 0) return;
  for (const auto& name : placeholders_in(step.run)) {
    if (!ends_with(name, ".pod")) continue;
    say(step_pointer(i) + "/run", "nothing before step '" + step.id + "' binds {" + name + "}: it must need a step that lists pods");
    return;
  }
}

void Linter::check_when(std::size_t i) {
  const auto& step = m_playbook.steps[i];
  if (!step.has_when) return;
  const auto before = gathered_before(i);
  for (const auto& fact : diagnose::facts_of(step.when)) {
    const auto* known = facts::find_fact(fact);
    if (known == nullptr) {
      say(step_pointer(i) + "/when", "unknown fact '" + fact + "'");
      continue;
    }
    // Evidence that comes later only makes the fact unknown when the step is reached; none at all would always do so. A fact that
    // needs none is read from the question.
    const bool any = known->needs.empty() || std::any_of(known->needs.begin(), known->needs.end(), [&](auto kind) { return before.count(kind) != 0; });
    if (!any) say(step_pointer(i) + "/when", "no step before '" + step.id + "' gathers what the fact '" + fact + "' reads");
  }
}

void Linter::check_facts(const std::string& pointer, const std::vector<std::string>& facts) {
  for (std::size_t i = 0; i < facts.size(); ++i) {
    const auto lacking = missing(needed_by({facts[i]}), m_gathered);
    if (lacking.empty()) continue;
    say(pointer + "/" + std::to_string(i), "no step gathers what the fact '" + facts[i] + "' reads: " + lacking);
  }
}

void Linter::check_answers() {
  for (std::size_t i = 0; i < m_playbook.answers.size(); ++i) {
    const auto* kind = facts::find_answer(m_playbook.answers[i]);
    const auto lacking = kind == nullptr ? std::string() : missing(Kinds(kind->needs.begin(), kind->needs.end()), m_gathered);
    if (lacking.empty()) continue;
    say("/answers/" + std::to_string(i), "no step gathers what the answer '" + m_playbook.answers[i] + "' reads: " + lacking);
  }
}

void Linter::check_causes() {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < m_playbook.causes.size(); ++i) {
    const auto& id = m_playbook.causes[i];
    const auto pointer = "/causes/" + std::to_string(i);
    if (!seen.insert(id).second) say(pointer, "the cause '" + id + "' is listed twice");
    const auto cause = std::find_if(m_causes.begin(), m_causes.end(), [&](const auto& c) { return c.id == id; });
    if (cause == m_causes.end()) {
      std::vector<std::string> known;
      for (const auto& c : m_causes) known.push_back(c.id);
      const auto close = nearest(id, known);
      say(pointer, "unknown cause '" + id + "'" + (close.empty() ? "" : "; did you mean '" + close + "'?"));
      continue;
    }
    auto facts = diagnose::facts_of(cause->when);
    if (cause->likely_when) {
      for (const auto& fact : diagnose::facts_of(*cause->likely_when)) facts.push_back(fact);
    }
    for (const auto& fact : facts) {
      const auto lacking = missing(needed_by({fact}), m_gathered);
      if (!lacking.empty()) say(pointer, "cause '" + id + "' reads the fact '" + fact + "', but no step gathers " + lacking);
    }
  }
}

}  // namespace

std::vector<std::string> lint(const Playbook& playbook, const YamlDocument& document, const std::vector<diagnose::Cause>& causes) {
  return Linter(playbook, document, causes).run();
}

}  // namespace meshdx::playbook
