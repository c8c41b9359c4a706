// Is there a pod that takes the traffic? Service selector, pods, EndpointSlices, target ports, subsets (causes.md group A).
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;

Bindings service_bindings(const Serving& serving) {
  const bool by_dns = serving.service != nullptr && serving.service->headless();   // CoreDNS and resolvers keep "no such name" for 5 to 30 s
  Bindings b = {{"service.host", serving.host}, {"service.port", serving.port_number}, {"service.slow-name", by_dns ? "; the Service is headless, so its name resolves only 5 to 30 s after the pod is ready" : ""}};
  if (serving.service == nullptr) return b;
  b["service.name"] = serving.service->meta.name;
  b["service.namespace"] = serving.service->meta.ns;
  b["selector.text"] = labels_text(serving.service->selector);
  if (!serving.subset.empty()) b["subset.name"] = serving.subset;
  return b;
}

namespace {

const std::vector<Kind> endpoint_needs = {Kind::services, Kind::pods, Kind::endpointslices, Kind::deployments, Kind::service_entries,
                                          Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters,
                                          Kind::endpoints, Kind::destination_rules, Kind::mesh_config, Kind::log};

/// Ready endpoints of a Service port in its EndpointSlices; nullopt: not read.
std::optional<std::size_t> ready_in_slices(Context& c, const Service& service, const ServicePort* port) {
  const auto* slices = c.view.slices(service.meta.ns);
  if (slices == nullptr) return std::nullopt;
  std::size_t ready = 0;
  for (const auto& slice : *slices) {
    if (slice.service != service.meta.name) continue;
    const bool has_port = port == nullptr || std::any_of(slice.ports.begin(), slice.ports.end(), [&](const SlicePort& p) { return p.name == port->name && p.port.has_value(); });
    if (!has_port) continue;
    for (const auto& endpoint : slice.endpoints) ready += endpoint.ready;
  }
  return ready;
}

/// A headless Service has no address of its own: its name resolves to its ready pods, and to nothing without them. The
/// proxy holds no endpoints of such a cluster (ORIGINAL_DST), so the slices tell.
Tri headless_empty(Context& c, const Leg& leg) {
  const auto& serving = c.serving();
  const bool headless = leg.config != nullptr && leg.config->type == "ORIGINAL_DST" && serving.leg == &leg && serving.service != nullptr && serving.service->headless() && !serving.service->selector.empty();
  if (!headless) return Tri::no;
  const auto ready = ready_in_slices(c, *serving.service, nullptr);
  return ready ? tri(*ready == 0) : Tri::unknown;
}

Finding no_endpoints(Context& c) {
  const auto& path = c.path();
  const auto& serving = c.serving();
  if (path.walked) {
    if (auto stop = need_walk(c)) return *stop;
    bool unsure = false;
    for (const auto& leg : c.walk().legs) {
      if (leg.state == Leg::State::empty || leg.state == Leg::State::none_healthy) {
        auto b = service_bindings(serving);
        b["cluster.name"] = leg.cluster;
        const auto all = leg.hosts.size();
        if (all == 0) return yes("the caller's proxy has no endpoint in cluster " + leg.cluster, b);
        return yes((all == 1 ? "the only endpoint in cluster " + leg.cluster + " is not" : "none of the " + count(all, "endpoint") + " in cluster " + leg.cluster + " is") + " healthy", b);
      }
      const Tri nameless = headless_empty(c, leg);
      if (nameless == Tri::yes) return yes("headless Service " + serving.service->full_name() + " has no ready endpoint, so its name has no address", service_bindings(serving));
      unsure = unsure || leg.state == Leg::State::unknown || nameless == Tri::unknown;
    }
    return unsure ? unknown() : no("the caller's proxy has healthy endpoints");
  }
  if (path.caller.pod == nullptr || path.to.service == nullptr) return path.caller.pod == nullptr ? unknown() : no("the destination is no Service");
  const auto ready = ready_in_slices(c, *path.to.service, path.to.port);
  if (!ready) return unknown();
  return decide(*ready == 0, *ready == 0 ? "Service " + path.to.ns + "/" + path.to.name + " has no ready endpoint" : "Service " + path.to.ns + "/" + path.to.name + " has " + count(*ready, "ready endpoint"), service_bindings(serving));
}

Finding selects_no_pod(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.service == nullptr || serving.service->selector.empty()) return no("there is no selector to match");
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  auto b = service_bindings(serving);
  const std::string name = "Service " + serving.service->meta.ns + "/" + serving.service->meta.name + "'s selector " + labels_text(serving.service->selector);
  return decide(pods->empty(), name + (pods->empty() ? " matches no pod" : " matches " + count(pods->size(), "pod")), b);
}

