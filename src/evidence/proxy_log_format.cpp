#include "evidence/proxy_log_format.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

#include "evidence/proxy_log_parts.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

/// Where an operator's text goes, and whether a diagnosis can do without.
struct Operator {
  std::string_view name;
  std::string AccessLine::*member;
  bool needed;
};

constexpr Operator k_texts[] = {
    {"START_TIME", &AccessLine::start, true},
    {"REQ(:METHOD)", &AccessLine::method, true},
    {"REQ(:PATH)", &AccessLine::path, true},
    {"PROTOCOL", &AccessLine::protocol, false},
    {"RESPONSE_CODE_DETAILS", &AccessLine::details, true},
    {"CONNECTION_TERMINATION_DETAILS", &AccessLine::termination, true},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", &AccessLine::transport_failure, true},
    {"RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)", &AccessLine::upstream_service_time, false},
    {"REQ(X-FORWARDED-FOR)", &AccessLine::forwarded_for, false},
    {"REQ(USER-AGENT)", &AccessLine::user_agent, false},
    {"REQ(X-REQUEST-ID)", &AccessLine::request_id, true},
    {"REQ(:AUTHORITY)", &AccessLine::authority, true},
    {"UPSTREAM_HOST", &AccessLine::upstream_host, true},
    {"UPSTREAM_LOCAL_ADDRESS", &AccessLine::upstream_local, false},
    {"DOWNSTREAM_LOCAL_ADDRESS", &AccessLine::downstream_local, true},
    {"DOWNSTREAM_REMOTE_ADDRESS", &AccessLine::downstream_remote, true},
    {"REQUESTED_SERVER_NAME", &AccessLine::sni, true},
    {"ROUTE_NAME", &AccessLine::route_name, true}};

/// Those whose values are no plain text. Bytes tell whether a TCP connection came to anything.
constexpr std::pair<std::string_view, bool> k_others[] = {{"RESPONSE_CODE", true}, {"RESPONSE_FLAGS", true}, {"UPSTREAM_CLUSTER", true}, {"BYTES_RECEIVED", false}, {"BYTES_SENT", true}, {"DURATION", false}};

/// One name for what says the same: the path before Envoy rewrote it, the cluster without or with its statistics' name. A
/// START_TIME of a form of its own is none.
std::string plain_name(std::string name) {
  const auto open = name.find('('), close = name.rfind(')');
  if (open != std::string::npos && close != std::string::npos) {
    name.resize(close + 1);   // a ":LENGTH" may follow
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }
  if (name == "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)") return "REQ(:PATH)";
  return name == "UPSTREAM_CLUSTER_RAW" ? "UPSTREAM_CLUSTER" : name;
}

bool read_count(std::string_view text, std::int64_t& number) {
  const auto value = text == "-" || text.empty() ? 0 : to_number(text);
  if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  number = static_cast<std::int64_t>(*value);
  return true;
}

/// Numbers that are none and flags that are none tell a line that fits by its literals only.
bool put(const std::string& name, std::string_view value, AccessLine& line) {
  std::int64_t number = 0;
  if (name == "RESPONSE_CODE") {
    if (!read_count(value, number) || number > 999) return false;
    line.code = static_cast<int>(number);
  } else if (name == "BYTES_RECEIVED") {
    return read_count(value, line.bytes_received);
  } else if (name == "BYTES_SENT") {
    return read_count(value, line.bytes_sent);
  } else if (name == "DURATION") {
    return read_count(value, line.duration_ms);
  } else if (name == "RESPONSE_FLAGS") {
    if (value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ,-") != std::string_view::npos) return false;
    line.flags = access_flags(value);
  } else if (name == "UPSTREAM_CLUSTER") {
    line.upstream_cluster = access_cluster(value);
  } else {
    const auto* const found = std::find_if(std::begin(k_texts), std::end(k_texts), [&](const Operator& o) { return o.name == name; });
    if (found != std::end(k_texts)) line.*found->member = access_field(value);
  }
  return true;
}

std::vector<std::string> missing_in(const std::set<std::string>& names) {
  std::vector<std::string> missing;
  for (const auto& text : k_texts) {
    if (text.needed && names.count(std::string(text.name)) == 0) missing.push_back("%" + std::string(text.name) + "%");
  }
  for (const auto& [name, needed] : k_others) {
    if (needed && names.count(std::string(name)) == 0) missing.push_back("%" + std::string(name) + "%");
  }
  return missing;
}

}  // namespace

Expected<AccessFormat> AccessFormat::compile(const std::string& format, bool json) {
  AccessFormat made;
  made.m_json = json;
  if (json) {
    const auto keys = parse_json(format);
    if (!keys.ok() || !keys->is_object()) return Error{"it is no JSON object"};
    for (auto item = keys->begin(); item != keys->end(); ++item) {
      const std::string text = item->is_string() ? item->get<std::string>() : "";
      if (text.size() > 2 && text.front() == '%' && text.find('%', 1) == text.size() - 1) made.m_parts.push_back({item.key(), plain_name(text.substr(1, text.size() - 2))});
    }
  } else {
    std::string_view rest(format);
    while (ends_with(rest, "\n")) rest.remove_suffix(1);
    for (auto open = rest.find('%'); open != std::string_view::npos; open = rest.find('%')) {
      const auto close = rest.find('%', open + 1);
      if (close == std::string_view::npos) return Error{"an operator in it does not end"};
      if (open == 0 && !made.m_parts.empty()) return Error{"nothing stands between two of its operators"};
      made.m_parts.push_back({std::string(rest.substr(0, open)), plain_name(std::string(rest.substr(open + 1, close - open - 1)))});
      rest.remove_prefix(close + 1);
    }
    made.m_after = rest;
  }
  std::set<std::string> names;
  for (const auto& part : made.m_parts) names.insert(part.name);
  const auto missing = missing_in(names);
  if (!missing.empty()) return Error{"it lacks " + join(missing, ", ")};
  return made;
}

bool AccessFormat::read(std::string_view line, AccessLine& access) const { return m_json ? read_json(line, access) : read_text(line, access); }

bool AccessFormat::read_text(std::string_view line, AccessLine& access) const {
  if (!starts_with(line, m_parts.front().before)) return false;
  line.remove_prefix(m_parts.front().before.size());
  for (std::size_t i = 0; i < m_parts.size(); ++i) {
    const bool last = i + 1 == m_parts.size();
    const std::string& behind = last ? m_after : m_parts[i + 1].before;
    if (last && !ends_with(line, behind)) return false;
    const auto end = last ? line.size() - behind.size() : line.find(behind);
    if (end == std::string_view::npos || !put(m_parts[i].name, line.substr(0, end), access)) return false;
    line.remove_prefix(end + behind.size());
  }
  return true;
}

bool AccessFormat::read_json(std::string_view line, AccessLine& access) const {
  const auto object = starts_with(line, "{") ? parse_json(line) : Expected<Json>(Error{""});
  if (!object.ok() || !object->is_object()) return false;
  std::size_t known = 0;
  for (const auto& part : m_parts) {
    const Json& value = at(*object, part.before.c_str());
    known += object->contains(part.before) ? 1 : 0;
    const std::string text = value.is_string() ? value.get<std::string>() : value.is_number_integer() ? value.dump() : "";
    if (!put(part.name, text, access)) return false;
  }
  return known * 2 > m_parts.size();   // Envoy leaves out or prints null what a request has not
}

}  // namespace meshdx::evidence
