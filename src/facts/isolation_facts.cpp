// What a workload may reach and which of its calls were blocked (drill isolation): Sidecar, exportTo, outbound policy, and
// the log of its own proxy.
#include <algorithm>
#include <map>
#include <set>

#include "facts/context.hpp"
#include "mesh/gateway_binding.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> isolation_needs = {Kind::pods, Kind::services, Kind::service_entries, Kind::namespaces, Kind::sidecars, Kind::mesh_config, Kind::log};

std::vector<Kind> isolation_needs_with_clusters() {
  auto needs = isolation_needs;
  needs.push_back(Kind::clusters);
  return needs;
}

/// The pods in question; the first with a sidecar speaks for all.
struct Subject {
  bool known = false;
  std::vector<const Pod*> pods;
  const Pod* pod = nullptr;
};

Subject subject(Context& c) {
  Subject found;
  const auto pods = mesh::target_pods(c.view, c.ask);
  if (!pods) return found;
  found.known = true;
  found.pods = *pods;
  const auto meshed = std::find_if(pods->begin(), pods->end(), [](const Pod* p) { return p->meshed(); });
  if (meshed != pods->end()) found.pod = *meshed;
  return found;
}

/// Sidecar and outbound policy act in the workload's own sidecar.
std::optional<Finding> need_subject(const Subject& found) {
  if (!found.known) return unknown();
  if (found.pods.empty()) return no("the target has no pod");
  if (found.pod != nullptr) return std::nullopt;
  return found.pods.front()->ambient() ? unknown(pod_ref(*found.pods.front()) + " is in ambient mode") : no(pod_ref(*found.pods.front()) + " has no sidecar: nothing of the mesh limits what it may reach");
}

Finding subject_meshed(Context& c) {
  const auto found = subject(c);
  if (auto stop = need_subject(found)) return *stop;
  return yes("pod " + pod_ref(*found.pod) + " has a sidecar, which decides what it may reach");
}

/// The object and the policy in force; `known` false: a list that could hold them was not read.
struct Scope {
  bool known = false;
  const Object* sidecar = nullptr;
  std::string mode;
  std::vector<std::string> hosts;
};

Scope scope_of(Context& c, const Pod& pod) {
  Scope scope;
  scope.mode = mesh::outbound_mode(c.view, pod);
  scope.known = !scope.mode.empty();
  scope.sidecar = mesh::sidecar_of(c.view, pod);
  if (scope.sidecar == nullptr) return scope;
  const Json& egress = at(scope.sidecar->spec(), "egress");
  for (std::size_t i = 0; egress.is_array() && i < egress.size(); ++i) {
    for (const auto& host : mesh::strings_at(egress[i], "hosts")) scope.hosts.push_back(host);
  }
  return scope;
}

std::string sidecar_text(const Scope& scope) {
  if (scope.sidecar == nullptr) return "no Sidecar narrows what it sees";
  return "Sidecar " + scope.sidecar->meta.ns + "/" + scope.sidecar->meta.name + " lets it see " + (scope.hosts.empty() ? "everything" : join(scope.hosts, ", "));
}

Finding scope_known(Context& c) {
  const auto found = subject(c);
  if (auto stop = need_subject(found)) return *stop;
  const auto scope = scope_of(c, *found.pod);
  if (!scope.known) return unknown();
  return yes(sidecar_text(scope) + "; outbound policy " + scope.mode);
}

Finding not_isolated(Context& c) {
  const auto found = subject(c);
  if (auto stop = need_subject(found)) return *stop;
  const auto scope = scope_of(c, *found.pod);
  if (!scope.known) return unknown();
  const bool open = scope.mode != "REGISTRY_ONLY" && (scope.sidecar == nullptr || scope.hosts.empty());
  return decide(open, open ? "Nothing isolates " + pod_ref(*found.pod) + ": no Sidecar narrows what it sees, and the outbound policy is " + scope.mode + "." : "something narrows what the workload may reach");
}

