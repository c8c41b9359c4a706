// Where a child's output goes, and how much of it is kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "run/command.hpp"
#include "util/text.hpp"

namespace meshdx::run {

/// So much of a log's end is looked at, some 12 000 requests: what is wrong now is what the latest lines tell, and a proxy
/// under load writes a gigabyte in an hour.
inline constexpr std::size_t g_log_window = 4U << 20U;

/// What is kept of a log: a little more, so that its first line in the window is a whole one.
inline constexpr std::size_t g_log_kept = g_log_window + (64U << 10U);

/// `kubectl logs ...`, or the request for a pod's log: what it prints is in order of time, and the latest counts.
inline bool is_log(const Argv& argv) {
  if (argv.size() < 2 || argv[0] != "kubectl") return false;
  return argv[1] == "logs" || (is_api_read(argv) && contains(argv[3], "/log?"));
}

/// Whether older lines of a log are not looked at.
inline bool lacks_oldest(const CommandResult& log) { return log.truncated || log.out.size() > g_log_window; }

/// Takes an output bit by bit and keeps its first bytes, or its last ones.
class Sink {
 public:
  enum class Keeps { first, last };

  Sink(std::string& into, std::size_t most, Keeps keeps) : m_into(into), m_most(most), m_keeps(keeps) {}

  void add(std::string_view bytes) {
    const std::size_t room = std::min(m_most - m_into.size(), bytes.size());
    m_into.append(bytes.data(), room);
    bytes.remove_prefix(room);
    m_over = m_over || !bytes.empty();
    if (m_keeps == Keeps::last) overwrite(bytes);
  }

  /// To be called once all is there: the bytes stand in their order then, and the first line is a whole one.
  void end() {
    if (!m_over || m_keeps == Keeps::first) return;
    std::rotate(m_into.begin(), m_into.begin() + static_cast<std::ptrdiff_t>(m_oldest), m_into.end());
    m_oldest = 0;
    const auto newline = m_into.find('\n');
    if (newline != std::string::npos) m_into.erase(0, newline + 1);
  }

  [[nodiscard]] bool over() const { return m_over; }
  [[nodiscard]] const std::string& kept() const { return m_into; }

 private:
  void overwrite(std::string_view bytes) {
    if (bytes.size() > m_most) bytes.remove_prefix(bytes.size() - m_most);
    while (!bytes.empty()) {
      const std::size_t part = std::min(m_most - m_oldest, bytes.size());
      std::copy_n(bytes.data(), part, m_into.begin() + static_cast<std::ptrdiff_t>(m_oldest));
      m_oldest = (m_oldest + part) % m_most;
      bytes.remove_prefix(part);
    }
  }

  std::string& m_into;
  std::size_t m_most;
  Keeps m_keeps;
  std::size_t m_oldest = 0;   ///< where the oldest byte stands, and the next one goes
  bool m_over = false;
};

/// For a command's stdout: of a log the end is kept, of all else the beginning, `most` bytes at most.
inline Sink sink_for(const Argv& argv, std::string& into, std::size_t most) {
  if (!is_log(argv)) return {into, most, Sink::Keeps::first};
  return {into, std::min(most, g_log_kept), Sink::Keeps::last};
}

}  // namespace meshdx::run
