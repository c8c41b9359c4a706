// Certificates: delivered, alive, and from roots that the other side trusts (B11, B12, B14).
#include <algorithm>
#include <set>

#include "facts/context.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> identity_needs = {Kind::secrets, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                          Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

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

}  // namespace

const std::vector<Fact>& identity_facts() {
  static const std::vector<Fact> facts = {
      {"roots.differ", "The two sides trust no common root", identity_needs, roots_differ, {Kind::secrets}},
      {"certificate.missing", "A proxy has no workload certificate yet", identity_needs, certificate_missing, {Kind::secrets}},
  };
  return facts;
}

}  // namespace meshdx::facts