/// Where one call of the workload went.
struct Call {
  std::string host;                        ///< FQDN of a Service, or the host outside
  std::string ns;                          ///< of the Service; "" for a host outside
  std::uint16_t port = 0;
  std::size_t seen = 0, blocked = 0, passed = 0;
  std::string last;                        ///< start of the last blocked call
  bool tls = false, http = false;
  [[nodiscard]] std::string key() const { return host + ":" + std::to_string(port); }
};

bool is_blocked(const AccessLine& line) { return line.route_name == "block_all" || starts_with(line.upstream_cluster, "BlackHoleCluster"); }

/// A name of the cluster's own or a host outside: by its namespace, which must be one that exists.
void name_host(Context& c, const std::string& typed, const Pod& pod, Call& call) {
  call.host = typed;
  const auto name = mesh::service_name(typed, pod.meta.ns);
  const auto* namespaces = c.view.namespaces();
  if (!name || namespaces == nullptr) return;
  const bool inside = std::any_of(namespaces->begin(), namespaces->end(), [&](const auto& ns) { return ns.meta.name == name->ns; });
  if (!inside) return;
  call.host = c.view.names().fqdn(*name);
  call.ns = name->ns;
}

/// Calls without a name (TCP to an address) go by the Service that has the address.
std::string service_with(Context& c, const std::string& address) {
  for (const auto& key : c.view.evidence().keys(Kind::services)) {
    const auto* services = c.view.services(key.ns);
    for (std::size_t i = 0; services != nullptr && i < services->size(); ++i) {
      const auto& ips = (*services)[i].cluster_ips;
      if (std::find(ips.begin(), ips.end(), address) != ips.end()) return c.view.names().fqdn((*services)[i].meta.name, (*services)[i].meta.ns);
    }
  }
  return address;
}

Call call_of(Context& c, const AccessLine& line, const Pod& pod) {
  Call call;
  call.port = mesh::port_of(line.downstream_local).value_or(0);
  call.tls = !line.sni.empty() || call.port == 443;
  call.http = !line.method.empty();
  const auto cluster = ClusterName::parse(line.upstream_cluster);
  const std::string authority = lower(mesh::address_of(line.authority));
  if (cluster && cluster->direction == "outbound") {
    name_host(c, cluster->host, pod, call);
    call.port = cluster->port;
  } else if (!authority.empty() || !line.sni.empty()) {
    name_host(c, authority.empty() ? lower(line.sni) : authority, pod, call);
  } else {
    name_host(c, service_with(c, mesh::address_of(line.downstream_local)), pod, call);
  }
  return call;
}

struct Calls {
  bool read = false;
  std::string why;                         ///< not read: because of its format
  std::vector<Call> all;                   ///< sorted by host and port
};

/// The workload's own calls as its proxies log them, in the window of --since.
Calls calls_of(Context& c, const Subject& found) {
  Calls calls;
  std::map<std::string, Call> by_key;
  for (const auto* pod : found.pods) {
    if (!pod->meshed() || !c.view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""})) continue;
    const auto* log = c.view.log(*pod);
    if (log == nullptr) continue;
    if (!log->unreadable.empty()) {
      calls.why = log->unreadable;
      calls.read = false;
      return calls;
    }
    calls.read = true;
    for (const auto& line : log->access) {
      if (line.inbound() || line.downstream_local.empty() || (!c.ask.since.empty() && line.start <= c.ask.since)) continue;
      if (line.upstream_cluster.empty() && pod->has_address(mesh::address_of(line.downstream_local))) continue;   // inbound, refused
      auto call = call_of(c, line, *pod);
      auto& kept = by_key.emplace(call.key(), call).first->second;
      ++kept.seen;
      kept.http = kept.http || call.http;
      if (starts_with(line.upstream_cluster, "PassthroughCluster")) ++kept.passed;
      if (!is_blocked(line)) continue;
      ++kept.blocked;
      kept.last = std::max(kept.last, line.start);
    }
  }
  for (auto& item : by_key) calls.all.push_back(std::move(item.second));
  return calls;
}

enum class Because { sidecar, exported, unregistered, unknown };

