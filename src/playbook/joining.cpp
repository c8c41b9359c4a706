#include "playbook/joining.hpp"

#include <algorithm>
#include <utility>

#include "evidence/api_read.hpp"
#include "evidence/joined.hpp"
#include "evidence/source.hpp"

namespace meshdx::playbook {

namespace {

/// Whether every command would fail for the same reason: no cluster, no tool, no time.
bool finds_no_cluster(const run::CommandResult& result) {
  using evidence::Gap;
  switch (evidence::classify(result).gap) {
    case Gap::unreachable:
    case Gap::no_kubeconfig:
    case Gap::login:
    case Gap::timed_out:
    case Gap::interrupted:
    case Gap::no_tool: return true;
    default: return false;
  }
}

/// The same of the parts of one proxy's dump, for which there may be no way to that proxy.
bool fails_all(const run::CommandResult& joined) {
  const auto gap = evidence::classify(joined).gap;
  return finds_no_cluster(joined) || gap == evidence::Gap::forbidden || gap == evidence::Gap::not_found;
}

}  // namespace

void JoiningRunner::start(std::size_t ticket, run::Argv argv, std::chrono::milliseconds timeout) {
  m_asked.push_back({ticket, std::move(argv), timeout});
}

void JoiningRunner::start_inner(run::Argv argv, std::vector<Asked> whose) {
  auto timeout = whose.front().timeout;
  for (const auto& asked : whose) timeout = std::max(timeout, asked.timeout);
  const auto ticket = m_tickets++;
  m_under_way.emplace(ticket, std::move(whose));
  m_inner.start(ticket, std::move(argv), timeout);
}

/// In the order they were asked for: a joined command stands where its first member stood.
void JoiningRunner::start_asked() {
  const auto asked = std::exchange(m_asked, {});
  std::vector<run::Argv> commands;
  for (const auto& one : asked) commands.push_back(one.argv);
  const auto joins = evidence::joins_of(commands);
  std::vector<const evidence::Join*> join_of(asked.size(), nullptr);
  for (const auto& join : joins) {
    for (const auto member : join.members) join_of[member] = &join;
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (join_of[i] == nullptr) {
      start_inner(evidence::api_read_for(asked[i].argv).value_or(asked[i].argv), {asked[i]});
    } else if (join_of[i]->members.front() == i) {
      std::vector<Asked> whose;
      for (const auto member : join_of[i]->members) whose.push_back(asked[member]);
      start_inner(join_of[i]->argv, std::move(whose));
    }
  }
}

/// What one asked for, from the answer to what was asked in its place.
std::optional<std::vector<run::CommandResult>> JoiningRunner::parts_of(const std::vector<Asked>& whose, const run::CommandResult& result) {
  if (whose.size() == 1) {
    auto part = evidence::from_api_read(whose.front().argv, result);
    if (!part) return std::nullopt;
    return std::vector<run::CommandResult>{std::move(*part)};
  }
  std::vector<run::CommandResult> parts;
  std::vector<run::Argv> members;
  for (const auto& asked : whose) members.push_back(asked.argv);
  if (!fails_all(result)) return evidence::take_apart(members, result);
  for (const auto& member : members) {
    parts.push_back(run::in_place_of(member, result));
    parts.back().err = result.err;
  }
  return parts;
}

void JoiningRunner::answer(const std::vector<Asked>& whose, const run::CommandResult& result) {
  if (whose.front().argv == result.argv) {
    m_finished.push_back({whose.front().ticket, result});
    if (m_scout == result.argv) scout_is_back(result);
  } else if (auto parts = parts_of(whose, result)) {
    for (std::size_t i = 0; i < whose.size(); ++i) m_finished.push_back({whose[i].ticket, std::move((*parts)[i])});
  } else if (auto group = evidence::group_read_for(whose.front().argv, result)) {
    start_inner(std::move(*group), whose);
  } else {
    for (const auto& asked : whose) run_itself(asked, result);
  }
}

void JoiningRunner::run_itself(const Asked& asked, const run::CommandResult& instead) {
  const bool no_way = run::is_api_read(instead.argv) && instead.end == run::End::not_started;
  if (no_way && !m_runs_singly && m_scout) {
    m_behind_scout.push_back(asked);
    return;
  }
  if (no_way && !m_runs_singly) m_scout = asked.argv;
  start_inner(asked.argv, {asked});
}

/// Without a cluster, or a login, every one would fail for the same reason, each after its own time.
void JoiningRunner::scout_is_back(const run::CommandResult& result) {
  m_scout.reset();
  m_runs_singly = !finds_no_cluster(result);
  for (const auto& asked : std::exchange(m_behind_scout, {})) {
    if (m_runs_singly) {
      start_inner(asked.argv, {asked});
      continue;
    }
    m_finished.push_back({asked.ticket, run::in_place_of(asked.argv, result)});
    m_finished.back().result.err = result.err;
  }
}

/// The parts of one answer are handed over before anything is started: what they lead to can be asked together again.
std::optional<run::Finished> JoiningRunner::wait() {
  if (m_finished.empty()) start_asked();
  while (m_finished.empty()) {
    const auto finished = m_inner.wait();
    if (!finished) return std::nullopt;
    const auto whose = m_under_way.extract(finished->ticket);
    if (!whose.empty()) answer(whose.mapped(), finished->result);
  }
  auto finished = std::move(m_finished.front());
  m_finished.pop_front();
  return finished;
}

}  // namespace meshdx::playbook
