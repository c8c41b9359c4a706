// Pieces that several of Envoy's dumps share. Internal to evidence/envoy*.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "evidence/dump.hpp"
#include "evidence/envoy.hpp"

namespace meshdx::evidence {

/// `metadata.filterMetadata.istio.config` of any element.
ConfigRef read_config_ref(const dump::View& element);
/// An address: "10.0.0.1:80", "[::1]:80", "./path/of/pipe", or "envoy://listener/endpoint" for Envoy's internal ones.
std::string read_address(const dump::View& address);
/// A transport socket's TLS context, also inside wrapping sockets (HBONE, PROXY protocol, QUIC); nullopt: raw buffer.
std::optional<TlsContext> read_transport_socket(const dump::View& socket);
/// A type.matcher.v3.StringMatcher; nullopt for kinds not modelled (`custom`).
std::optional<StringMatch> read_string_match(const dump::View& matcher);
RouteConfiguration read_route_configuration(const dump::View& configuration);
/// `route.weightedClusters` and tcp_proxy's `weightedClusters`.
std::vector<WeightedCluster> read_weighted_clusters(const dump::View& weighted);
/// True when the `@type` of a typed config ends in this message name.
bool is_type(const dump::View& typed_config, std::string_view message);

}  // namespace meshdx::evidence
