#include "evidence/envoy.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::evidence {

bool TlsContext::istio_mutual() const {
  const auto& names = certificate_secrets;
  return std::find(names.begin(), names.end(), "default") != names.end() && validation_secret == "ROOTCA";
}

bool FilterChainMatch::any() const {
  return !destination_port && prefix_ranges.empty() && transport_protocol.empty() && application_protocols.empty() &&
         server_names.empty() && !more_conditions;
}

std::optional<ClusterName> ClusterName::parse(std::string_view name) {
  if (ends_with(name, ";")) name.remove_suffix(1);   // alt_stat_name form of 1.23 and later
  const std::string_view separator = contains(name, "|") ? "|" : "_.";
  std::string_view parts[3];
  for (auto& part : parts) {
    const auto end = name.find(separator);
    if (end == std::string_view::npos) return std::nullopt;
    part = name.substr(0, end);
    name.remove_prefix(end + separator.size());
  }
  const auto port = to_number(parts[1]);
  const bool directed = starts_with(parts[0], "outbound") || starts_with(parts[0], "inbound");
  if (!directed || !port || *port > 65535 || contains(name, "|")) return std::nullopt;
  ClusterName result;
  result.direction = parts[0];
  result.subset = parts[2];
  result.host = name;
  result.port = static_cast<std::uint16_t>(*port);
  return result;
}

}  // namespace meshdx::evidence
