// What lies between the pods: NetworkPolicies, firewalls, ports that the proxy keeps, service addresses rewritten underneath
// the proxy (group H).
#include <algorithm>
#include <set>

#include "facts/server_pods.hpp"
#include "mesh/network_policy.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::PolicyAnswer;
using mesh::Sighting;

std::optional<std::vector<const Pod*>> server_pods(Context& c) {
  const auto& path = c.path();
  if (!path.servers.empty()) return path.servers;
  const auto& serving = c.serving();
  if (serving.known && serving.service != nullptr) return mesh::selected_pods(c.view, *serving.service);
  if (serving.known || path.servers_known) return std::vector<const Pod*>{};
  return std::nullopt;
}

namespace {

const std::vector<Kind> network_needs = {Kind::namespaces, Kind::services, Kind::pods, Kind::service_entries, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters,
                                         Kind::endpoints, Kind::log};
const std::vector<Kind> policy_needs = [] {
  auto kinds = network_needs;
  kinds.insert(kinds.end(), {Kind::networkpolicies, Kind::mesh_config, Kind::proxy_status});
  return kinds;
}();

std::string names_of(const std::vector<const Object*>& policies) {
  std::vector<std::string> names;
  for (const auto* policy : policies) names.push_back(policy->meta.ns + "/" + policy->meta.name);
  return (names.size() == 1 ? "NetworkPolicy " : "NetworkPolicies ") + join(names, ", ");
}

/// The port of a pod that requests of the complaint arrive on; nullopt: not known.
std::optional<std::uint16_t> arrival_port(Context& c, const Pod& pod) {
  for (const auto& leg : c.walk().legs) {
    for (const auto* host : leg.hosts) {
      if (pod.has_address(host->address)) return host->port;
    }
  }
  const auto& to = c.path().to;
  return to.port == nullptr ? std::nullopt : mesh::target_port(*to.port, pod);
}

/// Labels that tell a pod's workload: without those that change with each rollout.
Json stable_labels(const Pod& pod) {
  Json labels = Json::object();
  for (const char* key : {"app", "app.kubernetes.io/name"}) {
    const auto found = pod.meta.labels.find(key);
    if (found != pod.meta.labels.end()) labels[key] = found->second;
  }
  return labels;
}

/// A rule that lets just this connection through, for the first of the policies.
Bindings rule_bindings(const Object& policy, bool inbound, const Pod& far, std::uint16_t port) {
  Json peer = Json::object({{"namespaceSelector", Json::object({{"matchLabels", Json::object({{"kubernetes.io/metadata.name", far.meta.ns}})}})}});
  const Json labels = stable_labels(far);
  if (!labels.empty()) peer["podSelector"] = Json::object({{"matchLabels", labels}});
  const std::string section = inbound ? "ingress" : "egress";
  const Json rule = Json::object({{inbound ? "from" : "to", Json::array({peer})}, {"ports", Json::array({Json::object({{"protocol", "TCP"}, {"port", port}})})}});
  const bool there = at(policy.spec(), section.c_str()).is_array();
  const Json op = there ? Json::object({{"op", "add"}, {"path", "/spec/" + section + "/-"}, {"value", rule}}) : Json::object({{"op", "add"}, {"path", "/spec/" + section}, {"value", Json::array({rule})}});
  return {{"netpol.name", policy.meta.name}, {"netpol.namespace", policy.meta.ns}, {"netpol.patch", Json::array({op})}};
}

Finding forbidden(const PolicyAnswer& answer, bool inbound, const Pod& caller, const Pod& server, std::uint16_t port) {
  auto b = rule_bindings(*answer.policies.front(), inbound, inbound ? caller : server, port);
  const std::string text = names_of(answer.policies) + (inbound ? " (ingress) keeps " + pod_ref(caller) + " from port " : " (egress) keeps " + pod_ref(caller) + " from reaching port ") + std::to_string(port) + " of " + pod_ref(server);
  b["netpol.text"] = text;
  b["netpol.all"] = names_of(answer.policies);
  b["caller.pod"] = caller.meta.name;
  b["caller.namespace"] = caller.meta.ns;
  b["server.pod"] = server.meta.name;
  b["server.namespace"] = server.meta.ns;
  b["port.target"] = port;
  return yes(text, b);
}

/// The pods that requests got no connection to, by the caller's log; empty: it does not say.
std::set<const Pod*> not_reached(Context& c) {
  std::set<const Pod*> pods;
  for (const auto& seen : c.traffic().requests) {
    if (!mesh::unconnected(seen)) continue;
    if (const auto* pod = c.view.pod_by_ip(mesh::address_of(seen.caller->upstream_host))) pods.insert(pod);
  }
  return pods;
}

/// A serving pod that the policies of either side keep from the caller: where the log names the pods that were not reached, one of them.
Finding keeps_out(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  bool unsure = false;
  const auto missed = not_reached(c);
  for (const auto* server : path.servers) {
    if (!missed.empty() && missed.count(server) == 0) continue;
    const auto port = arrival_port(c, *server);
    if (!port) {
      unsure = true;
      continue;
    }
    const auto in = mesh::ingress_allows(c.view, *path.caller.pod, *server, *port);
    if (in.allows == Tri::no) return forbidden(in, true, *path.caller.pod, *server, *port);
    const auto out = mesh::egress_allows(c.view, *path.caller.pod, *server, *port);
    if (out.allows == Tri::no) return forbidden(out, false, *path.caller.pod, *server, *port);
    unsure = unsure || in.allows == Tri::unknown || out.allows == Tri::unknown;
  }
  return unsure ? unknown() : no("no NetworkPolicy stands between the caller and the server's port");
}

/// xDS and certificates come over istiod's port 15012.
constexpr std::uint16_t k_xds_port = 15012;

/// What the proxy's own log says last of its connection to istiod.
Tri connected_by_log(Context& c, const Pod& pod) {
  if (!c.view.evidence().asked({Kind::log, pod.meta.ns, pod.meta.name, ""})) return Tri::unknown;
  const auto* log = c.view.log(pod);
  Tri last = Tri::unknown;
  for (const auto& line : log == nullptr ? std::vector<AgentLine>() : log->agent) {
    if (contains(line.message, "Envoy proxy is ready") || contains(line.message, "Readiness succeeded")) last = Tri::yes;
    if (contains(line.message, "to xds-grpc closed") || contains(line.message, "config not received from XDS server")) last = Tri::no;
  }
  return last;
}

/// Whether istiod lists the pod's proxy as connected; where it did not say, the proxy's log.
Tri connected(Context& c, const Pod& pod) {
  const auto* status = c.view.proxy_status(pod);
  if (status == nullptr) return connected_by_log(c, pod);
  return tri(std::any_of(status->proxies.begin(), status->proxies.end(), [&](const ProxyState& s) { return s.pod == pod.meta.name && s.ns == pod.meta.ns; }));
}

Finding keeps_from_istiod(Context& c) {
  const auto pods = server_pods(c);
  if (!pods) return unknown();
  bool unsure = false, any = false;
  for (const auto* server : *pods) {
    if (!server->meshed() || server->ready) continue;
    const Tri there = connected(c, *server);
    if (there == Tri::yes) continue;
    unsure = unsure || there == Tri::unknown;
    const auto plane = mesh::control_plane_of(*server).value_or(c.view.control_plane());
    const auto* control = c.view.pods(plane.ns);
    if (control == nullptr) return unknown();
    for (const auto& istiod : *control) {
      if (!plane.has(istiod.meta.labels)) continue;
      any = true;
      for (const bool inbound : {true, false}) {
        const auto answer = inbound ? mesh::ingress_allows(c.view, *server, istiod, k_xds_port) : mesh::egress_allows(c.view, *server, istiod, k_xds_port);
        if (answer.allows == Tri::no && there == Tri::no) return forbidden(answer, inbound, *server, istiod, k_xds_port);
        unsure = unsure || answer.allows == Tri::unknown;
      }
    }
  }
  if (!any) return no("no pod of the server waits for an istiod that runs here");
  return unsure ? unknown() : no("no NetworkPolicy stands between the server's pods and istiod");
}

/// Ports that sidecar and agent listen on themselves (istio.io: application requirements).
const std::set<std::uint16_t> k_proxy_ports = {15000, 15001, 15002, 15004, 15006, 15008, 15020, 15021, 15053, 15090};

Finding reserved_port(Context& c) {
  const auto pods = server_pods(c);
  if (!pods) return unknown();
  for (const auto* pod : *pods) {
    if (!pod->meshed()) continue;
    const auto port = arrival_port(c, *pod);
    if (!port || k_proxy_ports.count(*port) == 0) continue;
    for (const auto& container : pod->containers) {
      const bool own = container.name != "istio-proxy" && std::any_of(container.ports.begin(), container.ports.end(), [&](const auto& p) { return p.port == *port; });
      if (!own) continue;
      return yes("container " + container.name + " of " + pod_ref(*pod) + " listens on port " + std::to_string(*port) + ", which the sidecar uses itself",
                 {{"port.target", *port}, {"server.pod", pod->meta.name}, {"server.namespace", pod->meta.ns}, {"server.workload", mesh::workload_of(*pod)}, {"server.container", container.name}});
    }
  }
  return no("the application's port is none of the sidecar's");
}

/// Requests that got no connection to a pod that runs now, so the address is not an old one.
Finding upstream_runs(Context& c) {
  bool any = false;
  for (const auto& seen : c.traffic().requests) {
    if (!mesh::unconnected(seen)) continue;
    const auto* pod = c.view.pod_by_ip(mesh::address_of(seen.caller->upstream_host));
    any = true;
    if (pod != nullptr && pod->phase == "Running" && !pod->meta.deleting) return yes("requests failed towards " + pod_ref(*pod) + ", which is running", {{"server.pod", pod->meta.name}, {"server.namespace", pod->meta.ns}, {"server.node", pod->node}, {"caller.node", c.caller() == nullptr ? "" : c.caller()->node}});
  }
  return any ? no("no request that got no connection went to a running pod") : unknown("the log holds no request of this kind that got no connection");
}

/// The request names the Service, yet the connection that the sidecar took was to a pod's own address: the address was
/// rewritten before (socket load balancing in the CNI), or the application resolves pods by itself.
Finding rewritten_address(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr || path.to.service == nullptr) return path.to.state == mesh::Destination::State::unknown || path.caller.pod == nullptr ? unknown() : no("the destination is no Service");
  if (!path.caller.proxied() || path.caller.gateway || path.to.service->headless()) return no("the destination has no address of a Service that could be rewritten");
  if (!c.view.evidence().asked({Kind::log, path.caller.pod->meta.ns, path.caller.pod->meta.name})) return unknown();
  const auto* log = c.view.log(*path.caller.pod);
  const auto pods = mesh::selected_pods(c.view, *path.to.service);
  if (log == nullptr || !pods) return unknown();
  std::size_t hits = 0, by_service = 0;
  const AccessLine* shown = nullptr;
  for (const auto& line : log->access) {
    if (line.inbound() || !mesh::names_service(mesh::address_of(line.authority), path.to, path.caller.ns) || (!c.ask.since.empty() && line.start <= c.ask.since)) continue;
    const std::string dialled = mesh::address_of(line.downstream_local);
    const bool pod = std::any_of(pods->begin(), pods->end(), [&](const Pod* p) { return p->has_address(dialled); });
    const bool around = starts_with(line.upstream_cluster, "PassthroughCluster");
    hits += pod && around;
    by_service += !pod;
    if (pod && around) shown = &line;
  }
  // Both ways in one log: the application itself does the one or the other.
  if (shown == nullptr || by_service > hits) return no("connections to the Service reach the sidecar with the Service's address");
  return yes("the log of " + pod_ref(*path.caller.pod) + " shows " + count(hits, "request") + " for " + shown->authority + " on connections to " + shown->downstream_local + ", a pod of the Service: they went through " + shown->upstream_cluster,
             {{"line.authority", shown->authority}, {"line.dialled", shown->downstream_local}, {"line.time", shown->start}, {"caller.pod", path.caller.pod->meta.name}, {"caller.namespace", path.caller.pod->meta.ns}, {"shown.pod", path.caller.pod->meta.name},
              {"service.name", path.to.name}, {"service.namespace", path.to.ns}});
}

}  // namespace

const std::vector<Fact>& network_facts() {
  static const std::vector<Fact> facts = {
      {"networkpolicy.keeps-out", "NetworkPolicies keep the caller from the server's port", policy_needs, keeps_out, {Kind::networkpolicies}},
      {"networkpolicy.keeps-from-istiod", "NetworkPolicies keep the server's proxy from istiod", policy_needs, keeps_from_istiod, {Kind::networkpolicies}},
      {"target-port.reserved", "The application listens on a port that the sidecar uses itself", network_needs, reserved_port, {Kind::pods}},
      {"upstream.runs", "The address that failed is that of a running pod", network_needs, upstream_runs, {Kind::pods, Kind::log}},
      {"caller.dials-pods-by-service-name", "The caller's connections for the Service are to pod addresses", network_needs, rewritten_address, {Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
