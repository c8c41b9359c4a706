// A gateway's listener and routes for one port (pilot/pkg/networking/core/gateway.go).
#include <algorithm>
#include <map>
#include <set>

#include "forecast/parts.hpp"
#include "mesh/gateway_api.hpp"
#include "util/text.hpp"

namespace meshdx::forecast {

using namespace evidence;
using mesh::GatewayServer;
using mesh::View;

namespace {

bool http_family(const std::string& protocol) {
  return protocol == "HTTP" || protocol == "HTTP2" || protocol == "GRPC" || protocol == "GRPC-WEB";
}

std::string ref(const Object& gateway) { return gateway.meta.ns + "/" + gateway.meta.name; }

/// The servers of a port that istiod keeps: those that go with the oldest Gateway's (mergeGateways).
std::vector<GatewayServer> kept_servers(const View& view, const Pod& pod, std::uint16_t asked) {
  auto servers = mesh::gateway_servers(view, pod);
  servers.erase(std::remove_if(servers.begin(), servers.end(), [&](const auto& s) { return s.port != asked; }), servers.end());
  if (servers.empty()) return servers;
  const bool http = http_family(servers.front().protocol);
  servers.erase(std::remove_if(servers.begin(), servers.end(), [&](const auto& s) { return http_family(s.protocol) != http; }), servers.end());
  return servers;
}

/// The hosts that a server and a VirtualService have in common; of two that cover each other the narrower.
std::vector<std::string> common_hosts(const mesh::Names& names, const GatewayServer& server, const Object& vs) {
  std::vector<std::string> hosts;
  for (const auto& written : mesh::strings_at(vs.spec(), "hosts")) {
    const auto own = names.resolve(written, vs.meta.ns);
    for (std::size_t i = 0; i < server.hosts.size(); ++i) {
      if (!server.admits(i, vs.meta.ns)) continue;
      if (mesh::host_covers(server.hosts[i], own)) hosts.push_back(own);
      else if (mesh::host_covers(own, server.hosts[i])) hosts.push_back(server.hosts[i]);
    }
  }
  return hosts;
}

/// The VirtualServices that a namespace sees, by the Gateways they are bound to ("ns/name"), of each the oldest first.
std::map<std::string, std::vector<const Object*>> bound_services(const View& view, const std::string& ns) {
  std::map<std::string, std::vector<const Object*>> found;
  const auto* config = view.mesh_config();
  for (const auto* vs : view.objects(Kind::virtual_services).items) {
    if (!mesh::exported(mesh::strings_at(vs->spec(), "exportTo"), config->default_virtual_service_export_to, vs->meta.ns, ns)) continue;
    const auto names = mesh::bound_gateways(*vs);
    for (const auto& name : std::set<std::string>(names.begin(), names.end())) found[name].push_back(vs);
  }
  for (auto& [name, services] : found) {
    std::stable_sort(services.begin(), services.end(), [](const auto* a, const auto* b) { return a->meta.created < b->meta.created; });
  }
  return found;
}

VirtualHost& host_named(RouteConfiguration& config, const std::string& host, std::uint16_t port) {
  for (auto& known : config.virtual_hosts) {
    if (known.domains.front() == host) return known;
  }
  VirtualHost made;
  made.name = host + ":" + std::to_string(port);
  made.domains = {host};
  config.virtual_hosts.push_back(std::move(made));
  return config.virtual_hosts.back();
}

/// The virtual hosts that the request's host may fall into, of the servers that share one route configuration. The others
/// are those of every application behind the same gateway: where they lead to does not concern the request.
RouteConfiguration routes_for(const View& view, const Vantage& vantage, const std::string& name, const std::vector<GatewayServer>& servers,
                              const mesh::Request& request, std::uint16_t port, Forecast& forecast) {
  RouteConfiguration config{name, {}};
  std::vector<std::string> gateways;
  bool any = false;
  const auto services = bound_services(view, vantage.ns);
  for (const auto& server : servers) gateways.push_back(ref(*server.gateway));
  for (const auto& server : servers) {
    const auto own = services.find(ref(*server.gateway));
    if (own == services.end()) continue;
    for (const auto* vs : own->second) {
      for (const auto& host : common_hosts(view.names(), server, *vs)) {
        any = true;
        if (!mesh::domain_takes(host, request.host)) continue;
        auto& into = host_named(config, host, port);
        into.require_tls = into.require_tls || bool_at(at(server.server, "tls"), "httpsRedirect");
        for (auto& route : routes_of(view, *vs, vantage, gateways, port, forecast)) into.routes.push_back(std::move(route));
      }
    }
  }
  // Rules of several VirtualServices for one host are merged, those that take everything last (SortVHostRoutes).
  for (auto& host : config.virtual_hosts) {
    std::stable_partition(host.routes.begin(), host.routes.end(), [](const Route& route) { return !takes_all(route); });
    add_clusters(view, vantage, host.routes, forecast);
  }
  if (!any) config.virtual_hosts.push_back({"blackhole:" + std::to_string(port), {"*"}, {}, false});
  return config;
}

}  // namespace

FilterChain http_chain(const std::string& routes) {
  FilterChain chain;
  chain.http = true;
  chain.route_config_name = routes;
  return chain;
}

Forecast through_gateway(const View& view, const Pod& gateway, const mesh::Request& request, std::uint16_t asked) {
  Forecast forecast;
  const bool all_read = view.objects(Kind::gateways).everywhere && view.objects(Kind::virtual_services).everywhere && view.mesh_config() != nullptr;
  if (!all_read) {
    forecast.unknown = "the Gateways and VirtualServices of all namespaces were not read";
    return forecast;
  }
  const auto served = mesh::api_gateways_of(view, gateway);
  if (!served.empty()) return through_api_gateway(view, gateway, served, request, asked);
  const Vantage vantage{gateway.meta.ns, gateway.meta.labels, true};
  const auto servers = kept_servers(view, gateway, asked);
  if (servers.empty()) return forecast;   // no listener on the port
  Listener listener;
  listener.name = "0.0.0.0_" + std::to_string(request.port);
  listener.address = "0.0.0.0";
  listener.port = request.port;
  listener.direction = "OUTBOUND";
  if (http_family(servers.front().protocol)) {
    const auto name = "http." + std::to_string(request.port);
    forecast.routes.push_back(routes_for(view, vantage, name, servers, request, asked, forecast));
    listener.chains.push_back(http_chain(name));
  }
  for (const auto& server : servers) {
    if (http_family(server.protocol)) break;
    if (server.protocol != "HTTPS" || server.tls_mode == "PASSTHROUGH" || server.tls_mode == "AUTO_PASSTHROUGH") {
      forecast.unknown = "what Gateway " + ref(*server.gateway) + " does with " + server.protocol + " on port " + std::to_string(asked) + " is decided by the connection";
      return forecast;
    }
    const auto name = "https." + std::to_string(asked) + "." + text_at(at(server.server, "port"), "name") + "." + server.gateway->meta.name + "." + server.gateway->meta.ns;
    forecast.routes.push_back(routes_for(view, vantage, name, {server}, request, asked, forecast));
    auto chain = http_chain(name);
    chain.match.transport_protocol = "tls";
    const bool any = std::find(server.hosts.begin(), server.hosts.end(), "*") != server.hosts.end();
    if (!any) chain.match.server_names = server.hosts;
    chain.tls = TlsContext{};
    listener.chains.push_back(std::move(chain));
  }
  forecast.listeners.push_back(std::move(listener));
  return forecast;
}

}  // namespace meshdx::forecast
