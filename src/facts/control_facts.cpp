// istiod and what it last pushed: running, in sync, rejected (G7 to G10).
#include <algorithm>
#include <optional>
#include <set>

#include "facts/envoy_filters.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> control_needs = {Kind::proxy_status, Kind::deployments, Kind::envoy_filters, Kind::log, Kind::mesh_config, Kind::services,
                                         Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes,
                                         Kind::clusters, Kind::endpoints};

/// The proxies of the hop: the caller's, and the servers'.
std::vector<const Pod*> proxies(Context& c) {
  std::vector<const Pod*> pods;
  if (c.caller() != nullptr && c.caller()->meshed()) pods.push_back(c.caller());
  for (const auto* pod : c.path().servers) {
    if (pod->meshed() && pod->phase == "Running" && std::find(pods.begin(), pods.end(), pod) == pods.end()) pods.push_back(pod);
  }
  return pods;
}

/// The control planes that have a say: the caller's, and those of the hop's proxies.
std::set<mesh::ControlPlane> planes_of_hop(Context& c) {
  std::set<mesh::ControlPlane> found = {c.view.control_plane()};
  for (const auto* pod : proxies(c)) {
    if (const auto plane = mesh::control_plane_of(*pod)) found.insert(*plane);
  }
  return found;
}

Finding plane_down(Context& c, const mesh::ControlPlane& plane) {
  const auto* pods = c.view.pods(plane.ns);
  if (pods == nullptr) return unknown();
  std::size_t all = 0, ready = 0;
  for (const auto& pod : *pods) {
    if (!plane.has(pod.meta.labels)) continue;
    ++all;
    ready += pod.ready && !pod.meta.deleting;
  }
  if (ready > 0) return no(count(ready, "istiod pod") + " ready");
  Bindings b = {{"istiod.namespace", plane.ns}};
  const auto* deployments = c.view.deployments(plane.ns);
  if (deployments == nullptr) return unknown();
  const Deployment* own = nullptr;
  for (const auto& deployment : *deployments) {
    if (plane.has(deployment.template_labels)) own = &deployment;
  }
  // No pod and no Deployment: the control plane may run elsewhere (an external istiod, another namespace).
  if (own == nullptr && all == 0) return unknown("no istiod was found in " + plane.ns + ": the control plane may run elsewhere");
  if (own != nullptr) b["istiod.deployment"] = own->meta.name;
  const bool zero = own != nullptr && own->replicas.value_or(1) == 0;
  const std::string pods_text = all == 1 ? std::string("its one pod is not ready") : "none of its " + count(all, "pod") + " is ready";
  b["istiod.text"] = zero ? "Deployment " + own->meta.ns + "/" + own->meta.name + " is scaled to 0" : all == 0 ? std::string("it has no pod") : pods_text;
  return yes("no istiod is ready: " + b["istiod.text"].get<std::string>(), b);
}

Finding plane_scaled_to_zero(Context& c, const mesh::ControlPlane& plane) {
  const auto* deployments = c.view.deployments(plane.ns);
  if (deployments == nullptr) return unknown();
  for (const auto& deployment : *deployments) {
    if (!plane.has(deployment.template_labels)) continue;
    return decide(deployment.replicas.value_or(1) == 0, "Deployment " + deployment.meta.name + " wants " + std::to_string(deployment.replicas.value_or(1)) + " replicas", {{"istiod.deployment", deployment.meta.name}, {"istiod.namespace", deployment.meta.ns}});
  }
  return no("there is no istiod Deployment");
}

/// Whether it holds of any of the control planes.
Finding of_any_plane(Context& c, Finding (*holds)(Context&, const mesh::ControlPlane&)) {
  std::optional<Finding> open, last;
  for (const auto& plane : planes_of_hop(c)) {
    last = holds(c, plane);
    if (last->truth == Tri::yes) return *last;
    if (last->truth == Tri::unknown) open = last;
  }
  return open ? *open : *last;
}

Finding istiod_down(Context& c) { return of_any_plane(c, plane_down); }
Finding istiod_scaled_to_zero(Context& c) { return of_any_plane(c, plane_scaled_to_zero); }

const ProxyState* state_of(const ProxyStatus& status, const Pod& pod) {
  for (const auto& state : status.proxies) {
    if (state.pod == pod.meta.name && state.ns == pod.meta.ns) return &state;
  }
  return nullptr;
}

Bindings proxy_bindings(const Pod& pod) {
  return {{"proxy.pod", pod.meta.name}, {"proxy.namespace", pod.meta.ns}, {"proxy.workload", mesh::workload_of(pod)}};
}

