// Certificates: delivered, alive, and from roots that the other side trusts and with names that it takes (B11 to B14).
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "util/text.hpp"
#include "util/time.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> identity_needs = {Kind::secrets, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                          Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

const std::vector<Kind> name_needs = {Kind::destination_rules, Kind::secrets, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                      Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// "3 h", "12 min", "40 s".
std::string span_text(std::int64_t seconds) {
  if (seconds >= 7200) return std::to_string(seconds / 3600) + " h";
  if (seconds >= 120) return std::to_string(seconds / 60) + " min";
  return std::to_string(seconds) + " s";
}

const Secret* secret_named(const Secrets& secrets, std::string_view name) {
  const auto found = std::find_if(secrets.begin(), secrets.end(), [&](const Secret& s) { return s.name == name; });
  return found == secrets.end() ? nullptr : &*found;
}

std::set<std::string> roots_of(const Secrets& secrets) {
  std::set<std::string> roots;
  if (const auto* root = secret_named(secrets, "ROOTCA"); root != nullptr && root->active) {
    for (const auto& certificate : root->chain) roots.insert(certificate.fingerprint);
  }
  return roots;
}

/// Both sides' roots are known and have none in common: neither can verify the other.
Finding roots_differ(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (!path.caller.meshed()) return no("the caller has no certificate of the mesh");
  const auto* own = c.view.secrets(*path.caller.pod);
  if (own == nullptr) return unknown();
  const auto client = roots_of(*own);
  bool compared = false;
  for (const auto* pod : path.servers) {
    if (!pod->meshed() || !c.view.evidence().asked({Kind::secrets, pod->meta.ns, pod->meta.name})) continue;
    const auto* secrets = c.view.secrets(*pod);
    if (secrets == nullptr) return unknown();
    const auto server = roots_of(*secrets);
    if (client.empty() || server.empty()) continue;
    compared = true;
    const bool common = std::any_of(client.begin(), client.end(), [&](const auto& root) { return server.count(root) > 0; });
    if (!common) return yes("the roots that " + pod_ref(*path.caller.pod) + " and " + pod_ref(*pod) + " trust have none in common", {{"server.pod", pod->meta.name}, {"server.namespace", pod->meta.ns}, {"server.workload", mesh::workload_of(*pod)}, {"caller.pod", path.caller.pod->meta.name}, {"caller.namespace", path.caller.pod->meta.ns}, {"caller.workload", mesh::workload_of(*path.caller.pod)}});
  }
  if (!compared && std::any_of(path.servers.begin(), path.servers.end(), [](const Pod* p) { return p->meshed(); })) return unknown();
  return no("both sides trust a common root");
}

/// The workload certificate never arrived at a proxy that has taken the others of its dump.
Finding certificate_missing(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  std::vector<const Pod*> pods = path.servers;
  pods.insert(pods.begin(), path.caller.pod);
  bool unsure = false;
  for (const auto* pod : pods) {
    if (!pod->meshed()) continue;
    const bool asked = c.view.evidence().asked({Kind::secrets, pod->meta.ns, pod->meta.name});
    const auto* secrets = asked ? c.view.secrets(*pod) : nullptr;
    if (secrets == nullptr) {
      unsure = unsure || pod == path.caller.pod || asked;
      continue;
    }
    const auto* own = secret_named(*secrets, "default");
    if (own != nullptr && !own->active) {
      return yes("pod " + pod_ref(*pod) + " has no workload certificate: secret `default` is still warming", {{"proxy.pod", pod->meta.name}, {"proxy.namespace", pod->meta.ns}, {"proxy.workload", mesh::workload_of(*pod)}});
    }
  }
  return unsure ? unknown() : no("the proxies have their certificates");
}

/// When the newest line of the proxies' logs was written, in seconds: the only clock a diagnosis has. 0: no log.
std::int64_t time_of_logs(Context& c, const std::vector<const Pod*>& pods) {
  std::int64_t newest = 0;
  for (const auto* pod : pods) {
    if (!pod->meshed() || !c.view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""})) continue;
    const auto* log = c.view.log(*pod);
    if (log == nullptr) continue;
    for (const auto& line : log->access) newest = std::max(newest, utc_ms(line.start).value_or(0) / 1000);
    for (const auto& line : log->agent) newest = std::max(newest, utc_ms(line.time).value_or(0) / 1000);
  }
  return newest;
}

std::vector<const Pod*> both_sides(Context& c) {
  std::vector<const Pod*> pods = c.path().servers;
  pods.insert(pods.begin(), c.path().caller.pod);
  return pods;
}

