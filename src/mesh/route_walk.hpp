// Resolver 1: where a proxy's own configuration sends a request: listener → filter chain → route configuration → virtual
// host → route → clusters → endpoints. It says which rule sent it where, or at which of these the walk ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evidence/envoy.hpp"

namespace meshdx::mesh {

/// A request as the proxy sees it.
struct Request {
  std::string host;                      ///< Host header / SNI, without port
  std::vector<std::string> addresses;    ///< destination addresses (ClusterIPs, pod IP); empty: unknown or irrelevant (gateway)
  std::uint16_t port = 80;               ///< destination port: the Service's, on a gateway the listener's
  std::uint16_t dialled = 0;             ///< on a gateway: the port before its Service turned it into `port`; 0: the same
  std::string method = "GET", path = "/", query;
  std::vector<std::pair<std::string, std::string>> headers;   ///< names lower-case
  bool tls = false;                      ///< the client itself speaks TLS (https://)
};

/// One cluster a request may end in.
struct Leg {
  std::string cluster;
  std::uint32_t weight = 100;            ///< relative; legs of weight 0 are left out
  std::optional<evidence::ClusterName> name;
  const evidence::Cluster* config = nullptr;
  enum class State {
    unknown,        ///< the dump that would tell was not read
    missing,        ///< the proxy has no such cluster: NC
    empty,          ///< no endpoint at all: UH
    none_healthy,   ///< endpoints, none of them healthy: UH
    all_ejected,    ///< healthy by EDS, all failed the outlier check: UH
    reachable,      ///< at least one endpoint takes traffic
    passthrough,    ///< original destination, as the application dialled it
    blackhole,
  } state = State::unknown;
  std::vector<const evidence::Host*> hosts;
  std::size_t healthy = 0, unhealthy = 0, ejected = 0;
};

/// Which dumps of the proxy are at hand; nullptr: not read.
struct ProxyConfig {
  const evidence::Listeners* listeners = nullptr;
  const evidence::Routes* routes = nullptr;
  const evidence::Clusters* clusters = nullptr;
  const evidence::Endpoints* endpoints = nullptr;
};

struct Walk {
  enum class End {
    unknown,           ///< a dump is missing: see `why`
    no_listener,       ///< a gateway has no listener on the port
    no_filter_chain,   ///< the connection is closed: NR filter_chain_not_found
    no_virtual_host,   ///< no domain fits the host: 404 NR
    no_route,          ///< the virtual host has no rule for this request: 404 NR
    direct_response,
    redirect,          ///< without `route`: the whole virtual host takes https only
    cluster_header,    ///< decided by a header at run time
    clusters,          ///< `legs` tell
  } end = End::unknown;
  std::string why;
  const evidence::Listener* listener = nullptr;
  const evidence::FilterChain* chain = nullptr;
  const evidence::RouteConfiguration* config = nullptr;
  const evidence::VirtualHost* virtual_host = nullptr;
  const evidence::Route* route = nullptr;
  std::string domain;                    ///< the domain of the virtual host that fitted
  std::vector<Leg> legs;

  [[nodiscard]] bool fallthrough() const;   ///< ended in `allow_any`, `block_all`, PassthroughCluster or BlackHoleCluster
};

/// Walks an outbound request through a sidecar.
Walk walk_sidecar(const ProxyConfig& proxy, const Request& request);

/// Walks a request through a gateway; `request.port` is the port the gateway pod listens on.
Walk walk_gateway(const ProxyConfig& proxy, const Request& request);

/// The filter chain of an inbound listener (virtualInbound) that a connection to `port` takes; nullptr: none, the proxy
/// closes it (NR filter_chain_not_found).
struct Connection {
  std::uint16_t port = 0;
  bool tls = false;
  std::string sni;
  std::vector<std::string> alpn;
};
/// `known` is false when a condition that is not modelled (the peer's address) decides among chains.
const evidence::FilterChain* inbound_chain(const evidence::Listener& listener, const Connection& connection, bool* known = nullptr);
const evidence::Listener* inbound_listener(const evidence::Listeners& listeners);

/// Whether a virtual host's domain fits a Host header at all: one of several may fit better (find_virtual_host).
bool domain_takes(const std::string& domain, const std::string& host);

/// The virtual host for a Host header, by Envoy's order: exact, longest `*.suffix`, longest `prefix.*`, `*` (config.route.v3
/// VirtualHost.domains). Ports in Host are ignored, as Istio sets it up. `domain` is the one that fitted.
const evidence::VirtualHost* find_virtual_host(const evidence::RouteConfiguration& config, const std::string& host, std::string* domain);

/// Whether a route's match takes the request. Headers that are not given count as absent.
bool route_matches(const evidence::Route& route, const Request& request);
/// The state of one cluster in a proxy's dumps.
Leg resolve_leg(const ProxyConfig& proxy, const std::string& cluster, std::uint32_t weight);

/// RE2 full match, Envoy's dialect; an invalid pattern matches nothing.
bool full_match(const std::string& text, const std::string& pattern);
/// Whether RE2 takes the pattern.
bool is_regex(const std::string& pattern);

}  // namespace meshdx::mesh
