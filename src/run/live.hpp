// Runs the playbook's commands for real: the read-only ones only, several at once, none for ever.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "run/command.hpp"

namespace meshdx::run {

/// How a LiveRunner runs commands. What names the cluster and the identity is added to every command that is run, and
/// shows in no CommandResult::argv.
struct LiveOptions {
  std::size_t parallel = 8;                          ///< at most that many children at once (at least 1)
  std::optional<std::chrono::milliseconds> deadline; ///< for all commands together, from the runner's start on
  bool probe = false;                                ///< also allow the socket table of a sidecar (kubectl exec)
  std::string context;
  std::string kubeconfig;
  std::string as;
  std::vector<std::string> as_groups;
  std::size_t max_stdout = 256U << 20U;              ///< bytes kept of one command's stdout; the rest is dropped
  std::string kubectl;                               ///< the program to run; "" looks on PATH
  std::string istioctl;
};

/// The words that are really run: `argv` with the options' --context, --kubeconfig, --as and --as-group after the name.
Argv with_cluster(const Argv& argv, const LiveOptions& options);

/// A CommandRunner on real processes. Children are drained and timed by a thread of the runner's own, so a caller that
/// is busy between two wait()s holds none of them up. Whatever ends a child early ends its whole process group. While
/// an InterruptGuard (made before the runner) lives, Ctrl-C ends all of them as `interrupted`. The destructor kills
/// what still runs; no process, zombie or descriptor is left.
class LiveRunner : public CommandRunner {
 public:
  explicit LiveRunner(LiveOptions options);
  ~LiveRunner() override;
  LiveRunner(const LiveRunner&) = delete;
  LiveRunner& operator=(const LiveRunner&) = delete;

  [[nodiscard]] bool can_start() const override;
  /// A request of the Kubernetes API (is_api_read) takes no process, so the bound does not count for it.
  /// Beyond the bound on parallel ones, a command waits for its turn; its timeout counts from its real start then.
  void start(std::size_t ticket, Argv argv, std::chrono::milliseconds timeout) override;
  std::optional<Finished> wait() override;
  [[nodiscard]] bool interrupted() const override;

 private:
  class Engine;
  std::unique_ptr<Engine> m_engine;
};

}  // namespace meshdx::run
