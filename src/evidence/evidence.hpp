// All that the commands of a run printed, parsed, each record with its source. Keys are what a command asks for, so the
// same question gives the same record whichever flags it was asked with (`--tail=500`, `--tail=100`).
#pragma once

#include <any>
#include <cassert>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "evidence/control.hpp"
#include "evidence/envoy.hpp"
#include "evidence/kube.hpp"
#include "evidence/proxy_log.hpp"
#include "evidence/source.hpp"

namespace meshdx::evidence {

enum class Kind {
  services, endpointslices, pods, deployments, replicasets, statefulsets, networkpolicies, events, namespaces,
  peer_authentications, request_authentications, authorization_policies,
  virtual_services, destination_rules, service_entries, gateways, sidecars, envoy_filters, workload_entries,
  telemetries,
  api_gateways, http_routes, grpc_routes, reference_grants,   // of the Gateway API
  mesh_config, webhooks,
  clusters, routes, listeners, endpoints, secrets, log, app_log, sockets,
  proxy_status, istio_version, kube_version, analyze,
};

using Services = std::vector<Service>;
using EndpointSlices = std::vector<EndpointSlice>;
using Pods = std::vector<Pod>;
using Deployments = std::vector<Deployment>;
using ReplicaSets = std::vector<ReplicaSet>;
using StatefulSets = std::vector<StatefulSet>;
using Events = std::vector<Event>;
using AnalyzeMessages = std::vector<AnalyzeMessage>;
using Sockets = std::vector<Socket>;

/// The type of a kind's record. All kinds not named here are lists of raw Objects: the Istio kinds, networkpolicies,
/// namespaces and webhooks. An app_log is the text as printed.
template <Kind K> struct RecordOf { using type = Objects; };
template <> struct RecordOf<Kind::services> { using type = Services; };
template <> struct RecordOf<Kind::endpointslices> { using type = EndpointSlices; };
template <> struct RecordOf<Kind::pods> { using type = Pods; };
template <> struct RecordOf<Kind::deployments> { using type = Deployments; };
template <> struct RecordOf<Kind::replicasets> { using type = ReplicaSets; };
template <> struct RecordOf<Kind::statefulsets> { using type = StatefulSets; };
template <> struct RecordOf<Kind::events> { using type = Events; };
template <> struct RecordOf<Kind::mesh_config> { using type = MeshConfig; };
template <> struct RecordOf<Kind::clusters> { using type = Clusters; };
template <> struct RecordOf<Kind::routes> { using type = Routes; };
template <> struct RecordOf<Kind::listeners> { using type = Listeners; };
template <> struct RecordOf<Kind::endpoints> { using type = Endpoints; };
template <> struct RecordOf<Kind::secrets> { using type = Secrets; };
template <> struct RecordOf<Kind::log> { using type = ProxyLog; };
template <> struct RecordOf<Kind::app_log> { using type = std::string; };
template <> struct RecordOf<Kind::sockets> { using type = Sockets; };
template <> struct RecordOf<Kind::proxy_status> { using type = ProxyStatus; };
template <> struct RecordOf<Kind::istio_version> { using type = IstioVersion; };
template <> struct RecordOf<Kind::kube_version> { using type = KubeVersion; };
template <> struct RecordOf<Kind::analyze> { using type = AnalyzeMessages; };

template <Kind K> using Record = typename RecordOf<K>::type;

/// What a command asks for. `ns` is "" for cluster-wide (-A), for kinds without namespace, and for what a mesh has one
/// of (the versions); `name` is the pod of a proxy's own evidence. Of mesh_config both are "" for ConfigMap istio-system/istio,
/// else the namespace and the name that differ; of proxy_status those of -i and -r.
struct Key {
  Kind kind{};
  std::string ns, name;
  std::string container;   ///< app_log only: which of the pod's containers
  bool operator<(const Key& other) const;
  bool operator==(const Key& other) const;
};

/// "services", "clusters", ...: the kind's name, as facts declare it.
const char* kind_name(Kind kind);

/// Every kind, in the order of the enum.
const std::vector<Kind>& all_kinds();

/// The key of a command meshdx runs (design.md 6), whatever the order of its flags; nullopt for one it knows nothing of
/// or that asks for less than the whole (a label selector, one named object, a table instead of JSON).
std::optional<Key> key_of(const run::Argv& argv);

/// The canonical command for a key (design.md 6): what to run to fill a gap.
run::Argv command_for(const Key& key);

/// A command's output as it was parsed, ready to be filed. It never changes, so several sets of evidence may share it.
struct Reading {
  std::optional<Key> key;                  ///< none: nothing that meshdx knows of
  Source source;
  std::shared_ptr<const std::any> record;  ///< any holds Loaded<Record<kind>>
  std::size_t rank = 0;                    ///< how much it says, among several answers to one question
};

/// Parses a finished command's output.
Reading read_output(const run::CommandResult& result);

/// Who parses outputs: read_output, or one that remembers what it has parsed.
using OutputReader = std::function<Reading(const run::CommandResult&)>;

class Evidence {
 public:
  explicit Evidence(OutputReader reader = read_output) : m_reader(std::move(reader)) {}