std::string not_ready_text(const Pod& pod) {
  std::vector<std::string> parts;
  for (const auto& container : pod.containers) {
    if (container.ready || (container.init && !container.restart_always)) continue;
    std::string text = "container " + container.name + " is not ready";
    if (!container.waiting_reason.empty()) text += " (" + container.waiting_reason + ")";
    else if (!container.last_terminated_reason.empty()) text += " (last ended: " + container.last_terminated_reason + ", " + count(static_cast<std::size_t>(std::max(container.restarts, 0)), "restart") + ")";
    parts.push_back(text);
  }
  if (parts.empty()) return pod.phase == "Running" ? "it is not ready" : "it is " + pod.phase;
  return join(parts, ", ");
}

Finding pods_none_ready(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known || serving.service == nullptr) return serving.known ? no("there is no Service") : unknown();
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  std::vector<const Pod*> own = *pods;
  if (!serving.subset.empty()) {
    const auto rules = c.view.objects(Kind::destination_rules);
    for (const auto* rule : rules.items) {
      if (serving.leg == nullptr || serving.leg->config == nullptr || rule->meta.name != serving.leg->config->config.name || rule->meta.ns != serving.leg->config->config.ns) continue;
      for (const auto& subset : at(rule->spec(), "subsets")) {
        if (text_at(subset, "name") != serving.subset) continue;
        const auto labels = mesh::labels_at(subset, "labels");
        own.erase(std::remove_if(own.begin(), own.end(), [&](const Pod* p) { return !selects(labels, p->meta.labels); }), own.end());
      }
    }
  }
  const auto ready = static_cast<std::size_t>(std::count_if(own.begin(), own.end(), [](const Pod* p) { return p->ready; }));
  if (own.empty()) return no("no pod is selected");
  if (ready > 0) return no(std::to_string(ready) + " of " + count(own.size(), "pod") + " ready");
  auto b = service_bindings(serving);
  b["pods.count"] = own.size();
  b["pod.name"] = own.front()->meta.name;
  b["pod.namespace"] = own.front()->meta.ns;
  b["pods.reason"] = not_ready_text(*own.front());
  const bool proxy = own.front()->proxy() != nullptr && !own.front()->proxy()->ready;
  b["pods.log-container"] = proxy ? "istio-proxy" : "";
  return yes((own.size() == 1 ? std::string("the only pod that the Service selects is not ready: in ") : "none of the " + count(own.size(), "pod") + " that the Service selects is ready: in ") + own.front()->meta.name + " " + not_ready_text(*own.front()), b);
}

/// Ready for a moment between two crashes: every selected pod has a container that ended and was started again.
Finding pods_restarting(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known || serving.service == nullptr) return serving.known ? no("there is no Service") : unknown();
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  std::string reason;
  const Pod* shown = nullptr;
  for (const auto* pod : *pods) {
    const auto found = std::find_if(pod->containers.begin(), pod->containers.end(), [](const Container& k) { return !(k.init && !k.restart_always) && k.restarts > 0 && !k.last_terminated_reason.empty(); });
    if (found == pod->containers.end()) return no("not every selected pod was restarted");
    shown = pod;
    reason = "container " + found->name + " ended (" + found->last_terminated_reason + ") and was started again, " + count(static_cast<std::size_t>(found->restarts), "time");
  }
  if (shown == nullptr) return no("no pod is selected");
  auto b = service_bindings(serving);
  b["pod.name"] = shown->meta.name;
  b["pod.namespace"] = shown->meta.ns;
  b["pods.reason"] = reason;
  return yes("every pod that the Service selects keeps restarting: in " + shown->meta.name + " " + reason, b);
}

Finding proxy_not_ready(Context& c) {
  const auto f = pods_none_ready(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("pods.log-container") == "istio-proxy", "the istio-proxy container is not ready", f.bindings);
}

/// Ports the pods declare that no other port of the Service leads to: where a wrong targetPort was meant to go.
std::set<std::uint16_t> free_ports(const Service& service, const ServicePort& wrong, const std::vector<const Pod*>& pods) {
  std::set<std::uint16_t> free;
  for (const auto* pod : pods) {
    for (const auto& container : pod->containers) {
      if (container.name == "istio-proxy" || (container.init && !container.restart_always)) continue;
      for (const auto& declared : container.ports) {
        if (declared.protocol == wrong.protocol) free.insert(declared.port);
      }
    }
  }
  for (const auto& other : service.ports) {
    if (other.port == wrong.port || pods.empty()) continue;
    if (const auto used = mesh::target_port(other, *pods.front())) free.erase(*used);
  }
  return free;
}

