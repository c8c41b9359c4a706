// Of all Gateways and VirtualServices that share an ingress: which of them a request was meant for. Those of the namespace
// that was asked about go first; where several are as likely, none is chosen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "facts/context.hpp"
#include "mesh/istio_config.hpp"

namespace meshdx::facts {

/// Whether a walk found routes for the host, whether or not one takes the request.
bool has_routes(const mesh::Walk& walk);

/// The server of the gateway pod that the request is meant for: on its port before others, then of the namespace asked about,
/// then by the host's own name, then the oldest Gateway's; nullptr when none covers the host.
const mesh::GatewayServer* meant_server(Context& c, const std::vector<mesh::GatewayServer>& servers, const std::string& host);

/// A VirtualService that has the host and is bound to a server that takes it from there; nullptr: none is.
const evidence::Object* routing_service(const mesh::ObjectList& list, const std::vector<mesh::GatewayServer>& servers, const std::string& host);

/// The VirtualService that has the host and is bound to none of the pod's Gateways: of the namespace asked about, else the
/// only one; nullptr: none or several.
const evidence::Object* unbound_service(Context& c, const mesh::ObjectList& list, const std::vector<mesh::GatewayServer>& servers, const std::string& host);

/// Where the host is missing, or kept for others.
struct MissingHost {
  std::string side, text;                        ///< side: "Gateway" or "VirtualService"
  const evidence::Object* vs = nullptr;          ///< the one that is meant; nullptr when it is not known
  const evidence::Object* gateway = nullptr;
  bool patchable = false;                        ///< the host can be added to `vs` as it stands
};
std::optional<MissingHost> missing_host(Context& c, const mesh::ObjectList& list, const std::vector<mesh::GatewayServer>& servers, const std::string& host);

/// Gateway objects that the request is meant for, most likely first: those that a VirtualService with the host is bound to; when
/// there are none, those of the namespace asked about and those that name the host. In a survey the one that is asked for.
std::vector<const evidence::Object*> meant_gateways(Context& c, const mesh::ObjectList& gateways, const mesh::ObjectList& list, const std::string& host);

/// Whether the pods of every namespace with proxies were listed, as far as namespaces or proxies are known.
bool all_proxies_listed(Context& c);

/// Whether the gateway that was asked logged failing requests for the host: they do come in here.
bool asked_in_vain(Context& c);

}  // namespace meshdx::facts
