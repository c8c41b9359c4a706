// Resolver 2: effective mutual TLS of a pair: what the server's pod takes on a port, what the caller's proxy sends to it,
// and what the two make together. The replacement for `istioctl authn tls-check`.
#pragma once

#include <cstdint>
#include <string>

#include "mesh/route_walk.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

enum class Mode { disable, permissive, strict };
const char* mode_name(Mode mode);

/// What PeerAuthentication makes of a port of a pod (istio pilot/pkg/security/authn/policy_applier.go).
struct ServerMode {
  bool known = false;                          ///< false: a list that could hold the deciding object was not read
  Mode mode = Mode::permissive;
  const evidence::Object* decided_by = nullptr;   ///< nullptr: the default, PERMISSIVE
  std::string level = "default";               ///< "mesh", "namespace", "workload", "port"
  const evidence::Object* workload_policy = nullptr;   ///< the winning selector policy, whatever level decided
};

/// Mesh, namespace, workload, port: each overrides the one before unless UNSET; in a scope the oldest wins; a selector in the
/// root namespace is ignored. `port` is the pod's port (targetPort), not the Service's.
ServerMode server_mode(const View& view, const evidence::Pod& pod, std::uint16_t port);

/// What the server's own listener takes on a port right now.
struct Accepts {
  bool known = false;
  bool mutual_tls = false, plaintext = false;
  bool inspects_tls = true;                    ///< false: TLS bytes reach the HTTP codec (400 DPE), B4
};
Accepts listener_accepts(const evidence::Listeners& listeners, std::uint16_t port);

/// Whether traffic to this port of the pod goes through its sidecar (annotations excludeInboundPorts, includeInboundPorts).
bool inbound_captured(const evidence::Pod& pod, std::uint16_t port);

/// What the caller's proxy sends to an endpoint through a cluster.
enum class Wire { unknown, plaintext, mutual_tls, tls };
const char* wire_name(Wire wire);

/// A forced `transportSocket` decides; else `transportSocketMatches` by the endpoint's tlsMode, which istiod takes from the
/// pod label security.istio.io/tlsMode and a PeerAuthentication that is not DISABLE (mtls_checker.go); else plaintext.
/// `pod` is the endpoint's, nullptr when it is no pod of a namespace that was read.
Wire sent_by(const evidence::Cluster& cluster, const evidence::Pod* pod, const ServerMode& server);

}  // namespace meshdx::mesh
