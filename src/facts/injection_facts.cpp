// Sidecars: expected, missing, and started too late (G2, G4).
#include <algorithm>

#include "facts/injection_parts.hpp"
#include "mesh/capture.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

std::optional<Bare> bare_side(Context& c) {
  const auto* caller = c.caller();
  if (caller != nullptr && !caller->meshed() && !mesh::in_ambient(c.view, *caller)) return Bare{caller, "caller"};
  for (const auto* pod : c.path().servers) {
    if (!pod->meshed() && !mesh::in_ambient(c.view, *pod)) return Bare{pod, "server"};
  }
  return std::nullopt;
}

namespace {

const std::vector<Kind> injection_needs = {Kind::namespaces, Kind::deployments, Kind::services, Kind::pods, Kind::service_entries, Kind::gateways, Kind::api_gateways,
                                           Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

std::string label(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

/// Why the injector left the pod alone (istio pkg/kube/inject/inject.go injectRequired), "" when it should not have.
struct Reason {
  bool expected = false;          ///< namespace or pod asks for a sidecar, and it still has none
  std::string text;
};

Reason reason_of(const Pod& pod, const Labels& ns) {
  const std::string inject = !label(pod.meta.labels, "sidecar.istio.io/inject").empty() ? label(pod.meta.labels, "sidecar.istio.io/inject") : label(pod.meta.annotations, "sidecar.istio.io/inject");
  const std::string enabled = label(ns, "istio-injection"), revision = label(ns, "istio.io/rev");
  const bool wanted = enabled == "enabled" || (enabled.empty() && !revision.empty());
  if (pod.host_network) return {false, "pods on the host network are never injected"};
  if (inject == "false") return {wanted, "the pod says sidecar.istio.io/inject: \"false\""};
  if (enabled == "disabled") return {false, "namespace " + pod.meta.ns + " is labelled istio-injection=disabled"};
  if (wanted || inject == "true") return {true, "namespace " + pod.meta.ns + " asks for injection, but the pod was not injected: it is older than the label, or the webhook did not answer"};
  return {false, "namespace " + pod.meta.ns + " is not labelled for injection"};
}

}  // namespace

Finding bare_finding(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr || (path.servers.empty() && !path.servers_known)) return unknown();
  const auto bare = bare_side(c);
  if (!bare) return no("both sides have a proxy");
  const auto* namespaces = c.view.namespaces();
  if (namespaces == nullptr) return unknown();
  Labels labels;
  for (const auto& ns : *namespaces) {
    if (ns.meta.name == bare->pod->meta.ns) labels = ns.meta.labels;
  }
  const auto reason = reason_of(*bare->pod, labels);
  const std::string workload = mesh::workload_of(*bare->pod);
  Bindings b = {{"bare.side", bare->side}, {"bare.pod", bare->pod->meta.name}, {"bare.namespace", bare->pod->meta.ns}, {"bare.workload", workload}, {"bare.reason", reason.text}, {"bare.expected", reason.expected}};
  Json ops = Json::array();
  if (label(labels, "istio-injection").empty()) ops.push_back({{"op", "add"}, {"path", "/metadata/labels/istio-injection"}, {"value", "enabled"}});
  else if (label(labels, "istio-injection") != "enabled") ops.push_back({{"op", "replace"}, {"path", "/metadata/labels/istio-injection"}, {"value", "enabled"}});
  b["bare.namespace-patch"] = ops;
  return yes("the " + std::string(bare->side) + " " + pod_ref(*bare->pod) + " has no sidecar: " + reason.text, b);
}

namespace {

Finding sidecar_expected(Context& c) {
  const auto f = bare_finding(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("bare.expected").get<bool>(), "its namespace or pod asks for a sidecar", f.bindings);
}

/// The pod's own opt-out, set in its Deployment's template.
Finding opted_out(Context& c) {
  const auto f = bare_finding(c);
  if (f.truth != Tri::yes) return f;
  const auto bare = bare_side(c);
  const auto* deployments = c.view.deployments(bare->pod->meta.ns);
  if (deployments == nullptr) return unknown();
  const std::string workload = mesh::workload_of(*bare->pod);
  for (const auto& deployment : *deployments) {
    if (deployment.meta.name != workload) continue;
    auto b = f.bindings;
    const bool by_label = label(deployment.template_labels, "sidecar.istio.io/inject") == "false";
    const bool by_annotation = label(deployment.template_annotations, "sidecar.istio.io/inject") == "false";
    if (!by_label && !by_annotation) return no("the Deployment's template does not opt out");
    b["bare.optout-path"] = std::string(by_label ? "/spec/template/metadata/labels/" : "/spec/template/metadata/annotations/") + "sidecar.istio.io~1inject";
    b["bare.optout-patch"] = Json::array({{{"op", "remove"}, {"path", b["bare.optout-path"]}}});
    return yes("Deployment " + deployment.meta.ns + "/" + workload + "'s template says sidecar.istio.io/inject: \"false\"", b);
  }
  return no("the pod belongs to no Deployment that was read");
}

Finding namespace_unlabelled(Context& c) {
  const auto f = bare_finding(c);
  if (f.truth != Tri::yes) return f;
  const bool open = contains(f.bindings.at("bare.reason").get<std::string>(), "is not labelled for injection");
  return decide(open, "the namespace is not labelled for injection", f.bindings);
}

Finding workload_is_deployment(Context& c) {
  const auto f = bare_finding(c);
  if (f.truth != Tri::yes) return f;
  const auto bare = bare_side(c);
  return decide(bare->pod->meta.owner_kind == "ReplicaSet", "a Deployment owns the pod", f.bindings);
}

/// What such an application says when the network is not there yet.
Finding log_connection_refused(Context& c) {
  bool read = false;
  for (const auto* pod : c.path().servers) {
    for (const auto& container : pod->containers) {
      const Key key{Kind::app_log, pod->meta.ns, pod->meta.name, container.name};
      if (container.name == "istio-proxy" || !c.view.evidence().asked(key)) continue;
      const auto* log = c.view.read<std::string>(key);
      if (log == nullptr) continue;
      read = true;
      for (const char* words : {"connection refused", "ECONNREFUSED", "no such host", "temporary failure in name resolution"}) {
        if (contains_loosely(*log, words)) return yes("the log of " + container.name + " in " + pod_ref(*pod) + " says: " + words);
      }
    }
  }
  return read ? no("the application's log speaks of no refused connection") : unknown();
}

/// G2: the application ended in error before its proxy was ready, and nothing holds it back.
Finding started_before_proxy(Context& c) {
  const auto& path = c.path();
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  for (const auto* pod : path.servers) {
    const auto* proxy = pod->proxy();
    if (proxy == nullptr || proxy->init) continue;   // a native sidecar starts first
    const std::string hold = label(pod->meta.annotations, "proxy.istio.io/config");
    if (contains(hold, "holdApplicationUntilProxyStarts") && contains(hold, "true")) continue;
    for (const auto& container : pod->containers) {
      if (container.init || container.name == "istio-proxy") continue;
      const bool failing = container.waiting_reason == "CrashLoopBackOff" || (!container.ready && container.restarts > 0 && container.last_exit_code.value_or(0) != 0);
      if (!failing || container.last_terminated_reason == "OOMKilled") continue;
      return yes("container " + container.name + " of " + pod_ref(*pod) + " ended with " + std::to_string(container.last_exit_code.value_or(1)) + " and " + count(static_cast<std::size_t>(container.restarts), "restart") + ", and nothing makes it wait for its proxy",
                 {{"pod.name", pod->meta.name}, {"pod.namespace", pod->meta.ns}, {"pod.container", container.name}, {"server.workload", mesh::workload_of(*pod)}, {"server.namespace", pod->meta.ns}});
    }
  }
  return no("no application of the server's pods failed at its start");
}

}  // namespace

const std::vector<Fact>& injection_facts() {
  static const std::vector<Fact> facts = {
      {"hop.side-without-sidecar", "One side of the hop has no sidecar", injection_needs, bare_finding, {Kind::pods, Kind::namespaces}},
      {"hop.sidecar-expected", "The side without a sidecar should have one", injection_needs, sidecar_expected, {Kind::namespaces, Kind::pods}},
      {"hop.opted-out", "The Deployment without a sidecar opts out of injection", injection_needs, opted_out, {Kind::deployments}},
      {"hop.namespace-unlabelled", "The namespace of the side without a sidecar is not labelled", injection_needs, namespace_unlabelled, {Kind::namespaces}},
      {"hop.bare-is-deployment", "A Deployment owns the pod without a sidecar", injection_needs, workload_is_deployment, {Kind::pods}},
      {"app.log-connection-refused", "The application's log speaks of refused connections", {Kind::app_log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log}, log_connection_refused, {Kind::app_log}},
      {"app.failed-before-proxy", "An application failed at start and does not wait for its proxy", injection_needs, started_before_proxy, {Kind::pods}},
  };
  return facts;
}

}  // namespace meshdx::facts
