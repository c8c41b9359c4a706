#include <algorithm>

#include "evidence/proxy_log_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

using View = std::string_view;

constexpr std::pair<View, View> levels[] = {
    {"info", "info"}, {"warn", "warn"}, {"warning", "warn"}, {"error", "error"}, {"debug", "debug"}, {"fatal", "fatal"},
    {"critical", "critical"}, {"trace", "trace"}, {"INFO", "info"}, {"WARN", "warn"}, {"WARNING", "warn"},
    {"ERROR", "error"}, {"DEBUG", "debug"}, {"CRITICAL", "critical"}};

/// Takes the text before the separator (or all) off the front.
View take_until(View& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

bool all_of(View text, View set) { return !text.empty() && text.find_first_not_of(set) == View::npos; }

/// "2026-11-22T17:07:11.948Z", with or without fraction and zone.
bool is_time(View text) {
  return text.size() >= 19 && text.size() <= 40 && text[4] == '-' && (text[10] == 'T' || text[10] == ' ') &&
         all_of(text.substr(0, 4), "0123456789") && all_of(text.substr(11), "0123456789:.,Z+-");
}

/// "grpc_stream.h:152", "server.go:624"
bool is_source(View column) {
  const auto colon = column.rfind(':');
  return colon != View::npos && colon > 2 && !contains(column, " ") && all_of(column.substr(colon + 1), "0123456789") &&
         contains(column.substr(0, colon), ".");
}

/// A column of "key=value" pairs, which pilot-agent puts behind the message.
bool is_labels(View column) {
  const auto equal = column.find('=');
  return equal != View::npos && equal > 0 && column.substr(0, equal).find_first_of(" \"") == View::npos;
}

bool is_scope(View column) {
  return column.size() <= 40 && all_of(column, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/.");
}

/// `[SCOPE\t][file.go:NN\t]MSG[\tk=v k=v]` or Envoy's `envoy NAME FILE:LINE\tMSG`. The default scope has no column: a
/// first column is the scope only when a message follows it.
void read_columns(View rest, AgentLine& line) {
  View first = rest.substr(0, std::min(rest.find('\t'), rest.size()));
  const View after = first.size() < rest.size() ? rest.substr(first.size() + 1) : View();
  if (starts_with(first, "envoy ") && !after.empty()) {
    const auto blank = first.rfind(' ');
    line.scope = is_source(first.substr(blank + 1)) ? first.substr(0, blank) : first;
    rest = after;
  } else if (is_scope(first) && !is_source(first) && !after.empty() && !is_labels(after)) {
    line.scope = first;
    rest = after;
  }
  first = rest.substr(0, std::min(rest.find('\t'), rest.size()));
  if (first.size() < rest.size() && is_source(first)) rest.remove_prefix(first.size() + 1);
  line.message = rest;
  std::replace(line.message.begin(), line.message.end(), '\t', ' ');
}

/// `2026/11/22 16:59:56 INFO text`, Go's slog before pilot-agent sets up its own logger.
std::optional<AgentLine> read_slog(View line) {
  if (line.size() < 21 || line[4] != '/' || line[7] != '/' || line[10] != ' ' || line[19] != ' ') return std::nullopt;
  AgentLine result;
  result.time = line.substr(0, 19);
  line.remove_prefix(20);
  result.level = agent_level(take_until(line, ' '));
  result.message = line;
  return result.level.empty() ? std::nullopt : std::optional(std::move(result));
}

/// `[2024-05-15 01:32:52.262][1][info][main] [source/server/server.cc:123] text`, Envoy before it reads its bootstrap.
std::optional<AgentLine> read_early_envoy(View line) {
  AgentLine result;
  line.remove_prefix(1);
  const auto time = take_until(line, ']');
  if (!is_time(time) || !starts_with(line, "[")) return std::nullopt;
  result.time = time;
  take_until(line, ']');   // thread
  if (!starts_with(line, "[")) return std::nullopt;
  line.remove_prefix(1);
  result.level = agent_level(take_until(line, ']'));
  if (result.level.empty() || !starts_with(line, "[")) return std::nullopt;
  line.remove_prefix(1);
  result.scope = "envoy " + std::string(take_until(line, ']'));
  line = trim(line);
  if (starts_with(line, "[") && contains(line, "] ")) line.remove_prefix(line.find("] ") + 2);
  result.message = line;
  return result;
}

}  // namespace

std::string_view agent_level(std::string_view word) {
  const auto* const found =
      std::find_if(std::begin(levels), std::end(levels), [&](const auto& level) { return level.first == word; });
  return found == std::end(levels) ? View() : found->second;
}

bool strip_thread(std::string_view& line) {
  const auto tab = line.rfind("\tthread=");
  if (tab == View::npos || !all_of(line.substr(tab + 8), "0123456789")) return false;
  line = line.substr(0, tab);
  return true;
}

std::optional<AgentLine> read_agent_text(std::string_view line) {
  if (line.size() < 20) return std::nullopt;
  if (line[0] == '[') return read_early_envoy(line);
  if (line[0] < '0' || line[0] > '9') return std::nullopt;
  if (line[4] == '/') return read_slog(line);
  const auto time = take_until(line, '\t');
  if (!is_time(time)) return std::nullopt;
  AgentLine result;
  result.level = agent_level(take_until(line, '\t'));
  if (result.level.empty()) return std::nullopt;
  result.time = time;
  read_columns(line, result);
  return result;
}

}  // namespace meshdx::evidence
