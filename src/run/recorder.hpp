// Keeps what a run did, so that it can be replayed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "run/command.hpp"
#include "run/recording.hpp"

namespace meshdx::run {

/// A CommandRunner that passes everything on to another one (which must outlive it) and keeps the results. What wait()
/// gives is untouched; secrets are taken out of what is written.
class RecordingRunner : public CommandRunner {
 public:
  explicit RecordingRunner(CommandRunner& inner) : m_inner(inner) {}

  [[nodiscard]] bool can_start() const override { return m_inner.can_start(); }
  void start(std::size_t ticket, Argv argv, std::chrono::milliseconds timeout) override;
  std::optional<Finished> wait() override;
  [[nodiscard]] bool interrupted() const override { return m_inner.interrupted(); }

  /// Writes what has ended until now, in the order of the starts, redacted (write_recording). `head` gives the meshdx
  /// args (redacted, too), the versions and the time (now, when empty). Error: as write_recording.
  [[nodiscard]] Expected<Done> write(const std::string& path, Recording head) const;

 private:
  CommandRunner& m_inner;
  std::size_t m_started = 0;
  std::multimap<std::size_t, std::size_t> m_order;  ///< ticket → how many were started before it
  std::map<std::size_t, CommandResult> m_results;   ///< by the order of the starts
};

}  // namespace meshdx::run
