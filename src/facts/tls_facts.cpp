// What the two sides of the hop make of TLS: PeerAuthentication and the server's listener, DestinationRule and the caller's
// cluster, and the pods' sidecars (causes.md group B, appendix C).
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "facts/tls_pairs.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Mode;
using mesh::Wire;

namespace {

const std::vector<Kind> tls_needs = {Kind::peer_authentications, Kind::mesh_config, Kind::destination_rules, Kind::services, Kind::pods,
                                     Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes,
                                     Kind::clusters, Kind::endpoints, Kind::log};

using PairTest = Tri (*)(const Pair&);

/// True when it holds for any endpoint; unknown beats false.
Finding any_pair(Context& c, PairTest test, const std::string& what) {
  const auto& pairs = tls_pairs(c);
  Tri result = pairs.known ? Tri::no : Tri::unknown;
  const Pair* shown = nullptr;
  for (const auto& pair : pairs.pairs) {
    const Tri truth = test(pair);
    if (truth == Tri::yes && shown == nullptr) shown = &pair;
    result = result | truth;
  }
  if (result == Tri::unknown) return unknown();
  if (shown == nullptr) return no("not: " + what);
  auto b = pair_bindings(c, *shown);
  const bool callers = what.find("is sent") != std::string::npos;   // what is sent stands in the caller's clusters
  const Pod* pod = callers ? c.caller() : shown->pod;
  if (pod != nullptr) b["shown.pod"] = pod->meta.name;
  return yes(pair_text(*shown, what), b);
}

Tri is_meshed(const Pair& p) { return p.pod == nullptr ? Tri::unknown : tri(p.pod->meshed()); }
Tri not_meshed(const Pair& p) { return p.pod == nullptr ? Tri::unknown : tri(!p.pod->meshed() && !p.ambient); }

/// The listener is what is enforced now; PeerAuthentication tells when the listener was not read.
Tri is_strict(const Pair& p) {
  if (p.pod == nullptr) return Tri::unknown;
  if (!p.pod->meshed()) return Tri::no;
  if (p.accepts.known) return tri(p.accepts.mutual_tls && !p.accepts.plaintext);
  return p.server.known ? tri(p.server.mode == Mode::strict) : Tri::unknown;
}
Tri plaintext_only(const Pair& p) {
  if (p.pod == nullptr) return Tri::unknown;
  if (!p.pod->meshed()) return Tri::no;
  if (p.accepts.known) return tri(!p.accepts.mutual_tls && p.accepts.plaintext);
  return p.server.known ? tri(p.server.mode == Mode::disable) : Tri::unknown;
}
Tri not_captured(const Pair& p) { return p.pod == nullptr ? Tri::unknown : tri(p.pod->meshed() && !mesh::inbound_captured(*p.pod, p.port)); }
Tri label_without_sidecar(const Pair& p) {
  if (p.pod == nullptr) return Tri::unknown;
  const auto label = p.pod->meta.labels.find("security.istio.io/tlsMode");
  return tri(!p.pod->meshed() && !p.ambient && label != p.pod->meta.labels.end() && label->second == "istio");
}
Tri sends(const Pair& p, Wire wire) { return p.wire == Wire::unknown ? Tri::unknown : tri(p.wire == wire); }
Tri sends_mutual(const Pair& p) { return sends(p, Wire::mutual_tls); }
Tri sends_tls(const Pair& p) { return sends(p, Wire::tls); }
Tri sends_plaintext(const Pair& p) { return sends(p, Wire::plaintext); }

Finding server_meshed(Context& c) { return any_pair(c, is_meshed, "has a proxy"); }
Finding server_unmeshed(Context& c) { return any_pair(c, not_meshed, "has no sidecar"); }
Finding server_strict(Context& c) { return any_pair(c, is_strict, "takes mutual TLS only (STRICT)"); }
Finding server_plaintext_only(Context& c) { return any_pair(c, plaintext_only, "takes plaintext only (DISABLE)"); }
Finding port_not_captured(Context& c) { return any_pair(c, not_captured, "keeps the port out of its sidecar by annotation"); }
Finding label_only(Context& c) { return any_pair(c, label_without_sidecar, "carries security.istio.io/tlsMode=istio without a sidecar"); }
Finding client_plaintext(Context& c) { return any_pair(c, sends_plaintext, "is sent plaintext"); }
Finding client_mutual(Context& c) { return any_pair(c, sends_mutual, "is sent mutual TLS"); }
Finding client_tls(Context& c) { return any_pair(c, sends_tls, "is sent TLS without a workload certificate"); }

/// DestinationRule TLS settings as they apply to a cluster: subset before rule, port before all (cluster_tls.go).
struct RuleTls {
  const Object* rule = nullptr;
  std::string mode, path;
};

const Json* port_tls(const Json& policy, std::uint16_t port, std::string& path) {
  const Json& ports = at(policy, "portLevelSettings");
  for (std::size_t i = 0; ports.is_array() && i < ports.size(); ++i) {
    if (number_at(at(ports[i], "port"), "number") != port || !at(ports[i], "tls").is_object()) continue;
    path += "/portLevelSettings/" + std::to_string(i) + "/tls";
    return &at(ports[i], "tls");
  }
  if (!at(policy, "tls").is_object()) return nullptr;
  path += "/tls";
  return &at(policy, "tls");
}

std::optional<RuleTls> rule_tls(Context& c) {
  const auto& serving = c.serving();
  if (serving.leg == nullptr || serving.leg->config == nullptr) return std::nullopt;
  const auto& ref = serving.leg->config->config;
  const auto rules = c.view.objects(Kind::destination_rules);
  for (const auto* rule : rules.items) {
    if (rule->meta.name != ref.name || rule->meta.ns != ref.ns) continue;
    const Json& subsets = at(rule->spec(), "subsets");
    for (std::size_t i = 0; subsets.is_array() && i < subsets.size(); ++i) {
      std::string path = "/spec/subsets/" + std::to_string(i) + "/trafficPolicy";
      if (serving.subset.empty() || text_at(subsets[i], "name") != serving.subset) continue;
      if (const auto* tls = port_tls(at(subsets[i], "trafficPolicy"), serving.port_number, path)) return RuleTls{rule, text_at(*tls, "mode"), path};
    }
    std::string path = "/spec/trafficPolicy";
    if (const auto* tls = port_tls(at(rule->spec(), "trafficPolicy"), serving.port_number, path)) return RuleTls{rule, text_at(*tls, "mode"), path};
    return RuleTls{rule, "", ""};
  }
  return std::nullopt;
}

/// Takes a TLS setting out, with every parent that would be left without a setting: istiod's webhook refuses an empty
/// traffic policy (istio pkg/config/validation ValidateTrafficPolicy: "must have at least one field").
Json without_tls(const Object& rule, const std::string& path) {
  Json::json_pointer place(path);
  while (true) {
    const auto parent = place.parent_pointer();
    const Json& holder = rule.raw.at(parent);
    const bool policy = parent.back() == "trafficPolicy";
    const bool port_setting = holder.is_object() && holder.contains("port") && holder.size() == 2;
    const bool list = holder.is_array() && holder.size() == 1;
    const bool empty_after = (policy && holder.size() == 1) || port_setting || list;
    if (!empty_after) return Json::array({{{"op", "remove"}, {"path", place.to_string()}}});
    place = parent;
  }
}

Finding rule_mode(Context& c, const std::vector<std::string>& modes) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& serving = c.serving();
  if (serving.leg != nullptr && serving.leg->config == nullptr) return serving.leg->state == mesh::Leg::State::missing ? no("there is no such cluster") : unknown();
  if (serving.leg == nullptr || !serving.leg->config->config) return no("no DestinationRule applies to the cluster");
  const auto tls = rule_tls(c);
  if (!tls) {
    const bool everywhere = c.view.objects(Kind::destination_rules).everywhere;
    return everywhere ? no("the DestinationRule of the cluster no longer exists") : unknown();
  }
  const bool hit = std::find(modes.begin(), modes.end(), tls->mode) != modes.end();
  Bindings b = {{"rule.name", tls->rule->meta.name}, {"rule.namespace", tls->rule->meta.ns}, {"rule.tls-mode", tls->mode},
                {"service.host", serving.host}};
  if (!tls->path.empty()) b["rule.tls-patch"] = without_tls(*tls->rule, tls->path);
  const std::string name = "DestinationRule " + tls->rule->meta.ns + "/" + tls->rule->meta.name;
  return decide(hit, tls->mode.empty() ? name + " sets no TLS mode" : name + " sets tls.mode " + tls->mode, b);
}

