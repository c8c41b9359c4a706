#include "mesh/route_walk.hpp"

#include <algorithm>

#include "mesh/names.hpp"
#include "util/cidr.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// Whether an address lies in "10.96.0.1/32" or "fd00::/8" (a ServiceEntry's addresses).
bool in_range(const std::string& range, const std::string& address) {
  const auto cidr = parse_cidr(range);
  return cidr && in_cidr(address, *cidr);
}

struct Arriving {
  std::uint16_t port = 0;
  std::vector<std::string> addresses;
  bool tls = false;
  std::string sni;
  std::vector<std::string> alpn;   ///< what the inspectors would report: "http/1.1" for plain HTTP
};

// How well a chain fits by one criterion: -1 not at all, 0 it does not ask, more is more specific.

int rank_port(const FilterChainMatch& match, const Arriving& in) {
  if (!match.destination_port) return 0;
  return *match.destination_port == in.port ? 1 : -1;
}

int rank_address(const FilterChainMatch& match, const Arriving& in) {
  int best = match.prefix_ranges.empty() ? 0 : -1;
  for (const auto& range : match.prefix_ranges) {
    const auto length = static_cast<int>(to_number(range.substr(range.find('/') + 1)).value_or(0));
    const bool inside = ends_with(range, "/0") || std::any_of(in.addresses.begin(), in.addresses.end(), [&](const auto& a) { return in_range(range, a); });
    if (inside) best = std::max(best, 1 + length);
  }
  return best;
}

int rank_server_name(const FilterChainMatch& match, const Arriving& in) {
  int best = match.server_names.empty() ? 0 : -1;
  for (const auto& name : match.server_names) {
    if (name == in.sni) return 1000;
    const bool wildcard = name == "*" || (starts_with(name, "*.") && ends_with(in.sni, name.substr(1)));
    if (wildcard) best = std::max(best, static_cast<int>(name.size()));
  }
  return best;
}

int rank_transport(const FilterChainMatch& match, const Arriving& in) {
  if (match.transport_protocol.empty()) return 0;
  return match.transport_protocol == (in.tls ? "tls" : "raw_buffer") ? 1 : -1;
}

int rank_alpn(const FilterChainMatch& match, const Arriving& in) {
  if (match.application_protocols.empty()) return 0;
  for (std::size_t i = 0; i < in.alpn.size(); ++i) {
    if (has(match.application_protocols, in.alpn[i])) return static_cast<int>(in.alpn.size() - i);   // the peer's order decides
  }
  return -1;
}

struct Choice {
  const FilterChain* chain = nullptr;
  bool known = true;    ///< false: what is left differs by the peer's address, which is not known here
};

/// Envoy narrows by one criterion after the other and never goes back: a connection to a port that has chains of its own
/// takes one of them or the default chain, not one without a port (filter_chain_manager_impl.cc findFilterChain).
Choice choose_chain(const Listener& listener, const Arriving& in) {
  std::vector<const FilterChain*> left;
  for (const auto& chain : listener.chains) left.push_back(&chain);
  for (const auto rank : {rank_port, rank_address, rank_server_name, rank_transport, rank_alpn}) {
    int best = 0;
    for (const auto* chain : left) best = std::max(best, rank(chain->match, in));
    left.erase(std::remove_if(left.begin(), left.end(), [&](const auto* chain) { return rank(chain->match, in) != best; }), left.end());
  }
  const bool known = std::none_of(left.begin(), left.end(), [](const auto* chain) { return chain->match.more_conditions; });
  if (!left.empty()) return {left.front(), known};
  return {listener.default_chain ? &*listener.default_chain : nullptr, true};
}

Arriving arriving(const Request& request) {
  Arriving in;
  in.port = request.port;
  in.addresses = request.addresses;
  in.tls = request.tls;
  const bool address = is_address(request.host);   // RFC 6066: no server name for an address
  in.sni = request.tls && !address ? request.host : "";
  in.alpn = {"http/1.1"};
  return in;
}

