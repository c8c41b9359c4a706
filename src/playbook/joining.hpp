// Asks with fewer processes: the commands that were asked for since the last wait() and can be answered together are.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "run/command.hpp"

namespace meshdx::playbook {

/// A CommandRunner in front of a live one (which must outlive it). Whoever uses it sees the single commands and their
/// results; CommandResult::together says what was run. Where a joined command fails in a way that says nothing of its
/// parts (a kind that this cluster does not have), each part is run by itself.
class JoiningRunner : public run::CommandRunner {
 public:
  explicit JoiningRunner(run::CommandRunner& inner) : m_inner(inner) {}

  /// Always: what is asked for is kept until wait(), and the inner runner bounds what runs at once.
  [[nodiscard]] bool can_start() const override { return true; }
  void start(std::size_t ticket, run::Argv argv, std::chrono::milliseconds timeout) override;
  std::optional<run::Finished> wait() override;
  [[nodiscard]] bool interrupted() const override { return m_inner.interrupted(); }

 private:
  struct Asked {
    std::size_t ticket = 0;
    run::Argv argv;
    std::chrono::milliseconds timeout{0};
  };

  void start_asked();
  void start_inner(run::Argv argv, std::vector<Asked> whose);
  void answer(const std::vector<Asked>& whose, const run::CommandResult& result);

  run::CommandRunner& m_inner;
  std::vector<Asked> m_asked;                              ///< since the last wait()
  std::map<std::size_t, std::vector<Asked>> m_under_way;   ///< by the inner runner's ticket
  std::deque<run::Finished> m_finished;
  std::size_t m_tickets = 0;
};

}  // namespace meshdx::playbook
