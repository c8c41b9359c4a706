// Which workload a Service's selector was meant to pick, when it picks none (A1): for the sentence and the fix.
#include <algorithm>
#include <utility>

#include "facts/context.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> candidate_needs = {Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                           Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// The workload someone who wrote this selector most likely meant: its pods, when one stands out.
struct Candidate {
  std::string workload;
  const Pod* pod = nullptr;
  int score = 0;
};

bool offers_port(const Pod& pod, const ServicePort* port) {
  if (port == nullptr) return false;
  for (const auto& container : pod.containers) {
    for (const auto& declared : container.ports) {
      if (declared.port == port->target.number || (port->target.named() && declared.name == port->target.name)) return container.name != "istio-proxy";
    }
  }
  return false;
}

/// The Service's own name in the workload's name or labels weighs most, then a selector pair that fits, then the port.
int fitness(const Service& service, const ServicePort* port, const Pod& pod) {
  int score = 0;
  const std::string workload = mesh::workload_of(pod);
  const std::string& name = service.meta.name;
  if (workload == name) score += 4;
  else if (starts_with(workload, name + "-")) score += 3;
  for (const auto& [key, value] : service.selector) {
    const auto own = pod.meta.labels.find(key);
    if (own == pod.meta.labels.end()) continue;
    if (own->second == value) score += 2;
    else if (own->second == name || edit_distance(own->second, value) <= 2) score += 2;
    else if (contains(value, own->second) || contains(own->second, value)) score += 1;
  }
  if (offers_port(pod, port)) score += 1;
  return score;
}

std::optional<Candidate> candidate_for(const Service& service, const ServicePort* port, const std::vector<Pod>& pods, const std::vector<Service>& services) {
  Candidate best, second;
  for (const auto& pod : pods) {
    const bool taken = std::any_of(services.begin(), services.end(), [&](const Service& other) { return other.meta.name != service.meta.name && !other.selector.empty() && selects(other.selector, pod.meta.labels); });
    if (taken || pod.meta.deleting || pod.phase != "Running") continue;
    const Candidate next{mesh::workload_of(pod), &pod, fitness(service, port, pod)};
    if (next.workload == best.workload) continue;
    if (next.score > best.score) second = std::exchange(best, next);
    else if (next.score > second.score) second = next;
  }
  if (best.pod == nullptr || best.score < 3 || best.score == second.score) return std::nullopt;
  return best;
}

std::string pointer_key(const std::string& key) { return replace_all(replace_all(key, "~", "~0"), "/", "~1"); }

/// Turns the selector into one that picks the pod: wrong values replaced, labels the pod does not have taken out.
Json selector_patch(const Service& service, const Pod& pod) {
  Json ops = Json::array();
  std::size_t kept = 0;
  for (const auto& [key, value] : service.selector) {
    const auto own = pod.meta.labels.find(key);
    const std::string path = "/spec/selector/" + pointer_key(key);
    if (own == pod.meta.labels.end()) {
      ops.push_back({{"op", "remove"}, {"path", path}});
      continue;
    }
    ++kept;
    if (own->second != value) ops.push_back({{"op", "replace"}, {"path", path}, {"value", own->second}});
  }
  if (kept > 0) return ops;
  for (const char* key : {"app", "app.kubernetes.io/name", "k8s-app", "service.istio.io/canonical-name"}) {
    const auto own = pod.meta.labels.find(key);
    if (own == pod.meta.labels.end()) continue;
    ops.insert(ops.begin(), {{"op", "add"}, {"path", "/spec/selector/" + pointer_key(key)}, {"value", own->second}});
    return ops;
  }
  return Json::array();
}

Labels identity_labels(const Pod& pod) {
  Labels labels;
  for (const auto& [key, value] : pod.meta.labels) {
    const bool made = key == "pod-template-hash" || contains(key, "istio.io/") || key == "controller-revision-hash";
    if (!made) labels[key] = value;
  }
  return labels;
}

Finding selector_candidate(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known || serving.service == nullptr) return serving.known ? no("there is no Service") : unknown();
  const auto* pods = c.view.pods(serving.service->meta.ns);
  const auto* services = c.view.services(serving.service->meta.ns);
  if (pods == nullptr || services == nullptr) return unknown();
  const auto candidate = candidate_for(*serving.service, serving.port, *pods, *services);
  if (!candidate) return no("no workload stands out as the one that was meant");
  auto b = service_bindings(serving);
  b["candidate.workload"] = candidate->workload;
  b["candidate.labels"] = labels_text(identity_labels(*candidate->pod));
  b["selector.patch"] = selector_patch(*serving.service, *candidate->pod);
  return yes(candidate->workload + "'s pods carry " + labels_text(identity_labels(*candidate->pod)), b);
}

Finding no_candidate(Context& c) {
  const auto candidate = selector_candidate(c);
  if (candidate.truth != Tri::no || c.serving().service == nullptr) return candidate.truth == Tri::unknown ? candidate : no(candidate.text);
  auto b = service_bindings(c.serving());
  b["selector.words"] = shell_quote(labels_text(c.serving().service->selector));
  return yes(candidate.text, b);
}

}  // namespace

const std::vector<Fact>& candidate_facts() {
  static const std::vector<Fact> facts = {
      {"service.no-candidate", "No workload stands out as the one the selector means", candidate_needs, no_candidate, {Kind::pods}},
      {"service.candidate", "One workload stands out as the one the selector means", candidate_needs, selector_candidate, {Kind::pods}},
  };
  return facts;
}

}  // namespace meshdx::facts