/// B11: at the time of the requests the certificate of a side was no longer valid, or not yet.
Finding certificate_expired(Context& c) {
  if (c.path().caller.pod == nullptr) return unknown();
  const auto pods = both_sides(c);
  const auto now = time_of_logs(c, pods);
  bool unsure = now == 0;
  for (const auto* pod : pods) {
    if (!pod->meshed()) continue;
    const bool asked = c.view.evidence().asked({Kind::secrets, pod->meta.ns, pod->meta.name});
    const auto* secrets = asked ? c.view.secrets(*pod) : nullptr;
    const auto* own = secrets == nullptr ? nullptr : secret_named(*secrets, "default");
    if (own == nullptr || own->chain.empty()) {
      unsure = unsure || asked || pod == c.path().caller.pod;
      continue;
    }
    const auto& leaf = own->chain.front();
    const bool over = leaf.not_after < now, early = leaf.not_before > now;
    if (now == 0 || (!over && !early)) continue;
    const std::string how = over ? "expired " + span_text(now - leaf.not_after) + " before the newest line of its log" : "is not valid for another " + span_text(leaf.not_before - now) + ": a clock is wrong";
    return yes("the workload certificate of " + pod_ref(*pod) + " " + how, {{"proxy.pod", pod->meta.name}, {"proxy.namespace", pod->meta.ns}, {"proxy.workload", mesh::workload_of(*pod)}, {"certificate.how", how}});
  }
  return unsure ? unknown() : no("the workload certificates were valid at the time of the newest log line");
}

/// The identities that a cluster demands of the far end with mutual TLS; empty: any.
const std::vector<std::string>* demanded_names(const Cluster& cluster) {
  if (cluster.tls) return cluster.tls->istio_mutual() ? &cluster.tls->subject_alt_names : nullptr;
  for (const auto& match : cluster.matches) {
    if (match.name == "tlsMode-istio" && match.tls) return &match.tls->subject_alt_names;
  }
  return nullptr;
}

/// Where the DestinationRule of a cluster demands names of its own, for the fix.
void add_rule(Context& c, const Cluster& cluster, Bindings& b) {
  const auto rules = c.view.objects(Kind::destination_rules);
  for (const auto* rule : rules.items) {
    if (rule->meta.name != cluster.config.name || rule->meta.ns != cluster.config.ns) continue;
    if (!at(rule->spec(), {"trafficPolicy", "tls", "subjectAltNames"}).is_array()) continue;
    b["rule.name"] = rule->meta.name;
    b["rule.namespace"] = rule->meta.ns;
    b["rule.san-patch"] = Json::array({{{"op", "remove"}, {"path", "/spec/trafficPolicy/tls/subjectAltNames"}}});
  }
}

/// B13: the server shows an identity that the caller's cluster does not take.
Finding name_unexpected(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = false;
  for (const auto& leg : c.walk().legs) {
    unsure = unsure || (leg.config == nullptr && leg.state == mesh::Leg::State::unknown);
    const auto* names = leg.config == nullptr ? nullptr : demanded_names(*leg.config);
    if (names == nullptr || names->empty()) continue;
    for (const auto* pod : c.path().servers) {
      if (!pod->meshed() || !c.view.evidence().asked({Kind::secrets, pod->meta.ns, pod->meta.name})) continue;
      const auto* secrets = c.view.secrets(*pod);
      const auto* own = secrets == nullptr ? nullptr : secret_named(*secrets, "default");
      if (own == nullptr || own->chain.empty()) {
        unsure = true;
        continue;
      }
      const auto& name = own->chain.front().subject_alt_name;
      if (name.empty() || std::find(names->begin(), names->end(), name) != names->end()) continue;
      Bindings b = {{"server.pod", pod->meta.name}, {"server.namespace", pod->meta.ns}, {"server.name", name}, {"cluster.name", leg.cluster}, {"names.demanded", join(*names, ", ")},
                    {"service.host", c.serving().host}};
      add_rule(c, *leg.config, b);
      return yes("the caller's proxy takes only " + join(*names, ", ") + " for " + leg.cluster + ", and the certificate of " + pod_ref(*pod) + " says " + name, b);
    }
    const bool unasked = std::none_of(c.path().servers.begin(), c.path().servers.end(), [&](const Pod* pod) { return pod->meshed() && c.view.evidence().asked({Kind::secrets, pod->meta.ns, pod->meta.name}); });
    unsure = unsure || unasked;
  }
  return unsure ? unknown() : no("the caller's proxy takes the servers' identities");
}

Finding rule_demands_name(Context& c) {
  const auto f = name_unexpected(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("rule.name") > 0, "a DestinationRule demands the name", f.bindings);
}

}  // namespace

const std::vector<Fact>& identity_facts() {
  static const std::vector<Fact> facts = {
      {"roots.differ", "The two sides trust no common root", identity_needs, roots_differ, {Kind::secrets}},
      {"certificate.expired", "A proxy's workload certificate was not valid at the time of the requests", identity_needs, certificate_expired, {Kind::secrets, Kind::log}},
      {"certificate.name-unexpected", "The server's identity is not one that the caller's proxy takes", name_needs, name_unexpected, {Kind::secrets, Kind::clusters}},
      {"rule.demands-name", "A DestinationRule demands an identity that the server does not have", name_needs, rule_demands_name, {Kind::destination_rules}},
      {"certificate.missing", "A proxy has no workload certificate yet", identity_needs, certificate_missing, {Kind::secrets}},
  };
  return facts;
}

}  // namespace meshdx::facts