Bindings port_bindings(const Serving& serving, const std::set<std::uint16_t>& free) {
  auto b = service_bindings(serving);
  b["port.target"] = serving.port->target.text();
  b["port.index"] = serving.port - serving.service->ports.data();
  if (free.size() == 1) b["port.meant"] = *free.begin();
  std::vector<std::string> all;
  for (const auto port : free) all.push_back(std::to_string(port));
  b["port.offered"] = all.empty() ? std::string("none") : join(all, ", ");
  return b;
}

Finding target_name_missing(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.service == nullptr || serving.port == nullptr || !serving.port->target.named()) return no("the targetPort is a number");
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  if (pods->empty()) return no("no pod is selected");
  for (const auto* pod : *pods) {
    if (mesh::target_port(*serving.port, *pod)) return no("a pod has a port named " + serving.port->target.name);
  }
  return yes("no pod that the Service selects has a container port named " + serving.port->target.name, port_bindings(serving, free_ports(*serving.service, *serving.port, *pods)));
}

Finding target_not_declared(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.service == nullptr || serving.port == nullptr || serving.port->target.named()) return no("the targetPort is a name");
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  const auto free = free_ports(*serving.service, *serving.port, *pods);
  const bool elsewhere = !free.empty() && free.count(serving.port->target.number) == 0;
  auto b = port_bindings(serving, free);
  return decide(elsewhere, elsewhere ? "targetPort " + serving.port->target.text() + " is declared by no container; declared and not in use: " + b["port.offered"].get<std::string>() : "the targetPort may be right", b);
}

Finding port_meant_known(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known || serving.service == nullptr || serving.port == nullptr) return serving.known ? no("no port") : unknown();
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  const auto free = free_ports(*serving.service, *serving.port, *pods);
  return decide(free.size() == 1 && (serving.port->target.named() || *free.begin() != serving.port->target.number), "exactly one declared container port is not in use by another port of the Service", port_bindings(serving, free));
}

struct SubsetView {
  const Object* rule = nullptr;
  std::size_t index = 0;
  Labels labels;
};

std::optional<SubsetView> subset_of(Context& c, const Serving& serving) {
  if (serving.leg == nullptr || serving.leg->config == nullptr) return std::nullopt;
  const auto& ref = serving.leg->config->config;
  const auto rules = c.view.objects(Kind::destination_rules);
  for (const auto* rule : rules.items) {
    if (rule->meta.name != ref.name || rule->meta.ns != ref.ns) continue;
    const Json& subsets = at(rule->spec(), "subsets");
    for (std::size_t i = 0; subsets.is_array() && i < subsets.size(); ++i) {
      if (text_at(subsets[i], "name") == serving.subset) return SubsetView{rule, i, mesh::labels_at(subsets[i], "labels")};
    }
  }
  return std::nullopt;
}

Finding subset_selects_no_pod(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.subset.empty() || serving.service == nullptr) return no("the route names no subset");
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  const auto rules = c.view.objects(Kind::destination_rules);
  const auto subset = subset_of(c, serving);
  if (!pods || (!subset && !rules.everywhere)) return unknown();
  if (!subset) return no("no DestinationRule declares subset " + serving.subset);
  const auto picked = static_cast<std::size_t>(std::count_if(pods->begin(), pods->end(), [&](const Pod* p) { return selects(subset->labels, p->meta.labels); }));
  auto b = service_bindings(serving);
  b["rule.name"] = subset->rule->meta.name;
  b["rule.namespace"] = subset->rule->meta.ns;
  b["subset.labels"] = labels_text(subset->labels);
  b["pods.count"] = pods->size();
  std::set<std::string> carried;
  for (const auto* pod : *pods) {
    for (const auto& [key, value] : subset->labels) {
      const auto own = pod->meta.labels.find(key);
      carried.insert(own == pod->meta.labels.end() ? "no " + key : key + "=" + own->second);
    }
  }
  b["pods.carry"] = join({carried.begin(), carried.end()}, ", ");
  const bool empty = picked == 0 && !pods->empty();
  return decide(empty, "subset " + serving.subset + " (" + labels_text(subset->labels) + ") of DestinationRule " + subset->rule->meta.ns + "/" + subset->rule->meta.name + " selects " + (picked == 0 ? "no pod" : count(picked, "pod")), b);
}