Finding rule_disable(Context& c) { return rule_mode(c, {"DISABLE"}); }
Finding rule_mutual(Context& c) { return rule_mode(c, {"ISTIO_MUTUAL"}); }
Finding rule_simple(Context& c) { return rule_mode(c, {"SIMPLE"}); }
Finding rule_origination(Context& c) { return rule_mode(c, {"SIMPLE", "MUTUAL"}); }

/// Whether the far end has nothing of the mesh: pods without a sidecar, or addresses of a host that is no Service.
Finding outside_mesh(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& serving = c.serving();
  if (serving.leg == nullptr || !serving.leg->name) return no("the route leads to no cluster of a host");
  for (const auto* pod : c.path().servers) {
    if (pod->meshed() || pod->ambient()) return no(pod_ref(*pod) + " is in the mesh");
  }
  if (!c.path().servers.empty()) return yes("the pods of " + serving.host + " have no sidecar");
  return mesh::service_name(serving.host, "") ? unknown() : yes(serving.host + " is a host outside the mesh");
}

/// B8: a Service without an address of its own: callers dial its pods, and mutual TLS takes all of them to be in the mesh.
Finding headless(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  const bool bare = serving.service != nullptr && serving.service->headless();
  std::vector<std::string> unlabelled;
  const auto pods = bare ? mesh::selected_pods(c.view, *serving.service) : std::nullopt;
  for (const auto* pod : pods.value_or(std::vector<const Pod*>())) {
    if (!pod->meshed()) unlabelled.push_back(pod_ref(*pod));
  }
  Bindings b = {{"direct.how", "Service " + serving.host + " is headless" + (unlabelled.empty() ? "" : ", and " + join(unlabelled, ", ") + " behind it " + (unlabelled.size() == 1 ? "has" : "have") + " no sidecar, so the caller's proxy sends plaintext to all its pods")}};
  return decide(bare, bare ? b["direct.how"].get<std::string>() : "the destination is no headless Service", b);
}

