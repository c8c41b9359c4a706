// Caller and each serving endpoint as a pair, with what one sends and the other takes.
#pragma once

#include <vector>

#include "facts/context.hpp"
#include "mesh/mtls.hpp"

namespace meshdx::facts {

struct Pair {
  const evidence::Pod* pod = nullptr;     ///< the endpoint's pod; nullptr: not a pod that was read
  bool ambient = false;                   ///< ztunnel stands before the pod
  std::string address;
  std::uint16_t port = 0;                 ///< the pod's port
  mesh::ServerMode server;
  mesh::Accepts accepts;
  mesh::Wire wire = mesh::Wire::unknown;
};

struct Pairs {
  bool known = false;                     ///< false: the endpoints are not known
  std::vector<Pair> pairs;
};

/// Endpoints of the walk's legs (else the serving pods) with the caller's side of TLS. A caller without a proxy sends
/// plaintext as far as the mesh goes.
Pairs tls_pairs(Context& c);
std::string pair_text(const Pair& pair, const std::string& what);
Bindings pair_bindings(Context& c, const Pair& pair);

}  // namespace meshdx::facts
