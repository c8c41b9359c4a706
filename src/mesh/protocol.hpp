// Resolver 3: which protocol Istio takes a Service port for, by appProtocol, name prefix and well-known port.
#pragma once

#include <string>

#include "evidence/kube.hpp"

namespace meshdx::mesh {

enum class Protocol { automatic, http, http2, grpc, https, tls, tcp, udp };

const char* protocol_name(Protocol protocol);

/// istio pkg/config/kube/conversion.go ConvertProtocol: UDP; appProtocol replaces the name; "grpc-web"; the text before the
/// first "-"; else automatic, but for the server-first ports 25, 53, 3306 and 27017, which are TCP.
Protocol declared_protocol(const evidence::ServicePort& port);

/// http, http2 and grpc: the proxy parses requests.
bool is_http(Protocol protocol);

}  // namespace meshdx::mesh