const Listener* listener_at(const Listeners& listeners, const std::vector<std::string>& addresses, std::uint16_t port) {
  const Listener* wildcard = nullptr;
  for (const auto& listener : listeners) {
    if (listener.port != port || listener.direction == "INBOUND") continue;
    if (has(addresses, listener.address)) return &listener;
    const bool by_more = std::any_of(addresses.begin(), addresses.end(), [&](const auto& a) { return has(listener.more_addresses, with_port(a, port)); });
    if (by_more) return &listener;
    if (listener.address == "0.0.0.0" || listener.address == "::") wildcard = &listener;
  }
  return wildcard;
}

const Listener* named_listener(const Listeners& listeners, std::string_view name) {
  for (const auto& listener : listeners) {
    if (listener.name == name) return &listener;
  }
  return nullptr;
}

void finish(Walk& walk, Walk::End end, std::string why = "") {
  walk.end = end;
  walk.why = std::move(why);
}

void take_clusters(Walk& walk, const ProxyConfig& proxy, const std::string& cluster, const std::vector<WeightedCluster>& weighted) {
  // Of one weighted cluster the parsers give the name as `cluster` too.
  if (weighted.empty() && !cluster.empty()) walk.legs.push_back(resolve_leg(proxy, cluster, 100));
  for (const auto& member : weighted) {
    if (member.weight > 0) walk.legs.push_back(resolve_leg(proxy, member.name, member.weight));
  }
  finish(walk, Walk::End::clusters);
}

void take_route(Walk& walk, const ProxyConfig& proxy, const Route& route) {
  walk.route = &route;
  if (route.direct_response) return finish(walk, Walk::End::direct_response);
  if (route.redirect) return finish(walk, Walk::End::redirect);
  if (!route.cluster_header.empty()) return finish(walk, Walk::End::cluster_header, "the cluster is named by header " + route.cluster_header);
  take_clusters(walk, proxy, route.cluster, route.weighted);
}

void take_routes(Walk& walk, const ProxyConfig& proxy, const RouteConfiguration& config, const Request& request) {
  walk.config = &config;
  walk.virtual_host = find_virtual_host(config, request.host, &walk.domain);
  if (walk.virtual_host == nullptr) return finish(walk, Walk::End::no_virtual_host);
  if (walk.virtual_host->require_tls && !request.tls) return finish(walk, Walk::End::redirect, "the virtual host sends http to https");
  for (const auto& route : walk.virtual_host->routes) {
    if (!route_matches(route, request)) continue;
    if (route.more_conditions) return finish(walk, Walk::End::unknown, "a route of " + walk.virtual_host->name + " has conditions that meshdx does not read");
    return take_route(walk, proxy, route);
  }
  finish(walk, Walk::End::no_route);
}

void take_chain(Walk& walk, const ProxyConfig& proxy, const Request& request) {
  const FilterChain& chain = *walk.chain;
  if (!chain.http) return take_clusters(walk, proxy, chain.tcp_cluster, chain.tcp_weighted);
  if (chain.inline_routes) return take_routes(walk, proxy, *chain.inline_routes, request);
  if (proxy.routes == nullptr) return finish(walk, Walk::End::unknown, "the proxy's routes were not read");
  for (const auto& config : *proxy.routes) {
    if (config.name == chain.route_config_name) return take_routes(walk, proxy, config, request);
  }
  finish(walk, Walk::End::unknown, "the proxy has not been given the route configuration " + chain.route_config_name);
}

Walk walk_from(const Listener* listener, const ProxyConfig& proxy, const Request& request) {
  Walk walk;
  walk.listener = listener;
  const Choice choice = choose_chain(*listener, arriving(request));
  if (!choice.known) {
    finish(walk, Walk::End::unknown, "the filter chains of listener " + listener->name + " differ by the caller's address, which meshdx does not read");
    return walk;
  }
  walk.chain = choice.chain;
  if (walk.chain == nullptr) finish(walk, Walk::End::no_filter_chain);
  else take_chain(walk, proxy, request);
  return walk;
}

}  // namespace

