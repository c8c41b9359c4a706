// The workloads behind a Service that selects no pod: scaled to 0, without their pods, or none (causes.md A1, A2).
#include <algorithm>
#include <optional>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> workload_needs = {Kind::services, Kind::pods, Kind::endpointslices, Kind::deployments, Kind::service_entries,
                                          Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters,
                                          Kind::endpoints, Kind::destination_rules, Kind::mesh_config, Kind::log};

std::vector<Kind> workload_needs_and(std::vector<Kind> more) {
  auto kinds = workload_needs;
  kinds.insert(kinds.end(), more.begin(), more.end());
  return kinds;
}

/// The Deployment whose template the Service's selector (and subset) would pick.
const Deployment* selected_deployment(const Service& service, const std::vector<Deployment>& deployments, int replicas) {
  for (const auto& deployment : deployments) {
    const bool scaled = replicas == 0 ? deployment.replicas.value_or(1) == 0 : deployment.replicas.value_or(1) > 0;
    if (scaled && selects(service.selector, deployment.template_labels)) return &deployment;
  }
  return nullptr;
}

/// They all ask of the Service that the request is for, and what its selector would pick.
std::optional<Finding> need_selector(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  return serving.service == nullptr || serving.service->selector.empty() ? std::optional(no("there is no selector")) : std::nullopt;
}

Finding scaled_to_zero(Context& c) {
  if (auto stop = need_selector(c)) return *stop;
  const auto& serving = c.serving();
  const auto* deployments = c.view.deployments(serving.service->meta.ns);
  if (deployments == nullptr) return unknown();
  const auto* zero = selected_deployment(*serving.service, *deployments, 0);
  if (zero == nullptr || selected_deployment(*serving.service, *deployments, 1) != nullptr) return no("no Deployment that the Service selects is scaled to 0");
  auto b = service_bindings(serving);
  b["deployment.name"] = zero->meta.name;
  b["deployment.namespace"] = zero->meta.ns;
  return yes("Deployment " + zero->meta.ns + "/" + zero->meta.name + " is scaled to 0 replicas", b);
}

/// A ReplicaSet that no Deployment rules (one that stands alone, or an Argo Rollout's) wants no pod, and no other that is selected does.
Finding set_scaled_to_zero(Context& c) {
  if (auto stop = need_selector(c)) return *stop;
  const auto& serving = c.serving();
  const auto* sets = c.view.replicasets(serving.service->meta.ns);
  if (sets == nullptr) return unknown();
  const ReplicaSet* zero = nullptr;
  for (const auto& set : *sets) {
    if (set.meta.owner_kind == "Deployment" || !selects(serving.service->selector, set.template_labels)) continue;
    if (set.replicas > 0) return no("ReplicaSet " + set.meta.ns + "/" + set.meta.name + " wants pods that the Service selects");
    zero = &set;
  }
  if (zero == nullptr) return no("no ReplicaSet that the Service selects stands without a Deployment");
  auto b = service_bindings(serving);
  const bool alone = zero->meta.owner_name.empty();
  b["owner.ref"] = (alone ? "ReplicaSet " : zero->meta.owner_kind + " ") + zero->meta.ns + "/" + (alone ? zero->meta.name : zero->meta.owner_name);
  return yes(b["owner.ref"].get<std::string>() + " is scaled to 0 replicas", b);
}

Finding no_pods_created(Context& c) {
  if (auto stop = need_selector(c)) return *stop;
  const auto& serving = c.serving();
  const auto* deployments = c.view.deployments(serving.service->meta.ns);
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (deployments == nullptr || !pods) return unknown();
  const auto* wanting = selected_deployment(*serving.service, *deployments, 1);
  if (wanting == nullptr || !pods->empty()) return no("no Deployment waits for its first pod");
  // The Deployment itself must say that its pods cannot be made: quota, admission, a webhook that does not answer.
  std::string reason;
  for (const auto& condition : at(wanting->raw, {"status", "conditions"})) {
    if (text_at(condition, "type") == "ReplicaFailure" && text_at(condition, "status") == "True") reason = text_at(condition, "message");
  }
  if (reason.empty()) return no("Deployment " + wanting->meta.name + " reports no failure to create pods");
  auto b = service_bindings(serving);
  b["deployment.name"] = wanting->meta.name;
  b["deployment.namespace"] = wanting->meta.ns;
  b["deployment.reason"] = reason;
  return yes("Deployment " + wanting->meta.ns + "/" + wanting->meta.name + " wants " + count(static_cast<std::size_t>(wanting->replicas.value_or(1)), "pod") + " but has none: " + reason, b);
}