Finding all_ejected(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = false;
  for (const auto& leg : c.walk().legs) {
    if (leg.state == Leg::State::all_ejected) {
      auto b = service_bindings(c.serving());
      b["cluster.name"] = leg.cluster;
      b["endpoints.ejected"] = leg.ejected;
      return yes("outlier detection has ejected " + (leg.ejected == 1 ? std::string("the only healthy endpoint") : "all " + std::to_string(leg.ejected) + " healthy endpoints") + " of " + leg.cluster, b);
    }
    unsure = unsure || leg.state == Leg::State::unknown;
  }
  return unsure ? unknown() : no("no cluster of the route has all its endpoints ejected");
}

/// An address the proxy still sends to although no pod and no EndpointSlice has it. Where the log says which addresses could not be
/// reached it is one of them: other clusters' addresses stand in no slice here, and are none the worse for it.
Finding stale_endpoint(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.leg == nullptr || serving.service == nullptr || serving.service->selector.empty()) return no("the endpoints are not those of a selector");
  const auto* slices = c.view.slices(serving.service->meta.ns);
  const auto* pods = c.view.pods(serving.service->meta.ns);
  if (slices == nullptr || pods == nullptr || serving.leg->state == Leg::State::unknown) return unknown();
  std::set<std::string> real, unreached;
  for (const auto& slice : *slices) {
    if (slice.service != serving.service->meta.name) continue;
    for (const auto& endpoint : slice.endpoints) real.insert(endpoint.addresses.begin(), endpoint.addresses.end());
  }
  for (const auto& seen : c.traffic().requests) {
    if (mesh::unconnected(seen) && !seen.caller->upstream_host.empty()) unreached.insert(mesh::address_of(seen.caller->upstream_host));
  }
  for (const auto* host : serving.leg->hosts) {
    const bool of_a_pod = std::any_of(pods->begin(), pods->end(), [&](const Pod& pod) { return pod.has_address(host->address); });
    if (of_a_pod || real.count(host->address) > 0 || c.view.pod_by_ip(host->address) != nullptr) continue;
    if (!unreached.empty() && unreached.count(host->address) == 0) continue;
    auto b = service_bindings(serving);
    b["endpoint.address"] = mesh::with_port(host->address, host->port);
    return yes("the caller's proxy still sends to " + host->address + ", an address that no pod and no EndpointSlice of the Service has", b);
  }
  return no("every endpoint of the caller's proxy that may have failed is a pod of the Service");
}

}  // namespace

const std::vector<Fact>& endpoint_facts() {
  static const std::vector<Fact> facts = {
      {"destination.no-endpoints", "No healthy endpoint takes the request", endpoint_needs, no_endpoints, {Kind::endpoints, Kind::endpointslices}},
      {"endpoints.all-ejected", "Outlier detection has ejected all endpoints", endpoint_needs, all_ejected, {Kind::endpoints}},
      {"endpoint.stale", "The caller's proxy has an endpoint that no longer exists", endpoint_needs, stale_endpoint, {Kind::endpoints}},
      {"service.selects-no-pod", "The Service's selector matches no pod", endpoint_needs, selects_no_pod, {Kind::services, Kind::pods}},
      {"pods.none-ready", "None of the Service's pods is ready", endpoint_needs, pods_none_ready, {Kind::pods}},
      {"target-port.name-missing", "No pod has a container port of the targetPort's name", endpoint_needs, target_name_missing, {Kind::services, Kind::pods}},
      {"target-port.not-declared", "No container declares the targetPort, others are declared", endpoint_needs, target_not_declared, {Kind::services, Kind::pods}},
      {"target-port.meant-known", "The port that was meant is plain", endpoint_needs, port_meant_known, {Kind::services, Kind::pods}},
      {"subset.selects-no-pod", "The subset's labels match no pod of the Service", endpoint_needs, subset_selects_no_pod, {Kind::destination_rules, Kind::pods}},
      {"pods.restarting", "Every pod of the Service keeps restarting", endpoint_needs, pods_restarting, {Kind::pods}},
      {"pods.proxy-not-ready", "It is the proxy container that is not ready", endpoint_needs, proxy_not_ready, {Kind::pods}},
  };
  return facts;
}

}  // namespace meshdx::facts
