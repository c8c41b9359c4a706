// Requests that come in through a gateway: Gateway objects, bound VirtualServices, listeners, credentials (group E).
#include <algorithm>

#include "facts/which_gateway.hpp"
#include "mesh/gateway_binding.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::bound_to;
using mesh::has_host;
using mesh::server_covers;
using mesh::Walk;

namespace {

const std::vector<Kind> gateway_needs = {Kind::virtual_services, Kind::gateways, Kind::api_gateways, Kind::secrets, Kind::services, Kind::pods, Kind::service_entries,
                                         Kind::namespaces, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

const std::vector<Kind> selector_needs = [] {
  auto kinds = gateway_needs;
  kinds.push_back(Kind::proxy_status);
  return kinds;
}();

std::optional<Finding> need_gateway(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  if (c.caller() == nullptr) return unknown(c.path().caller.state == mesh::Caller::State::absent ? "no gateway pod was found in the namespaces that were read" : c.path().caller.why);
  if (!c.ask.no_host.empty()) return unknown(c.ask.no_host);
  return std::nullopt;
}

/// The gateway answers 404 itself: no virtual host with routes takes the host.
Finding unrouted(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool none = walk.end == Walk::End::no_virtual_host || (walk.end == Walk::End::no_route && walk.virtual_host->routes.empty());
  return decide(none, none ? "the gateway has no route at all for host " + c.ask.host : "the gateway has routes for host " + c.ask.host);
}

/// E1: nothing is bound to the Gateway that serves the host; or others' VirtualServices are, and the one that has the host is not.
Finding nothing_bound(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto gateways = c.view.objects(Kind::gateways);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const std::string host = lower(c.ask.host);
  const auto* server = meant_server(c, servers, host);
  if (server == nullptr) return gateways.everywhere ? no("no Gateway on this pod serves host " + c.ask.host) : unknown();
  if (const auto* vs = routing_service(list, servers, host)) return no("VirtualService " + vs->full_name() + " is bound to a Gateway that serves the host");
  const Object& gateway = *server->gateway;
  const auto* unbound = unbound_service(c, list, servers, host);
  const auto bound = std::find_if(list.items.begin(), list.items.end(), [&](const auto* vs) { return bound_to(*vs, gateway); });
  const bool own = unbound != nullptr && unbound->meta.ns == c.ask.ns;
  if (bound != list.items.end() && !own) return no("VirtualService " + (*bound)->full_name() + " is bound to Gateway " + gateway.full_name());
  if (!list.everywhere) return unknown();
  Bindings b = {{"gateway.name", gateway.meta.name}, {"gateway.namespace", gateway.meta.ns}, {"gateway.ref", gateway.full_name()}, {"request.host", c.ask.host}};
  b["gateway.unbound"] = bound == list.items.end() ? "no VirtualService is bound to it: every request is answered with 404"
                                                   : "VirtualService " + unbound->full_name() + ", which has the host, is not bound to it";
  return yes("Gateway " + gateway.full_name() + " serves " + c.ask.host + ", and " + b["gateway.unbound"].get<std::string>(), b);
}

/// A VirtualService for the host that is not bound to the Gateway: what someone forgot.
Finding unbound_candidate(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const auto* server = meant_server(c, servers, lower(c.ask.host));
  if (server == nullptr) return no("no Gateway on this pod serves the host");
  const auto* vs = unbound_service(c, list, servers, lower(c.ask.host));
  if (vs == nullptr) return list.everywhere ? no("no VirtualService, or not one alone, has the host and is not bound") : unknown();
  const auto written = mesh::strings_at(vs->spec(), "gateways");
  Json ops = Json::array();
  if (written.empty()) ops.push_back({{"op", "add"}, {"path", "/spec/gateways"}, {"value", Json::array({server->gateway->full_name(), "mesh"})}});
  else ops.push_back({{"op", "add"}, {"path", "/spec/gateways/-"}, {"value", server->gateway->full_name()}});
  return yes("VirtualService " + vs->full_name() + " has the host, but lists " + (written.empty() ? "no gateway" : join(written, ", ")),
             {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"vs.patch", ops}, {"vs.gateways", written.empty() ? std::string("none") : join(written, ", ")}});
}

/// E2: a VirtualService is bound, and its hosts, or the Gateway's, leave the request's host out.
Finding host_mismatch(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const std::string host = lower(c.ask.host);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  if (!list.everywhere || !c.view.objects(Kind::gateways).everywhere) return unknown();
  if (const auto* vs = routing_service(list, servers, host)) return no("VirtualService " + vs->full_name() + " is bound and has the host");
  if (nothing_bound(c).truth == Tri::yes) return no("the VirtualService that should have the host is bound to no Gateway of this pod");
  const auto found = missing_host(c, list, servers, host);
  if (!found) return no("no VirtualService is bound to a Gateway of this pod with other hosts");
  Bindings b = {{"request.host", host}, {"mismatch.text", found->text}, {"mismatch.side", found->side}, {"mismatch.patchable", found->patchable}, {"gateway.example", ""}};
  if (found->gateway != nullptr) b["gateway.example"] = " (Gateway " + found->gateway->full_name() + ")";
  if (found->vs != nullptr) {
    b["vs.name"] = found->vs->meta.name;
    b["vs.namespace"] = found->vs->meta.ns;
  }
  return yes("the host " + host + " is missing: " + found->text, b);
}

Finding mismatch_in_virtual_service(Context& c) {
  const auto f = host_mismatch(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("mismatch.patchable").get<bool>(), "one VirtualService is meant, and lacks the host", f.bindings);
}

/// The label by which a gateway pod is picked as a rule, of the pod that was asked before others.
void add_selector_patch(Context& c, const std::vector<const Pod*>& routers, Bindings& b) {
  for (const auto* pod : routers) {
    const auto own = pod->meta.labels.find("istio");
    if (own == pod->meta.labels.end() || (b.count("gateway.patch") > 0 && pod != c.caller())) continue;
    b["gateway.patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/selector"}, {"value", Json::object({{"istio", own->second}})}}});
    b["gateway.meant"] = "istio=" + own->second;
  }
}

