#include "playbook/execute.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "diagnose/verdict.hpp"
#include "mesh/view.hpp"
#include "playbook/order.hpp"
#include "playbook/placeholder.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

using evidence::Gap;

/// Whether another way of asking may do better. Not after a timeout or Ctrl-C, and not when the cluster cannot be
/// reached at all: the next way would only wait for the same thing. A kind that the cluster does not know has no objects in
/// any namespace: that is an answer. A flag that this version of the tool does not have is one that another way does without.
bool worth_another_way(Gap gap) {
  switch (gap) {
    case Gap::not_found:
    case Gap::forbidden:
    case Gap::not_recorded:
    case Gap::damaged:
    case Gap::unsupported:
    case Gap::failed: return true;
    default: return false;
  }
}

/// istioctl 1.27 to 1.29 takes `-o json` and prints a table without a word on sync: it needs `-v 1` (status.go, formats.md 1.1).
bool says_what_was_asked(const evidence::Evidence& evidence, const evidence::Key& key) {
  return key.kind != evidence::Kind::proxy_status || evidence.get<evidence::Kind::proxy_status>().value.says_sync;
}

bool means_no_cluster(Gap gap) {
  return gap == Gap::no_tool || gap == Gap::unreachable || gap == Gap::no_kubeconfig || gap == Gap::login || gap == Gap::timed_out;
}

/// `kubectl get ...`: other commands have an answer without a cluster.
bool asks_api_server(const run::Argv& argv) { return argv.size() > 1 && argv[0] == "kubectl" && argv[1] == "get"; }

/// So many kubectl commands must have failed for want of a cluster, and none succeeded, before a run gives up: what is still
/// under way then (istioctl takes its time) is not waited for.
constexpr std::size_t k_hopeless_after = 3;

/// "not needed: client.tls-failed is false".
std::string why_not_needed(const diagnose::Condition& when, const facts::FactBase& facts) {
  std::vector<std::string> ids;
  for (const auto& id : diagnose::facts_of(when)) {
    if (facts[id].truth != Tri::unknown) ids.push_back(id + (facts[id].truth == Tri::no ? " is false" : " is true"));
  }
  return "not needed: " + join(ids, ", ");
}

/// One way of asking a step's question, for the values already settled. It runs once for every way to choose the rest.
struct Attempt {
  std::size_t step = 0;
  std::size_t way = 0;      ///< 0: `run`, n: `otherwise[n - 1]`
  Chosen fixed;
};

/// One instance of an attempt that awaits a command's end.
struct Waiter {
  std::size_t step = 0, way = 0;
  Chosen chosen;
};

struct Command {
  run::Argv argv;
  std::size_t step = 0;
  bool ended = false;
  Gap gap = Gap::none;
  std::string why;
  std::chrono::milliseconds took{0};
  std::vector<Waiter> waiters;
  bool answered = true;   ///< false: it went well and did not say what it was asked for
  /// Why another way of asking is tried, or not.
  [[nodiscard]] Gap open() const { return gap == Gap::none && !answered ? Gap::unsupported : gap; }
};

struct StepState {
  enum class Phase { waiting, skipped, open } phase = Phase::waiting;
  std::size_t running = 0;  ///< commands asked for that have not ended
  std::size_t asked = 0;    ///< commands asked for at all
  std::string why;          ///< of a skipped one
};

class Execution {
 public:
  Execution(const Playbook& playbook, const mesh::Complaint& complaint, run::CommandRunner& runner,
            evidence::Evidence& evidence, const ExecuteOptions& options)
      : m_playbook(playbook), m_complaint(complaint), m_runner(runner), m_evidence(evidence), m_options(options),
        m_states(playbook.steps.size()), m_needs(needs_of(playbook.steps)), m_heights(heights(m_needs)) {}

  Trail go();

 private:
  void rebind();
  bool open_steps();
  bool reconsider_skipped();
  bool needs_ended(std::size_t step) const;
  bool open_step(std::size_t step);
  void expand(const Attempt& attempt);
  void ask(run::Argv argv, Waiter waiter);
  void try_another_way(const Waiter& waiter, Gap gap);
  void start_pending();
  void finish(run::Finished finished);
  void count_reached(const Command& command);
  bool stopped() const { return m_runner.interrupted() || !m_no_cluster.empty(); }
  const std::vector<std::string>& words(std::size_t step, std::size_t way) const {
    const auto& s = m_playbook.steps[step];
    return way == 0 ? s.run : s.otherwise[way - 1];
  }
  std::string why_skipped(std::size_t step) const;
  Trail trail() const;

  const Playbook& m_playbook;
  const mesh::Complaint& m_complaint;
  run::CommandRunner& m_runner;
  evidence::Evidence& m_evidence;
  const ExecuteOptions& m_options;

