// Who asks: the caller that the complaint names, a gateway, or a vantage.
#include <algorithm>
#include <set>

#include "mesh/asked_gateway.hpp"
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

/// The pods that `--from gateway/NAME` means: of a workload or a Gateway of either API; where there is none, those that an Istio
/// Gateway of that name selects. `plain`: one thing has the name.
std::vector<const Pod*> named_gateway_pods(const View& view, const Complaint& complaint, const std::vector<const Pod*>& all, const ObjectList& gateways, bool& plain) {
  const auto& ns = complaint.from_ns;
  std::vector<const Pod*> named;
  std::set<std::string> things;
  for (const auto* pod : all) {
    const bool own = workload_of(*pod) == complaint.from_name && (ns.empty() || pod->meta.ns == ns);
    if (!own && !serves_gateway(view, *pod, complaint.from_name, ns)) continue;
    named.push_back(pod);
    things.insert(pod->meta.ns);
  }
  plain = things.size() < 2;
  if (!named.empty()) return named;
  for (const auto* gateway : gateways.items) {
    if (gateway->meta.name != complaint.from_name || !(ns.empty() || gateway->meta.ns == ns)) continue;
    plain = things.insert(gateway->meta.ns).second && things.size() < 2;
    for (const auto* pod : gateway_pods(view, labels_at(gateway->spec(), "selector"))) {
      if (std::find(named.begin(), named.end(), pod) == named.end()) named.push_back(pod);
    }
  }
  return named;
}

void find_gateway(const View& view, const Complaint& complaint, Caller& caller) {
  caller.gateway = true;
  caller.name = complaint.from_name;
  caller.ns = complaint.from_ns;
  auto pods = gateway_pods(view, {});
  const bool by_name = !complaint.from_name.empty();
  bool plain = false;
  if (by_name) {
    const auto gateways = view.objects(Kind::gateways);
    pods = named_gateway_pods(view, complaint, pods, gateways, plain);
    if (pods.empty() && !gateways.everywhere) return;   // the Gateway meant may be in a list that was not read
  }
  auto asked = plain ? AskedGateway{pods, {}, "", ""} : asked_gateway(view, complaint, pods, !by_name);
  caller.witnesses = std::move(asked.witnesses);
  caller.remark = std::move(asked.remark);
  caller.why = std::move(asked.why);
  if (!caller.why.empty()) return;
  const auto namespaces = view.pod_namespaces();
  const bool read = std::any_of(namespaces.begin(), namespaces.end(), [&](const auto& ns) { return view.pods(ns) != nullptr; });
  if (!pods.empty() || read) choose(caller, std::move(asked.pods), complaint.from_pod);
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