const char* word_of(Because reason, const Call& call) {
  if (reason == Because::unregistered) return call.ns.empty() ? "entry" : "absent";
  return reason == Because::sidecar ? "sidecar" : reason == Because::exported ? "exported" : "unknown";
}

bool in_entry(Context& c, const std::string& host, bool* everywhere) {
  const auto entries = c.view.objects(Kind::service_entries);
  *everywhere = entries.everywhere;
  return std::any_of(entries.items.begin(), entries.items.end(), [&](const Object* entry) { return mesh::has_host(*entry, host); });
}

/// Why the proxy does not know a host. A Service that was not seen proves nothing.
Because because_of(Context& c, const Call& call, const Scope& scope, const Pod& pod) {
  bool everywhere = false;
  const bool entry = in_entry(c, call.host, &everywhere);
  if (call.ns.empty()) {
    if (!entry) return everywhere ? Because::unregistered : Because::unknown;
    return scope.sidecar != nullptr ? Because::unknown : Because::exported;
  }
  const auto* services = c.view.services(call.ns);
  if (services == nullptr) return Because::unknown;
  const auto service = std::find_if(services->begin(), services->end(), [&](const Service& s) { return c.view.names().fqdn(s.meta.name, s.meta.ns) == call.host; });
  if (service == services->end()) return entry || !everywhere ? Because::unknown : Because::unregistered;
  if (scope.sidecar != nullptr && !mesh::sidecar_imports(*scope.sidecar, call.host, call.ns, pod.meta.ns)) return Because::sidecar;
  const auto export_to = service->meta.annotations.find("networking.istio.io/exportTo");
  if (export_to == service->meta.annotations.end()) return Because::unknown;
  std::vector<std::string> to;
  for (const auto& part : split(export_to->second, ',')) to.emplace_back(trim(part));
  return mesh::exported(to, {}, call.ns, pod.meta.ns) ? Because::unknown : Because::exported;
}

std::string reason_text(Because reason, const Call& call, const Scope& scope) {
  switch (reason) {
    case Because::sidecar: return "Sidecar " + scope.sidecar->meta.ns + "/" + scope.sidecar->meta.name + " does not import it";
    case Because::exported: return "exportTo keeps it from this namespace";
    case Because::unregistered: return call.ns.empty() ? "the policy is REGISTRY_ONLY and no ServiceEntry has it" : "no Service and no ServiceEntry of that name exists";
    case Because::unknown: break;
  }
  return "why is not known";
}

const Call* worst_blocked(const Calls& calls) {
  const Call* worst = nullptr;
  for (const auto& call : calls.all) {
    if (call.blocked > 0 && (worst == nullptr || call.last > worst->last)) worst = &call;
  }
  return worst;
}

Finding calls_blocked(Context& c) {
  const auto found = subject(c);
  if (auto stop = need_subject(found)) return *stop;
  const auto calls = calls_of(c, found);
  if (!calls.read) return unknown(calls.why);
  const auto* call = worst_blocked(calls);
  if (call == nullptr) return calls.all.empty() ? unknown("the log of " + pod_ref(*found.pod) + "'s proxy holds no call of its own: let it make some and ask again") : no("none of its calls was blocked");
  const auto scope = scope_of(c, *found.pod);
  if (!scope.known) return unknown();
  const auto reason = because_of(c, *call, scope, *found.pod);
  Bindings b = {{"call.host", call->host}, {"call.port", call->port}, {"call.blocked", call->blocked}, {"call.reason", reason_text(reason, *call, scope)}, {"call.last", call->last},
                {"caller.namespace", found.pod->meta.ns}, {"caller.workload", mesh::workload_of(*found.pod)}, {"outbound.mode", scope.mode}, {"shown.pod", found.pod->meta.name}};
  b["call.kind"] = word_of(reason, *call);
  b["requests.last-failed"] = call->last;
  if (reason == Because::sidecar) {
    b["sidecar.name"] = scope.sidecar->meta.name;
    b["sidecar.namespace"] = scope.sidecar->meta.ns;
    b["sidecar.patch"] = Json::array({{{"op", "add"}, {"path", "/spec/egress/0/hosts/-"}, {"value", call->ns + "/" + call->host}}});
  }
  std::string name = call->host;
  std::replace_if(name.begin(), name.end(), [](char ch) { return ch == '.' || ch == '*'; }, '-');
  b["entry.name"] = name;
  b["entry.protocol"] = call->tls ? "TLS" : call->http ? "HTTP" : "TCP";
  b["entry.port-name"] = call->tls ? "tls" : call->http ? "http" : "tcp";
  return yes(pod_ref(*found.pod) + "'s proxy blocked " + std::to_string(call->blocked) + " of " + count(call->seen, "call") + " to " + call->key() + ", the last at " + call->last, b);
}