/// B9: a portLevelMtls key that is the Service's port, not the pod's.
Finding wrong_port_key(Context& c) {
  const auto& path = c.path();
  if (path.to.service == nullptr) return path.to.state == mesh::Destination::State::unknown ? unknown() : no("the destination is no Service");
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  for (const auto* pod : path.servers) {
    if (!pod->meshed()) continue;
    const auto target = path.to.port == nullptr ? std::nullopt : mesh::target_port(*path.to.port, *pod);
    const auto mode = mesh::server_mode(c.view, *pod, target.value_or(0));
    if (!mode.known) return unknown();
    if (mode.workload_policy == nullptr || !target) continue;
    const Json& levels = at(mode.workload_policy->spec(), "portLevelMtls");
    if (!levels.is_object() || levels.contains(std::to_string(*target))) continue;
    const std::string key = std::to_string(path.to.port->port);
    if (!levels.contains(key)) continue;
    const std::string wanted = text_at(levels[key], "mode");
    const auto& policy = *mode.workload_policy;
    return yes("PeerAuthentication " + policy.meta.ns + "/" + policy.meta.name + " sets portLevelMtls for " + key + ", the Service's port; the pod's port is " + std::to_string(*target),
               {{"policy.name", policy.meta.name}, {"policy.namespace", policy.meta.ns}, {"policy.key", key}, {"policy.mode", wanted}, {"port.target", *target},
                {"policy.patch", Json::array({{{"op", "remove"}, {"path", "/spec/portLevelMtls/" + key}}, {{"op", "add"}, {"path", "/spec/portLevelMtls/" + std::to_string(*target)}, {"value", levels[key]}}})},
                {"service.name", path.to.name}, {"service.namespace", path.to.ns}});
  }
  return no("portLevelMtls names pod ports");
}

Finding wrong_key_matters(Context& c) {
  const auto key = wrong_port_key(c);
  if (key.truth != Tri::yes) return key;
  const std::string wanted = key.bindings.at("policy.mode").get<std::string>();
  return decide(wanted != "STRICT", "the policy meant to make an exception (" + wanted + ")", key.bindings);
}