/// E3: a Gateway serves the host, but its selector picks no gateway pod.
Finding selector_picks_none(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  if (!c.ask.no_host.empty()) return unknown(c.ask.no_host);
  const auto gateways = c.view.objects(Kind::gateways);
  const auto list = c.view.objects(Kind::virtual_services);
  if (!gateways.everywhere) return unknown();
  if (c.caller() != nullptr && c.path().walked && has_routes(c.walk())) return no("a gateway pod has routes for the host");
  std::vector<const Pod*> routers;
  bool unread = false;
  for (const auto& ns : c.view.pod_namespaces()) {
    const auto* pods = c.view.pods(ns);
    unread = unread || pods == nullptr;
    for (const auto& pod : pods == nullptr ? Pods{} : *pods) {
      if (pod.meshed() && pod.router()) routers.push_back(c.view.pod(ns, pod.meta.name));
    }
  }
  const auto meant = meant_gateways(c, gateways, list, lower(c.ask.host));
  for (const auto* gateway : meant) {
    if (std::any_of(routers.begin(), routers.end(), [&](const Pod* p) { return mesh::gateway_selects(*gateway, *p); })) return no("Gateway " + gateway->full_name() + " is served by a gateway pod");
  }
  if (meant.empty()) return no("no Gateway is meant for the host");
  if (unread || !list.everywhere) return unknown();
  const Object& gateway = *meant.front();
  const auto selector = labels_text(mesh::labels_at(gateway.spec(), "selector"));
  // A pod of the Gateway's own namespace that nothing was injected into would be no proxy yet.
  if (c.view.pods(gateway.meta.ns) == nullptr || (!all_proxies_listed(c) && !asked_in_vain(c))) {
    return unknown("Gateway " + gateway.full_name() + " serves the host, and its selector " + selector + " picks no gateway pod that was listed; pods of other namespaces were not");
  }
  Bindings b = {{"gateway.name", gateway.meta.name}, {"gateway.namespace", gateway.meta.ns}, {"gateway.selector", selector}};
  add_selector_patch(c, routers, b);
  return yes("Gateway " + gateway.full_name() + " serves the host, but its selector " + selector + " picks no gateway pod", b);
}

/// Hosts that two servers both write so, their namespaces included: istiod's own comparison (gateway.go CheckDuplicates).
bool share_a_host(const mesh::GatewayServer& a, const mesh::GatewayServer& b) {
  for (std::size_t i = 0; i < a.hosts.size(); ++i) {
    for (std::size_t j = 0; j < b.hosts.size(); ++j) {
      if (a.hosts[i] == b.hosts[j] && a.keepers[i] == b.keepers[j]) return true;
    }
  }
  return false;
}