  std::vector<StepState> m_states;
  std::vector<std::vector<std::size_t>> m_needs;
  std::vector<std::size_t> m_heights;         ///< steps in the longest chain that waits for each
  std::vector<Attempt> m_attempts;
  std::map<run::Argv, std::size_t> m_index;   ///< into m_commands
  std::vector<Command> m_commands;
  std::vector<std::size_t> m_pending;
  mesh::Values m_values;
  std::unique_ptr<facts::FactBase> m_facts;   ///< over the evidence as it is now; none when it has grown since
  bool m_grown = true;                        ///< evidence since the last bind
  std::size_t m_running = 0, m_ended = 0;
  std::size_t m_reached = 0;                  ///< kubectl commands that the cluster answered
  std::size_t m_unreached = 0;                ///< those that found none
  std::string m_no_cluster;
};

bool Execution::needs_ended(std::size_t step) const {
  return std::all_of(m_needs[step].begin(), m_needs[step].end(), [&](std::size_t need) {
    return m_states[need].phase != StepState::Phase::waiting && m_states[need].running == 0;
  });
}

/// Binds again when evidence has come since, and starts what the new values make possible.
void Execution::rebind() {
  if (!m_grown) return;
  m_grown = false;
  m_values = values_now(m_evidence, m_complaint, m_options);
  for (std::size_t i = 0; i < m_attempts.size(); ++i) expand(Attempt(m_attempts[i]));
}

/// Opens or skips a step whose needs have ended. True when it was opened.
bool Execution::open_step(std::size_t step) {
  const auto& s = m_playbook.steps[step];
  auto& state = m_states[step];
  state.phase = StepState::Phase::skipped;
  if (s.probe && !m_options.probe) {
    state.why = "only with --probe";
    return false;
  }
  if (s.has_when) {
    if (!m_facts) m_facts = std::make_unique<facts::FactBase>(m_evidence, m_complaint);
    if (diagnose::evaluate(s.when, *m_facts) == Tri::no) {
      state.why = why_not_needed(s.when, *m_facts);
      return false;
    }
  }
  state.phase = StepState::Phase::open;
  m_attempts.push_back({step, 0, {}});
  expand(Attempt(m_attempts.back()));
  return true;
}

/// Opens every step whose needs have ended, until no more follow.
bool Execution::open_steps() {
  bool any = false;
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < m_states.size(); ++i) {
      if (m_states[i].phase != StepState::Phase::waiting || !needs_ended(i)) continue;
      if (!placeholders_in(m_playbook.steps[i].run).empty()) rebind();
      open_step(i);
      any = more = true;
    }
  }
  return any;
}

/// Later evidence may make a `when` true or unknown that was false before.
bool Execution::reconsider_skipped() {
  bool any = false;
  for (std::size_t i = 0; i < m_states.size(); ++i) {
    const bool by_facts = m_states[i].phase == StepState::Phase::skipped && m_playbook.steps[i].has_when;
    any = (by_facts && open_step(i)) || any;
  }
  return any;
}

void Execution::expand(const Attempt& attempt) {
  const auto& argv = words(attempt.step, attempt.way);
  for (auto& chosen : combinations(argv, m_values, attempt.fixed)) {
    auto filled = fill(argv, chosen);
    ask(std::move(filled), {attempt.step, attempt.way, std::move(chosen)});
  }
}

/// Asks for a command on behalf of a step: it is run once, whoever asks and however often.
void Execution::ask(run::Argv argv, Waiter waiter) {
  const auto [place, fresh] = m_index.try_emplace(argv, m_commands.size());
  if (fresh) {
    m_commands.push_back({std::move(argv), waiter.step, false, Gap::none, "", {}, {}, true});
    m_pending.push_back(place->second);
  }
  auto& command = m_commands[place->second];
  const bool again = std::any_of(command.waiters.begin(), command.waiters.end(), [&](const Waiter& known) {
    return known.step == waiter.step && known.way == waiter.way && known.chosen == waiter.chosen;
  });
  if (again) return;
  command.waiters.push_back(waiter);
  ++m_states[waiter.step].asked;
  if (command.ended) {
    try_another_way(waiter, command.open());
  } else {
    ++m_states[waiter.step].running;
  }
}

void Execution::try_another_way(const Waiter& waiter, Gap gap) {
  const bool last = waiter.way == m_playbook.steps[waiter.step].otherwise.size();
  if (last || !worth_another_way(gap)) return;
  m_attempts.push_back({waiter.step, waiter.way + 1, waiter.chosen});
  expand(Attempt(m_attempts.back()));
}

/// Starts pending commands while the runner takes them, those first that most others wait for.
void Execution::start_pending() {
  if (stopped()) {
    m_pending.clear();
    return;
  }
  std::stable_sort(m_pending.begin(), m_pending.end(), [&](std::size_t a, std::size_t b) {
    return m_heights[m_commands[a].step] > m_heights[m_commands[b].step];
  });
  std::size_t next = 0;
  for (; next < m_pending.size() && m_runner.can_start(); ++next) {
    m_runner.start(m_pending[next], m_commands[m_pending[next]].argv, m_options.step_timeout);
    ++m_running;
  }
  m_pending.erase(m_pending.begin(), m_pending.begin() + static_cast<std::ptrdiff_t>(next));
}

