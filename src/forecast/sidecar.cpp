// The outbound side of a sidecar for one Service's port (pilot/pkg/networking/core/httproute.go, listener.go; causes.md
// appendix E), and the inbound side of its server.
#include <algorithm>

#include "forecast/parts.hpp"
#include "mesh/gateway_api.hpp"
#include "mesh/mtls.hpp"
#include "mesh/protocol.hpp"
#include "util/text.hpp"

namespace meshdx::forecast {

using namespace evidence;
using mesh::View;

namespace {

Forecast not_known(const std::string& why) {
  Forecast forecast;
  forecast.unknown = why;
  return forecast;
}

/// How specific a VirtualService's best host for a Service is: an exact one beats wildcards, of which the longest wins.
std::size_t specificity(const mesh::Names& names, const Object& vs, const std::string& host) {
  std::size_t best = 0;
  for (const auto& written : mesh::strings_at(vs.spec(), "hosts")) {
    const auto own = names.resolve(written, vs.meta.ns);
    if (own == host) return 1'000'000;
    if (mesh::host_covers(own, host)) best = std::max(best, own.size());
  }
  return best;
}

/// The VirtualService whose rules of a kind ("http", "tcp") count for the host: the most specific, of those the oldest.
const Object* chosen(const View& view, const std::string& host, const std::string& ns, const char* kind) {
  const Object* best = nullptr;
  for (const auto* vs : mesh::mesh_virtual_services(view, host, ns)) {
    const Json& rules = at(vs->spec(), kind);
    if (!rules.is_array() || rules.empty()) continue;
    if (best == nullptr || specificity(view.names(), *vs, host) > specificity(view.names(), *best, host)) best = vs;
  }
  return best;
}

Listener outbound(const mesh::Request& request, FilterChain chain) {
  Listener listener;
  listener.name = "0.0.0.0_" + std::to_string(request.port);
  listener.address = "0.0.0.0";
  listener.port = request.port;
  listener.direction = "OUTBOUND";
  listener.chains.push_back(std::move(chain));
  return listener;
}

VirtualHost virtual_host(const mesh::Destination& to, const mesh::Request& request) {
  VirtualHost host;
  host.name = to.host + ":" + std::to_string(request.port);
  host.domains = {to.host, to.name + "." + to.ns, to.name + "." + to.ns + ".svc", to.name};
  if (to.service->headless()) host.domains.push_back("*." + to.host);
  host.domains.insert(host.domains.end(), request.addresses.begin(), request.addresses.end());
  return host;
}

/// Whether the rules hang on what is not known here: the caller's labels, or other VirtualServices.
bool hangs_on_more(const Object& vs) {
  for (const auto& rule : at(vs.spec(), "http")) {
    if (at(rule, "delegate").is_object()) return true;
    for (const auto& match : at(rule, "match")) {
      if (!mesh::labels_at(match, "sourceLabels").empty()) return true;
    }
  }
  return false;
}

void take_http(const View& view, const Vantage& vantage, const mesh::Destination& to, const mesh::Request& request, Forecast& forecast) {
  auto host = virtual_host(to, request);
  const auto* vs = chosen(view, to.host, vantage.ns, "http");
  if (vs != nullptr) {
    host.routes = routes_of(view, *vs, vantage, {"mesh"}, request.port, forecast);
    if (host.routes.empty() && forecast.known() && hangs_on_more(*vs)) forecast.unknown = vs->ref() + " has no rule for callers in " + vantage.ns + " on this port";
  }
  // Where all rules ask for other ports or senders the Service has its default route (route.go BuildSidecarVirtualHostWrapper).
  if (host.routes.empty() && forecast.known()) {
    Route route;
    route.name = "default";
    route.path = "/";
    route.cluster = Target{to.host, "", request.port}.cluster();
    host.routes.push_back(std::move(route));
  }
  add_clusters(view, vantage, host.routes, forecast);
  FilterChain chain;
  chain.http = true;
  chain.route_config_name = std::to_string(request.port);
  forecast.listeners.push_back(outbound(request, chain));
  forecast.routes.push_back({chain.route_config_name, {std::move(host)}});
}

/// Of `tcp` rules only the port can be told from a request; one that asks for more leaves the answer open.
void take_tcp(const View& view, const Vantage& vantage, const mesh::Destination& to, const mesh::Request& request, Forecast& forecast) {
  FilterChain chain;
  static const Json none;
  const auto* vs = chosen(view, to.host, vantage.ns, "tcp");
  const Json* taken = nullptr;
  for (const auto& rule : at(vs == nullptr ? none : vs->spec(), "tcp")) {
    const Json& matches = at(rule, "match");
    bool fits = !matches.is_array() || matches.empty();
    for (const auto& match : fits ? Json::array() : matches) {
      const auto port = number_at(match, "port", request.port);
      if (match.size() > (match.contains("port") ? 1U : 0U)) forecast.unknown = vs->ref() + " matches TCP by more than the port";
      fits = fits || port == request.port;
    }
    if (fits && taken == nullptr) taken = &rule;
  }
  if (chosen(view, to.host, vantage.ns, "tls") != nullptr) forecast.unknown = "a VirtualService routes TLS of the host by SNI";
  const Json plain = Json::array({Json::object({{"destination", Json::object({{"host", to.host}, {"port", {{"number", request.port}}}})}})});
  const Json& destinations = taken == nullptr ? plain : at(*taken, "route");
  for (const auto& one : destinations) {
    const auto target = target_of(view, at(one, "destination"), vs == nullptr ? to.ns : vs->meta.ns, request.port);
    add_cluster(view, vantage, target, forecast);
    if (destinations.size() == 1) chain.tcp_cluster = target.cluster();
    else chain.tcp_weighted.push_back({target.cluster(), static_cast<std::uint32_t>(number_at(one, "weight"))});
  }
  forecast.listeners.push_back(outbound(request, std::move(chain)));
}

/// A Service that the caller's proxy is not given goes where all that is unknown goes. Where nothing is in the way there, what then
/// happens is left open: the request gets through, past all rules.
Forecast unrecognised(const View& view, const Pod& caller, const mesh::Destination& to, const mesh::Request& request) {
  const auto why = to.host + " is not exported to " + caller.meta.ns;
  const auto mode = mesh::outbound_mode(view, caller);
  const auto pods = mesh::selected_pods(view, *to.service);
  if (mode.empty() || !pods) return not_known(why);
  const bool strict = std::any_of(pods->begin(), pods->end(), [&](const Pod* pod) {
    const auto server = mesh::server_mode(view, *pod, mesh::target_port(*to.port, *pod).value_or(to.port->port));
    return pod->meshed() && server.known && server.mode == mesh::Mode::strict;
  });
  if (mode != "REGISTRY_ONLY" && !strict) return not_known(why);
  const bool closed = mode == "REGISTRY_ONLY";
  FilterChain chain;
  Forecast forecast;
  // Some other Service has an HTTP port of that number as a rule; its routes end in one for all that is unknown (httproute.go).
  if (mesh::is_http(mesh::declared_protocol(*to.port))) {
    Route route;
    route.name = closed ? "block_all" : "allow_any";
    route.path = "/";
    if (closed) route.direct_response = 502;
    else route.cluster = "PassthroughCluster";
    VirtualHost host;
    host.name = route.name;
    host.domains = {"*"};
    host.routes.push_back(std::move(route));
    chain.http = true;
    chain.route_config_name = std::to_string(request.port);
    forecast.routes.push_back({chain.route_config_name, {std::move(host)}});
  } else {
    chain.tcp_cluster = closed ? "BlackHoleCluster" : "PassthroughCluster";
  }
  forecast.listeners.push_back(outbound(request, std::move(chain)));
  return forecast;
}

}  // namespace

Forecast through_sidecar(const View& view, const Pod& caller, const mesh::Destination& to, const mesh::Request& request) {
  if (to.service == nullptr || to.port == nullptr) return not_known("the destination is no port of a Service");
  const auto list = view.objects(Kind::virtual_services);
  const auto sidecars = view.objects(Kind::sidecars);
  const auto* config = view.mesh_config();
  if (!list.everywhere) return not_known("the VirtualServices of all namespaces were not read");
  if (config == nullptr) return not_known("the mesh configuration was not read");
  if (!sidecars.covers(caller.meta.ns) || !sidecars.covers(view.root_namespace())) return not_known("the Sidecars were not read");
  if (!mesh::exported(export_of(*to.service), config->default_service_export_to, to.ns, caller.meta.ns)) return unrecognised(view, caller, to, request);
  const auto* sidecar = mesh::sidecar_of(view, caller);
  if (sidecar != nullptr && !mesh::sidecar_imports(*sidecar, to.host, to.ns, caller.meta.ns, request.port)) return not_known(sidecar->ref() + " hides " + to.host + " from callers in " + caller.meta.ns);
  for (const auto* route : mesh::api_routes(view).items) {
    if (mesh::bound_to_service(*route, *to.service, to.port->port)) return not_known(route->ref() + " routes the Service's requests inside the mesh, and that is not forecast");
  }
  const Vantage vantage{caller.meta.ns, caller.meta.labels, false};
  const auto protocol = mesh::declared_protocol(*to.port);
  Forecast forecast;
  if (mesh::is_http(protocol) || protocol == mesh::Protocol::automatic) take_http(view, vantage, to, request, forecast);
  else take_tcp(view, vantage, to, request, forecast);
  return forecast;
}

Listeners inbound(const View& view, const Pod& server, const std::vector<std::uint16_t>& ports) {
  Listener listener;
  listener.name = "virtualInbound";
  listener.address = "0.0.0.0";
  listener.port = 15006;
  listener.direction = "INBOUND";
  listener.tls_inspector = true;
  for (const auto port : ports) {
    const auto mode = mesh::server_mode(view, server, port);
    if (!mode.known) return {};
    FilterChain tls, raw;
    tls.match.destination_port = raw.match.destination_port = port;
    tls.match.transport_protocol = "tls";
    tls.match.application_protocols = {"istio-peer-exchange", "istio", "istio-http/1.0", "istio-http/1.1", "istio-h2"};
    tls.tls = TlsContext{};
    tls.tls->require_client_certificate = true;
    if (mode.mode == mesh::Mode::permissive) raw.match.transport_protocol = "raw_buffer";
    if (mode.mode != mesh::Mode::disable) listener.chains.push_back(tls);
    if (mode.mode != mesh::Mode::strict) listener.chains.push_back(raw);
  }
  return {listener};
}

}  // namespace meshdx::forecast