/// E4: two servers on one port that cannot stand together; the one of the younger Gateway is left out.
Finding servers_conflict(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  if (!c.view.objects(Kind::gateways).everywhere) return unknown();
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const auto family = [](const std::string& p) { return p == "HTTP" || p == "HTTP2" || p == "GRPC" || p == "GRPC-WEB" ? std::string("http") : p; };
  for (std::size_t i = 0; i < servers.size(); ++i) {
    for (std::size_t j = i + 1; j < servers.size(); ++j) {
      const auto& a = servers[i];
      const auto& b = servers[j];
      if (a.port != b.port || text_at(a.server, "bind") != text_at(b.server, "bind") || !server_covers(b, lower(c.ask.host))) continue;
      const bool clash = family(a.protocol) != family(b.protocol) && (family(a.protocol) == "http" || family(b.protocol) == "http");
      const bool tls = at(a.server, "tls").is_object() && at(b.server, "tls").is_object() && family(a.protocol) != "http" && family(b.protocol) != "http";
      if (!clash && !(tls && share_a_host(a, b))) continue;
      return yes("Gateways " + a.gateway->full_name() + " (" + a.protocol + ") and " + b.gateway->full_name() + " (" + b.protocol + ") both want port " + std::to_string(a.port) + "; istiod drops the younger server",
                 {{"gateway.name", b.gateway->meta.name}, {"gateway.namespace", b.gateway->meta.ns}, {"gateway.other", a.gateway->full_name()}, {"gateway.port", a.port}});
    }
  }
  return no("no two servers of the gateway clash on a port");
}

/// The TLS server that takes the request's server name: of several on the port the one that names the host, not a wildcard.
const mesh::GatewayServer* tls_server(Context& c, const std::vector<mesh::GatewayServer>& servers, const std::string& host) {
  const mesh::GatewayServer* found = nullptr;
  for (const auto& server : servers) {
    if (server.port != c.path().request.dialled || server.credential.empty() || !server_covers(server, host)) continue;
    if (found == nullptr || (mesh::names_host(server, host) && !mesh::names_host(*found, host))) found = &server;
  }
  return found;
}

/// E6: the certificate that the request's server names has not arrived at the gateway.
Finding credential_missing(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto gateways = c.view.objects(Kind::gateways);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const auto* server = tls_server(c, servers, lower(c.ask.host));
  if (server == nullptr) return gateways.everywhere ? no("no server for the host on this port names a certificate") : unknown();
  const auto* secrets = c.view.secrets(*c.caller());
  if (secrets == nullptr) return unknown();
  const auto& name = server->credential;
  const auto found = std::find_if(secrets->begin(), secrets->end(), [&](const Secret& s) { return ends_with(s.name, "://" + name) || s.name == name || ends_with(s.name, "/" + name); });
  if (found != secrets->end() && found->active) return no("the gateway has its certificate");
  return yes("the gateway has not been given the certificate " + name + " that Gateway " + server->gateway->full_name() + " names",
             {{"gateway.name", server->gateway->meta.name}, {"gateway.namespace", server->gateway->meta.ns}, {"credential.name", name}, {"gateway.pod-namespace", c.caller()->meta.ns}});
}

}  // namespace

const std::vector<Fact>& gateway_facts() {
  static const std::vector<Fact> facts = {
      {"gateway.unrouted", "The gateway has no route at all for the host", gateway_needs, unrouted, {Kind::routes}},
      {"gateway.nothing-bound", "No VirtualService is bound to the Gateway that serves the host", gateway_needs, nothing_bound, {Kind::virtual_services, Kind::gateways, Kind::api_gateways}},
      {"gateway.unbound-candidate", "A VirtualService with the host is not bound to the Gateway", gateway_needs, unbound_candidate, {Kind::virtual_services}},
      {"gateway.host-mismatch", "The hosts of Gateway and bound VirtualService leave the request's host out", gateway_needs, host_mismatch, {Kind::virtual_services, Kind::gateways, Kind::api_gateways}},
      {"gateway.virtual-service-lacks-host", "One VirtualService is meant, and it lacks the host", gateway_needs, mismatch_in_virtual_service, {Kind::virtual_services}},
      {"gateway.selector-picks-none", "The Gateway's selector picks no gateway pod", selector_needs, selector_picks_none, {Kind::gateways, Kind::api_gateways, Kind::pods, Kind::virtual_services, Kind::proxy_status}},
      {"gateway.servers-conflict", "Two Gateway servers clash on a port", gateway_needs, servers_conflict, {Kind::gateways, Kind::api_gateways}},
      {"gateway.credential-missing", "The gateway lacks the certificate a server names", gateway_needs, credential_missing, {Kind::secrets, Kind::gateways, Kind::api_gateways}},
  };
  return facts;
}

}  // namespace meshdx::facts