void Execution::finish(run::Finished finished) {
  --m_running;
  ++m_ended;
  auto& command = m_commands.at(finished.ticket);
  command.ended = true;
  command.took = finished.result.took;
  auto source = evidence::classify(finished.result);
  m_evidence.add(finished.result);
  // The parser may have found the output damaged: then the filed source knows more than the way the command ended.
  const auto key = evidence::key_of(command.argv);
  if (source.ok() && key && m_evidence.source(*key).argv == command.argv) source = m_evidence.source(*key);
  command.gap = source.gap;
  command.why = source.why;
  command.answered = !source.ok() || !key || says_what_was_asked(m_evidence, *key);
  m_grown = true;
  m_facts.reset();
  count_reached(command);
  if (m_options.progress) {
    m_options.progress(std::to_string(m_ended) + "/" + std::to_string(m_commands.size()) + " " + shell_join(command.argv));
  }
  const auto waiters = command.waiters;   // asking anew may move the commands
  const auto gap = command.open();
  for (const auto& waiter : waiters) --m_states[waiter.step].running;
  for (const auto& waiter : waiters) try_another_way(waiter, gap);
}

/// Tells a cluster that cannot be reached from one that merely refuses; gives up on the former.
void Execution::count_reached(const Command& command) {
  if (!asks_api_server(command.argv) || command.gap == Gap::interrupted) return;
  if (means_no_cluster(command.gap)) ++m_unreached;
  else ++m_reached;
  if (m_reached == 0 && m_unreached >= k_hopeless_after) m_no_cluster = command.why;
}

Trail Execution::go() {
  rebind();
  while (true) {
    open_steps();
    start_pending();
    if (!m_no_cluster.empty()) break;
    if (m_running > 0) {
      auto finished = m_runner.wait();
      if (!finished) break;   // a runner that forgot a command: report what is there
      finish(std::move(*finished));
      continue;
    }
    if (stopped()) break;
    rebind();
    reconsider_skipped();
    if (m_pending.empty() && !open_steps()) break;
  }
  return trail();
}

std::string Execution::why_skipped(std::size_t step) const {
  const auto& state = m_states[step];
  if (!state.why.empty() && state.phase == StepState::Phase::skipped) return state.why;
  if (m_runner.interrupted()) return "interrupted";
  if (!m_no_cluster.empty()) return "no cluster to ask";
  if (state.phase == StepState::Phase::waiting) return "what it needs never ended";
  for (const auto& name : placeholders_in(m_playbook.steps[step].run)) {
    const auto group = name.substr(0, name.find('.'));
    const auto rows = m_values.find(group);
    if (rows == m_values.end() || rows->second.empty()) return "no value for {" + name + "}";
  }
  return "nothing to run";
}

Trail Execution::trail() const {
  Trail trail;
  trail.interrupted = m_runner.interrupted();
  if (m_reached == 0 && m_unreached > 0) {
    const auto first = std::find_if(m_commands.begin(), m_commands.end(), [](const Command& command) {
      return command.ended && asks_api_server(command.argv) && means_no_cluster(command.gap);
    });
    trail.no_cluster = first->why;
    trail.no_cluster_gap = first->gap;
  }
  std::vector<const Command*> ended;
  for (const auto& command : m_commands) {
    if (command.ended) ended.push_back(&command);
  }
  std::sort(ended.begin(), ended.end(), [](const Command* a, const Command* b) {
    return a->step != b->step ? a->step < b->step : a->argv < b->argv;
  });
  for (const auto* command : ended) {
    const auto key = evidence::key_of(command->argv);
    const bool needless = command->gap != Gap::none && key && mesh::tells_of_no_proxy(*key, mesh::View(m_evidence).control_planes().all);
    trail.ran.push_back({m_playbook.steps[command->step].id, command->argv, command->gap, command->why, command->took, needless});
  }
  for (std::size_t i = 0; i < m_states.size(); ++i) {
    if (m_states[i].asked == 0) trail.skipped.push_back({m_playbook.steps[i].id, why_skipped(i)});
  }
  return trail;
}

}  // namespace

mesh::Values values_now(const evidence::Evidence& evidence, const mesh::Complaint& complaint, const ExecuteOptions& options) {
  auto values = mesh::bind(evidence, complaint);
  values["option"] = {{{"log-lines", std::to_string(options.log_lines)}}};
  return values;
}

Trail execute(const Playbook& playbook, const mesh::Complaint& complaint, run::CommandRunner& runner,
              evidence::Evidence& evidence, const ExecuteOptions& options) {
  return Execution(playbook, complaint, runner, evidence, options).go();
}

}  // namespace meshdx::playbook