bool Walk::fallthrough() const {
  if (end == End::direct_response) return route != nullptr && route->name == "block_all";
  // A named cluster of type ORIGINAL_DST (headless, resolution NONE) is a route like any other.
  return end == End::clusters && !legs.empty() && !legs.front().name &&
         (legs.front().state == Leg::State::passthrough || legs.front().state == Leg::State::blackhole);
}

Leg resolve_leg(const ProxyConfig& proxy, const std::string& cluster, std::uint32_t weight) {
  Leg leg;
  leg.cluster = cluster;
  leg.weight = weight;
  leg.name = ClusterName::parse(cluster);
  if (cluster == "BlackHoleCluster") leg.state = Leg::State::blackhole;
  if (starts_with(cluster, "PassthroughCluster")) leg.state = Leg::State::passthrough;
  if (leg.state != Leg::State::unknown || proxy.clusters == nullptr) return leg;
  for (const auto& candidate : *proxy.clusters) {
    if (candidate.name == cluster) leg.config = &candidate;
  }
  if (leg.config == nullptr) {
    leg.state = Leg::State::missing;
    return leg;
  }
  if (leg.config->type == "ORIGINAL_DST") leg.state = Leg::State::passthrough;
  if (leg.state != Leg::State::unknown || proxy.endpoints == nullptr) return leg;
  for (const auto& entry : *proxy.endpoints) {
    if (entry.cluster != cluster) continue;
    for (const auto& host : entry.hosts) leg.hosts.push_back(&host);
  }
  for (const auto* host : leg.hosts) {
    const bool up = host->health == "HEALTHY" || host->health == "DEGRADED" || host->health == "UNKNOWN";
    if (!up || host->failed_active_check) ++leg.unhealthy;
    else if (host->failed_outlier_check) ++leg.ejected;
    else ++leg.healthy;
  }
  if (leg.hosts.empty()) leg.state = Leg::State::empty;
  else if (leg.healthy > 0) leg.state = Leg::State::reachable;
  else leg.state = leg.ejected > 0 ? Leg::State::all_ejected : Leg::State::none_healthy;
  return leg;
}

Walk walk_sidecar(const ProxyConfig& proxy, const Request& request) {
  Walk walk;
  if (proxy.listeners == nullptr) {
    finish(walk, Walk::End::unknown, "the proxy's listeners were not read");
    return walk;
  }
  const Listener* listener = listener_at(*proxy.listeners, request.addresses, request.port);
  if (listener == nullptr) listener = named_listener(*proxy.listeners, "virtualOutbound");
  if (listener == nullptr) {
    finish(walk, Walk::End::unknown, "the proxy has no virtualOutbound listener: its configuration has not arrived");
    return walk;
  }
  return walk_from(listener, proxy, request);
}

Walk walk_gateway(const ProxyConfig& proxy, const Request& request) {
  Walk walk;
  if (proxy.listeners == nullptr) {
    finish(walk, Walk::End::unknown, "the gateway's listeners were not read");
    return walk;
  }
  const Listener* listener = listener_at(*proxy.listeners, {}, request.port);
  if (listener == nullptr) {
    finish(walk, Walk::End::no_listener);
    return walk;
  }
  return walk_from(listener, proxy, request);
}

const Listener* inbound_listener(const Listeners& listeners) { return named_listener(listeners, "virtualInbound"); }

const FilterChain* inbound_chain(const Listener& listener, const Connection& connection, bool* known) {
  Arriving in;
  in.port = connection.port;
  in.tls = connection.tls;
  in.sni = connection.sni;
  in.alpn = connection.alpn;
  const Choice choice = choose_chain(listener, in);
  if (known != nullptr) *known = choice.known;
  return choice.chain;
}

}  // namespace meshdx::mesh
