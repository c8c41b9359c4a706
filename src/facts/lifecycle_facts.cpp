// Pods that come and go: proxies that crash, init containers cut off from the network, injectors that do not answer, revisions
// nobody serves, rollouts that drop requests (group G).
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "facts/context.hpp"
#include "facts/injection_parts.hpp"
#include "facts/server_pods.hpp"
#include "mesh/injection.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Sighting;

namespace {

const std::vector<Kind> lifecycle_needs = {Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters,
                                           Kind::endpoints, Kind::log};

std::vector<Kind> also(std::vector<Kind> more) {
  more.insert(more.end(), lifecycle_needs.begin(), lifecycle_needs.end());
  return more;
}

Bindings pod_bindings(const Pod& pod) {
  return {{"pod.name", pod.meta.name}, {"pod.namespace", pod.meta.ns}, {"server.workload", mesh::workload_of(pod)}, {"server.namespace", pod.meta.ns}};
}

/// The first server pod for which `test` gives a finding that is true; no when it holds for none.
template <class Test>
Finding any_server(Context& c, const std::string& none, Test test) {
  const auto pods = server_pods(c);
  if (!pods) return unknown();
  for (const auto* pod : *pods) {
    Finding f = test(*pod);
    if (f.truth == Tri::yes) return f;
  }
  return no(none);
}

std::string ended(const Container& container) {
  std::string text = container.last_terminated_reason.empty() ? container.waiting_reason : container.last_terminated_reason;
  if (container.last_exit_code) text += (text.empty() ? "exit code " : ", exit code ") + std::to_string(*container.last_exit_code);
  return text + ", " + count(static_cast<std::size_t>(std::max(container.restarts, 0)), "restart");
}

/// G17: the proxy itself ends again and again.
Finding proxy_crashes(Context& c) {
  return any_server(c, "no server's proxy keeps ending", [](const Pod& pod) {
    const auto* proxy = pod.proxy();
    const bool ends = proxy != nullptr && !proxy->ready && (proxy->restarts > 0 || proxy->waiting_reason == "CrashLoopBackOff") &&
                      (proxy->last_terminated_reason == "OOMKilled" || proxy->last_exit_code.value_or(0) != 0);
    if (!ends) return no("");
    auto b = pod_bindings(pod);
    b["proxy.end"] = ended(*proxy);
    return yes("istio-proxy of " + pod_ref(pod) + " keeps ending (" + ended(*proxy) + ")", b);
  });
}

Finding proxy_out_of_memory(Context& c) {
  return any_server(c, "no server's proxy was killed for its memory", [](const Pod& pod) {
    const auto* proxy = pod.proxy();
    return decide(proxy != nullptr && proxy->last_terminated_reason == "OOMKilled", "istio-proxy of " + pod_ref(pod) + " was killed: it needed more memory than its limit", pod_bindings(pod));
  });
}

bool fails(const Container& container) {
  return container.waiting_reason == "CrashLoopBackOff" || (!container.ready && container.last_exit_code.value_or(0) != 0);
}

/// G18: istio-cni's check that redirection works has failed.
Finding redirection_missing(Context& c) {
  return any_server(c, "no server pod's redirection check failed", [](const Pod& pod) {
    const auto* check = pod.container("istio-validation");
    if (check == nullptr || !check->init || !fails(*check)) return no("");
    return yes("init container istio-validation of " + pod_ref(pod) + " fails (" + ended(*check) + "): the pod's traffic is not redirected to its proxy", pod_bindings(pod));
  });
}

/// G3: an application's init container that fails after redirection was set up and before a proxy runs. A native sidecar
/// runs by then; one that runs as the proxy's user is let through.
const Container* blocked_init(const Pod& pod) {
  const auto* proxy = pod.proxy();
  if (proxy == nullptr || proxy->init) return nullptr;
  bool redirected = pod.container("istio-init") == nullptr;   // istio-cni redirects before the first init container
  for (const auto& container : pod.containers) {
    if (!container.init) continue;
    redirected = redirected || container.name == "istio-init";
    const bool own = container.name != "istio-init" && container.name != "istio-validation" && !container.restart_always;
    if (own && redirected && fails(container) && container.run_as_user.value_or(pod.run_as_user.value_or(0)) != 1337) return &container;
  }
  return nullptr;
}

Finding init_after_redirection(Context& c) {
  return any_server(c, "no init container fails between redirection and the proxy's start", [](const Pod& pod) {
    const auto* container = blocked_init(pod);
    if (container == nullptr) return no("");
    auto b = pod_bindings(pod);
    b["pod.container"] = container->name;
    return yes("init container " + container->name + " of " + pod_ref(pod) + " fails (" + ended(*container) + "), and traffic is redirected to a proxy that starts after it", b);
  });
}

/// What such an init container says: the network answers nothing.
Finding init_log_speaks_of_network(Context& c) {
  const auto pods = server_pods(c);
  if (!pods) return unknown();
  bool read = false;
  for (const auto* pod : *pods) {
    const auto* container = blocked_init(*pod);
    if (container == nullptr) continue;
    const Key key{Kind::app_log, pod->meta.ns, pod->meta.name, container->name};
    const auto* log = c.view.read<std::string>(key);
    if (log == nullptr) return unknown();
    read = true;
    for (const char* words : {"connection refused", "ECONNREFUSED", "failed to connect", "couldn't connect", "could not connect", "connection reset", "timed out", "i/o timeout", "no such host", "could not resolve", "temporary failure in name resolution"}) {
      if (contains_loosely(*log, words)) return yes("the log of " + container->name + " in " + pod_ref(*pod) + " says: " + words, {{"init.words", words}});
    }
  }
  return no(read ? "the init container's log speaks of no failed connection" : "no init container is cut off");
}

bool call_failed(const std::string& text) { return contains(text, "failed calling webhook") && contains(text, "sidecar-injector.istio.io"); }

Bindings call_bindings(const std::string& message, const std::string& ns, const std::string& workload) {
  const auto start = message.find("failed calling webhook");
  return {{"injector.error", message.substr(start, 400)}, {"deployment.namespace", ns}, {"deployment.name", workload}};
}

/// G6: pods are not created because the API server cannot call the injector.
Finding injector_unreachable(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.service == nullptr) return no("there is no Service");
  const std::string ns = serving.service->meta.ns;
  const auto* deployments = c.view.deployments(ns);
  if (deployments == nullptr) return unknown();
  std::set<std::string> own;
  for (const auto& deployment : *deployments) {
    if (!selects(serving.service->selector, deployment.template_labels)) continue;
    own.insert(deployment.meta.name);
    for (const auto& condition : at(deployment.raw, {"status", "conditions"})) {
      const std::string message = text_at(condition, "message");
      if (text_at(condition, "type") != "ReplicaFailure" || text_at(condition, "status") != "True" || !call_failed(message)) continue;
      return yes("Deployment " + ns + "/" + deployment.meta.name + " cannot create its pods: " + message.substr(message.find("failed calling webhook")), call_bindings(message, ns, deployment.meta.name));
    }
  }
  if (own.empty() || !c.view.evidence().asked({Kind::events, ns, "", ""})) return no("no Deployment of the Service reports that the injector cannot be called");
  const auto* events = c.view.read<Events>({Kind::events, ns, "", ""});
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (events == nullptr || !pods || !pods->empty()) return no("no Deployment of the Service reports that the injector cannot be called");
  for (const auto& event : *events) {
    const bool ours = std::any_of(own.begin(), own.end(), [&](const auto& name) { return starts_with(event.involved_name, name + "-"); });
    if (event.reason == "FailedCreate" && ours && call_failed(event.message)) return yes(event.involved_kind + " " + ns + "/" + event.involved_name + " cannot create pods: " + event.message, call_bindings(event.message, ns, *own.begin()));
  }
  return no("no event says that the injector cannot be called");
}

