// What NetworkPolicies make of a connection between two pods (networking.k8s.io/v1). Whether the network enforces them the
// objects do not say: a policy that forbids is a reason only for connections that were seen to fail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mesh/view.hpp"
#include "util/tri.hpp"

namespace meshdx::mesh {

/// One side of a connection that policies of the pod's namespace decide.
struct PolicyAnswer {
  Tri allows = Tri::unknown;                          ///< unknown: policies, or namespaces their peers name, were not read
  std::vector<const evidence::Object*> policies;      ///< that select the pod in this direction; none: all is allowed
};

/// Whether the policies that select `to` let a TCP connection from `from` to `port` of it in.
PolicyAnswer ingress_allows(const View& view, const evidence::Pod& from, const evidence::Pod& to, std::uint16_t port);
/// Whether the policies that select `from` let it out to `port` of `to`.
PolicyAnswer egress_allows(const View& view, const evidence::Pod& from, const evidence::Pod& to, std::uint16_t port);

}  // namespace meshdx::mesh
