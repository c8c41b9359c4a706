#include "mesh/route_walk.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// Whether an address lies in "10.96.0.1/32": Istio only writes host addresses and 0.0.0.0/0 here.
bool in_range(const std::string& range, const std::vector<std::string>& addresses) {
  const auto slash = range.find('/');
  const std::string network = range.substr(0, slash);
  if (slash != std::string::npos && range.substr(slash) == "/0") return true;
  return has(addresses, network);
}

struct Arriving {
  std::uint16_t port = 0;
  std::vector<std::string> addresses;
  bool tls = false;
  std::string sni;
  std::vector<std::string> alpn;   ///< what the inspectors would report: "http/1.1" for plain HTTP
};

bool server_name_fits(const std::vector<std::string>& names, const std::string& sni) {
  for (const auto& name : names) {
    if (name == "*" || name == sni || (starts_with(name, "*.") && ends_with(sni, name.substr(1)))) return true;
  }
  return false;
}

bool chain_fits(const FilterChainMatch& match, const Arriving& in) {
  if (match.destination_port && *match.destination_port != in.port) return false;
  if (!match.prefix_ranges.empty() &&
      std::none_of(match.prefix_ranges.begin(), match.prefix_ranges.end(), [&](const auto& r) { return in_range(r, in.addresses); })) return false;
  if (!match.server_names.empty() && !server_name_fits(match.server_names, in.sni)) return false;
  if (match.transport_protocol == "tls" && !in.tls) return false;
  if (match.transport_protocol == "raw_buffer" && in.tls) return false;
  if (match.application_protocols.empty()) return true;
  return std::any_of(in.alpn.begin(), in.alpn.end(), [&](const auto& p) { return has(match.application_protocols, p); });
}

/// Envoy narrows by one criterion after the other (FilterChainMatch): port, address, server name, transport, ALPN.
int specificity(const FilterChainMatch& match) {
  return (match.destination_port ? 16 : 0) + (match.prefix_ranges.empty() ? 0 : 8) + (match.server_names.empty() ? 0 : 4) +
         (match.transport_protocol.empty() ? 0 : 2) + (match.application_protocols.empty() ? 0 : 1);
}

const FilterChain* choose_chain(const Listener& listener, const Arriving& in) {
  const FilterChain* best = nullptr;
  for (const auto& chain : listener.chains) {
    if (!chain_fits(chain.match, in)) continue;
    if (best == nullptr || specificity(chain.match) > specificity(best->match)) best = &chain;
  }
  if (best == nullptr && listener.default_chain) return &*listener.default_chain;
  return best;
}

Arriving arriving(const Request& request) {
  Arriving in;
  in.port = request.port;
  in.addresses = request.addresses;
  in.tls = request.tls;
  in.sni = request.tls ? request.host : "";
  in.alpn = {"http/1.1"};
  return in;
}

const Listener* listener_at(const Listeners& listeners, const std::vector<std::string>& addresses, std::uint16_t port) {
  const Listener* wildcard = nullptr;
  for (const auto& listener : listeners) {
    if (listener.port != port || listener.direction == "INBOUND") continue;
    if (has(addresses, listener.address)) return &listener;
    for (const auto& more : listener.more_addresses) {
      if (has(addresses, more)) return &listener;
    }
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
  if (!cluster.empty()) walk.legs.push_back(resolve_leg(proxy, cluster, 100));
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
  walk.chain = choose_chain(*listener, arriving(request));
  if (walk.chain == nullptr) finish(walk, Walk::End::no_filter_chain);
  else take_chain(walk, proxy, request);
  return walk;
}

}  // namespace

bool Walk::fallthrough() const {
  if (end == End::direct_response) return route != nullptr && route->name == "block_all";
  return end == End::clusters && !legs.empty() &&
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

const FilterChain* inbound_chain(const Listener& listener, const Connection& connection) {
  Arriving in;
  in.port = connection.port;
  in.tls = connection.tls;
  in.sni = connection.sni;
  in.alpn = connection.alpn;
  return choose_chain(listener, in);
}

}  // namespace meshdx::mesh
