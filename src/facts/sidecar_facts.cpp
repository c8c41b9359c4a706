// Whether the target's pods have the sidecar they should have, and why not (drill injection): the labels of namespace and
// pod against every injection webhook, as the API server weighs them.
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> sidecar_needs = {Kind::pods, Kind::services, Kind::service_entries, Kind::namespaces, Kind::webhooks, Kind::deployments};

std::string label(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

Labels string_map(const Json& map) {
  Labels labels;
  for (auto it = map.begin(); map.is_object() && it != map.end(); ++it) {
    if (it->is_string()) labels[it.key()] = it->get<std::string>();
  }
  return labels;
}

/// A LabelSelector (apimachinery): all of matchLabels and of matchExpressions; an empty one selects everything.
bool label_selector(const Json& selector, const Labels& labels) {
  for (const auto& [key, value] : string_map(at(selector, "matchLabels"))) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  const Json& expressions = at(selector, "matchExpressions");
  for (std::size_t i = 0; expressions.is_array() && i < expressions.size(); ++i) {
    const auto found = labels.find(text_at(expressions[i], "key"));
    const Json& values = at(expressions[i], "values");
    const bool there = found != labels.end();
    const bool listed = there && values.is_array() && std::find(values.begin(), values.end(), Json(found->second)) != values.end();
    const std::string op = text_at(expressions[i], "operator");
    const bool holds = op == "In" ? listed : op == "NotIn" ? !listed : op == "Exists" ? there : op == "DoesNotExist" && !there;
    if (!holds) return false;
  }
  return true;
}

/// One webhook of an injector's configuration.
struct Webhook {
  const Object* configuration = nullptr;
  const Json* hook = nullptr;
  std::string revision;
  [[nodiscard]] bool takes_namespace(const Labels& ns) const { return label_selector(at(*hook, "namespaceSelector"), ns); }
  [[nodiscard]] bool takes(const Labels& ns, const Labels& pod) const { return takes_namespace(ns) && label_selector(at(*hook, "objectSelector"), pod); }
};

/// Injectors: what istiod installs is labelled app=sidecar-injector, also by revisions and tags.
std::vector<Webhook> webhooks(const Objects& configurations) {
  std::vector<Webhook> found;
  for (const auto& object : configurations) {
    const bool injector = label(object.meta.labels, "app") == "sidecar-injector" || contains(object.meta.name, "sidecar-injector") || starts_with(object.meta.name, "istio-revision-tag");
    const Json& hooks = at(object.raw, "webhooks");
    for (std::size_t i = 0; injector && hooks.is_array() && i < hooks.size(); ++i) found.push_back({&object, &hooks[i], label(object.meta.labels, "istio.io/rev")});
  }
  return found;
}

/// All that decides about one pod. `webhooks_known` false: the configurations were not read.
struct Target {
  bool pods_known = false, namespace_known = false, webhooks_known = false;
  std::vector<const Pod*> pods;
  std::string ns;
  Labels ns_labels;
  std::vector<Webhook> hooks;

  [[nodiscard]] const Webhook* taken_by(const Pod& pod) const {
    const auto found = std::find_if(hooks.begin(), hooks.end(), [&](const Webhook& hook) { return hook.takes(ns_labels, pod.meta.labels); });
    return found == hooks.end() ? nullptr : &*found;
  }
};

Target target_of(Context& c) {
  Target target;
  const auto pods = mesh::target_pods(c.view, c.ask);
  target.pods_known = pods.has_value();
  if (pods) target.pods = *pods;
  const auto name = mesh::service_name(lower(c.ask.host), c.ask.ns);
  target.ns = target.pods.empty() ? (name ? name->ns : c.ask.ns) : target.pods.front()->meta.ns;
  const auto* namespaces = c.view.namespaces();
  for (std::size_t i = 0; namespaces != nullptr && i < namespaces->size(); ++i) {
    if ((*namespaces)[i].meta.name != target.ns) continue;
    target.namespace_known = true;
    target.ns_labels = (*namespaces)[i].meta.labels;
  }
  const auto* configurations = c.view.read<Objects>({Kind::webhooks, "", "", ""});
  target.webhooks_known = configurations != nullptr;
  if (configurations != nullptr) target.hooks = webhooks(*configurations);
  return target;
}

bool bare(const Pod& pod) { return !pod.meshed() && !pod.ambient(); }

const Pod* first_bare(const Target& target) {
  const auto found = std::find_if(target.pods.begin(), target.pods.end(), [](const Pod* pod) { return bare(*pod); });
  return found == target.pods.end() ? nullptr : *found;
}

Finding target_known(Context& c) {
  const auto target = target_of(c);
  if (!target.pods_known) return unknown();
  return decide(!target.pods.empty(), target.pods.empty() ? "the target has no pod in " + target.ns : "the target has " + count(target.pods.size(), "pod") + " in " + target.ns);
}

Finding all_injected(Context& c) {
  const auto target = target_of(c);
  if (!target.pods_known) return unknown();
  if (target.pods.empty()) return no("the target has no pod");
  for (const auto* pod : target.pods) {
    if (pod->ambient()) return unknown(pod_ref(*pod) + " is in ambient mode: it needs no sidecar; ask `istioctl ztunnel-config workloads`");
  }
  const auto* pod = first_bare(target);
  return decide(pod == nullptr, pod == nullptr ? "every pod has a sidecar" : "pod " + pod_ref(*pod) + " has no sidecar");
}

Finding all_ready(Context& c) {
  const auto target = target_of(c);
  if (!target.pods_known) return unknown();
  for (const auto* pod : target.pods) {
    const auto* proxy = pod->proxy();
    if (proxy != nullptr && !proxy->ready) return no("the sidecar of " + pod_ref(*pod) + " is not ready" + (proxy->waiting_reason.empty() ? "" : ": " + proxy->waiting_reason));
    for (const auto& container : pod->containers) {
      const bool stuck = container.init && !container.restart_always && !container.ready && !container.waiting_reason.empty() && container.waiting_reason != "PodInitializing";
      if (stuck) return no("init container " + container.name + " of " + pod_ref(*pod) + " does not get done: " + container.waiting_reason);
    }
  }
  const bool any = std::any_of(target.pods.begin(), target.pods.end(), [](const Pod* pod) { return pod->meshed(); });
  return decide(any, any ? "every sidecar is ready" : "no pod of the target has a sidecar");
}

Bindings pod_bindings(const Target& target, const Pod& pod) {
  return {{"pod.name", pod.meta.name}, {"pod.namespace", pod.meta.ns}, {"pod.workload", mesh::workload_of(pod)}, {"namespace.name", target.ns}, {"shown.pod", pod.meta.name}};
}

/// Why no injector takes the pod: what of its namespace's and its own labels speaks against it.
std::string no_webhook_text(const Target& target, const Pod& pod) {
  const std::string enabled = label(target.ns_labels, "istio-injection"), revision = label(target.ns_labels, "istio.io/rev");
  if (target.hooks.empty()) return "no injection webhook is installed";
  if (enabled == "disabled") return "namespace " + target.ns + " is labelled istio-injection=disabled";
  if (enabled.empty() && revision.empty()) return "namespace " + target.ns + " has neither istio-injection=enabled nor istio.io/rev";
  if (label(pod.meta.labels, "sidecar.istio.io/inject") == "false") return "the pod is labelled sidecar.istio.io/inject=false";
  std::set<std::string> known;
  for (const auto& hook : target.hooks) known.insert(hook.revision.empty() ? "default" : hook.revision);
  const std::string asked = enabled == "enabled" ? "istio-injection=enabled" : "istio.io/rev=" + revision;
  return "namespace " + target.ns + " has " + asked + ", and no webhook takes that: there are webhooks for " + join({known.begin(), known.end()}, ", ");
}

/// The labels that would have an installed injector take the namespace's pods; null: none is sure to.
Json namespace_patch(const Target& target, const Pod& pod) {
  const auto takes = [&](const Labels& labels) { return std::any_of(target.hooks.begin(), target.hooks.end(), [&](const Webhook& hook) { return hook.takes(labels, pod.meta.labels); }); };
  const auto op = [&](const char* key, const std::string& value) {
    const bool there = target.ns_labels.count(key) != 0;
    return Json{{"op", there ? "replace" : "add"}, {"path", "/metadata/labels/" + replace_all(key, "/", "~1")}, {"value", value}};
  };
  auto enabled = target.ns_labels;
  enabled["istio-injection"] = "enabled";
  if (takes(enabled) && label(target.ns_labels, "istio.io/rev").empty()) return Json::array({op("istio-injection", "enabled")});
  std::set<std::string> revisions;
  for (const auto& hook : target.hooks) {
    if (hook.revision.empty()) continue;
    auto labels = target.ns_labels;
    labels["istio.io/rev"] = hook.revision;
    if (takes(labels)) revisions.insert(hook.revision);
  }
  if (revisions.size() != 1) return nullptr;
  return Json::array({op("istio.io/rev", *revisions.begin())});
}

/// A pod without sidecar with the reason for it, in the order in which the API server and the injector ask
/// (istio pkg/kube/inject/inject.go injectRequired).
enum class Why { unknown, host_network, opted_out, no_webhook, left_out };
struct Bare {
  const Pod* pod = nullptr;
  Why why = Why::unknown;
  std::string text;
};

Bare reason_of(const Target& target, const Pod& pod) {
  const bool label_out = label(pod.meta.labels, "sidecar.istio.io/inject") == "false";
  const bool annotation_out = label(pod.meta.labels, "sidecar.istio.io/inject").empty() && label(pod.meta.annotations, "sidecar.istio.io/inject") == "false";
  if (pod.host_network) return {&pod, Why::host_network, "it is on the host's network, where pods are never injected"};
  if (label_out || annotation_out) return {&pod, Why::opted_out, std::string("its ") + (label_out ? "label" : "annotation") + " sidecar.istio.io/inject says \"false\""};
  if (!target.namespace_known || !target.webhooks_known) return {&pod, Why::unknown, ""};
  const auto* hook = target.taken_by(pod);
  if (hook == nullptr) return {&pod, Why::no_webhook, no_webhook_text(target, pod)};
  const bool older = !hook->configuration->meta.created.empty() && pod.meta.created < hook->configuration->meta.created;
  if (older) return {&pod, Why::left_out, "it is older than the webhook " + hook->configuration->meta.name + ", which would take it now"};
  const std::string policy = text_at(*hook->hook, "failurePolicy", "Fail");
  return {&pod, Why::left_out, "webhook " + hook->configuration->meta.name + " takes it now: it is older than the label" + (policy == "Ignore" ? ", or the injector did not answer when it was created (failurePolicy Ignore)" : "")};
}

Finding not_injected(Context& c) {
  const auto target = target_of(c);
  if (!target.pods_known) return unknown();
  const auto* pod = first_bare(target);
  if (pod == nullptr) return no(target.pods.empty() ? "the target has no pod" : "every pod has a sidecar or is in ambient mode");
  const auto reason = reason_of(target, *pod);
  if (reason.why == Why::unknown) return unknown();
  auto b = pod_bindings(target, *pod);
  b["pod.reason"] = reason.text;
  b["pod.why"] = static_cast<int>(reason.why);
  if (reason.why == Why::no_webhook) {
    const Json patch = namespace_patch(target, *pod);
    if (!patch.is_null()) b["namespace.patch"] = patch;
  }
  return yes("pod " + pod_ref(*pod) + " has no sidecar: " + reason.text, b);
}

Finding because(Context& c, Why why, const char* text) {
  const auto f = not_injected(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("pod.why") == static_cast<int>(why), text, f.bindings);
}

Finding by_namespace(Context& c) {
  const auto f = because(c, Why::no_webhook, "no webhook takes the pod");
  return f.truth != Tri::yes ? f : decide(f.bindings.count("namespace.patch") > 0, "a label of the namespace would have it injected", f.bindings);
}
Finding by_age(Context& c) { return because(c, Why::left_out, "a webhook takes the pod now"); }

Finding by_template(Context& c) {
  const auto f = because(c, Why::opted_out, "the pod opts out");
  if (f.truth != Tri::yes) return f;
  const auto target = target_of(c);
  const auto* deployments = c.view.deployments(target.ns);
  if (deployments == nullptr) return unknown();
  for (const auto& deployment : *deployments) {
    if (deployment.meta.name != f.bindings.at("pod.workload")) continue;
    for (const auto& [place, labels] : {std::pair<const char*, const Labels*>{"labels", &deployment.template_labels}, {"annotations", &deployment.template_annotations}}) {
      if (label(*labels, "sidecar.istio.io/inject") != "false") continue;
      auto b = f.bindings;
      b["deployment.patch"] = Json::array({{{"op", "remove"}, {"path", std::string("/spec/template/metadata/") + place + "/sidecar.istio.io~1inject"}}});
      return yes("Deployment " + deployment.meta.ns + "/" + deployment.meta.name + "'s template opts out", b);
    }
  }
  return no("no Deployment that was read opts out");
}

/// A Deployment of the target that cannot create pods because the injector does not answer.
Finding webhook_fails(Context& c) {
  const auto target = target_of(c);
  const auto* deployments = c.view.deployments(target.ns);
  if (deployments == nullptr) return unknown();
  const auto name = mesh::service_name(lower(c.ask.host), c.ask.ns);
  const auto to = mesh::find_destination(c.view, c.ask);
  for (const auto& deployment : *deployments) {
    const bool ours = (name && deployment.meta.name == name->name) || (to.service != nullptr && !to.service->selector.empty() && selects(to.service->selector, deployment.template_labels));
    for (const auto& condition : at(deployment.raw, {"status", "conditions"})) {
      const std::string message = text_at(condition, "message");
      const bool failing = text_at(condition, "type") == "ReplicaFailure" && text_at(condition, "status") == "True";
      if (!ours || !failing || !contains(message, "webhook") || !contains(message, "sidecar-injector")) continue;
      return yes("Deployment " + deployment.meta.ns + "/" + deployment.meta.name + " cannot create pods: " + message, {{"deployment.name", deployment.meta.name}, {"deployment.namespace", deployment.meta.ns}, {"deployment.reason", message}});
    }
  }
  return no("no Deployment of the target reports that the injection webhook failed");
}

/// The revision that injected a pod: annotation sidecar.istio.io/status, else its label.
std::string injected_revision(const Pod& pod) {
  const auto status = parse_json(label(pod.meta.annotations, "sidecar.istio.io/status"));
  const std::string revision = status ? text_at(*status, "revision") : "";
  return revision.empty() ? label(pod.meta.labels, "istio.io/rev") : revision;
}

/// The label names a revision or a tag: a webhook that takes the pod now tells which revision that is.
Finding other_revision(Context& c) {
  const auto target = target_of(c);
  if (!target.pods_known || !target.namespace_known || !target.webhooks_known) return unknown();
  for (const auto* pod : target.pods) {
    const auto* hook = pod->meshed() ? target.taken_by(*pod) : nullptr;
    const auto own = injected_revision(*pod);
    if (hook == nullptr || own.empty() || hook->revision.empty() || own == hook->revision) continue;
    auto b = pod_bindings(target, *pod);
    b["revision.own"] = own;
    b["revision.now"] = hook->revision;
    return yes("pod " + pod_ref(*pod) + " was injected by revision " + own + "; its labels ask for " + hook->revision + " now", b);
  }
  return no("no pod has the sidecar of another revision than its labels ask for");
}

Finding revision_fits(Context& c) {
  Finding f = other_revision(c);
  f.truth = !f.truth;
  return f;
}

/// How application and proxy start: "native" sidecars first, "held", else "together".
std::string start_order(const Pod& pod) {
  const auto* proxy = pod.proxy();
  if (proxy == nullptr) return "-";
  if (proxy->init) return "proxy first (native sidecar)";
  const auto config = label(pod.meta.annotations, "proxy.istio.io/config");
  const bool first = !pod.containers.empty() && std::any_of(pod.containers.begin(), pod.containers.end(), [](const Container& k) { return !k.init; }) &&
                     std::find_if(pod.containers.begin(), pod.containers.end(), [](const Container& k) { return !k.init; })->name == "istio-proxy";
  if (first || (contains(config, "holdApplicationUntilProxyStarts") && contains(config, "true"))) return "proxy first (held)";
  return "together: the application may be faster";
}

Finding may_start_first(Context& c) {
  const auto target = target_of(c);
  if (!target.pods_known) return unknown();
  for (const auto* pod : target.pods) {
    if (!starts_with(start_order(*pod), "together")) continue;
    return yes("The application of " + pod_ref(*pod) + " may start before its proxy and find no network: native sidecars, or proxy.istio.io/config: '{\"holdApplicationUntilProxyStarts\":true}' on the template, make it wait.");
  }
  return no("in every pod the proxy starts first");
}

std::string sidecar_kind(const Pod& pod) {
  if (pod.ambient()) return "ambient";
  const auto* proxy = pod.proxy();
  return proxy == nullptr ? "none" : proxy->init ? "native" : "container";
}

Answer injection_pods(Context& c) {
  Answer answer;
  const auto target = target_of(c);
  if (!target.pods_known) {
    answer.why = k_unknown;
    return answer;
  }
  std::size_t without = 0;
  for (const auto* pod : target.pods) {
    without += bare(*pod);
    const auto reason = bare(*pod) ? reason_of(target, *pod) : Bare{};
    const auto* proxy = pod->proxy();
    const std::string version = proxy == nullptr ? "-" : proxy->image.substr(proxy->image.rfind('/') + 1);
    const auto revision = injected_revision(*pod);
    int restarts = 0;
    for (const auto& container : pod->containers) restarts += container.init ? 0 : container.restarts;
    answer.rows.push_back({pod->meta.name, pod->meta.created, sidecar_kind(*pod), revision.empty() ? "-" : revision, version, restarts, start_order(*pod),
                           bare(*pod) ? (reason.text.empty() ? Json() : Json(reason.text)) : Json("-")});
  }
  answer.says = target.pods.empty() ? "the target has no pod" : std::to_string(without) + " of " + count(target.pods.size(), "pod") + " without a sidecar";
  return answer;
}

Answer injection_webhooks(Context& c) {
  Answer answer;
  const auto target = target_of(c);
  if (!target.webhooks_known || !target.namespace_known) {
    answer.why = k_unknown;
    return answer;
  }
  const Pod* pod = target.pods.empty() ? nullptr : target.pods.front();
  std::vector<std::string> labels;
  for (const char* key : {"istio-injection", "istio.io/rev", "istio.io/dataplane-mode"}) {
    if (const auto value = label(target.ns_labels, key); !value.empty()) labels.push_back(std::string(key) + "=" + value);
  }
  std::size_t others = 0;
  for (const auto& hook : target.hooks) {
    const Json& service = at(at(*hook.hook, "clientConfig"), "service");
    others += hook.takes_namespace(target.ns_labels) ? 0 : 1;
    if (!hook.takes_namespace(target.ns_labels)) continue;
    answer.rows.push_back({hook.configuration->meta.name, text_at(*hook.hook, "name"), hook.revision.empty() ? "-" : hook.revision, true,
                           pod == nullptr ? Json() : Json(hook.takes(target.ns_labels, pod->meta.labels)), text_at(service, "namespace") + "/" + text_at(service, "name"), text_at(*hook.hook, "failurePolicy", "Fail")});
  }
  if (others > 0) answer.remarks.push_back(count(others, "other webhook") + (others == 1 ? " takes" : " take") + " nothing of this namespace.");
  answer.says = "namespace " + target.ns + " is labelled " + (labels.empty() ? "for no injection" : join(labels, ", "));
  if (label(target.ns_labels, "istio-injection") == "enabled" && !label(target.ns_labels, "istio.io/rev").empty()) answer.remarks.push_back("The namespace has both labels: istio-injection wins over istio.io/rev.");
  return answer;
}

}  // namespace