std::string label_of(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

/// The labels to give the namespace so that an installed injector takes it; empty when it is not plain which is meant.
Json namespace_patch(const Labels& ns, const std::set<std::string>& installed) {
  Json ops = Json::array();
  if (installed.size() != 1) return ops;
  const std::string revision = *installed.begin();
  const bool has_rev = !label_of(ns, "istio.io/rev").empty(), has_injection = !label_of(ns, "istio-injection").empty();
  if (revision == "default") {
    if (has_rev) ops.push_back({{"op", "remove"}, {"path", "/metadata/labels/istio.io~1rev"}});
    ops.push_back({{"op", has_injection ? "replace" : "add"}, {"path", "/metadata/labels/istio-injection"}, {"value", "enabled"}});
    return ops;
  }
  if (has_injection) ops.push_back({{"op", "remove"}, {"path", "/metadata/labels/istio-injection"}});
  ops.push_back({{"op", has_rev ? "replace" : "add"}, {"path", "/metadata/labels/istio.io~1rev"}, {"value", revision}});
  return ops;
}

/// G5: namespace or pod asks a revision for its sidecar, and no injector takes them.
Finding revision_unserved(Context& c) {
  const auto bare = bare_finding(c);
  if (bare.truth != Tri::yes) return bare;
  const Pod& pod = *bare_side(c)->pod;
  const auto* namespaces = c.view.namespaces();
  if (namespaces == nullptr) return unknown();
  const auto ns = std::find_if(namespaces->begin(), namespaces->end(), [&](const Object& object) { return object.meta.name == pod.meta.ns; });
  if (ns == namespaces->end()) return unknown("namespace " + pod.meta.ns + " is not in the list of namespaces");
  const bool opted_out = label_of(pod.meta.labels, "sidecar.istio.io/inject") == "false" || label_of(pod.meta.annotations, "sidecar.istio.io/inject") == "false" || label_of(ns->meta.labels, "istio-injection") == "disabled";
  const std::string own = label_of(pod.meta.labels, "istio.io/rev"), wide = label_of(ns->meta.labels, "istio.io/rev");
  const bool enabled = label_of(ns->meta.labels, "istio-injection") == "enabled";
  if (pod.host_network || opted_out || (own.empty() && wide.empty() && !enabled)) return no("nothing asks a revision for a sidecar");
  const auto all = mesh::injectors(c.view);
  if (!all) return unknown();
  std::set<std::string> installed;
  for (const auto& injector : *all) {
    if (mesh::takes(injector, ns->meta.labels, pod.meta.labels)) return no("injector " + injector.configuration->meta.name + " takes the pod");
    const Labels enabled_only = {{"istio-injection", "enabled"}}, rev_only = {{"istio.io/rev", injector.revision}};
    if (mesh::takes(injector, rev_only, {}) || mesh::takes(injector, enabled_only, {})) installed.insert(injector.tag.empty() ? injector.revision : injector.tag);
  }
  const std::string wanted = enabled ? "istio-injection=enabled" : "istio.io/rev=" + (own.empty() ? wide : own);
  auto b = bare.bindings;
  b["revision.wanted"] = wanted;
  b["revision.installed"] = installed.empty() ? std::string("none") : join({installed.begin(), installed.end()}, ", ");
  b["revision.patch"] = own.empty() ? namespace_patch(ns->meta.labels, installed) : Json::array();
  return yes(wanted + " on " + (enabled || own.empty() ? "namespace " + pod.meta.ns : "pod " + pod_ref(pod)) + " matches no injector; installed: " + b["revision.installed"].get<std::string>(), b);
}

Finding revision_plain(Context& c) {
  const auto f = revision_unserved(c);
  return f.truth != Tri::yes ? f : decide(!f.bindings.at("revision.patch").empty(), "one revision is installed, so it is plain which is meant", f.bindings);
}

/// J12: a gateway's pod that was meant to get its proxy by injection and got none: image `auto` is a placeholder.
Finding gateway_uninjected(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("no gateway is asked");
  const auto gateways = c.view.objects(Kind::gateways);
  bool read = false;
  for (const auto& ns : c.view.pod_namespaces()) {
    const auto* pods = c.view.pods(ns);
    read = read || pods != nullptr;
    if (pods == nullptr) continue;
    for (const auto& pod : *pods) {
      const auto* placeholder = pod.proxy();
      if (placeholder == nullptr || placeholder->image != "auto" || pod.ready) continue;
      const bool named = c.ask.from_name.empty() || mesh::workload_of(pod) == c.ask.from_name;
      const bool chosen = std::any_of(gateways.items.begin(), gateways.items.end(), [&](const Object* g) { return mesh::gateway_selects(*g, pod); });
      if (!named && !chosen) continue;
      auto b = pod_bindings(pod);
      b["pods.reason"] = placeholder->waiting_reason;
      return yes("gateway pod " + pod_ref(pod) + " still has the placeholder image `auto` (" + placeholder->waiting_reason + "): it was not injected", b);
    }
  }
  return read ? no("no gateway pod waits for the image `auto`") : unknown();
}

/// Seconds since the epoch of "2026-11-22T17:07:11Z" (days from civil, proleptic Gregorian); -1 when it is no such text.
long long seconds_of(const std::string& time) {
  if (time.size() < 19) return -1;
  std::array<long long, 6> parts{};
  constexpr std::array<std::pair<std::size_t, std::size_t>, 6> places = {{{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = to_number(std::string_view(time).substr(places[i].first, places[i].second));
    if (!number) return -1;
    parts[i] = static_cast<long long>(*number);
  }
  auto [y, mo, d, h, mi, s] = parts;
  y -= mo <= 2;
  const long long era = y / 400, yoe = y - era * 400, doy = (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1, doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return (era * 146097 + doe - 719468) * 86400 + h * 3600 + mi * 60 + s;
}

/// How long before and after a pod's end its last requests fail: endpoint removal takes seconds, grace 30 s by default.
constexpr long long k_before = 5, k_after = 45;

bool pod_is_gone(Context& c, const std::string& endpoint) {
  const auto* pod = c.view.pod_by_ip(mesh::address_of(endpoint));
  return pod == nullptr || pod->meta.deleting;
}

/// G1: what failed went to pods that are gone, in the seconds in which pods of the workload were stopped, and the rest is well.
Finding failed_at_rollout(Context& c) {
  const auto& path = c.path();
  const auto& traffic = c.traffic();
  if (path.caller.pod == nullptr || (path.servers.empty() && !path.servers_known)) return unknown();
  if (traffic.failed == 0) return traffic.requests.empty() ? none_seen(c) : no("no request failed");
  const auto& serving = c.serving();
  if (!serving.known || serving.service == nullptr) return serving.known ? no("there is no Service") : unknown();
  std::vector<const AccessLine*> lost;
  for (const auto& seen : traffic.requests) {
    if (seen.result == Sighting::Result::failed && seen.caller != nullptr && !seen.caller->upstream_host.empty() && pod_is_gone(c, seen.caller->upstream_host)) lost.push_back(seen.caller);
  }
  if (lost.size() * 5 < traffic.failed * 4) return no("requests failed towards pods that still run");
  const auto* events = c.view.read<Events>({Kind::events, serving.service->meta.ns, "", ""});
  if (events == nullptr) return unknown();
  std::set<std::string> workloads;
  for (const auto* pod : path.servers) workloads.insert(mesh::workload_of(*pod));
  std::set<std::string> stopped;
  std::size_t matched = 0;
  for (const auto* line : lost) {
    const auto when = seconds_of(line->start) + line->duration_ms / 1000;   // the log has the start, the pod took the end
    bool hit = false;
    for (const auto& event : *events) {
      const bool ours = std::any_of(workloads.begin(), workloads.end(), [&](const auto& w) { return starts_with(event.involved_name, w + "-"); });
      const auto end = seconds_of(event.time);
      if (event.reason != "Killing" || event.involved_kind != "Pod" || !ours || end < 0 || when < end - k_before || when > end + k_after) continue;
      const auto* still = c.view.pod(serving.service->meta.ns, event.involved_name);
      if (still != nullptr && !still->meta.deleting) continue;   // a container was restarted in place
      stopped.insert(event.involved_name);
      hit = true;
    }
    matched += hit;
  }
  if (matched * 5 < lost.size() * 4) return no("no pod of the workload was stopped when the requests failed");
  auto b = service_bindings(serving);
  b["rollout.pods"] = join({stopped.begin(), stopped.end()}, ", ");
  b["rollout.failed"] = lost.size();
  b["rollout.seen"] = traffic.requests.size();
  b["rollout.last"] = lost.back()->start;
  b["server.workload"] = *workloads.begin();
  b["server.namespace"] = serving.service->meta.ns;
  b["shown.pod"] = path.caller.pod->meta.name;
  return yes(std::to_string(lost.size()) + " of " + count(traffic.requests.size(), "request") + " failed towards pods that were being stopped (" + b["rollout.pods"].get<std::string>() + ")", b);
}

}  // namespace

const std::vector<Fact>& lifecycle_facts() {
  static const std::vector<Fact> facts = {
      {"pods.proxy-crashes", "A server's proxy container keeps ending", lifecycle_needs, proxy_crashes, {Kind::pods}},
      {"pods.proxy-out-of-memory", "A server's proxy was killed for its memory", lifecycle_needs, proxy_out_of_memory, {Kind::pods}},
      {"pods.redirection-missing", "istio-cni did not set up a server pod's redirection", lifecycle_needs, redirection_missing, {Kind::pods}},
      {"pods.init-after-redirection", "An init container fails between redirection and the proxy's start", lifecycle_needs, init_after_redirection, {Kind::pods}},
      {"pods.init-log-speaks-of-network", "The failing init container's log speaks of failed connections", also({Kind::app_log}), init_log_speaks_of_network, {Kind::app_log}},
      {"injection.call-failed", "Pods are not created because the injector cannot be called", also({Kind::deployments, Kind::events}), injector_unreachable, {Kind::deployments, Kind::events}},
      {"injection.revision-unserved", "No injector takes the pod that asks for a sidecar", also({Kind::webhooks}), revision_unserved, {Kind::webhooks, Kind::namespaces}},
      {"injection.revision-plain", "It is plain which revision should inject", also({Kind::webhooks}), revision_plain, {Kind::webhooks, Kind::namespaces}},
      {"gateway.uninjected", "The gateway's pod still has the placeholder image", lifecycle_needs, gateway_uninjected, {Kind::pods}},
      {"requests.failed-at-rollout", "Requests failed while pods of the workload were stopped", also({Kind::events}), failed_at_rollout, {Kind::events, Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
