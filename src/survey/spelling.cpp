// How the manifests' authors spell the hosts of Services: which domain their cluster has.
#include <map>

#include "mesh/istio_config.hpp"
#include "survey/world.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

namespace {

/// Nobody's domain is a slip of the pen away from the usual one.
constexpr std::size_t k_slip = 3;

void hosts_of(const Json& spec, std::vector<std::string>& hosts) {
  for (const auto& host : mesh::strings_at(spec, "hosts")) hosts.push_back(host);
  hosts.push_back(text_at(spec, "host"));
  for (const char* kind : {"http", "tcp", "tls"}) {
    for (const auto& rule : at(spec, kind)) {
      for (const auto& route : at(rule, "route")) hosts.push_back(text_at(at(route, "destination"), "host"));
    }
  }
}

}  // namespace

/// The domain most hosts end in that name Services in full.
mesh::Names names_in(const Manifests& manifests) {
  mesh::Names names;
  std::map<std::string, std::size_t> seen;
  std::vector<std::string> hosts;
  for (const auto& manifest : manifests.objects) {
    if (manifest.group == "networking.istio.io") hosts_of(at(manifest.object, "spec"), hosts);
  }
  for (const auto& host : hosts) {
    const auto svc = host.find(".svc.");
    if (svc == std::string::npos || host.find('.') == svc) continue;   // two labels go before it
    ++seen[lower(host.substr(svc + 5))];
  }
  std::size_t most = seen[names.domain];
  const std::string usual = names.domain;
  for (const auto& [domain, times] : seen) {
    if (times <= most || edit_distance(domain, usual) <= k_slip) continue;
    most = times;
    names.domain = domain;
  }
  return names;
}

Json with_domain(Json pod, const std::string& domain) {
  for (auto& container : pod["spec"]["containers"]) {
    if (text_at(container, "name") == "istio-proxy" && at(container, "args").is_array()) container["args"].insert(container["args"].end(), {"--domain", "$(POD_NAMESPACE).svc." + domain});
  }
  return pod;
}

}  // namespace meshdx::survey