Finding none_blocked(Context& c) {
  const auto found = subject(c);
  if (auto stop = need_subject(found)) return *stop;
  Finding f = calls_blocked(c);
  f.truth = !f.truth;
  return f;
}

Finding blocked_by(Context& c, const char* kind, const char* text) {
  const auto f = calls_blocked(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("call.kind") == kind, text, f.bindings);
}

/// Blocked lines may be older than what is configured now: only what would be blocked now has a reason now.
Finding explained(Context& c) {
  const auto f = calls_blocked(c);
  if (f.truth != Tri::yes) return f;
  const bool known = f.bindings.at("call.kind") != "unknown";
  if (!known) return unknown("what is configured now does not tell why " + f.bindings.at("call.host").get<std::string>() + " was blocked at " + f.bindings.at("call.last").get<std::string>() + "; it may have been repaired since: --since leaves old calls out");
  return yes("it would be blocked now: " + f.bindings.at("call.reason").get<std::string>(), f.bindings);
}

Finding by_sidecar(Context& c) { return blocked_by(c, "sidecar", "the Sidecar does not import the host"); }
Finding by_registry(Context& c) { return blocked_by(c, "entry", "the host outside is in no ServiceEntry"); }

Answer isolation_calls(Context& c) {
  Answer answer;
  const auto found = subject(c);
  if (auto stop = need_subject(found)) {
    answer.why = stop->truth == Tri::no ? stop->text : stop->why.empty() ? k_unknown : stop->why;
    return answer;
  }
  const auto calls = calls_of(c, found);
  if (!calls.read) {
    answer.why = calls.why.empty() ? k_unknown : calls.why;
    return answer;
  }
  const auto scope = scope_of(c, *found.pod);
  std::set<std::string> egress = {c.view.control_plane().ns + "/*", c.view.root_namespace() + "/*"};
  std::size_t stopped = 0;
  for (const auto& call : calls.all) {
    std::string result = "reached";
    if (call.blocked > 0) result = "blocked" + (scope.known ? ": " + reason_text(because_of(c, call, scope, *found.pod), call, scope) : std::string());
    else if (call.passed > 0) result = "passed on unrecognised (PassthroughCluster), without mutual TLS and rules";
    stopped += call.blocked > 0;
    if (!call.ns.empty()) egress.insert(call.ns + "/" + call.host);
    else if (call.blocked == 0 && call.passed == 0) egress.insert("*/" + call.host);
    else answer.remarks.push_back(call.host + " is no host of the mesh: under REGISTRY_ONLY it needs a ServiceEntry.");
    answer.rows.push_back({call.host, call.port, call.seen, call.blocked, result});
  }
  answer.says = calls.all.empty() ? "its log holds no call of its own" : count(calls.all.size(), "destination") + " called, " + std::to_string(stopped) + " blocked";
  if (calls.all.empty()) return answer;
  answer.remarks.push_back("The smallest Sidecar that allows what this log shows; what it calls less often is not in it:");
  const auto app = found.pod->meta.labels.find("app");
  Json spec = {{"egress", Json::array({{{"hosts", Json(std::vector<std::string>(egress.begin(), egress.end()))}}})}, {"outboundTrafficPolicy", {{"mode", "REGISTRY_ONLY"}}}};
  if (app != found.pod->meta.labels.end()) spec["workloadSelector"] = {{"labels", {{"app", app->second}}}};
  answer.manifest = {{"apiVersion", "networking.istio.io/v1"}, {"kind", "Sidecar"}, {"metadata", {{"name", mesh::workload_of(*found.pod)}, {"namespace", found.pod->meta.ns}}}, {"spec", spec}};
  return answer;
}