  /// Parses a finished command's output and files it. A later success replaces an earlier failure of the same key,
  /// never the other way round; of several answers to one question the one that says most stays (proxy-status: JSON,
  /// then a table with sync columns, then one without; logs: the longer). Commands without a key are ignored.
  void add(const run::CommandResult& result);
  /// Files what other evidence has under a key, if it was asked for there.
  void take(const Key& key, const Evidence& other);

  /// The record under a key, a reference that holds until add() files another answer; when no step asked, an empty one
  /// whose source says so and names the canonical command.
  /// T must be the kind's type, Record<kind>: anything else is a programming error.
  template <class T>
  const Loaded<T>& get(const Key& key) const;

  /// The same with the type taken from the kind: `get<Kind::pods>("shop")`.
  template <Kind K>
  const Loaded<Record<K>>& get(std::string ns = "", std::string name = "", std::string container = "") const {
    return get<Record<K>>(Key{K, std::move(ns), std::move(name), std::move(container)});
  }

  /// All keys of a kind that were asked for.
  [[nodiscard]] std::vector<Key> keys(Kind kind) const;
  /// Sources of all that was asked and failed, in order of their keys.
  [[nodiscard]] std::vector<Source> gaps() const;
  [[nodiscard]] const Source& source(const Key& key) const;
  [[nodiscard]] bool asked(const Key& key) const;

  /// A copy in which one object has been replaced by (or, when absent, added as) `object`: for a fix's offline check.
  /// Only lists that were read are changed: a list nobody saw stays unseen. Kinds whose edits fixes make: Services,
  /// Deployments, StatefulSets, Pods and all raw Objects; for others, or an object that cannot be read, the copy is unchanged.
  /// Deployments' template labels are carried to the pods they own.
  [[nodiscard]] Evidence with_object(Kind kind, const Json& object) const;
  /// Leaves of a list of raw Objects only those at `places`, in that order. A list that was not read stays as it is.
  void keep_only(const Key& key, const std::set<std::size_t>& places);
  /// The list kind that holds a Kubernetes kind ("VirtualService" -> virtual_services); nullopt when meshdx has none.
  static std::optional<Kind> list_kind(std::string_view kubernetes_kind);
  /// The captured object, or nullptr. `ns` is "" for kinds without namespace.
  [[nodiscard]] const Json* find_object(std::string_view kubernetes_kind, std::string_view ns,
                                        std::string_view name) const;

  /// What `work` makes of all records of some kinds: worked out once, and again only after one of them has changed. One
  /// answer for each type T.
  template <class T, class Work>
  const T& derived(const std::set<Kind>& of, Work work) const {
    auto& kept = m_derived[typeid(T)];
    if (!kept.answer) kept = {of, std::make_shared<const std::any>(std::in_place_type<T>, work())};
    return std::any_cast<const T&>(*kept.answer);
  }

 private:
  using Item = std::shared_ptr<const std::any>;   ///< any holds Loaded<Record<kind>>

  struct Derived {
    std::set<Kind> of;
    Item answer;   ///< any holds the T
  };

  void file(Reading reading);
  void forget(Kind kind);   ///< what was derived from records of the kind
  void carry_labels(const Deployment& before, const Deployment& after);

  OutputReader m_reader;
  mutable std::map<std::type_index, Derived> m_derived;
  std::map<Key, Item> m_items;
  std::map<Key, Source> m_sources;
  std::map<Key, std::size_t> m_ranks;   ///< how much the stored answer says: add()'s choice among several
  // Answers about what was not asked, made on demand so that get() and source() can give references.
  mutable std::map<Key, Item> m_missing;
  mutable std::map<Key, Source> m_missing_sources;
};

template <class T>
const Loaded<T>& Evidence::get(const Key& key) const {
  const auto found = m_items.find(key);
  Item item = found == m_items.end() ? nullptr : found->second;
  if (item == nullptr) {
    Item& missing = m_missing[key];
    if (missing == nullptr) missing = std::make_shared<const std::any>(Loaded<T>{source(key), T{}});
    item = missing;   // m_missing keeps it alive
  }
  const auto* loaded = std::any_cast<Loaded<T>>(item.get());
  assert(loaded != nullptr && "T is not the kind's record type");
  static const Loaded<T> wrong_type{};
  return loaded != nullptr ? *loaded : wrong_type;
}

}  // namespace meshdx::evidence
