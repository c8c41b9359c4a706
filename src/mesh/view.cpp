#include "mesh/view.hpp"

#include <algorithm>

#include "mesh/log_format.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

void View::note(const Key& key) const {
  if (m_open.empty()) return;
  auto& keys = m_open.back();
  if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
}

std::vector<Key> View::end() const {
  auto keys = std::move(m_open.back());
  m_open.pop_back();
  return keys;
}

const std::vector<Service>* View::services(const std::string& ns) const { return read<std::vector<Service>>({Kind::services, ns, ""}); }
const std::vector<EndpointSlice>* View::slices(const std::string& ns) const {
  return read<std::vector<EndpointSlice>>({Kind::endpointslices, ns, ""});
}
const std::vector<Pod>* View::pods(const std::string& ns) const { return read<std::vector<Pod>>({Kind::pods, ns, ""}); }
const std::vector<Deployment>* View::deployments(const std::string& ns) const {
  return read<std::vector<Deployment>>({Kind::deployments, ns, ""});
}
const std::vector<ReplicaSet>* View::replicasets(const std::string& ns) const {
  return read<std::vector<ReplicaSet>>({Kind::replicasets, ns, ""});
}
const std::vector<StatefulSet>* View::statefulsets(const std::string& ns) const {
  return read<std::vector<StatefulSet>>({Kind::statefulsets, ns, ""});
}
const Objects* View::namespaces() const { return read<Objects>({Kind::namespaces, "", ""}); }
const MeshConfig* View::mesh_config() const { return read<MeshConfig>(control_plane().config_key()); }
const ProxyStatus* View::proxy_status() const {
  const auto key = control_plane().status_key();
  return read<ProxyStatus>(m_evidence.asked(key) ? key : ControlPlane().status_key());
}
const Clusters* View::clusters(const Pod& pod) const { return read<Clusters>({Kind::clusters, pod.meta.ns, pod.meta.name}); }
const Routes* View::routes(const Pod& pod) const { return read<Routes>({Kind::routes, pod.meta.ns, pod.meta.name}); }
const Listeners* View::listeners(const Pod& pod) const { return read<Listeners>({Kind::listeners, pod.meta.ns, pod.meta.name}); }
const Endpoints* View::endpoints(const Pod& pod) const { return read<Endpoints>({Kind::endpoints, pod.meta.ns, pod.meta.name}); }
const Secrets* View::secrets(const Pod& pod) const { return read<Secrets>({Kind::secrets, pod.meta.ns, pod.meta.name}); }
const ProxyLog* View::log(const Pod& pod) const {
  const Key key{Kind::log, pod.meta.ns, pod.meta.name};
  const auto* log = read<ProxyLog>(key);
  if (log == nullptr || log->strange.empty()) return log;
  const auto found = m_logs.find(key);
  if (found != m_logs.end()) return &found->second;
  const auto& config = m_evidence.get<MeshConfig>(control_plane().config_key());   // says how to read it, not what is: not noted
  return &m_logs.emplace(key, read_strange(*log, config.ok() ? &config.value : nullptr)).first->second;
}
const std::vector<Socket>* View::sockets(const Pod& pod) const {
  return read<std::vector<Socket>>({Kind::sockets, pod.meta.ns, pod.meta.name});
}

ObjectList View::objects(Kind kind) const {
  ObjectList list;
  const Key all{kind, "", ""};
  if (const auto* objects = read<Objects>(all)) {
    list.everywhere = true;
    for (const auto& object : *objects) list.items.push_back(&object);
    return list;
  }
  list.everywhere = m_evidence.source(all).gap == Gap::no_such_kind;
  for (const auto& key : m_evidence.keys(kind)) {
    if (key.ns.empty()) continue;
    const auto* objects = read<Objects>(key);
    if (objects == nullptr) continue;
    list.namespaces.insert(key.ns);
    for (const auto& object : *objects) list.items.push_back(&object);
  }
  return list;
}

std::vector<std::string> View::pod_namespaces() const {
  std::vector<std::string> names;
  for (const auto& key : m_evidence.keys(Kind::pods)) names.push_back(key.ns);
  return names;
}

const Pod* View::pod_by_ip(const std::string& address) const {
  // An endpoint in ambient mode is reached through an internal listener: envoy://connect_originate/10.244.1.5:8080.
  std::string ip = address;
  if (starts_with(ip, "envoy://")) {
    ip = address_of(ip.substr(ip.rfind('/') + 1));
  }
  if (ip.empty()) return nullptr;
  for (const auto& ns : pod_namespaces()) {
    const auto* list = pods(ns);
    if (list == nullptr) continue;
    for (const auto& pod : *list) {
      if (pod.host_network) continue;   // it shares the node's address with others
      if (pod.has_address(ip)) return &pod;
    }
  }
  return nullptr;
}

const Pod* View::pod(const std::string& ns, const std::string& name) const {
  const auto* list = pods(ns);
  if (list == nullptr) return nullptr;
  for (const auto& pod : *list) {
    if (pod.meta.name == name) return &pod;
  }
  return nullptr;
}

const ProxyStatus* View::proxy_status(const Pod& pod) const {
  const auto key = control_plane_of(pod).value_or(control_plane()).status_key();
  return read<ProxyStatus>(m_evidence.asked(key) ? key : ControlPlane().status_key());
}

const ControlPlane& View::control_plane() const {
  static const ControlPlane usual;
  const auto* found = control_planes().of(m_home);
  return found != nullptr ? *found : usual;
}

const ControlPlanes& View::control_planes() const {
  return m_evidence.derived<ControlPlanes>({Kind::pods}, [&] { return mesh::control_planes(m_evidence); });
}

namespace {
/// What the pods say by themselves: it outlasts every proxy that is read.
struct OfPods {
  std::optional<std::string> domain;
};
}  // namespace

const Names& View::names() const {
  return m_evidence.derived<Names>({Kind::pods, Kind::clusters}, [&] {
    auto domain = m_evidence.derived<OfPods>({Kind::pods}, [&] { return OfPods{domain_of_pods(m_evidence)}; }).domain;
    if (!domain) domain = domain_of_clusters(m_evidence);
    return Names{domain.value_or(Names{}.domain)};
  });
}

std::string View::root_namespace() const {
  const auto* config = mesh_config();
  return config == nullptr || config->root_namespace.empty() ? control_plane().ns : config->root_namespace;
}

}  // namespace meshdx::mesh
