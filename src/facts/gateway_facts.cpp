// Requests that come in through a gateway: Gateway objects, bound VirtualServices, listeners, credentials (group E).
#include <algorithm>

#include "facts/context.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Walk;

namespace {

const std::vector<Kind> gateway_needs = {Kind::virtual_services, Kind::gateways, Kind::api_gateways, Kind::secrets, Kind::services, Kind::pods, Kind::service_entries,
                                         Kind::namespaces, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

std::optional<Finding> need_gateway(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  if (c.caller() == nullptr) return unknown(c.path().caller.state == mesh::Caller::State::absent ? "no gateway pod was found in the namespaces that were read" : "");
  if (!c.ask.no_host.empty()) return unknown(c.ask.no_host);
  return std::nullopt;
}

bool server_covers(const mesh::GatewayServer& server, const std::string& host) {
  return std::any_of(server.hosts.begin(), server.hosts.end(), [&](const auto& h) { return mesh::host_covers(h, host); });
}

bool has_host(const Object& vs, const std::string& host) {
  const auto hosts = mesh::strings_at(vs.spec(), "hosts");
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return mesh::host_covers(lower(h), host); });
}

bool bound_to(const Object& vs, const Object& gateway) {
  const auto names = mesh::bound_gateways(vs);
  return std::find(names.begin(), names.end(), gateway.full_name()) != names.end();
}

std::string hosts_of(const std::vector<mesh::GatewayServer>& servers) {
  std::vector<std::string> hosts;
  for (const auto& server : servers) {
    for (const auto& host : server.hosts) {
      if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
    }
  }
  return join(hosts, ", ");
}

/// The Gateway that serves the host on this pod; the first whose server covers it.
const mesh::GatewayServer* server_for(const std::vector<mesh::GatewayServer>& servers, const std::string& host) {
  for (const auto& server : servers) {
    if (server_covers(server, host)) return &server;
  }
  return nullptr;
}

/// The gateway answers 404 itself: no virtual host with routes takes the host.
Finding unrouted(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool none = walk.end == Walk::End::no_virtual_host || (walk.end == Walk::End::no_route && walk.virtual_host->routes.empty());
  return decide(none, none ? "the gateway has no route at all for host " + c.ask.host : "the gateway has routes for host " + c.ask.host);
}

/// E1: nothing is bound to the Gateway that serves the host.
Finding nothing_bound(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto gateways = c.view.objects(Kind::gateways);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const auto* server = server_for(servers, lower(c.ask.host));
  if (server == nullptr) return gateways.everywhere ? no("no Gateway on this pod serves host " + c.ask.host) : unknown();
  const Object& gateway = *server->gateway;
  for (const auto* vs : list.items) {
    if (bound_to(*vs, gateway)) return no("VirtualService " + vs->full_name() + " is bound to Gateway " + gateway.full_name());
  }
  if (!list.everywhere) return unknown();
  Bindings b = {{"gateway.name", gateway.meta.name}, {"gateway.namespace", gateway.meta.ns}, {"gateway.ref", gateway.full_name()}, {"request.host", c.ask.host}};
  return yes("no VirtualService is bound to Gateway " + gateway.full_name() + ", which serves " + c.ask.host, b);
}

/// A VirtualService for the host that is not bound to the Gateway: what someone forgot.
Finding unbound_candidate(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const auto* server = server_for(servers, lower(c.ask.host));
  if (server == nullptr) return no("no Gateway on this pod serves the host");
  for (const auto* vs : list.items) {
    if (!has_host(*vs, lower(c.ask.host)) || bound_to(*vs, *server->gateway)) continue;
    const auto written = mesh::strings_at(vs->spec(), "gateways");
    Json ops = Json::array();
    if (written.empty()) ops.push_back({{"op", "add"}, {"path", "/spec/gateways"}, {"value", Json::array({server->gateway->full_name(), "mesh"})}});
    else ops.push_back({{"op", "add"}, {"path", "/spec/gateways/-"}, {"value", server->gateway->full_name()}});
    return yes("VirtualService " + vs->full_name() + " has the host, but lists " + (written.empty() ? "no gateway" : join(written, ", ")),
               {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"vs.patch", ops}, {"vs.gateways", written.empty() ? std::string("none") : join(written, ", ")}});
  }
  return list.everywhere ? no("no VirtualService has the host") : unknown();
}