Answer isolation_scope(Context& c) {
  Answer answer;
  const auto found = subject(c);
  if (auto stop = need_subject(found)) {
    answer.why = stop->truth == Tri::no ? stop->text : stop->why.empty() ? k_unknown : stop->why;
    return answer;
  }
  const auto scope = scope_of(c, *found.pod);
  answer.rows.push_back({"Sidecar", !scope.known ? Json() : scope.sidecar == nullptr ? Json("none") : Json(scope.sidecar->meta.ns + "/" + scope.sidecar->meta.name)});
  answer.rows.push_back({"egress hosts", !scope.known ? Json() : Json(scope.hosts.empty() ? std::string("all that is exported to it") : join(scope.hosts, ", "))});
  answer.rows.push_back({"outbound policy", scope.mode.empty() ? Json() : Json(scope.mode)});
  if (const auto* clusters = c.view.clusters(*found.pod)) {
    std::set<std::string> hosts;
    std::map<std::string, std::size_t> by_ns;
    for (const auto& cluster : *clusters) {
      const auto name = ClusterName::parse(cluster.name);
      if (!name || name->direction != "outbound" || !hosts.insert(name->host).second) continue;
      const auto service = c.view.names().service(name->host);
      ++by_ns[service ? service->ns : "outside"];
    }
    std::vector<std::string> parts;
    for (const auto& [ns, n] : by_ns) parts.push_back(ns + " " + std::to_string(n));
    answer.rows.push_back({"hosts in its proxy", std::to_string(hosts.size()) + (parts.empty() ? "" : " (" + join(parts, ", ") + ")")});
  } else {
    answer.rows.push_back({"hosts in its proxy", Json()});
  }
  answer.says = "what " + pod_ref(*found.pod) + " may reach";
  if (scope.mode == "REGISTRY_ONLY") answer.remarks.push_back("REGISTRY_ONLY keeps honest applications in; it is no firewall: a pod that goes around its sidecar is not stopped by it.");
  return answer;
}

}  // namespace

const std::vector<Fact>& isolation_facts() {
  static const std::vector<Fact> facts = {
      {"isolation.subject-meshed", "The workload has a sidecar", isolation_needs, subject_meshed, {Kind::pods}},
      {"isolation.scope-known", "What the workload may see is known", isolation_needs, scope_known, {Kind::sidecars, Kind::mesh_config}},
      {"isolation.not-isolated", "Nothing narrows what the workload may reach", isolation_needs, not_isolated, {Kind::sidecars, Kind::mesh_config}},
      {"isolation.blocked", "Calls of the workload were blocked by its own proxy", isolation_needs, calls_blocked, {Kind::log}},
      {"isolation.none-blocked", "None of the workload's calls was blocked", isolation_needs, none_blocked, {Kind::log}},
      {"isolation.block-explained", "What is configured now blocks a call of the workload", isolation_needs, explained, {Kind::sidecars, Kind::mesh_config}},
      {"isolation.blocked-by-sidecar", "The Sidecar does not import what the workload calls", isolation_needs, by_sidecar, {Kind::sidecars}},
      {"isolation.blocked-by-registry", "What the workload calls outside is in no ServiceEntry", isolation_needs, by_registry, {Kind::service_entries}},
  };
  return facts;
}

const std::vector<AnswerKind>& isolation_answers() {
  static const std::vector<AnswerKind> answers = {
      {"isolation.scope", "SCOPE", {{"what", "WHAT"}, {"value", "VALUE"}}, isolation_needs_with_clusters(), isolation_scope},
      {"isolation.calls", "CALLS", {{"host", "HOST"}, {"port", "PORT"}, {"calls", "CALLS"}, {"blocked", "BLOCKED"}, {"result", "RESULT"}}, isolation_needs, isolation_calls},
  };
  return answers;
}

}  // namespace meshdx::facts
