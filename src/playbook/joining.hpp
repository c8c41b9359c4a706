// Asks with fewer processes: what is read of the Kubernetes API goes through one of them (run/api_proxy.hpp), and parts of
// a proxy's dump that were asked for since the last wait() are fetched by one.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "run/command.hpp"

namespace meshdx::playbook {

/// A CommandRunner in front of a live one (which must outlive it). Whoever uses it sees the single commands and their
/// results; CommandResult::together says what was really asked. Where that fails in a way that does not tell what a command
/// would have said (a version that this cluster does not serve, a dump that lacks a part), the command itself is run. Where
/// the API cannot be read in this way at all, one of the commands goes first: when it finds no cluster either, its answer
/// is that of all.
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
  static std::optional<std::vector<run::CommandResult>> parts_of(const std::vector<Asked>& whose, const run::CommandResult& result);
  void answer(const std::vector<Asked>& whose, const run::CommandResult& result);
  void run_itself(const Asked& asked, const run::CommandResult& instead);
  void scout_is_back(const run::CommandResult& result);

  run::CommandRunner& m_inner;
  std::vector<Asked> m_asked;                              ///< since the last wait()
  std::map<std::size_t, std::vector<Asked>> m_under_way;   ///< by the inner runner's ticket
  std::deque<run::Finished> m_finished;
  std::size_t m_tickets = 0;
  std::optional<run::Argv> m_scout;                        ///< the command that goes first
  std::vector<Asked> m_behind_scout;
  bool m_runs_singly = false;                              ///< a scout found the cluster
};

}  // namespace meshdx::playbook
