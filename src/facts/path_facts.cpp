// Who asks whom, and where the walk through the caller's proxy ends.
#include "facts/context.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Caller;
using mesh::Destination;
using mesh::Leg;
using mesh::Walk;

namespace {

const std::vector<Kind> path_needs = {Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                      Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

Finding for_mtls(Context& c) { return c.ask.playbook == "mtls" ? yes("the question is about mutual TLS") : no("the question is not about mutual TLS"); }
Finding for_canary(Context& c) { return decide(c.ask.playbook == "canary", "the question is about a split"); }
Finding surveyed(Context& c) { return c.ask.playbook == "sweep" ? yes("nobody complained: this is what would be seen if it were called now") : no("somebody complained"); }
Finding speaks_http(Context& c) { return decide(c.ask.path_given, c.ask.path_given ? "the request is an HTTP one: a URL was asked about" : "no URL was asked about"); }

Finding asked_404(Context& c) { return c.ask.code == 404 ? yes("the caller saw 404") : no("the caller did not see 404"); }
Finding from_gateway(Context& c) {
  return c.ask.from == mesh::Complaint::From::gateway ? yes("the request comes in through a gateway") : no("the request does not come in through a gateway");
}
Finding names_no_caller(Context& c) { return decide(c.ask.from == mesh::Complaint::From::unknown || (c.ask.from == mesh::Complaint::From::gateway && c.ask.from_name.empty()), "the question names no caller"); }

Finding caller_known(Context& c) {
  const auto& caller = c.path().caller;
  if (caller.state == Caller::State::unknown) return unknown(caller.why);
  if (caller.pod == nullptr) {
    return no(caller.gateway ? "no gateway pod was found" : "no pod of " + (caller.name.empty() ? "a caller" : caller.name) + " was found in " + caller.ns);
  }
  return yes("the caller is pod " + pod_ref(*caller.pod) + (caller.chosen ? ", chosen as a vantage because none was named" : ""));
}

Finding caller_meshed(Context& c) {
  const auto* pod = c.caller();
  if (pod == nullptr) return unknown(c.path().caller.why);
  if (mesh::in_ambient(c.view, *pod)) return unknown(pod_ref(*pod) + " is in ambient mode");
  return decide(pod->meshed(), pod_ref(*pod) + (pod->meshed() ? " has a proxy" : " has no sidecar"), {{"caller.pod", pod->meta.name}, {"caller.namespace", pod->meta.ns}, {"caller.workload", mesh::workload_of(*pod)}});
}

Finding destination_exists(Context& c) {
  const auto& to = c.path().to;
  switch (to.state) {
    case Destination::State::unknown: return unknown();
    case Destination::State::absent: return no("there is no Service " + to.ns + "/" + to.name);
    case Destination::State::external:
      if (c.ask.from != mesh::Complaint::From::gateway) return yes(to.host + " is a host outside the cluster");
      return c.caller() == nullptr ? unknown() : yes(to.host + " is asked of the gateway");
    case Destination::State::entry: return yes(to.host + " is a host of ServiceEntry " + to.entry->meta.ns + "/" + to.entry->meta.name);
    case Destination::State::pods: return yes(to.host + " is a workload's own address");
    case Destination::State::service: break;
  }
  if (to.port == nullptr) return no("Service " + to.ns + "/" + to.name + " has no port " + std::to_string(to.port_number));
  return yes("Service " + to.ns + "/" + to.name + " exists: port " + std::to_string(to.port->port) +
             (to.port->name.empty() ? "" : " (" + to.port->name + ")") + " to " + to.port->target.text());
}

Finding destination_absent(Context& c) {
  const auto& to = c.path().to;
  if (to.state == Destination::State::unknown) return unknown();
  const bool absent = to.state == Destination::State::absent;
  return decide(absent, absent ? "no Service " + to.ns + "/" + to.name + " and no ServiceEntry for it exists" : to.host + " is no missing Service",
                {{"service.name", to.name}, {"service.namespace", to.ns}, {"service.host", to.host}});
}

Finding destination_port_absent(Context& c) {
  const auto& to = c.path().to;
  if (to.state == Destination::State::unknown) return unknown();
  if (to.service == nullptr || to.port != nullptr || to.service->type == "ExternalName") return no("the Service has the port asked for");
  std::vector<std::string> ports;
  for (const auto& port : to.service->ports) ports.push_back(std::to_string(port.port));
  return yes("Service " + to.ns + "/" + to.name + " has no port " + std::to_string(to.port_number) + "; it has " + join(ports, ", "),
             {{"service.name", to.name}, {"service.namespace", to.ns}, {"service.port", to.port_number}, {"service.ports", join(ports, ", ")}, {"service.host", to.host}, {"vs.ref", "The request"}});
}

Finding walk_end_is(Context& c, Walk::End end, const std::string& text) {
  if (auto stop = need_walk(c)) return *stop;
  return decide(c.walk().end == end, text);
}

Finding no_route(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool missing = walk.end == Walk::End::no_route || walk.end == Walk::End::no_virtual_host;
  if (!missing) return no("the proxy has a route for the request");
  return yes(walk.virtual_host == nullptr ? "no virtual host of the proxy takes host " + c.path().request.host
                                          : "virtual host " + walk.virtual_host->name + " has no rule for " + c.ask.method + " " + c.ask.path);
}

Finding cluster_missing(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = false;
  for (const auto& leg : c.walk().legs) {
    if (leg.state == Leg::State::missing) {
      return yes("the route names cluster " + leg.cluster + ", which the proxy does not have", {{"cluster.name", leg.cluster}});
    }
    unsure = unsure || (leg.state == Leg::State::unknown && leg.config == nullptr);
  }
  if (unsure) return unknown();
  return no("the proxy has every cluster of the route");
}

Finding passthrough(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool out = walk.end == Walk::End::clusters && !walk.legs.empty() && walk.legs.front().state == Leg::State::passthrough && !walk.legs.front().name;
  return decide(out, out ? "the caller's proxy passes it on as it is (PassthroughCluster), without mutual TLS" : "the caller's proxy knows the destination");
}

Finding blocked(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool hole = walk.end == Walk::End::clusters && !walk.legs.empty() && walk.legs.front().state == Leg::State::blackhole;
  const bool block = walk.end == Walk::End::direct_response && walk.route != nullptr && walk.route->name == "block_all";
  return decide(hole || block, block ? "the caller's proxy answers 502 itself: route block_all" : hole ? "the caller's proxy drops it: BlackHoleCluster" : "the caller's proxy does not block the destination");
}

}  // namespace

const std::vector<Fact>& path_facts() {
  static const std::vector<Fact> facts = {
      {"complaint.is-mtls", "The question is whether the hop is mutual TLS", {}, for_mtls},
      {"complaint.is-canary", "The question is whether a split arrives as asked", {}, for_canary},
      {"complaint.is-survey", "Nobody complained: what would fail if it were called now", {}, surveyed},
      {"complaint.is-404", "The caller saw 404", {}, asked_404},
      {"complaint.speaks-http", "A URL was asked about, so what is sent is HTTP", {}, speaks_http},
      {"complaint.names-no-caller", "The question names no caller, or no gateway by name", {}, names_no_caller},
      {"complaint.from-gateway", "The request comes in through a gateway", {}, from_gateway},
      {"caller.known", "The caller is a pod that exists", path_needs, caller_known, {Kind::pods}},
      {"caller.meshed", "The caller has a proxy", path_needs, caller_meshed, {Kind::pods}},
      {"destination.exists", "The destination exists and has the port", path_needs, destination_exists, {Kind::services}},
      {"destination.absent", "The destination is a service name that nothing defines", path_needs, destination_absent, {Kind::services}},
      {"destination.port-absent", "The Service does not have the port asked for", path_needs, destination_port_absent, {Kind::services}},
      {"walk.no-route", "The caller's proxy has no route for the request", path_needs, no_route, {Kind::routes}},
      {"walk.cluster-missing", "The route names a cluster the proxy does not have", path_needs, cluster_missing, {Kind::clusters}},
      {"walk.passthrough", "The caller's proxy passes the request on unrecognised", path_needs, passthrough, {Kind::listeners, Kind::routes}},
      {"walk.blocked", "The caller's proxy blocks the destination", path_needs, blocked, {Kind::routes, Kind::listeners}},
      {"walk.no-listener", "The gateway does not listen on the port", path_needs, [](Context& c) { return walk_end_is(c, Walk::End::no_listener, "the gateway has no listener on port " + std::to_string(c.path().request.port)); }, {Kind::listeners}},
      {"walk.no-filter-chain", "The proxy closes the connection: no filter chain", path_needs, [](Context& c) { return walk_end_is(c, Walk::End::no_filter_chain, "no filter chain takes the connection"); }, {Kind::listeners}},
  };
  return facts;
}

}  // namespace meshdx::facts
