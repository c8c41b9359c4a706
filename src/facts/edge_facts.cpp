// What happens before a gateway looks at a route: ports that are not exposed, TLS without or with another server name,
// servers and rules of different kinds, gateway pods that are no proxy (E5, E7 to E9, J12).
#include <algorithm>

#include "facts/context.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Walk;

namespace {

const std::vector<Kind> edge_needs = {Kind::virtual_services, Kind::gateways, Kind::api_gateways, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces,
                                      Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

bool covers(const mesh::GatewayServer& server, const std::string& host) {
  return std::any_of(server.hosts.begin(), server.hosts.end(), [&](const auto& h) { return mesh::host_covers(h, host); });
}

std::optional<Finding> need_gateway_pod(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  if (c.caller() == nullptr) return c.path().caller.state == mesh::Caller::State::absent ? no("there is no gateway pod") : unknown(c.path().caller.why);
  return std::nullopt;
}

/// E7: the Gateway opens a port of the pod that its Service does not have.
Finding port_unexposed(Context& c) {
  if (auto stop = need_gateway_pod(c)) return *stop;
  const auto port = c.path().request.dialled;
  const auto& pod = *c.caller();
  const auto servers = mesh::gateway_servers(c.view, pod);
  const auto server = std::find_if(servers.begin(), servers.end(), [&](const auto& s) { return s.port == port && covers(s, lower(c.ask.host)); });
  if (server == servers.end()) return c.view.objects(Kind::gateways).everywhere ? no("no Gateway of this pod opens port " + std::to_string(port) + " for the host") : unknown();
  if (pod.host_network) return no("the gateway pod is reached by its node's ports");
  const auto* services = c.view.services(pod.meta.ns);
  if (services == nullptr) return unknown();
  std::vector<const Service*> own;
  std::vector<std::string> ports;
  for (const auto& service : *services) {
    if (service.selector.empty() || !selects(service.selector, pod.meta.labels)) continue;
    own.push_back(&service);
    for (const auto& candidate : service.ports) {
      if (candidate.port == port) return no("Service " + service.full_name() + " has port " + std::to_string(port));
      ports.push_back(std::to_string(candidate.port));
    }
  }
  if (own.empty()) return no("no Service stands before the gateway pod");
  Bindings b = {{"gateway.name", server->gateway->meta.name}, {"gateway.namespace", server->gateway->meta.ns}, {"gateway.port", port}, {"service.name", own.front()->meta.name}, {"service.namespace", own.front()->meta.ns}, {"service.ports", join(ports, ", ")}};
  b["service.patch"] = Json::array({{{"op", "add"}, {"path", "/spec/ports/-"}, {"value", Json::object({{"name", lower(server->protocol) + "-" + std::to_string(port)}, {"port", port}, {"targetPort", port}})}}});
  return yes("Gateway " + server->gateway->full_name() + " opens port " + std::to_string(port) + ", and Service " + own.front()->full_name() + " before the gateway has only " + join(ports, ", "), b);
}

bool has_rules(const Object& vs, const char* kind) {
  const Json& rules = at(vs.spec(), kind);
  return rules.is_array() && !rules.empty();
}

/// E8: the server hands on TLS and the rules are for HTTP, or the other way round: istiod leaves such rules out.
Finding route_type_mismatch(Context& c) {
  if (auto stop = need_gateway_pod(c)) return *stop;
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool lost = walk.end == Walk::End::no_filter_chain || walk.end == Walk::End::no_virtual_host || walk.end == Walk::End::no_listener || (walk.end == Walk::End::no_route && walk.virtual_host->routes.empty());
  if (!lost) return no("the gateway has a route for the host");
  const std::string host = lower(c.ask.host);
  for (const auto& server : mesh::gateway_servers(c.view, *c.caller())) {
    if (server.port != c.path().request.dialled || !covers(server, host)) continue;
    const bool through = server.tls_mode == "PASSTHROUGH" || server.tls_mode == "AUTO_PASSTHROUGH";
    for (const auto* vs : c.view.objects(Kind::virtual_services).items) {
      const auto bound = mesh::bound_gateways(*vs);
      const auto hosts = mesh::strings_at(vs->spec(), "hosts");
      const bool here = std::find(bound.begin(), bound.end(), server.gateway->full_name()) != bound.end() && std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return mesh::host_covers(lower(h), host); });
      const bool wrong = through ? has_rules(*vs, "http") && !has_rules(*vs, "tls") && !has_rules(*vs, "tcp") : has_rules(*vs, "tls") && !has_rules(*vs, "http") && !has_rules(*vs, "tcp");
      if (!here || !wrong) continue;
      const std::string mode = server.tls_mode.empty() ? server.protocol : server.tls_mode;
      return yes("the server of Gateway " + server.gateway->full_name() + " " + (through ? "hands TLS on unread" : "ends TLS") + " (" + mode + "), and VirtualService " + vs->full_name() + " has only " + (through ? "http" : "tls") + " rules",
                 {{"gateway.name", server.gateway->meta.name}, {"gateway.namespace", server.gateway->meta.ns}, {"server.mode", mode}, {"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"vs.rules", through ? "http" : "tls"},
                  {"vs.wanted", through ? "tls rules with sniHosts" : "http rules"}, {"server.wanted", through ? "SIMPLE (with a credentialName)" : "PASSTHROUGH"}, {"request.host", host}});
    }
  }
  return no("no bound VirtualService has rules of another kind than the Gateway's server takes");
}

/// TLS connections that the gateway closed because they named no server.
std::size_t nameless(Context& c) {
  const auto* log = c.view.log(*c.caller());
  if (log == nullptr) return 0;
  const std::string port = ":" + std::to_string(c.path().request.port);
  return static_cast<std::size_t>(std::count_if(log->access.begin(), log->access.end(), [&](const AccessLine& line) {
    return line.method.empty() && line.details == "filter_chain_not_found" && line.sni.empty() && ends_with(line.downstream_local, port) && (c.ask.since.empty() || line.start > c.ask.since);
  }));
}

bool is_address(const std::string& host) { return contains(host, ":") || (!host.empty() && host.find_first_not_of("0123456789.") == std::string::npos); }

/// E9, certain: an https:// URL with an address sends no server name, and every chain of the port wants one.
Finding address_without_chain(Context& c) {
  if (auto stop = need_gateway_pod(c)) return *stop;
  if (c.ask.scheme != "https" || !is_address(c.ask.host)) return no("the request has a server name, or no TLS");
  if (auto stop = need_walk(c)) return *stop;
  const bool named = c.walk().listener != nullptr && std::any_of(c.walk().listener->chains.begin(), c.walk().listener->chains.end(), [](const FilterChain& chain) { return !chain.match.server_names.empty(); });
  return decide(c.walk().end == Walk::End::no_filter_chain && named, "TLS to the address " + c.ask.host + " carries no server name, and the gateway's port wants one", {{"request.host", c.ask.host}, {"listener.port", c.path().request.port}});
}

/// E9, from the log: such connections were closed, and one with the host's name would have been taken.
Finding nameless_closed(Context& c) {
  if (auto stop = need_gateway_pod(c)) return *stop;
  if (c.ask.scheme != "https" || c.ask.code.value_or(-1) != 0) return no("the question is not about TLS connections that got no answer");
  if (auto stop = need_walk(c)) return *stop;
  if (c.view.log(*c.caller()) == nullptr) return unknown();
  const auto closed = nameless(c);
  return decide(closed > 0 && c.walk().end == Walk::End::clusters && c.traffic().failed == 0, "the gateway closed " + count(closed, "TLS connection") + " without a server name", {{"request.host", c.ask.host}, {"listener.port", c.path().request.port}});
}

/// E5: requests for the host came over connections that were opened for another one.
Finding other_server_name(Context& c) {
  if (auto stop = need_gateway_pod(c)) return *stop;
  if (auto stop = need_walk(c)) return *stop;
  std::size_t hits = 0;
  std::string sni;
  for (const auto& seen : c.traffic().requests) {
    const auto* line = seen.caller;
    const bool lost = line != nullptr && seen.maker == mesh::Maker::caller_proxy && (line->has_flag("NR") || line->code == 421);
    if (!lost || line->sni.empty() || line->protocol != "HTTP/2" || lower(line->sni) == lower(c.ask.host)) continue;
    ++hits;
    sni = line->sni;
  }
  if (hits > 0 && hits * 5 >= c.traffic().failed) {
    return decide(c.walk().end == Walk::End::clusters, count(hits, "HTTP/2 request") + " for " + c.ask.host + " came over a connection that was opened for " + sni,
                  {{"request.host", c.ask.host}, {"request.sni", sni}, {"requests.hits", hits}});
  }
  if (c.traffic().caller_read || c.traffic().failed > 0) return no("no failing request came over a connection for another host");
  return unknown();
}

bool serves(const Object& gateway, const std::string& host) {
  for (const auto& server : at(gateway.spec(), "servers")) {
    for (const auto& h : mesh::strings_at(server, "hosts")) {
      if (mesh::host_covers(lower(h.substr(h.find('/') + 1)), host)) return true;
    }
  }
  return false;
}

/// No listener, filter chain, virtual host or route of the gateway takes the request.
bool closed_out(const Walk& walk) {
  return walk.end == Walk::End::no_listener || walk.end == Walk::End::no_filter_chain || walk.end == Walk::End::no_virtual_host || walk.end == Walk::End::no_route;
}

/// J12: the Gateway's pods still have the placeholder image: nothing was injected into them.
Finding pods_uninjected(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  if (c.caller() != nullptr) {
    if (auto stop = need_walk(c)) return *stop;
    if (!closed_out(c.walk())) return no("a gateway pod has a route for the request");
  }
  bool unread = false;
  for (const auto& ns : c.view.pod_namespaces()) {
    const auto* pods = c.view.pods(ns);
    unread = unread || pods == nullptr;
    if (pods == nullptr) continue;
    for (const auto& pod : *pods) {
      const auto* proxy = pod.proxy();
      if (proxy == nullptr || pod.ready || (proxy->image != "auto" && !ends_with(proxy->image, "/auto") && !ends_with(proxy->image, "/auto:latest"))) continue;
      for (const auto* gateway : c.view.objects(Kind::gateways).items) {
        if (mesh::labels_at(gateway->spec(), "selector").empty() || !mesh::gateway_selects(*gateway, pod) || !serves(*gateway, lower(c.ask.host))) continue;
        return yes("pod " + pod_ref(pod) + ", which Gateway " + gateway->full_name() + " picks, has the placeholder image " + proxy->image + ": no proxy was injected",
                   {{"pod.name", pod.meta.name}, {"pod.namespace", pod.meta.ns}, {"pod.workload", mesh::workload_of(pod)}, {"gateway.name", gateway->meta.name}, {"gateway.namespace", gateway->meta.ns}, {"pod.reason", proxy->waiting_reason}});
      }
    }
  }
  return unread || !c.view.objects(Kind::gateways).everywhere ? unknown() : no("no pod that a Gateway picks waits for its proxy's image");
}

/// The namespace of such pods has neither of the labels that switch injection on.
Finding namespace_unlabelled(Context& c) {
  const auto f = pods_uninjected(c);
  if (f.truth != Tri::yes) return f;
  const auto* namespaces = c.view.namespaces();
  if (namespaces == nullptr) return unknown();
  const std::string ns = f.bindings.at("pod.namespace").get<std::string>();
  for (const auto& object : *namespaces) {
    if (object.meta.name != ns) continue;
    const auto& labels = object.meta.labels;
    auto b = f.bindings;
    const auto has = labels.find("istio-injection");
    b["namespace.patch"] = Json::array({{{"op", "add"}, {"path", "/metadata/labels/istio-injection"}, {"value", "enabled"}}});
    return decide(labels.count("istio.io/rev") == 0 && (has == labels.end() || has->second != "enabled"), "namespace " + ns + " does not inject", b);
  }
  return no("the namespace is not in the list");
}

}  // namespace

