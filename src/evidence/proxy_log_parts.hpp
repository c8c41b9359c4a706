// The readers of single lines behind parse_proxy_log. Internal to evidence/proxy_log*.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "evidence/dump.hpp"
#include "evidence/proxy_log.hpp"

namespace meshdx::evidence {

/// A field of the access log: "-" means absent.
std::string access_field(std::string_view field);
/// "UF,URX" as a sorted set; Envoy changed the order in 1.31 (formats.md 7.1).
std::vector<std::string> access_flags(std::string_view field);
/// Cluster without the ";" that alt_stat_name put at its end in 1.23 and 1.24.
std::string access_cluster(std::string_view field);

/// Istio's text format (formats.md 7.1), also of before 1.9 and with custom fields behind it. False when it is none;
/// then the record is half filled.
bool read_access_text(std::string_view line, AccessLine& access);
/// Istio's JSON format; nothing when the object is no access line.
std::optional<AccessLine> read_access_json(const dump::View& object);

/// The first line of a message of pilot-agent or Envoy in text form; nothing when it is none.
std::optional<AgentLine> read_agent_text(std::string_view line);
/// The same with --log_as_json.
std::optional<AgentLine> read_agent_json(const dump::View& object);

/// Takes Envoy's "\tthread=21" off the end of a message. True when it was there: then the message ends here.
bool strip_thread(std::string_view& line);
/// "warning" is "warn"; lower case; "" for words that are no level.
std::string_view agent_level(std::string_view word);

}  // namespace meshdx::evidence
