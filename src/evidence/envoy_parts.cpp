#include "evidence/envoy_parts.hpp"

#include "util/text.hpp"

namespace meshdx::evidence {

using dump::View;

bool is_type(const View& typed_config, std::string_view message) {
  const auto type = typed_config.get("@type").view();
  return ends_with(type, message) && (type.size() == message.size() || type[type.size() - message.size() - 1] == '.');
}

ConfigRef read_config_ref(const View& element) {
  // /apis/GROUP/VERSION/namespaces/NS/KIND/NAME
  const auto path = element.get({"metadata", "filterMetadata", "istio", "config"}).printed();
  const std::string_view marker = "/namespaces/";
  const auto start = path.find(marker);
  if (start == std::string::npos) return {};
  const auto parts = split(std::string_view(path).substr(start + marker.size()), '/');
  if (parts.size() < 3) return {};
  return {parts[1], parts[0], parts[2]};
}

std::string read_address(const View& address) {
  if (const auto socket = address.get("socketAddress")) {
    auto host = socket.get("address").text();
    if (contains(host, ":")) host = "[" + host + "]";
    return host + ":" + std::to_string(socket.get("portValue").fit<std::uint16_t>().value_or(0));
  }
  if (const auto internal = address.get("envoyInternalAddress")) {
    return "envoy://" + internal.get("serverListenerName").text() + "/" + internal.get("endpointId").text();
  }
  return address.get({"pipe", "path"}).text();
}

std::optional<StringMatch> read_string_match(const View& matcher) {
  using Type = StringMatch::Type;
  static constexpr std::pair<const char*, Type> kinds[] = {
      {"exact", Type::exact}, {"prefix", Type::prefix}, {"suffix", Type::suffix}, {"contains", Type::contains}};
  StringMatch match;
  match.ignore_case = matcher.get("ignoreCase").flag();
  for (const auto& kind : kinds) {
    const auto value = matcher.get(kind.first);
    if (!value) continue;
    match.type = kind.second;
    match.value = value.text();
    return match;
  }
  const auto regex = matcher.get("safeRegex");
  if (!regex) return std::nullopt;
  match.type = Type::regex;
  match.value = regex.get("regex").text();
  return match;
}

std::vector<WeightedCluster> read_weighted_clusters(const View& weighted) {
  std::vector<WeightedCluster> clusters;
  weighted.get("clusters").each([&](const View& cluster) {
    clusters.push_back({cluster.get("name").text(), cluster.get("weight").fit<std::uint32_t>().value_or(0)});
  });
  return clusters;
}

namespace {

/// Exact names demanded of the peer; a prefix (servers: "spiffe://cluster.local/") is a trust domain, no name.
void read_subject_alt_names(const View& validation, std::vector<std::string>& names) {
  const auto add = [&](const View& matcher) {
    if (const auto exact = matcher.get("exact")) names.push_back(exact.text());
  };
  validation.get("matchSubjectAltNames").each(add);
  validation.get("matchTypedSubjectAltNames").each([&](const View& typed) { add(typed.get("matcher")); });
}

TlsContext read_tls_context(const View& config) {
  TlsContext tls;
  tls.sni = config.get("sni").text();
  tls.auto_sni = config.get("autoHostSni").flag();
  tls.require_client_certificate = config.get("requireClientCertificate").flag();
  const auto common = config.get("commonTlsContext");
  common.get("alpnProtocols").each([&](const View& protocol) { tls.alpn.push_back(protocol.text()); });
  common.get("tlsCertificateSdsSecretConfigs").each([&](const View& secret) {
    tls.certificate_secrets.push_back(secret.get("name").text());
  });
  const auto combined = common.get("combinedValidationContext");
  const auto sds = (combined ? combined : common).get("validationContextSdsSecretConfig");
  const auto inlined = combined ? combined.get("defaultValidationContext") : common.get("validationContext");
  tls.validation_secret = sds ? sds.get("name").text() : inlined.get({"trustedCa", "filename"}).text();
  read_subject_alt_names(inlined, tls.subject_alt_names);
  return tls;
}

std::optional<TlsContext> read_socket(const View& socket, int depth) {
  const auto config = socket.get("typedConfig");
  if (is_type(config, "UpstreamTlsContext") || is_type(config, "DownstreamTlsContext")) return read_tls_context(config);
  if (const auto quic = config.get("downstreamTlsContext")) return read_tls_context(quic);
  if (const auto quic = config.get("upstreamTlsContext")) return read_tls_context(quic);
  const auto wrapped = config.get("transportSocket");
  return wrapped && depth < 8 ? read_socket(wrapped, depth + 1) : std::nullopt;
}

}  // namespace

std::optional<TlsContext> read_transport_socket(const View& socket) { return read_socket(socket, 0); }

}  // namespace meshdx::evidence