/// Without the list: no StatefulSet is meant where the Service selects pods, or pods of a workload of its own name run.
Finding without_sets(Context& c, const Service& service) {
  const auto* pods = c.view.pods(service.meta.ns);
  if (pods == nullptr) return unknown();
  for (const auto& pod : *pods) {
    if (!mesh::gone(pod) && (selects(service.selector, pod.meta.labels) || mesh::workload_of(pod) == service.meta.name)) return no("pod " + pod_ref(pod) + " is of the workload that the Service stands for");
  }
  return unknown();
}

/// A StatefulSet whose pods the Service selects, and that wants none.
Finding stateful_set_scaled_to_zero(Context& c) {
  if (auto stop = need_selector(c)) return *stop;
  const auto& serving = c.serving();
  const auto* sets = c.view.statefulsets(serving.service->meta.ns);
  if (sets == nullptr) return without_sets(c, *serving.service);
  const StatefulSet* zero = nullptr;
  for (const auto& set : *sets) {
    if (!selects(serving.service->selector, set.template_labels)) continue;
    if (set.replicas > 0) return no("StatefulSet " + set.full_name() + " wants pods that the Service selects");
    zero = &set;
  }
  if (zero == nullptr) return no("no StatefulSet that the Service selects is scaled to 0");
  auto b = service_bindings(serving);
  b["set.name"] = zero->meta.name;
  b["set.namespace"] = zero->meta.ns;
  return yes("StatefulSet " + zero->full_name() + " is scaled to 0 replicas", b);
}

/// A workload whose pods would have the labels that the Service selects: it is not the selector that is wrong.
Finding workload_selected(Context& c) {
  if (auto stop = need_selector(c)) return *stop;
  const auto& service = *c.serving().service;
  const auto* deployments = c.view.deployments(service.meta.ns);
  if (deployments == nullptr) return unknown();
  for (const auto& deployment : *deployments) {
    if (selects(service.selector, deployment.template_labels)) return yes("the pods of Deployment " + deployment.full_name() + " would have the labels");
  }
  if (const auto* replicas = c.view.replicasets(service.meta.ns)) {
    for (const auto& set : *replicas) {   // a Deployment's old ones outlast a change of its labels
      if (set.meta.owner_kind != "Deployment" && selects(service.selector, set.template_labels)) return yes("the pods of ReplicaSet " + set.meta.ns + "/" + set.meta.name + " would have the labels");
    }
  }
  const auto* sets = c.view.statefulsets(service.meta.ns);
  if (sets == nullptr) return without_sets(c, service);
  for (const auto& set : *sets) {
    if (selects(service.selector, set.template_labels)) return yes("the pods of StatefulSet " + set.full_name() + " would have the labels");
  }
  return no("no Deployment and no StatefulSet makes pods with the labels that the Service selects");
}

}  // namespace

const std::vector<Fact>& workload_facts() {
  static const std::vector<Fact> facts = {
      {"workload.selected", "A workload makes pods with the labels that the Service selects", workload_needs_and({Kind::replicasets, Kind::statefulsets}), workload_selected, {Kind::deployments, Kind::statefulsets}},
      {"workload.scaled-to-zero", "The Deployment behind the Service is scaled to 0", workload_needs, scaled_to_zero, {Kind::deployments}},
      {"workload.set-scaled-to-zero", "A ReplicaSet behind the Service that no Deployment rules is scaled to 0", workload_needs_and({Kind::replicasets}), set_scaled_to_zero, {Kind::replicasets}},
      {"workload.stateful-set-scaled-to-zero", "The StatefulSet behind the Service is scaled to 0", workload_needs_and({Kind::statefulsets}), stateful_set_scaled_to_zero, {Kind::statefulsets}},
      {"workload.no-pods-created", "The Deployment behind the Service has no pods although it wants some", workload_needs, no_pods_created, {Kind::deployments}},
  };
  return facts;
}

}  // namespace meshdx::facts
