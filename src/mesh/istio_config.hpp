// What Istio objects mean for one request, read from the objects themselves: VirtualService matching, which objects a
// caller sees (exportTo, Sidecar), and which Gateways and VirtualServices serve a host.
#pragma once

#include <string>
#include <vector>

#include "mesh/request.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// The strings of a JSON array member.
std::vector<std::string> strings_at(const Json& object, const char* key);
/// The matchLabels-like string map of a member.
evidence::Labels labels_at(const Json& object, const char* key);

/// Whether `pattern` ("*", "*.example.com", a name) covers `host` (which may be a wildcard itself).
bool host_covers(const std::string& pattern, const std::string& host);

/// Whether exportTo (or its default) lets a namespace see an object of `own` namespace. "." own, "*" all, "~" none.
bool exported(const std::vector<std::string>& export_to, const std::vector<std::string>& fallback, const std::string& own, const std::string& to);

/// "mesh" or "ns/name" of a gateway as a VirtualService of `ns` writes it (pilot/pkg/model/virtualservice.go).
std::string resolve_gateway(const std::string& name, const std::string& ns);

/// `gateways` of a VirtualService, each as "ns/name" or "mesh"; empty list means mesh only. FQDN forms are resolved.
std::vector<std::string> bound_gateways(const evidence::Object& virtual_service);

/// VirtualServices for a host as the mesh's sidecars of a namespace see them (bound to mesh, exported), oldest first.
std::vector<const evidence::Object*> mesh_virtual_services(const View& view, const std::string& host, const std::string& caller_ns);

/// Whose proxy reads the rules.
struct Reader {
  std::string ns;
  evidence::Labels labels;
};
inline Reader reader_of(const evidence::Pod& pod) { return {pod.meta.ns, pod.meta.labels}; }

/// Whether a DestinationRule's workloadSelector leaves it to this caller: one holds in its own namespace only, for the
/// workloads it picks (sidecar.go SidecarScope.DestinationRule).
bool rule_selects(const evidence::Object& rule, const Reader& caller);

/// DestinationRules for a host that a caller's proxy looks at, in lookup order: caller's, service's, root namespace, in
/// each the ones that select the caller, then the most specific host first (push_context.go destinationRule).
std::vector<const evidence::Object*> destination_rules(const View& view, const std::string& host, const Reader& caller, const std::string& service_ns);

/// The Sidecar object that applies to a pod: by workloadSelector, else the namespace's default, else the root namespace's.
const evidence::Object* sidecar_of(const View& view, const evidence::Pod& pod);

/// Whether a Sidecar's egress lists import a host of a namespace for a caller. No egress section imports everything. "./"
/// is the caller's namespace, also in a Sidecar of the root namespace. An entry with a port imports for that port only; 0
/// asks for any.
bool sidecar_imports(const evidence::Object& sidecar, const std::string& host, const std::string& host_ns, const std::string& caller_ns, std::uint16_t port = 0);

/// The mesh's or the Sidecar's outbound policy for a caller: "ALLOW_ANY" or "REGISTRY_ONLY"; "" when not known.
std::string outbound_mode(const View& view, const evidence::Pod& pod);

/// A server of a Gateway object.
struct GatewayServer {
  const evidence::Object* gateway = nullptr;
  Json server;
  std::uint16_t port = 0;
  std::string protocol, tls_mode, credential;
  std::vector<std::string> hosts;   ///< without the "ns/" part
  std::vector<std::string> keepers; ///< for each host the namespace it is kept for: "ns/host", "./host"; "*": all
  /// Whether VirtualServices of a namespace may take the host at an index.
  [[nodiscard]] bool admits(std::size_t host, const std::string& ns) const { return keepers[host] == "*" || keepers[host] == ns; }
};
/// The servers of one Gateway.
std::vector<GatewayServer> servers_of(const evidence::Object& gateway);
/// All servers of the Gateways whose selector picks a pod, the oldest Gateway's first: of servers that cannot stand together
/// istiod keeps the first (push_context.go initGateways, gateway.go mergeGateways).
std::vector<GatewayServer> gateway_servers(const View& view, const evidence::Pod& pod);
/// Whether a Gateway's selector picks the pod.
bool gateway_selects(const evidence::Object& gateway, const evidence::Pod& pod);
/// The Gateways whose selector picks a pod.
std::vector<const evidence::Object*> gateways_of(const View& view, const evidence::Pod& pod);

}  // namespace meshdx::mesh
