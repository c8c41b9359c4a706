// Which VirtualServices a Gateway's servers take: binding, hosts, and the namespaces that a server's hosts are kept for.
#pragma once

#include <string>
#include <vector>

#include "mesh/istio_config.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// Whether one of the server's hosts covers the host, whoever may bind to it.
bool server_covers(const GatewayServer& server, const std::string& host);

/// Whether the server takes the host from VirtualServices of a namespace: its hosts may be written "ns/host" or "./host"
/// (istio pilot/pkg/networking/core/gateway.go pickMatchingGatewayHosts).
bool server_takes(const GatewayServer& server, const std::string& host, const std::string& ns);

/// Whether the server has the host by that very name, not by a wildcard.
bool names_host(const GatewayServer& server, const std::string& host);

/// Whether one of the Gateway's servers has the host; `by_name`: by that very name.
bool serves_host(const evidence::Object& gateway, const std::string& host, bool by_name);

/// The hosts as they are written, the namespace included: "prod/*.example.com".
std::vector<std::string> written_hosts(const GatewayServer& server);

/// Whether the VirtualService lists the Gateway.
bool bound_to(const evidence::Object& virtual_service, const evidence::Object& gateway);

/// The VirtualServices that are bound to a Gateway which picks the pod.
std::vector<const evidence::Object*> gateway_virtual_services(const View& view, const evidence::Pod& pod);

/// Whether one of the hosts of a VirtualService or a ServiceEntry covers the host.
bool has_host(const evidence::Object& object, const std::string& host);

}  // namespace meshdx::mesh