const std::vector<Fact>& edge_facts() {
  static const std::vector<Fact> facts = {
      {"gateway.port-unexposed", "The Gateway's port is not a port of the gateway's Service", edge_needs, port_unexposed, {Kind::services, Kind::gateways, Kind::api_gateways}},
      {"gateway.route-type-mismatch", "Server and bound rules are of different kinds (TLS handed on, HTTP)", edge_needs, route_type_mismatch, {Kind::gateways, Kind::api_gateways, Kind::virtual_services}},
      {"gateway.address-without-chain", "TLS to an address names no server, and the gateway wants a name", edge_needs, address_without_chain, {Kind::listeners}},
      {"gateway.nameless-closed", "The gateway closed TLS connections without a server name", edge_needs, nameless_closed, {Kind::log}},
      {"gateway.other-server-name", "Failing requests came over HTTP/2 connections for another host", edge_needs, other_server_name, {Kind::log}},
      {"gateway.pods-uninjected", "The Gateway's pods have no proxy but a placeholder", edge_needs, pods_uninjected, {Kind::pods}},
      {"gateway.namespace-unlabelled", "The namespace of those pods does not inject", edge_needs, namespace_unlabelled, {Kind::namespaces}},
  };
  return facts;
}

}  // namespace meshdx::facts
