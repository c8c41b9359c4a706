// The seam between meshdx and the outside: whoever runs commands (live, from a recording, in a test) is a CommandRunner.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "util/input.hpp"

namespace meshdx::run {

using Argv = std::vector<std::string>;

/// `kubectl get --raw PATH`: one request of the Kubernetes API. A live runner sends it through a `kubectl proxy`
/// (run/api_proxy.hpp); where that cannot be done, or the answer does not tell what a kubectl would say, the request ends as
/// `not_started`, and the command that it stands in for is to be run.
inline Argv api_read(std::string path) { return {"kubectl", "get", "--raw", std::move(path)}; }
inline bool is_api_read(const Argv& argv) { return argv.size() == 4 && argv[0] == "kubectl" && argv[1] == "get" && argv[2] == "--raw"; }

/// How a command ended. Only `exited` says anything about the exit code.
enum class End {
  exited,        ///< it ran and left an exit code (128 + signal when a signal that meshdx did not send killed it)
  timed_out,     ///< its own timeout or the run's deadline passed; what it printed until then is kept
  interrupted,   ///< Ctrl-C
  not_started,   ///< the program is not on PATH or could not be started
  refused,       ///< not on the allowlist: no process was started
  not_recorded,  ///< replay: the recording has no such command
  damaged,       ///< replay: the recording has it, but its output is missing, cut or changed
};

/// What one command printed and how it ended.
struct CommandResult {
  Argv argv;              ///< as the playbook said it, without --context and the like
  End end = End::exited;
  int exit_code = 0;
  std::string out;
  std::function<Input()> stored;  ///< opens stdout where it lies, when it is too big to be held; `out` is empty then
  std::string err;
  bool truncated = false; ///< stdout was cut at the size bound
  std::chrono::milliseconds took{0};
  std::string why;        ///< a sentence, when `end` is not `exited`
  Argv together;          ///< what was really asked in its place (evidence/api_read.hpp), perhaps for others too (evidence/joined.hpp); {}: itself
};

/// What kubectl prints of a path that the API server does not have (client-go's NewGenericServerResponse).
inline constexpr const char* g_no_such_path = "Error from server (NotFound): the server could not find the requested resource\n";

/// The result without what was printed.
inline CommandResult how_it_ended(const CommandResult& result) {
  CommandResult bare;
  bare.argv = result.argv;
  bare.end = result.end;
  bare.exit_code = result.exit_code;
  bare.truncated = result.truncated;
  bare.took = result.took;
  bare.why = result.why;
  bare.together = result.together;
  return bare;
}

/// The result of a command from that of what was asked in its place. What was printed is for whoever takes it apart.
inline CommandResult in_place_of(const Argv& command, const CommandResult& asked) {
  auto result = how_it_ended(asked);
  result.argv = command;
  result.together = asked.argv;
  return result;
}

/// A command that has ended, with the ticket it was started under.
struct Finished {
  std::size_t ticket = 0;
  CommandResult result;
};

/// Runs commands, several at once. Never throws; every start() is answered by exactly one Finished from wait().
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  /// Whether another command may be started now (the bound on parallel ones is not reached).
  [[nodiscard]] virtual bool can_start() const = 0;
  /// Starts a command. `ticket` is the caller's name for it; `timeout` counts from now.
  virtual void start(std::size_t ticket, Argv argv, std::chrono::milliseconds timeout) = 0;
  /// Blocks until one of the started commands has ended; nullopt when none is under way.
  virtual std::optional<Finished> wait() = 0;
  /// True once the user pressed Ctrl-C (or SIGTERM came): running children are killed, later starts end as `interrupted`.
  [[nodiscard]] virtual bool interrupted() const { return false; }
};

/// Runs commands side by side, as many as the runner takes, each for `timeout` at most; their results as they end. After an
/// interruption those that ended before it.
std::vector<CommandResult> run_all(CommandRunner& runner, const std::vector<Argv>& commands, std::chrono::milliseconds timeout);

}  // namespace meshdx::run
