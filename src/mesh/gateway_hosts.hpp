// By which hosts a Service is called from outside: Gateway → VirtualService → destination, read backwards.
#pragma once

#include <string>
#include <vector>

#include "mesh/complaint.hpp"
#include "mesh/request.hpp"

namespace meshdx::mesh {

/// A host whose requests a VirtualService sends to a Service.
struct ServedHost {
  std::string host;                                 ///< "shop.example.com", or a wildcard as it is written
  std::string path = "/";                           ///< one that the rule takes
  bool tls = false;
  std::uint16_t port = 80;                          ///< of the Gateway's server
  const evidence::Object* virtual_service = nullptr;
  const evidence::Object* gateway = nullptr;        ///< nullptr: the VirtualService is bound to no Gateway that was read
};

/// The hosts for a Service, those that a Gateway serves first; without such, those of VirtualServices that no Gateway is
/// bound to though one has a server for the host (what someone forgot to bind). Takes rules of delegates as their root's.
std::vector<ServedHost> served_hosts(const View& view, const evidence::Service& service);

/// A question asked from a gateway that names a Service instead of a host.
struct AtGateway {
  Complaint complaint;      ///< with the host to ask for; or with `no_host`
  std::string remark;       ///< which host was taken, and which others there are: one sentence
};

/// The question with a host in place of the Service: of several the one whose requests fail in the gateway's log, else one
/// that is called, else the first. A host that a Gateway has by that very name, and a URL, are taken as they are typed.
AtGateway at_gateway(const View& view, const Complaint& complaint);

}  // namespace meshdx::mesh