/// E2: a VirtualService is bound, and its hosts, or the Gateway's, leave the request's host out.
Finding host_mismatch(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto gateways = c.view.objects(Kind::gateways);
  const std::string host = lower(c.ask.host);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  if (!list.everywhere || !gateways.everywhere) return unknown();
  const auto* server = server_for(servers, host);
  for (const auto* vs : list.items) {
    for (const auto& candidate : servers) {
      if (!bound_to(*vs, *candidate.gateway)) continue;
      const bool own = has_host(*vs, host);
      if (own && server_covers(candidate, host)) return no("VirtualService " + vs->full_name() + " is bound and has the host");
    }
  }
  for (const auto* vs : list.items) {
    for (const auto& candidate : servers) {
      if (!bound_to(*vs, *candidate.gateway)) continue;
      const bool vs_lacks = server != nullptr && !has_host(*vs, host);
      const bool gateway_lacks = server == nullptr;
      if (!vs_lacks && !gateway_lacks) continue;
      Bindings b = {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"vs.hosts", join(mesh::strings_at(vs->spec(), "hosts"), ", ")},
                    {"gateway.name", candidate.gateway->meta.name}, {"gateway.namespace", candidate.gateway->meta.ns}, {"gateway.hosts", join(candidate.hosts, ", ")}, {"request.host", host}};
      b["mismatch.text"] = vs_lacks ? "VirtualService " + vs->full_name() + " has hosts " + b["vs.hosts"].get<std::string>() : "Gateway " + candidate.gateway->full_name() + " serves " + b["gateway.hosts"].get<std::string>();
      b["mismatch.side"] = vs_lacks ? "VirtualService" : "Gateway";
      if (gateway_lacks) b["mismatch.text"] = "no Gateway of pod " + pod_ref(*c.caller()) + " serves it; they serve " + hosts_of(servers);
      return yes("the host " + host + " is missing: " + b["mismatch.text"].get<std::string>(), b);
    }
  }
  return no("no VirtualService is bound to a Gateway of this pod with other hosts");
}

Finding mismatch_in_virtual_service(Context& c) {
  const auto f = host_mismatch(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("mismatch.side") == "VirtualService", "the VirtualService lacks the host", f.bindings);
}

/// E3: a Gateway serves the host, but its selector picks no gateway pod.
Finding selector_picks_none(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  if (!c.ask.no_host.empty()) return unknown(c.ask.no_host);
  const auto gateways = c.view.objects(Kind::gateways);
  if (!gateways.everywhere) return unknown();
  const auto names = c.view.pod_namespaces();
  std::vector<const Pod*> routers;
  for (const auto& ns : names) {
    const auto* pods = c.view.pods(ns);
    if (pods == nullptr) return unknown();
    for (const auto& pod : *pods) {
      if (pod.meshed() && pod.router()) routers.push_back(&pod);
    }
  }
  for (const auto* gateway : gateways.items) {
    if (c.ask.playbook == "sweep" && gateway->full_name() != c.ask.from_ns + "/" + c.ask.from_name) continue;   // a survey asks each by name
    bool serves = false;
    for (const auto& server : at(gateway->spec(), "servers")) {
      for (const auto& h : mesh::strings_at(server, "hosts")) serves = serves || mesh::host_covers(lower(h.substr(h.find('/') + 1)), lower(c.ask.host));
    }
    if (!serves) continue;
    if (std::any_of(routers.begin(), routers.end(), [&](const Pod* p) { return mesh::gateway_selects(*gateway, *p); })) return no("Gateway " + gateway->full_name() + " is served by a gateway pod");
    const auto selector = mesh::labels_at(gateway->spec(), "selector");
    Bindings b = {{"gateway.name", gateway->meta.name}, {"gateway.namespace", gateway->meta.ns}, {"gateway.selector", labels_text(selector)}};
    for (const auto* pod : routers) {
      const auto own = pod->meta.labels.find("istio");
      if (own == pod->meta.labels.end()) continue;
      b["gateway.patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/selector"}, {"value", Json::object({{"istio", own->second}})}}});
      b["gateway.meant"] = "istio=" + own->second;
    }
    return yes("Gateway " + gateway->full_name() + " serves the host, but its selector " + labels_text(selector) + " picks no gateway pod", b);
  }
  return no("no Gateway serves the host");
}

