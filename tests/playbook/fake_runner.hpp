// A CommandRunner with answers made up by the test; it remembers what was asked and how many ran at once.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "run/command.hpp"
#include "util/text.hpp"

namespace meshdx::testing {

class FakeRunner : public run::CommandRunner {
 public:
  using Answer = std::function<run::CommandResult(const std::string& command)>;
  explicit FakeRunner(Answer answer, std::size_t parallel = 8) : m_answer(std::move(answer)), m_parallel(parallel) {}

  [[nodiscard]] bool can_start() const override { return m_under_way.size() < m_parallel; }
  void start(std::size_t ticket, run::Argv argv, std::chrono::milliseconds) override {
    asked.push_back(join(argv, " "));
    m_under_way.push_back({ticket, std::move(argv)});
    most_at_once = std::max(most_at_once, m_under_way.size());
  }
  std::optional<run::Finished> wait() override {
    if (m_under_way.empty()) return std::nullopt;
    auto [ticket, argv] = m_under_way.front();
    m_under_way.pop_front();
    auto result = m_answer(join(argv, " "));
    result.argv = argv;
    if (++m_ended == interrupt_after) m_interrupted = true;
    return run::Finished{ticket, std::move(result)};
  }
  [[nodiscard]] bool interrupted() const override { return m_interrupted; }

  [[nodiscard]] std::size_t times(const std::string& command) const {
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), command));
  }
  [[nodiscard]] std::size_t place(const std::string& command) const {
    return static_cast<std::size_t>(std::find(asked.begin(), asked.end(), command) - asked.begin());
  }

  std::vector<std::string> asked;
  std::size_t most_at_once = 0, interrupt_after = 0;

 private:
  Answer m_answer;
  std::size_t m_parallel;
  std::deque<std::pair<std::size_t, run::Argv>> m_under_way;
  std::size_t m_ended = 0;
  bool m_interrupted = false;
};

inline run::CommandResult printed(std::string out) {
  run::CommandResult result;
  result.out = std::move(out);
  return result;
}

inline run::CommandResult failed(std::string err) {
  run::CommandResult result;
  result.exit_code = 1;
  result.err = std::move(err);
  return result;
}

}  // namespace meshdx::testing
