// Answers commands from a recording, with no kubectl on the machine.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "run/command.hpp"
#include "run/recording.hpp"

namespace meshdx::run {

/// A CommandRunner on a recording, which must outlive it. A command is answered by the recorded one with the same argv,
/// else by one that means the same: other spellings of a flag (`-n x`, `--namespace=x`) or a verb (`pc cluster`),
/// another order of flags, POD.NS for POD -n NS, another `--tail`, or `get a/b` for `get a b`. Of several, the first
/// recorded. What is not there ends as `not_recorded`, and the sentence names the nearest recorded command, if one is
/// near. An output is read when its command is asked for.
class ReplayRunner : public CommandRunner {
 public:
  explicit ReplayRunner(const Recording& recording);

  [[nodiscard]] bool can_start() const override { return true; }
  void start(std::size_t ticket, Argv argv, std::chrono::milliseconds timeout) override;
  std::optional<Finished> wait() override;

 private:
  [[nodiscard]] const RecordedCommand* find(const Argv& argv) const;
  [[nodiscard]] CommandResult miss(const Argv& argv) const;

  const Recording& m_recording;
  std::unordered_map<std::string, const RecordedCommand*> m_exact;
  std::unordered_map<std::string, const RecordedCommand*> m_alike;
  std::deque<std::pair<std::size_t, Argv>> m_asked;
};

/// The recorded command most like `argv`, word by word; null when none shares at least half of it.
const RecordedCommand* nearest_command(const Recording& recording, const Argv& argv);

}  // namespace meshdx::run
