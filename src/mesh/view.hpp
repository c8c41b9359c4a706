// Reading evidence so that every conclusion knows what it rests on: a View hands out records and notes which it handed out.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evidence/evidence.hpp"
#include "mesh/control_plane.hpp"
#include "mesh/names.hpp"

namespace meshdx::mesh {

using evidence::Key;
using evidence::Kind;

/// Objects of an Istio kind, from one -A list or, where that was not allowed, from the namespaces that were.
struct ObjectList {
  std::vector<const evidence::Object*> items;
  bool everywhere = false;               ///< the -A list was read: what is not here does not exist
  std::set<std::string> namespaces;      ///< else: namespaces whose list was read
  /// Whether the absence of an object in this namespace is proven.
  [[nodiscard]] bool covers(const std::string& ns) const { return everywhere || namespaces.count(ns) > 0; }
};

class View {
 public:
  /// `home`: the namespace whose proxies' control plane decides, the caller's; "" for that of most proxies.
  explicit View(const evidence::Evidence& evidence, std::string home = "") : m_evidence(evidence), m_home(std::move(home)) {}

  /// The record under a key, or nullptr when there is a gap. Noted either way.
  template <class T>
  const T* read(const Key& key) const {
    note(key);
    const auto& loaded = m_evidence.get<T>(key);
    return loaded.ok() ? &loaded.value : nullptr;
  }

  const std::vector<evidence::Service>* services(const std::string& ns) const;
  const std::vector<evidence::EndpointSlice>* slices(const std::string& ns) const;
  const std::vector<evidence::Pod>* pods(const std::string& ns) const;
  const std::vector<evidence::Deployment>* deployments(const std::string& ns) const;
  const std::vector<evidence::ReplicaSet>* replicasets(const std::string& ns) const;
  const std::vector<evidence::StatefulSet>* statefulsets(const std::string& ns) const;
  const evidence::Objects* namespaces() const;
  const evidence::MeshConfig* mesh_config() const;
  const evidence::ProxyStatus* proxy_status() const;
  const evidence::Clusters* clusters(const evidence::Pod& pod) const;
  const evidence::Routes* routes(const evidence::Pod& pod) const;
  const evidence::Listeners* listeners(const evidence::Pod& pod) const;
  const evidence::Endpoints* endpoints(const evidence::Pod& pod) const;
  const evidence::Secrets* secrets(const evidence::Pod& pod) const;
  /// The log, with its access lines read by the mesh's own format where they are not in Istio's.
  const evidence::ProxyLog* log(const evidence::Pod& pod) const;
  const std::vector<evidence::Socket>* sockets(const evidence::Pod& pod) const;

  /// A kind whose CRD is not installed has no objects: that is an empty list everywhere, not a gap.
  ObjectList objects(Kind kind) const;

  /// A pod known by namespace and name, by IP (or the internal address that stands for it), or nullptr. Only namespaces
  /// whose pods were read are searched.
  const evidence::Pod* pod_by_ip(const std::string& address) const;
  const evidence::Pod* pod(const std::string& ns, const std::string& name) const;
  /// Namespaces whose pods were asked for.
  std::vector<std::string> pod_namespaces() const;

  /// How hosts are spelt here. Not noted as read: it says what things are called, not how they are.
  const Names& names() const;

  /// The control plane that the proxies at home belong to, the usual one while none was read. Not noted as read, as names().
  const ControlPlane& control_plane() const;
  /// All that proxies belong to, wherever they are.
  const ControlPlanes& control_planes() const;
  /// What istiod says of proxies: the control plane of this pod, or the usual one when that was not asked.
  const evidence::ProxyStatus* proxy_status(const evidence::Pod& pod) const;

  /// The root namespace of the mesh: where the control plane is, unless the mesh configuration says otherwise.
  std::string root_namespace() const;

  // What was read: nested recordings, innermost last.
  void note(const Key& key) const;
  void note(const std::vector<Key>& keys) const { for (const auto& key : keys) note(key); }
  void begin() const { m_open.emplace_back(); }
  std::vector<Key> end() const;

  const evidence::Evidence& evidence() const { return m_evidence; }

 private:
  const evidence::Evidence& m_evidence;
  std::string m_home;
  mutable std::vector<std::vector<Key>> m_open;
  mutable std::map<Key, evidence::ProxyLog> m_logs;   ///< those that were read by the mesh's own format
};

}  // namespace meshdx::mesh
