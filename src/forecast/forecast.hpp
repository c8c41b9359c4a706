// What istiod would give a proxy for one request, told from the objects alone: listener, route configuration, clusters and
// endpoints. With it the route walk and every fact that rests on it work where no proxy was asked.
#pragma once

#include <string>
#include <vector>

#include "evidence/envoy.hpp"
#include "mesh/path.hpp"
#include "mesh/view.hpp"

namespace meshdx::forecast {

/// The part of a proxy's configuration that one request meets. What it leaves out does not concern the request.
struct Forecast {
  evidence::Listeners listeners;
  evidence::Routes routes;
  evidence::Clusters clusters;
  evidence::Endpoints endpoints;
  std::string unknown;   ///< why it cannot be told, one sentence; "" it can

  [[nodiscard]] bool known() const { return unknown.empty(); }
};

/// For a request that goes out through the sidecar of `caller` to a Service. A Service that the caller does not see (Sidecar) is
/// `unknown`: what then happens depends on what else listens on the port. One that is not exported to the caller is refused where
/// nothing unknown may be called or its pods take mutual TLS only, else `unknown`.
Forecast through_sidecar(const mesh::View& view, const evidence::Pod& caller, const mesh::Destination& to, const mesh::Request& request);

/// For a request that comes in at `gateway`, a gateway's pod; `request.port` is the port that pod listens on, `asked` the one
/// of its Service.
Forecast through_gateway(const mesh::View& view, const evidence::Pod& gateway, const mesh::Request& request, std::uint16_t asked);

/// The inbound listener of a server's proxy for these ports of its pod, by PeerAuthentication (policy_applier.go). Empty when
/// a policy that may count was not read.
evidence::Listeners inbound(const mesh::View& view, const evidence::Pod& server, const std::vector<std::uint16_t>& ports);

/// The forecast as the commands of design.md 6 would have printed it for this pod: what Evidence::add takes.
std::vector<run::CommandResult> dumps_of(const Forecast& forecast, const evidence::Pod& pod);
/// The same for inbound() alone.
run::CommandResult dump_of(const evidence::Listeners& listeners, const evidence::Pod& pod);

}  // namespace meshdx::forecast
