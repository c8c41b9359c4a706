#include "evidence/proxy_log.hpp"

#include <algorithm>
#include <cstring>

#include "evidence/proxy_log_parts.hpp"
#include "run/sink.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

bool AccessLine::has_flag(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

bool AccessLine::inbound() const {
  return starts_with(upstream_cluster, "inbound|") || starts_with(upstream_cluster, "InboundPassthroughCluster");
}

namespace {

constexpr std::size_t message_limit = 16384;
constexpr std::size_t tail_limit = 4096;
constexpr std::size_t strange_limit = 5000;   // lines

/// Whether a message is worth keeping: warnings and worse, of the others what tells of readiness and of the connection
/// to istiod (formats.md 7.2).
bool worth_keeping(const AgentLine& line) {
  if (line.level != "info" && line.level != "debug" && line.level != "trace") return true;
  return contains(line.message, "XDS server") || contains(line.message, "Readiness succeeded") ||
         contains(line.message, "Envoy proxy is ready") || contains(line.message, "Envoy proxy is NOT ready");
}

template <class F>
void each_line(std::string_view text, F fn) {
  while (!text.empty()) {
    const auto* const newline = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    const auto length = newline ? static_cast<std::size_t>(newline - text.data()) : text.size();
    fn(text.substr(0, length));
    text.remove_prefix(std::min(text.size(), length + 1));
  }
}

/// The last lines of a log that is too long to be read whole: time and memory are bounded however long it is.
std::string_view log_window(std::string_view text) {
  if (text.size() <= run::g_log_window) return text;
  text.remove_prefix(text.size() - run::g_log_window);
  return text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
}

class LogReader {
 public:
  /// Room for the records is made at once: they are larger than the lines, and growing would move them all.
  explicit LogReader(std::size_t bracketed_lines) { m_log.access.reserve(bracketed_lines); }

  void line(std::string_view text) {
    ++m_log.lines;
    if (ends_with(text, "\r")) text.remove_suffix(1);
    if (starts_with(text, "[") && access(text)) return;
    if (starts_with(text, "{") && json(text)) return;
    const bool ended = strip_thread(text);
    if (auto agent = read_agent_text(text)) begin(std::move(*agent));
    else if (starts_with(text, "[2") && contains(text, "] \"")) ++m_log.unread, keep(text);
    else go_on(text), keep(text);
    if (ended) m_state = State::none;
  }

  ProxyLog take() {
    if (!m_log.access.empty()) m_log.strange.clear();
    return std::move(m_log);
  }

 private:
  /// What continuation lines belong to: no message, one that was dropped, or the last of m_log.agent.
  enum class State { none, dropped, kept };

  void keep(std::string_view text) {
    if (m_log.access.empty() && m_log.strange.size() < strange_limit && text.size() < message_limit) m_log.strange.emplace_back(text);
  }

  /// Reads in place: a record is some 700 bytes, moving it costs as much as reading it.
  bool access(std::string_view text) {
    if (read_access_text(text, m_log.access.emplace_back())) return true;
    m_log.access.pop_back();
    return false;
  }

  bool json(std::string_view text) {
    const auto object = m_json.parse(text);
    if (!object) return false;
    if (auto access = read_access_json(object)) {
      m_log.access.push_back(std::move(*access));
      return true;
    }
    auto agent = read_agent_json(object);
    if (!agent) return false;
    begin(std::move(*agent));
    m_state = State::none;   // JSON messages are whole in one line
    return true;
  }

  void begin(AgentLine line) {
    m_tail = 0;
    m_state = State::dropped;
    if (!worth_keeping(line)) return;
    m_state = State::kept;
    if (line.message.size() > message_limit) line.message.resize(message_limit);
    m_log.agent.push_back(std::move(line));
  }

  /// Appends a line to the message. Of a long one the head and the last line stay: a rejected configuration is dumped
  /// over 150 lines and the reason comes last (formats.md 7.2).
  void go_on(std::string_view text) {
    if (m_state != State::kept) return;
    auto& message = m_log.agent.back().message;
    if (m_tail == 0 && message.size() + text.size() < message_limit) {
      message += '\n';
      message += text;
      return;
    }
    if (text.empty()) return;
    if (m_tail == 0) {
      message += "\n...";
      m_tail = message.size();
    }
    message.resize(m_tail);
    message += '\n';
    message += text.substr(0, tail_limit);
  }

  ProxyLog m_log;
  dump::LineParser m_json;
  State m_state = State::none;
  std::size_t m_tail = 0;   ///< where the last line of an overlong message begins, 0: it is not overlong
};

}  // namespace

ProxyLog parse_proxy_log(std::string_view text) {
  text = log_window(text);
  std::size_t bracketed = 0;
  each_line(text, [&](std::string_view line) { bracketed += starts_with(line, "[") ? 1 : 0; });
  LogReader reader(std::min(bracketed, text.size() / 128));   // no access line is shorter
  each_line(text, [&](std::string_view line) { reader.line(line); });
  auto log = reader.take();
  if (!text.empty() && text.back() != '\n') ++log.unread;   // kubectl ends every line: what follows was cut off
  return log;
}

}  // namespace meshdx::evidence