const std::vector<Fact>& sidecar_facts() {
  static const std::vector<Fact> facts = {
      {"sidecar.target-known", "The target has pods", sidecar_needs, target_known, {Kind::pods}},
      {"sidecar.all-injected", "Every pod of the target has a sidecar", sidecar_needs, all_injected, {Kind::pods}},
      {"sidecar.all-ready", "Every sidecar of the target is ready", sidecar_needs, all_ready, {Kind::pods}},
      {"sidecar.not-injected", "A pod of the target has no sidecar", sidecar_needs, not_injected, {Kind::pods, Kind::namespaces, Kind::webhooks}},
      {"sidecar.namespace-label-helps", "A label of the namespace would have the pod injected", sidecar_needs, by_namespace, {Kind::namespaces, Kind::webhooks}},
      {"sidecar.left-out", "A webhook would take the pod now", sidecar_needs, by_age, {Kind::webhooks, Kind::pods}},
      {"sidecar.template-opts-out", "The Deployment of the target opts out of injection", sidecar_needs, by_template, {Kind::deployments}},
      {"sidecar.webhook-fails", "Pods of the target are not created because the injector does not answer", sidecar_needs, webhook_fails, {Kind::deployments}},
      {"sidecar.other-revision", "A pod has the sidecar of another revision than its labels ask for", sidecar_needs, other_revision, {Kind::pods, Kind::webhooks}},
      {"sidecar.revision-fits", "Every sidecar is of the revision that the labels ask for", sidecar_needs, revision_fits, {Kind::pods, Kind::webhooks}},
      {"sidecar.app-may-start-first", "An application of the target may start before its proxy", sidecar_needs, may_start_first, {Kind::pods}},
  };
  return facts;
}

const std::vector<AnswerKind>& sidecar_answers() {
  static const std::vector<AnswerKind> answers = {
      {"injection.pods", "PODS", {{"pod", "POD"}, {"created", "CREATED"}, {"sidecar", "SIDECAR"}, {"revision", "REVISION"}, {"version", "IMAGE"}, {"restarts", "RESTARTS"}, {"starts", "STARTS"}, {"why", "WHY NONE"}}, sidecar_needs, injection_pods},
      {"injection.webhooks", "WEBHOOKS", {{"configuration", "CONFIGURATION"}, {"webhook", "WEBHOOK"}, {"revision", "REVISION"}, {"namespace", "NAMESPACE"}, {"pod", "POD"}, {"service", "SERVICE"}, {"onFailure", "ON FAILURE"}}, sidecar_needs, injection_webhooks},
  };
  return answers;
}

}  // namespace meshdx::facts