Finding with_status(Context& c, Sync wanted, const std::string& what) {
  const auto* hop = c.view.proxy_status();
  if (hop == nullptr || c.caller() == nullptr) return unknown();
  bool says_sync = hop->says_sync;
  for (const auto* pod : proxies(c)) {
    const auto* status = c.view.proxy_status(*pod);
    if (status == nullptr) return unknown();
    says_sync = says_sync && status->says_sync;
    const auto* state = state_of(*status, *pod);
    if (state == nullptr) continue;
    for (const auto& [type, sync] : state->types) {
      if (sync != wanted) continue;
      auto b = proxy_bindings(*pod);
      b["proxy.type"] = type;
      const auto error = state->errors.find(type);
      b["proxy.error"] = error == state->errors.end() ? std::string() : error->second;
      return yes("istiod says that " + pod_ref(*pod) + " " + what + " " + type + (b["proxy.error"] == "" ? "" : ": " + b["proxy.error"].get<std::string>()), b);
    }
  }
  return says_sync ? no("no proxy of the hop " + what + " configuration") : unknown("this istioctl's proxy-status does not say whether proxies are in sync");
}

Finding stale(Context& c) { return with_status(c, Sync::stale, "has not acknowledged its"); }

Finding rejected(Context& c) {
  Finding f = with_status(c, Sync::error, "rejected its");
  if (f.truth == Tri::yes || c.caller() == nullptr) return f;
  for (const auto* pod : proxies(c)) {
    if (!c.view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name})) continue;
    const auto* log = c.view.log(*pod);
    if (log == nullptr || f.truth == Tri::no) continue;
    for (const auto& line : log->agent) {
      if (!contains(line.message, "rejected:")) continue;
      auto b = proxy_bindings(*pod);
      b["proxy.type"] = std::string("configuration");
      b["proxy.error"] = line.message.substr(0, 400);
      return yes("the log of " + pod_ref(*pod) + " says that it rejected configuration", b);
    }
  }
  return f;
}

/// Whether an EnvoyFilter that applies to the rejecting proxy is named by what the rejection says.
Finding envoy_filter_rejected(Context& c) {
  const auto f = rejected(c);
  if (f.truth != Tri::yes) return f;
  const auto* pod = c.view.pod(f.bindings.at("proxy.namespace").get<std::string>(), f.bindings.at("proxy.pod").get<std::string>());
  if (pod == nullptr) return unknown();
  const auto applying = envoy_filters_of(c, *pod);
  if (applying.empty()) return envoy_filters_known(c, *pod) ? no("no EnvoyFilter applies to the proxy") : unknown();
  const std::string error = f.bindings.at("proxy.error").get<std::string>();
  const Object* named = applying.size() == 1 ? applying.front() : nullptr;
  for (const auto* filter : applying) {
    for (const auto& patch : at(filter->spec(), "configPatches")) {
      const std::string name = text_at(at(patch, {"patch", "value"}), "name");
      if (!name.empty() && contains(error, name)) named = filter;
    }
  }
  if (named == nullptr) return unknown("several EnvoyFilters apply to the proxy, and the rejection names none");
  auto b = f.bindings;
  b["filter.name"] = named->meta.name;
  b["filter.namespace"] = named->meta.ns;
  return yes("EnvoyFilter " + named->meta.ns + "/" + named->meta.name + " applies to the proxy that rejected its configuration", b);
}

Finding in_sync(Context& c) {
  if (c.view.proxy_status() == nullptr || c.caller() == nullptr) return unknown();
  const auto pods = proxies(c);
  if (pods.empty()) return yes("no proxy takes part in the hop");
  bool says_sync = true;
  for (const auto* pod : pods) {
    const auto* status = c.view.proxy_status(*pod);
    if (status == nullptr) return unknown();
    says_sync = says_sync && status->says_sync;
    const auto* state = state_of(*status, *pod);
    if (state == nullptr) return no("istiod does not know the proxy of " + pod_ref(*pod));
    for (const auto& [type, sync] : state->types) {
      if (sync == Sync::stale || sync == Sync::error) return no(pod_ref(*pod) + " is not in sync: " + type);
    }
  }
  if (!says_sync) return unknown("this istioctl's proxy-status does not say whether proxies are in sync");
  return yes(count(pods.size(), "proxy") + " of the hop in sync with istiod");
}

}  // namespace

const std::vector<Fact>& control_facts() {
  static const std::vector<Fact> facts = {
      {"istiod.down", "No istiod is ready", control_needs, istiod_down, {Kind::pods, Kind::deployments}},
      {"istiod.scaled-to-zero", "The istiod Deployment is scaled to 0", control_needs, istiod_scaled_to_zero, {Kind::pods, Kind::deployments}},
      {"proxies.in-sync", "The proxies of the hop are in sync with istiod", control_needs, in_sync, {Kind::proxy_status}},
      {"proxies.stale", "A proxy has not acknowledged its configuration", control_needs, stale, {Kind::proxy_status}},
      {"proxies.rejected", "A proxy rejected its configuration", control_needs, rejected, {Kind::proxy_status}},
      {"proxies.rejected-envoy-filter", "The rejected configuration comes from an EnvoyFilter", control_needs, envoy_filter_rejected, {Kind::envoy_filters, Kind::proxy_status}},
  };
  return facts;
}

}  // namespace meshdx::facts
