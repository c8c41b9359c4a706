#include <algorithm>

#include "evidence/proxy_log_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

/// Where each text key of the format goes (formats.md 7.1).
constexpr std::pair<std::string_view, std::string AccessLine::*> text_keys[] = {
    {"start_time", &AccessLine::start},
    {"method", &AccessLine::method},
    {"path", &AccessLine::path},
    {"protocol", &AccessLine::protocol},
    {"response_code_details", &AccessLine::details},
    {"connection_termination_details", &AccessLine::termination},
    {"upstream_transport_failure_reason", &AccessLine::transport_failure},
    {"upstream_service_time", &AccessLine::upstream_service_time},
    {"x_forwarded_for", &AccessLine::forwarded_for},
    {"user_agent", &AccessLine::user_agent},
    {"request_id", &AccessLine::request_id},
    {"authority", &AccessLine::authority},
    {"upstream_host", &AccessLine::upstream_host},
    {"upstream_local_address", &AccessLine::upstream_local},
    {"downstream_local_address", &AccessLine::downstream_local},
    {"downstream_remote_address", &AccessLine::downstream_remote},
    {"requested_server_name", &AccessLine::sni},
    {"route_name", &AccessLine::route_name}};

/// Typed formats print numbers, untyped ones text; "-" and null are 0.
std::int64_t number_of(const dump::View& value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(to_number(value.printed()).value_or(0), INT64_MAX));
}

void read_member(std::string_view key, const dump::View& value, AccessLine& line) {
  if (key == "response_code") line.code = static_cast<int>(std::min<std::int64_t>(number_of(value), 999));
  else if (key == "bytes_received") line.bytes_received = number_of(value);
  else if (key == "bytes_sent") line.bytes_sent = number_of(value);
  else if (key == "duration") line.duration_ms = number_of(value);
  else if (key == "response_flags") line.flags = access_flags(value.printed());
  else if (key == "upstream_cluster") line.upstream_cluster = access_cluster(value.printed());
  else {
    const auto* const found =
        std::find_if(std::begin(text_keys), std::end(text_keys), [&](const auto& k) { return k.first == key; });
    if (found != std::end(text_keys)) line.*found->second = access_field(value.printed());
  }
}

std::string first_of(const dump::View& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    auto text = object.get(key).printed();
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace

std::optional<AccessLine> read_access_json(const dump::View& object) {
  bool is_access = false;
  AccessLine line;
  object.members([&](std::string_view key, const dump::View& value) {
    if (key == "response_code" || key == "response_flags") is_access = true;
    read_member(key, value, line);
  });
  return is_access ? std::optional(std::move(line)) : std::nullopt;
}

std::optional<AgentLine> read_agent_json(const dump::View& object) {
  // The stackdriver encoding says severity, timestamp, message, logger (formats.md 7.2).
  AgentLine line;
  line.level = agent_level(first_of(object, {"level", "severity"}));
  if (line.level.empty()) return std::nullopt;
  line.time = first_of(object, {"time", "timestamp"});
  line.scope = first_of(object, {"scope", "logger"});
  line.message = first_of(object, {"msg", "message"});
  static constexpr std::string_view known[] = {"level", "severity", "time",    "timestamp", "scope", "logger",
                                               "msg",   "message",  "caller",  "thread"};
  object.members([&](std::string_view key, const dump::View& value) {
    if (std::find(std::begin(known), std::end(known), key) != std::end(known)) return;
    const auto text = value.printed();
    if (!text.empty()) line.message.append(1, ' ').append(key).append(1, '=').append(text);   // a label
  });
  return line;
}

}  // namespace meshdx::evidence