/// E4: two servers on one port that cannot stand together.
Finding servers_conflict(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  if (!c.view.objects(Kind::gateways).everywhere) return unknown();
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const auto family = [](const std::string& p) { return p == "HTTP" || p == "HTTP2" || p == "GRPC" || p == "GRPC-WEB" ? "http" : p; };
  for (std::size_t i = 0; i < servers.size(); ++i) {
    for (std::size_t j = i + 1; j < servers.size(); ++j) {
      const auto& a = servers[i];
      const auto& b = servers[j];
      if (a.port != b.port || !(server_covers(a, lower(c.ask.host)) || server_covers(b, lower(c.ask.host)))) continue;
      const bool clash = std::string(family(a.protocol)) != family(b.protocol) && (std::string(family(a.protocol)) == "http" || std::string(family(b.protocol)) == "http");
      const bool same_hosts = a.protocol == "HTTPS" && b.protocol == "HTTPS" && a.hosts == b.hosts && a.gateway != b.gateway;
      if (!clash && !same_hosts) continue;
      return yes("Gateways " + a.gateway->full_name() + " (" + a.protocol + ") and " + b.gateway->full_name() + " (" + b.protocol + ") both want port " + std::to_string(a.port) + "; istiod drops the younger server",
                 {{"gateway.name", b.gateway->meta.name}, {"gateway.namespace", b.gateway->meta.ns}, {"gateway.other", a.gateway->full_name()}, {"gateway.port", a.port}});
    }
  }
  return no("no two servers of the gateway clash on a port");
}

/// E6: the certificate a server names has not arrived at the gateway.
Finding credential_missing(Context& c) {
  if (auto stop = need_gateway(c)) return *stop;
  const auto gateways = c.view.objects(Kind::gateways);
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  const std::string host = lower(c.ask.host);
  bool named = false;
  for (const auto& server : servers) {
    if (server.credential.empty() || !server_covers(server, host)) continue;
    named = true;
    const auto* secrets = c.view.secrets(*c.caller());
    if (secrets == nullptr) return unknown();
    const auto found = std::find_if(secrets->begin(), secrets->end(), [&](const Secret& s) { return ends_with(s.name, "://" + server.credential) || s.name == server.credential || ends_with(s.name, "/" + server.credential); });
    if (found != secrets->end() && found->active) continue;
    return yes("the gateway has not been given the certificate " + server.credential + " that Gateway " + server.gateway->full_name() + " names",
               {{"gateway.name", server.gateway->meta.name}, {"gateway.namespace", server.gateway->meta.ns}, {"credential.name", server.credential}, {"gateway.pod-namespace", c.caller()->meta.ns}});
  }
  if (!named && !gateways.everywhere) return unknown();
  return no(named ? "the gateway has its certificates" : "no server for the host names a certificate");
}

}  // namespace

const std::vector<Fact>& gateway_facts() {
  static const std::vector<Fact> facts = {
      {"gateway.unrouted", "The gateway has no route at all for the host", gateway_needs, unrouted, {Kind::routes}},
      {"gateway.nothing-bound", "No VirtualService is bound to the Gateway that serves the host", gateway_needs, nothing_bound, {Kind::virtual_services, Kind::gateways, Kind::api_gateways}},
      {"gateway.unbound-candidate", "A VirtualService with the host is not bound to the Gateway", gateway_needs, unbound_candidate, {Kind::virtual_services}},
      {"gateway.host-mismatch", "The hosts of Gateway and bound VirtualService leave the request's host out", gateway_needs, host_mismatch, {Kind::virtual_services, Kind::gateways, Kind::api_gateways}},
      {"gateway.virtual-service-lacks-host", "It is the VirtualService that lacks the host", gateway_needs, mismatch_in_virtual_service, {Kind::virtual_services}},
      {"gateway.selector-picks-none", "The Gateway's selector picks no gateway pod", gateway_needs, selector_picks_none, {Kind::gateways, Kind::api_gateways, Kind::pods}},
      {"gateway.servers-conflict", "Two Gateway servers clash on a port", gateway_needs, servers_conflict, {Kind::gateways, Kind::api_gateways}},
      {"gateway.credential-missing", "The gateway lacks the certificate a server names", gateway_needs, credential_missing, {Kind::secrets, Kind::gateways, Kind::api_gateways}},
  };
  return facts;
}

}  // namespace meshdx::facts
