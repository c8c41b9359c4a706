// The pieces a forecast is put together from. Private to forecast.
#pragma once

#include <string>
#include <vector>

#include "forecast/forecast.hpp"
#include "mesh/istio_config.hpp"

namespace meshdx::forecast {

/// Whose proxy it is: which namespace's view of the objects counts, and what route matches by source see.
struct Vantage {
  std::string ns;
  evidence::Labels labels;
  bool gateway = false;
};

/// A host, port and subset that a route leads to.
struct Target {
  std::string host, subset;
  std::uint16_t port = 0;
  [[nodiscard]] std::string cluster() const { return "outbound|" + std::to_string(port) + "|" + subset + "|" + host; }
};

/// Adds the target's cluster and endpoints. A host, port or subset that does not exist adds nothing (the walk then finds the
/// cluster missing, as Envoy does); what was not read makes the forecast unknown.
void add_cluster(const mesh::View& view, const Vantage& vantage, const Target& target, Forecast& forecast);

/// "mesh" or "ns/name" of a gateway as an object of `ns` writes it.
std::string gateway_ref(const std::string& name, const std::string& ns);

/// The target a route's `destination` names. Without a port: the only port of the host, else the port of the request
/// (route.go GetDestinationCluster).
Target target_of(const mesh::View& view, const Json& destination, const std::string& ns, std::uint16_t port);

/// The http rules of a VirtualService as routes of a proxy, in order, up to the first that takes everything. `gateways`:
/// "mesh", or those of the gateway's pod. Delegates are read in place of the rules that name them.
std::vector<evidence::Route> routes_of(const mesh::View& view, const evidence::Object& virtual_service, const Vantage& vantage,
                                       const std::vector<std::string>& gateways, std::uint16_t port, Forecast& forecast);

/// Whether a route takes every request (route.go isCatchAllRoute).
bool takes_all(const evidence::Route& route);

/// Adds the clusters that routes lead to, each once.
void add_clusters(const mesh::View& view, const Vantage& vantage, const std::vector<evidence::Route>& routes, Forecast& forecast);

/// A filter chain that hands requests to a route configuration.
evidence::FilterChain http_chain(const std::string& routes);

/// through_gateway() for a pod that serves Gateways of the Gateway API: `served`.
Forecast through_api_gateway(const mesh::View& view, const evidence::Pod& gateway, const std::vector<const evidence::Object*>& served, const mesh::Request& request, std::uint16_t asked);

/// A Service's exportTo, which stands in an annotation; empty: the mesh's default.
std::vector<std::string> export_of(const evidence::Service& service);

/// The ServiceEntry that has the host, "" as in "nothing has it" and `covered` false when a list was not read.
const evidence::Object* entry_with(const mesh::View& view, const std::string& host, bool* covered);

}  // namespace meshdx::forecast
