// PeerAuthentications that do not do what they seem to: levels that callers are not told of, and policies that do not
// count (B5, B10).
#include <algorithm>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "facts/tls_pairs.hpp"
#include "mesh/peer_policies.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Mode;
using mesh::Wire;

namespace {

const std::vector<Kind> peer_needs = {Kind::peer_authentications, Kind::mesh_config, Kind::destination_rules, Kind::services, Kind::pods,
                                      Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes,
                                      Kind::clusters, Kind::endpoints, Kind::log};

std::string policy_ref(const Object& policy) { return "PeerAuthentication " + policy.meta.ns + "/" + policy.meta.name; }

/// B5: the policy of the workload demands mutual TLS, and what callers go by (mesh and namespace level, auto mTLS) says
/// plaintext.
Finding told_plaintext(Context& c) {
  const auto pairs = tls_pairs(c);
  const auto* config = c.view.mesh_config();
  bool unsure = !pairs.known || config == nullptr;
  for (const auto& pair : pairs.pairs) {
    if (pair.pod == nullptr || !pair.pod->meshed()) continue;
    const auto wide = mesh::namespace_mode(c.view, pair.pod->meta.ns);
    unsure = unsure || !wide.known || !pair.server.known;
    if (config == nullptr || !wide.known || !pair.server.known || pair.server.mode != Mode::strict) continue;
    auto b = pair_bindings(c, pair);
    if (!config->auto_mtls) {
      b["hint.text"] = "enableAutoMtls is false in the mesh configuration";
      return yes("callers send plaintext unless a DestinationRule says otherwise: " + b["hint.text"].get<std::string>(), b);
    }
    if (wide.mode != Mode::disable || wide.decided_by == nullptr) continue;
    b["hint.text"] = policy_ref(*wide.decided_by) + " (" + wide.level + " level) says DISABLE";
    b["hint.name"] = wide.decided_by->meta.name;
    b["hint.namespace"] = wide.decided_by->meta.ns;
    b["hint.level"] = wide.level;
    return yes(b["hint.text"].get<std::string>() + ", and by that level callers send plaintext; " + pair_text(pair, "takes mutual TLS only"), b);
  }
  return unsure ? unknown() : no("what callers are told fits what the server takes");
}

Finding told_by_policy(Context& c) {
  const auto f = told_plaintext(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("hint.name") > 0, "a PeerAuthentication tells callers to send plaintext", f.bindings);
}

bool takes(Mode mode, Wire wire) { return wire == Wire::mutual_tls ? mode != Mode::disable : mode != Mode::strict; }

/// The oldest policy of the scope an ignored one stands in, when that is what decides.
Bindings ignored_bindings(Context& c, const Pair& pair, const Object& policy) {
  auto b = pair_bindings(c, pair);
  b["ignored.name"] = policy.meta.name;
  b["ignored.namespace"] = policy.meta.ns;
  const bool in_root = policy.meta.ns == c.view.root_namespace() && pair.pod->meta.ns != policy.meta.ns && at(policy.spec(), "selector").is_object();
  b["ignored.why"] = in_root ? "a policy with a selector in the root namespace is not applied" : "of several policies of one scope the oldest counts";
  b["ignored.advice"] = in_root ? "Create the policy in namespace " + pair.pod->meta.ns + ", where the pods are, and delete it from " + policy.meta.ns + "."
                                : "Put its settings into " + (pair.server.decided_by == nullptr ? std::string("the older policy") : policy_ref(*pair.server.decided_by)) + ", the oldest of the scope, and delete " + policy.meta.ns + "/" + policy.meta.name + ".";
  b["effective.text"] = pair.server.decided_by == nullptr ? std::string("the default, PERMISSIVE, holds") : policy_ref(*pair.server.decided_by) + " holds";
  return b;
}

/// B10: the two sides do not fit, and would if a policy counted that does not.
Finding policy_ignored(Context& c) {
  const auto pairs = tls_pairs(c);
  bool unsure = !pairs.known;
  for (const auto& pair : pairs.pairs) {
    if (pair.pod == nullptr || !pair.pod->meshed()) continue;
    unsure = unsure || !pair.server.known || pair.wire == Wire::unknown;
    if (!pair.server.known || (pair.wire != Wire::plaintext && pair.wire != Wire::mutual_tls) || takes(pair.server.mode, pair.wire)) continue;
    for (const auto* policy : mesh::ignored_policies(c.view, *pair.pod)) {
      const auto mode = mesh::mode_of(*policy, pair.port);
      if (!mode || !takes(*mode, pair.wire)) continue;
      auto b = ignored_bindings(c, pair, *policy);
      b["ignored.mode"] = mesh::mode_name(*mode);
      return yes(policy_ref(*policy) + " says " + mesh::mode_name(*mode) + " and does not count: " + b["ignored.why"].get<std::string>() + "; " + b["effective.text"].get<std::string>(), b);
    }
  }
  return unsure ? unknown() : no("no policy that is ignored would make the two sides fit");
}

}  // namespace

const std::vector<Fact>& peer_policy_facts() {
  static const std::vector<Fact> facts = {
      {"client.told-plaintext", "Callers are told to send plaintext to a server that takes mutual TLS only", peer_needs, told_plaintext, {Kind::peer_authentications, Kind::mesh_config}},
      {"client.told-plaintext-by-policy", "A PeerAuthentication tells callers to send plaintext", peer_needs, told_by_policy, {Kind::peer_authentications}},
      {"policy.ignored", "A PeerAuthentication that would make the two sides fit does not count", peer_needs, policy_ignored, {Kind::peer_authentications}},
  };
  return facts;
}

}  // namespace meshdx::facts
