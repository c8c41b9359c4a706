// Traffic that does not pass the sidecar although there is one, and traffic that ztunnel carries instead (G14 to G16, I).
#include <algorithm>

#include "facts/context.hpp"
#include "facts/injection_parts.hpp"
#include "mesh/capture.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using Why = mesh::OutboundCapture::Why;

namespace {

const std::vector<Kind> capture_needs = {Kind::pods, Kind::namespaces, Kind::deployments, Kind::services, Kind::service_entries, Kind::gateways, Kind::api_gateways,
                                         Kind::virtual_services, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

Bindings caller_bindings(const Pod& pod) {
  return {{"caller.pod", pod.meta.name}, {"caller.namespace", pod.meta.ns}, {"caller.workload", mesh::workload_of(pod)}};
}

/// The caller's pod when it has a sidecar; otherwise what to answer.
std::optional<Finding> need_sidecar(Context& c) {
  const auto* pod = c.caller();
  if (pod == nullptr) return unknown();
  if (!pod->meshed()) return no(pod_ref(*pod) + " has no sidecar to go around");
  return std::nullopt;
}

Finding runs_as_proxy(Context& c) {
  if (auto stop = need_sidecar(c)) return *stop;
  const auto& capture = c.path().caller.capture;
  if (capture.why != Why::proxy_uid) return no("no application container runs as the proxy's user");
  if (capture.captured == Tri::unknown) return unknown("container " + capture.container + " of " + pod_ref(*c.caller()) + " runs as user " + capture.value + " and goes around the sidecar, its other containers do not: which of them called is not known");
  auto b = caller_bindings(*c.caller());
  b["caller.container"] = capture.container;
  b["caller.uid"] = capture.value;
  return yes("container " + capture.container + " of " + pod_ref(*c.caller()) + " runs as user or group " + capture.value + ", whose traffic goes around the sidecar", b);
}

/// The annotation stands in the Deployment's template, where the fix takes it out.
void add_annotation_patch(Context& c, const std::string& annotation, Bindings& b) {
  const auto* deployments = c.view.deployments(c.caller()->meta.ns);
  if (deployments == nullptr) return;
  for (const auto& deployment : *deployments) {
    if (deployment.meta.name != mesh::workload_of(*c.caller()) || deployment.template_annotations.count(annotation) == 0) continue;
    b["capture.patch"] = Json::array({{{"op", "remove"}, {"path", "/spec/template/metadata/annotations/" + replace_all(annotation, "/", "~1")}}});
  }
}

Finding excluded(Context& c) {
  if (auto stop = need_sidecar(c)) return *stop;
  const auto& capture = c.path().caller.capture;
  if (capture.why == Why::captured || capture.why == Why::proxy_uid) return no("the sidecar takes connections to the destination");
  if (capture.captured == Tri::unknown) return unknown(pod_ref(*c.caller()) + " keeps addresses out of its sidecar (" + capture.setting + ": " + capture.value + "), and whether the destination's is one of them is not known");
  auto b = caller_bindings(*c.caller());
  b["capture.setting"] = capture.setting;
  b["capture.value"] = capture.value;
  add_annotation_patch(c, capture.setting, b);
  return yes(pod_ref(*c.caller()) + " keeps the destination out of its sidecar: " + capture.setting + " is \"" + capture.value + "\"", b);
}

Finding excluded_by_template(Context& c) {
  const auto f = excluded(c);
  if (f.truth != Tri::yes) return f;
  if (c.view.deployments(c.caller()->meta.ns) == nullptr) return unknown();
  return decide(f.bindings.count("capture.patch") > 0, "the annotation stands in the Deployment's template", f.bindings);
}

Finding bare_on_host_network(Context& c) {
  const auto f = bare_finding(c);
  if (f.truth != Tri::yes) return f;
  return decide(bare_side(c)->pod->host_network, "the pod is on the host network, where no sidecar is injected", f.bindings);
}

std::string ztunnel_hint(const Pod& pod) {
  const std::string node = pod.node.empty() ? "" : " --field-selector spec.nodeName=" + pod.node;
  return pod_ref(pod) + " is in ambient mode: ztunnel carries its traffic, and meshdx does not read ztunnel. By hand: `istioctl ztunnel-config workloads`, `istioctl ztunnel-config policies`, `istioctl ztunnel-config services` (its waypoint), `istioctl ztunnel-config certificates`, `kubectl get pods -n istio-system -l app=ztunnel" + node + "` and that pod's log (`kubectl logs -n istio-system -l app=ztunnel --tail=200`), lines with " + (pod.ip.empty() ? "the pod's address" : pod.ip);
}

/// Both ends are sidecars or gateways, or nothing at all: the parts of the mesh that meshdx can read.
Finding no_ztunnel(Context& c) {
  const auto& path = c.path();
  std::vector<const Pod*> pods = path.servers;
  if (path.caller.pod != nullptr) pods.insert(pods.begin(), path.caller.pod);
  for (const auto* pod : pods) {
    if (mesh::in_ambient(c.view, *pod)) return unknown(ztunnel_hint(*pod));
  }
  // Without the namespaces' labels a pod without a sidecar may be one of ztunnel's.
  const bool bare = std::any_of(pods.begin(), pods.end(), [](const Pod* p) { return p->proxy() == nullptr && !p->host_network; });
  if (path.caller.pod == nullptr || (bare && c.view.namespaces() == nullptr)) return unknown();
  return yes("no ztunnel stands between the two sides");
}

}  // namespace

const std::vector<Fact>& capture_facts() {
  static const std::vector<Fact> facts = {
      {"caller.runs-as-proxy-uid", "The caller's application runs as the proxy's user", capture_needs, runs_as_proxy, {Kind::pods}},
      {"caller.excludes-destination", "The caller keeps the destination out of its sidecar", capture_needs, excluded, {Kind::pods}},
      {"caller.excludes-by-template", "The caller's Deployment keeps the destination out of the sidecar", capture_needs, excluded_by_template, {Kind::deployments}},
      {"hop.bare-on-host-network", "The side without a sidecar is on the host network", capture_needs, bare_on_host_network, {Kind::pods}},
      {"hop.without-ztunnel", "No side of the hop is in ambient mode", capture_needs, no_ztunnel, {Kind::pods, Kind::namespaces}},
  };
  return facts;
}

}  // namespace meshdx::facts
