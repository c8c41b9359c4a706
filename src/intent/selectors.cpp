#include "intent/selectors.hpp"

#include <algorithm>
#include <set>

#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

using evidence::Labels;
using evidence::Object;
using evidence::Pod;

namespace {

using PodSet = std::set<std::string>;

PodSet names_of_pods(const std::vector<const Pod*>& pods) {
  PodSet names;
  for (const auto* pod : pods) names.insert(pod->meta.name);
  return names;
}

/// The namespace's pods that labels select.
PodSet selected(const Draft& draft, const Labels& labels) {
  PodSet names;
  if (const auto* pods = draft.view().pods(draft.wish().ns)) {
    for (const auto& pod : *pods) {
      if (!mesh::gone(pod) && evidence::selects(labels, pod.meta.labels)) names.insert(pod.meta.name);
    }
  }
  return names;
}

/// Labels that a controller or the injector gives: they change, or say nothing of the workload.
bool is_made(const std::string& key) {
  return contains(key, "-hash") || contains(key, "istio.io/") || contains(key, "statefulset.kubernetes.io/") || contains(key, "apps.kubernetes.io/");
}

Labels shared_labels(const std::vector<const Pod*>& pods) {
  Labels shared;
  for (const auto& [key, value] : pods.front()->meta.labels) {
    const bool all = std::all_of(pods.begin(), pods.end(), [&, k = key, v = value](const Pod* pod) {
      const auto found = pod->meta.labels.find(k);
      return found != pod->meta.labels.end() && found->second == v;
    });
    if (all && !is_made(key)) shared[key] = value;
  }
  return shared;
}

/// Whether a Service picks the pod: then somebody may call it, and a log tells how that went.
bool is_served(const Draft& draft, const Pod& pod) {
  const auto* services = draft.view().services(pod.meta.ns);
  return services != nullptr && std::any_of(services->begin(), services->end(), [&](const evidence::Service& service) { return !service.selector.empty() && evidence::selects(service.selector, pod.meta.labels); });
}

}  // namespace

std::string target_text(const Wish& wish) { return wish.name.empty() ? "namespace " + wish.ns : wish.name + " in " + wish.ns; }

std::vector<std::string> verify_by(const Draft& draft, const char* playbook, bool served_first) {
  const auto& wish = draft.wish();
  std::string name = wish.name, served;
  for (const auto* pod : pods_of(draft.view(), wish)) {
    if (!pod->meshed() || pod->router()) continue;
    if (name.empty()) name = mesh::workload_of(*pod);
    if (served_first && served.empty() && is_served(draft, *pod)) served = mesh::workload_of(*pod);
  }
  if (name.empty()) return {"sweep", "-n", wish.ns};
  return {playbook, wish.name.empty() && !served.empty() ? served : name, "-n", wish.ns, "--since", k_since};
}

Labels selector_of(const Object& object) {
  const auto by_match = mesh::labels_at(at(object.spec(), "selector"), "matchLabels");
  return by_match.empty() ? mesh::labels_at(at(object.spec(), "workloadSelector"), "labels") : by_match;
}

Expected<Labels> labels_of_workload(const Draft& draft) {
  const auto& wish = draft.wish();
  if (draft.view().pods(wish.ns) == nullptr) return Error{"The pods of " + wish.ns + " could not be read, so what labels " + wish.name + " has is not known: " + draft.view().evidence().source({mesh::Kind::pods, wish.ns, "", ""}).why};
  const auto pods = pods_of(draft.view(), wish);
  if (pods.empty()) return Error{"No pod of a workload or Service " + wish.name + " is in " + wish.ns + ": what labels it has cannot be seen (kubectl get pods -n " + wish.ns + " --show-labels)."};
  const auto wanted = names_of_pods(pods);
  const auto shared = shared_labels(pods);
  for (const char* usual : {"app", "app.kubernetes.io/name", "app.kubernetes.io/instance"}) {
    const auto found = shared.find(usual);
    if (found != shared.end() && selected(draft, {*found}) == wanted) return Labels{*found};
  }
  for (const auto& one : shared) {
    if (selected(draft, {one}) == wanted) return Labels{one};
  }
  if (!shared.empty() && selected(draft, shared) == wanted) return shared;
  return Error{"No labels select the pods of " + wish.name + " and no others in " + wish.ns + ": give the workload a label of its own first."};
}

Expected<const Object*> own_object(const Draft& draft, mesh::Kind kind) {
  const auto& wish = draft.wish();
  std::vector<const Object*> all;
  for (const auto* object : draft.view().objects(kind).items) {
    if (object->meta.ns == wish.ns) all.push_back(object);
  }
  std::stable_sort(all.begin(), all.end(), [](const Object* a, const Object* b) { return a->meta.created < b->meta.created; });
  const auto pods = pods_of(draft.view(), wish);
  for (const auto* object : all) {
    const auto selector = selector_of(*object);
    if (wish.name.empty() ? selector.empty() : !selector.empty() && selected(draft, selector) == names_of_pods(pods)) return object;
    if (wish.name.empty() || selector.empty()) continue;
    const bool some = std::any_of(pods.begin(), pods.end(), [&](const Pod* pod) { return evidence::selects(selector, pod->meta.labels); });
    if (some) return Error{object->ref() + " selects these pods and others, and the oldest one counts: change it, or take these pods out of its selector first."};
  }
  return static_cast<const Object*>(nullptr);
}

}  // namespace meshdx::intent
