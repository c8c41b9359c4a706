// The positive statements: what must hold for a hop to be called healthy, or mutual TLS.
#include <algorithm>

#include "facts/context.hpp"
#include "facts/tls_pairs.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Wire;

namespace {

const std::vector<Kind> health_needs = {Kind::peer_authentications, Kind::mesh_config, Kind::destination_rules, Kind::log, Kind::endpointslices, Kind::services, Kind::pods,
                                        Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes,
                                        Kind::clusters, Kind::endpoints};

/// What one endpoint's two sides make together.
struct Fit {
  Tri works = Tri::unknown, mutual = Tri::unknown;
  std::string text;
};

Fit fit_of(Context& c, const Pair& pair) {
  if (pair.pod == nullptr) return {Tri::unknown, Tri::no, "endpoint " + pair.address + " is no pod that was read"};
  const std::string who = pod_ref(*pair.pod);
  if (mesh::in_ambient(c.view, *pair.pod)) return {Tri::unknown, Tri::unknown, who + " is in ambient mode"};
  if (pair.wire == Wire::unknown) return {Tri::unknown, Tri::unknown, "what is sent to " + who + " is not known"};
  if (!pair.pod->meshed()) {
    const bool plain = pair.wire == Wire::plaintext;
    return {plain ? Tri::yes : pair.wire == Wire::tls ? Tri::unknown : Tri::no, Tri::no, who + " has no sidecar and is sent " + mesh::wire_name(pair.wire)};
  }
  if (!mesh::inbound_captured(*pair.pod, pair.port)) return {tri(pair.wire == Wire::plaintext), Tri::no, who + " keeps the port out of its sidecar and is sent " + mesh::wire_name(pair.wire)};
  if (!pair.accepts.known) return {Tri::unknown, Tri::unknown, "the listeners of " + who + " were not read"};
  const bool takes = pair.wire == Wire::mutual_tls ? pair.accepts.mutual_tls : pair.wire == Wire::plaintext && pair.accepts.plaintext;
  const std::string accepts = pair.accepts.mutual_tls ? (pair.accepts.plaintext ? "takes mutual TLS and plaintext (PERMISSIVE)" : "takes mutual TLS only (STRICT)") : "takes plaintext only";
  return {pair.wire == Wire::tls ? Tri::unknown : tri(takes), tri(takes && pair.wire == Wire::mutual_tls), who + " is sent " + mesh::wire_name(pair.wire) + " and " + accepts};
}

Finding all_fit(Context& c, Tri Fit::*member, const std::string& none) {
  const auto pairs = tls_pairs(c);
  if (pairs.known && pairs.pairs.empty()) return no(none);
  Tri result = pairs.known ? Tri::yes : Tri::unknown;
  std::string text, bad, unsure;
  for (const auto& pair : pairs.pairs) {
    const Fit fit = fit_of(c, pair);
    result = result & (fit.*member);
    if (text.empty()) text = fit.text;
    if (fit.*member == Tri::no && bad.empty()) bad = fit.text;
    if (fit.*member == Tri::unknown && unsure.empty()) unsure = fit.text;
  }
  if (result == Tri::unknown) return unknown(unsure);
  return decide(result == Tri::yes, result == Tri::yes ? text : bad);
}

Finding tls_fits(Context& c) {
  if (c.path().to.state == mesh::Destination::State::external && c.path().walk.fallthrough() && c.traffic().ok > 0) return yes("the request leaves the mesh as the application sent it");
  Finding f = all_fit(c, &Fit::works, "there is no endpoint to send to");
  // Requests that succeed prove that the two sides fit, whatever the far end is.
  if (f.truth == Tri::unknown && c.traffic().ok > 0 && c.traffic().failed == 0) return yes("requests get through, so the two sides fit");
  return f;
}

Finding mutual(Context& c) {
  if (c.caller() != nullptr && mesh::in_ambient(c.view, *c.caller())) return unknown(pod_ref(*c.caller()) + " is in ambient mode");
  if (c.path().caller.capture.captured == Tri::unknown) return unknown("whether the request passes the sidecar of " + pod_ref(*c.caller()) + " is not known");
  return all_fit(c, &Fit::mutual, "there is no endpoint to send to");
}

/// A caller without a proxy has no walk: then the Service's ready endpoints stand for it.
Finding reachable(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (path.walked) {
    const auto& walk = path.walk;
    if (walk.end == mesh::Walk::End::unknown) return unknown(walk.why);
    if (walk.end != mesh::Walk::End::clusters) return no("the request does not reach a cluster of the caller's proxy");
    bool unsure = false;
    std::vector<std::string> names;
    for (const auto& leg : walk.legs) {
      unsure = unsure || leg.state == mesh::Leg::State::unknown;
      const bool bad = leg.state == mesh::Leg::State::missing || leg.state == mesh::Leg::State::empty || leg.state == mesh::Leg::State::none_healthy || leg.state == mesh::Leg::State::all_ejected || leg.state == mesh::Leg::State::blackhole;
      if (leg.state == mesh::Leg::State::missing) return no("cluster " + leg.cluster + ", which the route names, is not in the proxy");
      if (bad) return no("cluster " + leg.cluster + " has no endpoint that takes traffic");
      if (leg.ejected > 0) return no("outlier detection keeps " + std::to_string(leg.ejected) + " of " + std::to_string(leg.hosts.size()) + " endpoints of " + leg.cluster + " out");
      names.push_back(leg.cluster + (leg.healthy > 0 ? " (" + count(leg.healthy, "healthy endpoint") + ")" : ""));
    }
    if (unsure) return unknown();
    const auto& ask = c.ask.headers;
    const bool renamed = walk.fallthrough() && path.to.service != nullptr && std::any_of(ask.begin(), ask.end(), [](const auto& h) { return h.first == "host"; });
    // Under a Host header of its own the request goes on to the address that was dialled: what came of it, the log tells.
    if (renamed && c.traffic().ok > 0 && c.traffic().failed == 0) return yes("the Host header is no name of " + path.to.host + ": the caller's proxy passes the request on to the address that was dialled (" + join(names, ", ") + "), and it is answered");
    const bool lost = walk.fallthrough() && (path.to.service != nullptr || path.to.state == mesh::Destination::State::absent);
    return decide(!lost, lost ? "the caller's proxy does not recognise the destination" : "the route leads to " + join(names, ", "));
  }
  if (path.to.service == nullptr) return path.servers.empty() ? unknown() : yes("the workload's pods answer for themselves");
  const auto* slices = c.view.slices(path.to.ns);
  if (slices == nullptr) return unknown();
  std::size_t ready = 0;
  for (const auto& slice : *slices) {
    if (slice.service != path.to.name) continue;
    ready += static_cast<std::size_t>(std::count_if(slice.endpoints.begin(), slice.endpoints.end(), [](const auto& e) { return e.ready; }));
  }
  return decide(ready > 0, "Service " + path.to.ns + "/" + path.to.name + " has " + count(ready, "ready endpoint"));
}

/// Nothing in the route fails requests on purpose.
Finding route_harmless(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (!path.walked && mesh::in_ambient(c.view, *path.caller.pod)) return unknown("whether a waypoint routes the request is not known");
  if (!path.walked) return yes("no route of a proxy applies");
  if (path.walk.end == mesh::Walk::End::unknown) return unknown(path.walk.why);
  const auto* route = path.walk.route;
  if (route == nullptr) return decide(path.walk.end == mesh::Walk::End::clusters, path.walk.end == mesh::Walk::End::clusters ? "plain TCP, no route" : "the proxy has no route for the request");
  if (route->fault && route->fault->abort_status && route->fault->abort_percent > 0) return no("the route injects faults");
  if (route->direct_response) return no("the route answers by itself");
  const std::string by = route->config ? route->config.kind + " " + route->config.ns + "/" + route->config.name : std::string("the default route");
  return yes("the request matches " + by + ", which injects no fault");
}

}  // namespace

const std::vector<Fact>& health_facts() {
  static const std::vector<Fact> facts = {
      {"hop.reaches-endpoints", "The request reaches healthy endpoints", health_needs, reachable, {Kind::endpoints, Kind::endpointslices}},
      {"hop.route-harmless", "The route takes the request and injects nothing", health_needs, route_harmless, {Kind::routes}},
      {"hop.tls-fits", "What the caller sends is what the server takes", health_needs, tls_fits, {Kind::clusters, Kind::listeners}},
      {"hop.mutual-tls", "The hop is mutual TLS", health_needs, mutual, {Kind::clusters, Kind::listeners}},
  };
  return facts;
}

}  // namespace meshdx::facts
