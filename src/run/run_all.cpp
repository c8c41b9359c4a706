#include "run/command.hpp"

namespace meshdx::run {

std::vector<CommandResult> run_all(CommandRunner& runner, const std::vector<Argv>& commands, std::chrono::milliseconds timeout) {
  std::vector<CommandResult> results;
  std::size_t started = 0;
  while (results.size() < commands.size() && !runner.interrupted()) {
    for (; started < commands.size() && runner.can_start(); ++started) runner.start(started, commands[started], timeout);
    auto finished = runner.wait();
    if (!finished) break;
    results.push_back(std::move(finished->result));
  }
  return results;
}

}  // namespace meshdx::run
