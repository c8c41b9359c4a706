// Who asks: the caller that the complaint names, a gateway, or a vantage.
#include <algorithm>

#include "mesh/gateway_api.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/request.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// `first`: the pod that the logs named, to look from before its siblings.
void choose(Caller& caller, std::vector<const Pod*> pods, const std::string& first = "") {
  caller.pods = std::move(pods);
  std::stable_partition(caller.pods.begin(), caller.pods.end(), [&](const Pod* pod) { return pod->meta.name == first; });
  caller.state = caller.pods.empty() ? Caller::State::absent : Caller::State::found;
  if (!caller.pods.empty()) caller.pod = caller.pods.front();
}

}  // namespace

std::vector<const Pod*> gateway_pods(const View& view, const Labels& selector) {
  std::vector<const Pod*> found;
  for (const auto& ns : view.pod_namespaces()) {
    const auto* pods = view.pods(ns);
    if (pods == nullptr) continue;
    for (const auto& pod : *pods) {
      if (pod.meshed() && pod.router() && !pod.waypoint() && !gone(pod) && (selector.empty() || selects(selector, pod.meta.labels))) found.push_back(&pod);
    }
  }
  return found;
}

namespace {

void find_gateway(const View& view, const Complaint& complaint, Caller& caller) {
  caller.gateway = true;
  caller.name = complaint.from_name;
  caller.ns = complaint.from_ns;
  auto pods = gateway_pods(view, {});
  if (complaint.from_name.empty()) keep_serving(view, lower(complaint.host), pods);
  if (!complaint.from_name.empty()) {
    std::vector<const Pod*> named;
    for (const auto* pod : pods) {
      if (workload_of(*pod) == complaint.from_name || serves_gateway(view, *pod, complaint.from_name)) named.push_back(pod);
    }
    const auto gateways = view.objects(Kind::gateways);
    for (const auto* gateway : gateways.items) {
      const bool here = complaint.from_ns.empty() || gateway->meta.ns == complaint.from_ns;
      if (named.empty() && gateway->meta.name == complaint.from_name && here) named = gateway_pods(view, labels_at(gateway->spec(), "selector"));
    }
    pods = named;
    if (pods.empty() && !gateways.everywhere) return;   // the Gateway meant may be in a list that was not read
  }
  const auto namespaces = view.pod_namespaces();
  const bool read = std::any_of(namespaces.begin(), namespaces.end(), [&](const auto& ns) { return view.pods(ns) != nullptr; });
  if (!pods.empty() || read) choose(caller, std::move(pods), complaint.from_pod);
}

void find_vantage(const View& view, const Complaint& complaint, const Destination& to, Caller& caller) {
  caller.chosen = true;
  caller.ns = complaint.ns;
  const auto* pods = view.pods(complaint.ns);
  if (pods == nullptr) return;
  std::vector<const Pod*> found;
  for (const auto& pod : *pods) {
    const bool target = to.service != nullptr && !to.service->selector.empty() && to.ns == pod.meta.ns && selects(to.service->selector, pod.meta.labels);
    if (pod.meshed() && !pod.router() && !gone(pod) && !target && workload_of(pod) != to.name) found.push_back(&pod);
  }
  choose(caller, std::move(found));
  if (caller.pod != nullptr) caller.name = workload_of(*caller.pod);
}

}  // namespace

Caller find_caller(const View& view, const Complaint& complaint, const Destination& destination) {
  Caller caller;
  if (complaint.of_workload) return caller;
  if (complaint.from == Complaint::From::gateway) {
    find_gateway(view, complaint, caller);
    return caller;
  }
  if (complaint.from == Complaint::From::unknown) {
    find_vantage(view, complaint, destination, caller);
    return caller;
  }
  caller.name = complaint.from_name;
  caller.ns = complaint.from_ns;
  if (const auto* pods = view.pods(caller.ns)) choose(caller, pods_named(*pods, caller.name), complaint.from_pod);
  return caller;
}

}  // namespace meshdx::mesh
