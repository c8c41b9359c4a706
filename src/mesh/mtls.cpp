#include "mesh/mtls.hpp"

#include <algorithm>
#include <optional>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

const char* mode_name(Mode mode) {
  return mode == Mode::strict ? "STRICT" : mode == Mode::disable ? "DISABLE" : "PERMISSIVE";
}

const char* wire_name(Wire wire) {
  switch (wire) {
    case Wire::plaintext: return "plaintext";
    case Wire::mutual_tls: return "mutual TLS";
    case Wire::tls: return "TLS without a workload certificate";
    case Wire::unknown: break;
  }
  return "unknown";
}

namespace {

std::optional<Mode> mode_at(const Json& mtls) {
  const std::string mode = text_at(mtls, "mode");
  if (mode == "STRICT") return Mode::strict;
  if (mode == "PERMISSIVE") return Mode::permissive;
  if (mode == "DISABLE") return Mode::disable;
  return std::nullopt;   // UNSET or absent: inherit
}

Labels selector_of(const Object& policy) {
  Labels labels;
  const Json& match = at(policy.spec(), {"selector", "matchLabels"});
  if (!match.is_object()) return labels;
  for (auto it = match.begin(); it != match.end(); ++it) {
    if (it->is_string()) labels[it.key()] = it->get<std::string>();
  }
  return labels;
}

/// The oldest policy of a scope: `pod` nullptr for those without selector.
const Object* oldest(const ObjectList& policies, const std::string& ns, const Pod* pod) {
  const Object* winner = nullptr;
  for (const auto* policy : policies.items) {
    if (policy->meta.ns != ns) continue;
    const auto selector = selector_of(*policy);
    const bool fits = pod == nullptr ? selector.empty() : !selector.empty() && selects(selector, pod->meta.labels);
    if (fits && (winner == nullptr || policy->meta.created < winner->meta.created)) winner = policy;
  }
  return winner;
}

void apply(ServerMode& result, const Object* policy, const Json& mtls, const char* level) {
  const auto mode = mode_at(mtls);
  if (!mode) return;
  result.mode = *mode;
  result.decided_by = policy;
  result.level = level;
}

}  // namespace

ServerMode server_mode(const View& view, const Pod& pod, std::uint16_t port) {
  ServerMode result;
  const auto policies = view.objects(Kind::peer_authentications);
  const bool config_read = view.mesh_config() != nullptr;
  const std::string root = view.root_namespace();
  result.known = config_read && policies.covers(root) && policies.covers(pod.meta.ns);
  if (const auto* mesh = oldest(policies, root, nullptr)) apply(result, mesh, at(mesh->spec(), "mtls"), "mesh");
  if (pod.meta.ns == root) return result;
  if (const auto* wide = oldest(policies, pod.meta.ns, nullptr)) apply(result, wide, at(wide->spec(), "mtls"), "namespace");
  const auto* own = oldest(policies, pod.meta.ns, &pod);
  if (own == nullptr) return result;
  result.workload_policy = own;
  apply(result, own, at(own->spec(), "mtls"), "workload");
  apply(result, own, at(at(own->spec(), "portLevelMtls"), std::to_string(port).c_str()), "port");
  return result;
}

Accepts listener_accepts(const Listeners& listeners, std::uint16_t port) {
  Accepts accepts;
  const Listener* inbound = inbound_listener(listeners);
  if (inbound == nullptr) return accepts;
  accepts.known = true;
  accepts.inspects_tls = inbound->tls_inspector;
  static const std::vector<std::string> istio = {"istio-peer-exchange", "istio", "istio-http/1.1", "istio-http/1.0", "istio-h2"};
  bool tls_known = true, raw_known = true;
  if (const auto* chain = inbound_chain(*inbound, {port, true, "", istio}, &tls_known)) accepts.mutual_tls = chain->tls.has_value();
  const auto* raw = inbound_chain(*inbound, {port, false, "", {"http/1.1", "h2c"}}, &raw_known);
  accepts.known = tls_known && raw_known;
  accepts.plaintext = raw != nullptr && !raw->tls && raw->tcp_cluster != "BlackHoleCluster";
  return accepts;
}

bool inbound_captured(const Pod& pod, std::uint16_t port) {
  const auto lists = [&](const char* annotation) -> std::optional<bool> {
    const auto found = pod.meta.annotations.find(annotation);
    if (found == pod.meta.annotations.end()) return std::nullopt;
    for (const auto& word : split(found->second, ',')) {
      if (trim(word) == "*" || trim(word) == std::to_string(port)) return true;
    }
    return false;
  };
  // A list of ports to include leaves the exclusions without effect (istio-iptables capture/run.go).
  const auto included = pod.meta.annotations.find("traffic.sidecar.istio.io/includeInboundPorts");
  if (included != pod.meta.annotations.end() && trim(included->second) != "*") return lists("traffic.sidecar.istio.io/includeInboundPorts").value_or(true);
  return !lists("traffic.sidecar.istio.io/excludeInboundPorts").value_or(false);
}

Wire sent_by(const Cluster& cluster, const Pod* pod, const ServerMode& server) {
  if (cluster.tls) return cluster.tls->istio_mutual() ? Wire::mutual_tls : Wire::tls;
  if (cluster.matches.empty()) return Wire::plaintext;
  // `tlsMode-istio` without a condition is ISTIO_MUTUAL from an HBONE-capable sender (formats.md 2.3).
  for (const auto& match : cluster.matches) {
    if (match.name == "hbone") continue;
    if (match.match.empty()) {
      if (!match.tls) return Wire::plaintext;
      return match.tls->istio_mutual() ? Wire::mutual_tls : Wire::tls;
    }
    const auto mode = match.match.find("tlsMode");
    if (mode == match.match.end()) continue;
    if (pod == nullptr) return Wire::unknown;
    const auto label = pod->meta.labels.find("security.istio.io/tlsMode");
    const bool labelled = label != pod->meta.labels.end() && label->second == mode->second;
    if (!labelled) continue;
    if (!server.known) return Wire::unknown;
    if (server.mode != Mode::disable) return Wire::mutual_tls;
  }
  return Wire::plaintext;
}

}  // namespace meshdx::mesh