/// Which object makes the server take only one of the two, for the fix: PERMISSIVE in its place.
Finding by_policy(Context& c, Mode wanted) {
  const auto& pairs = tls_pairs(c);
  for (const auto& pair : pairs.pairs) {
    if (pair.pod == nullptr || !pair.pod->meshed() || !pair.server.known || pair.server.mode != wanted || pair.server.decided_by == nullptr) continue;
    const auto& policy = *pair.server.decided_by;
    auto b = pair_bindings(c, pair);
    b["policy.name"] = policy.meta.name;
    b["policy.namespace"] = policy.meta.ns;
    b["policy.level"] = pair.server.level;
    b["policy.patch"] = pair.server.level == "port"
        ? Json::array({{{"op", "replace"}, {"path", "/spec/portLevelMtls/" + std::to_string(pair.port) + "/mode"}, {"value", "PERMISSIVE"}}})
        : Json::array({{{"op", "replace"}, {"path", "/spec/mtls/mode"}, {"value", "PERMISSIVE"}}});
    return yes("PeerAuthentication " + policy.meta.ns + "/" + policy.meta.name + " (" + pair.server.level + " level) says " + mesh::mode_name(wanted), b);
  }
  const bool sure = pairs.known && std::all_of(pairs.pairs.begin(), pairs.pairs.end(), [](const Pair& p) { return p.server.known; });
  return sure ? no(std::string("no PeerAuthentication says ") + mesh::mode_name(wanted)) : unknown();
}

Finding strict_by_policy(Context& c) { return by_policy(c, Mode::strict); }
Finding disabled_by_policy(Context& c) { return by_policy(c, Mode::disable); }

}  // namespace

const std::vector<Fact>& tls_facts() {
  static const std::vector<Fact> facts = {
      {"server.meshed", "A pod that serves the request has a proxy", tls_needs, server_meshed, {Kind::pods}},
      {"server.unmeshed", "A pod that serves the request has no sidecar", tls_needs, server_unmeshed, {Kind::pods}},
      {"server.strict", "The server takes mutual TLS only on the port", tls_needs, server_strict, {Kind::listeners, Kind::peer_authentications}},
      {"server.strict-by-policy", "A PeerAuthentication demands STRICT on the port", tls_needs, strict_by_policy, {Kind::peer_authentications}},
      {"server.disabled-by-policy", "A PeerAuthentication disables mutual TLS on the port", tls_needs, disabled_by_policy, {Kind::peer_authentications}},
      {"server.plaintext-only", "The server takes plaintext only on the port", tls_needs, server_plaintext_only, {Kind::listeners, Kind::peer_authentications}},
      {"server.port-not-captured", "The port bypasses the server's sidecar", tls_needs, port_not_captured, {Kind::pods}},
      {"server.label-without-sidecar", "The server is labelled for mutual TLS but has no sidecar", tls_needs, label_only, {Kind::pods}},
      {"client.sends-plaintext", "The caller's side sends plaintext", tls_needs, client_plaintext, {Kind::clusters}},
      {"client.sends-mutual-tls", "The caller's side sends mutual TLS", tls_needs, client_mutual, {Kind::clusters}},
      {"client.sends-tls", "The caller's side sends TLS without a workload certificate", tls_needs, client_tls, {Kind::clusters}},
      {"rule.tls-disable", "The DestinationRule of the cluster switches TLS off", tls_needs, rule_disable, {Kind::destination_rules}},
      {"rule.tls-istio-mutual", "The DestinationRule of the cluster forces ISTIO_MUTUAL", tls_needs, rule_mutual, {Kind::destination_rules}},
      {"rule.tls-simple", "The DestinationRule of the cluster starts TLS without a client certificate (SIMPLE)", tls_needs, rule_simple, {Kind::destination_rules}},
      {"rule.tls-origination", "The DestinationRule of the cluster originates TLS (SIMPLE or MUTUAL)", tls_needs, rule_origination, {Kind::destination_rules}},
      {"destination.headless", "The Service is headless: callers dial its pods", tls_needs, headless, {Kind::services, Kind::pods}},
      {"destination.outside-mesh", "The far end is not in the mesh", tls_needs, outside_mesh, {Kind::pods}},
      {"policy.port-key-is-service-port", "portLevelMtls is keyed by the Service's port, not the pod's", tls_needs, wrong_port_key, {Kind::peer_authentications}},
      {"policy.port-key-meant-exception", "The misplaced portLevelMtls meant to make an exception", tls_needs, wrong_key_matters, {Kind::peer_authentications}},
  };
  return facts;
}

}  // namespace meshdx::facts
