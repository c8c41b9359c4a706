#include "mesh/gateway_binding.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

bool server_covers(const GatewayServer& server, const std::string& host) {
  return std::any_of(server.hosts.begin(), server.hosts.end(), [&](const auto& h) { return host_covers(h, host); });
}

bool server_takes(const GatewayServer& server, const std::string& host, const std::string& ns) {
  for (std::size_t i = 0; i < server.hosts.size(); ++i) {
    if (host_covers(server.hosts[i], host) && server.admits(i, ns)) return true;
  }
  return false;
}

bool names_host(const GatewayServer& server, const std::string& host) {
  return std::find(server.hosts.begin(), server.hosts.end(), host) != server.hosts.end();
}

bool serves_host(const Object& gateway, const std::string& host, bool by_name) {
  for (const auto& server : at(gateway.spec(), "servers")) {
    for (const auto& written : strings_at(server, "hosts")) {
      const auto own = lower(written.substr(written.find('/') + 1));
      if (by_name ? own == host : host_covers(own, host)) return true;
    }
  }
  return false;
}

std::vector<std::string> written_hosts(const GatewayServer& server) { return strings_at(server.server, "hosts"); }

bool bound_to(const Object& vs, const Object& gateway) {
  const auto names = bound_gateways(vs);
  return std::find(names.begin(), names.end(), gateway.full_name()) != names.end();
}

std::vector<const Object*> gateway_virtual_services(const View& view, const Pod& pod) {
  const auto gateways = gateways_of(view, pod);
  std::vector<const Object*> bound;
  for (const auto* vs : view.objects(Kind::virtual_services).items) {
    if (std::any_of(gateways.begin(), gateways.end(), [&](const Object* gateway) { return bound_to(*vs, *gateway); })) bound.push_back(vs);
  }
  return bound;
}

bool has_host(const Object& vs, const std::string& host) {
  const auto hosts = strings_at(vs.spec(), "hosts");
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return host_covers(lower(h), host); });
}

}  // namespace meshdx::mesh
