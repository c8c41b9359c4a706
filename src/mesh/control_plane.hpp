// Which control plane proxies belong to: the namespace istiod runs in, and its revision.
#pragma once

#include <optional>
#include <string>

#include "evidence/evidence.hpp"

namespace meshdx::mesh {

struct ControlPlane {
  std::string ns = "istio-system", revision = "default";

  /// Where nobody chose otherwise.
  [[nodiscard]] bool usual() const { return *this == ControlPlane{}; }
  /// The ConfigMap of its mesh configuration: `istio`, of a revision `istio-REVISION` (manifests/charts istiod, configmap.yaml).
  [[nodiscard]] std::string config_map() const { return revision == "default" ? "istio" : "istio-" + revision; }
  [[nodiscard]] evidence::Key config_key() const;
  [[nodiscard]] evidence::Key status_key() const;
  bool operator==(const ControlPlane& other) const { return ns == other.ns && revision == other.revision; }
  bool operator<(const ControlPlane& other) const { return ns != other.ns ? ns < other.ns : revision < other.revision; }
};

/// What the injector wrote into a pod: istiod's address in the environment of its proxy, the revision in an annotation.
/// nullopt: no proxy, or it says neither (a certificate authority of one's own, istiod outside the cluster).
std::optional<ControlPlane> control_plane_of(const evidence::Pod& pod);

/// That of most proxies that were read.
std::optional<ControlPlane> control_plane(const evidence::Evidence& evidence);

}  // namespace meshdx::mesh
