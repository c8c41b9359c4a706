// Which control plane proxies belong to: the namespace istiod runs in, and its revision.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "evidence/evidence.hpp"

namespace meshdx::mesh {

struct ControlPlane {
  std::string ns = "istio-system", revision = "default";

  /// Where nobody chose otherwise.
  [[nodiscard]] bool usual() const { return *this == ControlPlane{}; }
  /// The ConfigMap of its mesh configuration: `istio`, of a revision `istio-REVISION` (manifests/charts istiod, configmap.yaml).
  [[nodiscard]] std::string config_map() const { return revision == "default" ? "istio" : "istio-" + revision; }
  /// Its Deployment, named alike (deployment.yaml there).
  [[nodiscard]] std::string istiod() const { return revision == "default" ? "istiod" : "istiod-" + revision; }
  /// Whether pods with these labels are its istiod: another revision's may run beside it.
  [[nodiscard]] bool has(const evidence::Labels& labels) const;
  [[nodiscard]] evidence::Key config_key() const;
  [[nodiscard]] evidence::Key status_key() const;
  bool operator==(const ControlPlane& other) const { return ns == other.ns && revision == other.revision; }
  bool operator<(const ControlPlane& other) const { return ns != other.ns ? ns < other.ns : revision < other.revision; }
};

/// What the injector wrote into a pod: istiod's address in the environment of its proxy, the revision in an annotation.
/// nullopt: no proxy, or it says neither (a certificate authority of one's own, istiod outside the cluster).
std::optional<ControlPlane> control_plane_of(const evidence::Pod& pod);

/// Those that the proxies that were read belong to: a mesh has several while it is upgraded.
struct ControlPlanes {
  std::set<ControlPlane> all;
  std::map<std::string, ControlPlane> by_namespace;   ///< that of most proxies of a namespace
  std::optional<ControlPlane> most;                   ///< that of most proxies
  /// That of a namespace; where it has no proxies, that of most.
  [[nodiscard]] const ControlPlane* of(const std::string& ns) const;
};
/// Whether a key is the usual control plane's, and all proxies are of others. It is asked before it is known whose the proxies are:
/// what it did not answer is not missing then.
bool tells_of_no_proxy(const evidence::Key& key, const std::set<ControlPlane>& planes);
ControlPlanes control_planes(const evidence::Evidence& evidence);

}  // namespace meshdx::mesh
