// Injection of a namespace: its label, and the restart that new sidecars take.
#include <algorithm>
#include <map>
#include <set>

#include "fix/command.hpp"
#include "intent/draft.hpp"
#include "mesh/injection.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::intent {

using evidence::Labels;
using evidence::Object;
using evidence::Pod;

namespace {

constexpr const char* k_plain = "istio-injection";
constexpr const char* k_revision = "istio.io/rev";

std::string value_in(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

/// A pod's own word goes before its namespace's.
bool opts_out(const Pod& pod) {
  constexpr const char* key = "sidecar.istio.io/inject";
  return pod.host_network || value_in(pod.meta.labels, key) == "false" || value_in(pod.meta.annotations, key) == "false";
}

Json label_patch(const Labels& labels, const std::string& revision) {
  Json patch = Json::array();
  const auto path = [](const char* key) { return "/metadata/labels/" + escape_pointer(key); };
  // With both labels istio-injection decides (istio injection webhook templates), so the other goes.
  const char* away = revision.empty() ? k_revision : k_plain;
  if (labels.count(away) > 0) patch.push_back({{"op", "remove"}, {"path", path(away)}});
  patch.push_back({{"op", "add"}, {"path", path(revision.empty() ? k_plain : k_revision)}, {"value", revision.empty() ? std::string("enabled") : revision}});
  return patch;
}

Labels labels_after(Labels labels, const std::string& revision) {
  labels.erase(revision.empty() ? k_revision : k_plain);
  labels[revision.empty() ? k_plain : k_revision] = revision.empty() ? "enabled" : revision;
  return labels;
}

/// The injector that takes a new pod of the namespace; warns when there is none. "" when not known.
std::string injecting_revision(Draft& draft, const Labels& after) {
  const auto all = mesh::injectors(draft.view());
  if (!all) {
    draft.plan.unknown.push_back("The injection webhooks were not read: whether one of them takes this label is not known.");
    return "";
  }
  std::set<std::string> revisions;
  for (const auto& injector : *all) {
    if (mesh::takes(injector, after, {})) return injector.revision;
    revisions.insert(injector.tag.empty() ? injector.revision : injector.tag);
  }
  const auto there = join(std::vector<std::string>(revisions.begin(), revisions.end()), ", ");
  draft.warn("No injection webhook takes this label, so no pod would get a sidecar" + (there.empty() ? ": there is none in the cluster." : "; the revisions and tags there are " + there + " (--revision)."));
  return "";
}

/// The controllers of pods that would come out otherwise: "deployment/web".
std::vector<std::string> to_restart(Draft& draft, const std::string& revision) {
  std::set<std::string> controllers, alone, out;
  const auto* pods = draft.view().pods(draft.wish().ns);
  if (pods == nullptr) {
    draft.plan.unknown.push_back("The pods were not read: which of them must be restarted is not known. kubectl rollout restart deployment -n " + draft.wish().ns + " restarts all Deployments.");
    return {};
  }
  static const std::map<std::string, std::string> kinds = {{"ReplicaSet", "deployment"}, {"StatefulSet", "statefulset"}, {"DaemonSet", "daemonset"}};
  for (const auto& pod : *pods) {
    if (mesh::gone(pod)) continue;
    const auto workload = mesh::workload_of(pod);
    const auto has = value_in(pod.meta.annotations, k_revision);
    if (opts_out(pod)) out.insert(workload);
    else if (pod.meshed() && (revision.empty() || has.empty() || has == revision)) continue;
    else if (const auto kind = kinds.find(pod.meta.owner_kind); kind != kinds.end() && (kind->first != "ReplicaSet" || workload != pod.meta.owner_name)) controllers.insert(kind->second + "/" + workload);
    else alone.insert(pod.meta.name);
  }
  if (!out.empty()) draft.note("Stay without a sidecar by their own word (sidecar.istio.io/inject: false) or hostNetwork: " + join(std::vector<std::string>(out.begin(), out.end()), ", ") + ".");
  if (!alone.empty()) draft.warn("No Deployment, StatefulSet or DaemonSet makes these pods anew: delete and create them by hand: " + join(std::vector<std::string>(alone.begin(), alone.end()), ", ") + ".");
  return {controllers.begin(), controllers.end()};
}

/// The label is there: only the pods are older than it.
void restart_only(Draft& draft, const fix::Argv& restart, const std::vector<std::string>& flags) {
  Step step;
  step.what = "restart of the pods that are older than the label";
  step.fix.kind = "Namespace";
  step.fix.name = draft.wish().ns;
  step.fix.command = shell_join(fix::with_flags(restart, flags));
  step.fix.before = step.fix.after = Json::object();
  draft.plan.steps.push_back(std::move(step));
}

}  // namespace

Expected<Done> plan_injection(Draft& draft) {
  const auto& wish = draft.wish();
  const auto* all = draft.view().namespaces();
  if (all == nullptr) return Error{"Namespace " + wish.ns + " could not be read: " + draft.view().evidence().source({mesh::Kind::namespaces, "", "", ""}).why};
  const auto found = std::find_if(all->begin(), all->end(), [&](const Object& ns) { return ns.meta.name == wish.ns; });
  const auto label = wish.revision.empty() ? std::string(k_plain) + "=enabled" : std::string(k_revision) + "=" + wish.revision;
  draft.plan.object = "Namespace " + wish.ns;
  draft.plan.title = "Injection of namespace " + wish.ns + ": label " + label + ", and a restart of the pods without it";
  if (value_in(found->meta.labels, "istio.io/dataplane-mode") == "ambient") draft.warn("The namespace is in ambient mode (istio.io/dataplane-mode): pods with a sidecar leave it; take the label away when sidecars are meant.");
  const auto revision = injecting_revision(draft, labels_after(found->meta.labels, wish.revision));
  const auto controllers = to_restart(draft, revision);
  fix::Argv restart = {"kubectl", "rollout", "restart"};
  restart.insert(restart.end(), controllers.begin(), controllers.end());
  restart.insert(restart.end(), {"-n", wish.ns});
  const auto text = label + (controllers.empty() ? "" : ", then a restart of " + join(controllers, ", "));
  draft.plan.verify = {"injection", controllers.empty() ? "WORKLOAD" : controllers.front().substr(controllers.front().find('/') + 1), "-n", wish.ns};
  if (controllers.empty()) {
    draft.note("No pod of the namespace needs a restart.");
    draft.plan.verify = {"sweep", "-n", wish.ns};
  }
  if (auto done = draft.edit(*found, label_patch(found->meta.labels, wish.revision), text, controllers.empty() ? std::vector<fix::Argv>{} : std::vector<fix::Argv>{restart}); !done) return done;
  if (draft.plan.steps.empty() && !controllers.empty()) restart_only(draft, restart, draft.flags());
  return Done{};
}

}  // namespace meshdx::intent
