#include "mesh/control_plane.hpp"

#include <algorithm>

#include "mesh/names.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// A Service of istiod: `istiod`, or `istiod-REVISION` of a revision.
struct IstiodService {
  std::string name, ns;
};

/// "istiod-1-28.istio-system.svc:15012". Other addresses are those of a certificate authority of one's own or of an istiod
/// outside the cluster.
std::optional<IstiodService> istiod_at(const std::string& address) {
  const auto labels = split(address_of(address), '.');
  if (labels.size() < 3 || labels[2] != "svc" || !starts_with(labels[0], "istiod")) return std::nullopt;
  return IstiodService{labels[0], labels[1]};
}

/// `discoveryAddress` of the ProxyConfig that the injector writes as JSON, and users in annotations as YAML.
std::string discovery_address(const std::string& proxy_config) {
  static const std::string key = "discoveryAddress";
  auto at = proxy_config.find(key);
  if (at == std::string::npos) return "";
  at = proxy_config.find_first_not_of("\"': \t", at + key.size());
  if (at == std::string::npos) return "";
  return proxy_config.substr(at, proxy_config.find_first_of("\"', \t\r\n}", at) - at);
}

std::optional<IstiodService> istiod_of(const Container& proxy) {
  const auto config = proxy.env.find("PROXY_CONFIG"), authority = proxy.env.find("CA_ADDR");
  if (config != proxy.env.end()) {
    if (const auto found = istiod_at(discovery_address(config->second))) return found;
  }
  return authority == proxy.env.end() ? std::nullopt : istiod_at(authority->second);
}

std::string revision_of(const Pod& pod, const std::string& service) {
  const auto& annotations = pod.meta.annotations;
  if (const auto status = annotations.find("sidecar.istio.io/status"); status != annotations.end()) {
    const auto json = parse_json(status->second);
    const auto revision = json.ok() ? text_at(*json, "revision") : "";
    if (!revision.empty()) return revision;
  }
  if (const auto named = annotations.find("istio.io/rev"); named != annotations.end() && !named->second.empty()) return named->second;
  static const std::string prefix = "istiod-";
  return starts_with(service, prefix) ? service.substr(prefix.size()) : "default";
}

using Numbers = std::map<ControlPlane, std::size_t>;

std::optional<ControlPlane> most_of(const Numbers& numbers) {
  const auto most = std::max_element(numbers.begin(), numbers.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == numbers.end() ? std::nullopt : std::optional(most->first);
}

}  // namespace

bool ControlPlane::has(const Labels& labels) const {
  const auto app = labels.find("app"), own = labels.find("istio.io/rev");
  if (app == labels.end() || app->second != "istiod") return false;
  return own == labels.end() || own->second == revision;
}

Key ControlPlane::config_key() const { return {Kind::mesh_config, ns == ControlPlane{}.ns ? "" : ns, config_map() == "istio" ? "" : config_map(), ""}; }

Key ControlPlane::status_key() const { return usual() ? Key{Kind::proxy_status, "", "", ""} : Key{Kind::proxy_status, ns, revision, ""}; }

std::optional<ControlPlane> control_plane_of(const Pod& pod) {
  const auto istiod = pod.meshed() ? istiod_of(*pod.proxy()) : std::nullopt;
  if (!istiod) return std::nullopt;
  return ControlPlane{istiod->ns, revision_of(pod, istiod->name)};
}

const ControlPlane* ControlPlanes::of(const std::string& ns) const {
  const auto own = by_namespace.find(ns);
  if (own != by_namespace.end()) return &own->second;
  return most ? &*most : nullptr;
}

bool tells_of_no_proxy(const Key& key, const std::set<ControlPlane>& planes) {
  const ControlPlane usual;
  return !planes.empty() && planes.count(usual) == 0 && (key == usual.config_key() || key == usual.status_key());
}

ControlPlanes control_planes(const Evidence& evidence) {
  ControlPlanes planes;
  Numbers everywhere;
  for (const auto& key : evidence.keys(Kind::pods)) {
    const auto& pods = evidence.get<Pods>(key);
    if (!pods.ok()) continue;
    std::map<std::string, Numbers> here;
    for (const auto& pod : pods.value) {
      const auto plane = control_plane_of(pod);
      if (!plane) continue;
      ++here[pod.meta.ns][*plane];
      ++everywhere[*plane];
      planes.all.insert(*plane);
    }
    for (const auto& [ns, numbers] : here) planes.by_namespace[ns] = *most_of(numbers);
  }
  planes.most = most_of(everywhere);
  return planes;
}

}  // namespace meshdx::mesh
