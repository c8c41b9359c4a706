// Kubernetes and Istio objects, as `kubectl get KIND -o json` prints them (a List). Each keeps its raw JSON, for fixes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/expected.hpp"
#include "util/json.hpp"

namespace meshdx::evidence {

using Labels = std::map<std::string, std::string>;

/// Whether every label of `selector` stands in `labels`. An empty selector matches nothing here: what it means differs
/// by kind, so callers decide that case themselves.
bool selects(const Labels& selector, const Labels& labels);

struct Meta {
  std::string api_version, kind, ns, name, uid, created;   ///< created: RFC 3339, sorts as text
  Labels labels, annotations;
  std::string owner_kind, owner_name;                      ///< the controlling ownerReference
  bool deleting = false;                                   ///< deletionTimestamp is set
};

/// Any object: its metadata and the whole JSON as captured. Istio kinds are read from `raw.spec` where they are used.
struct Object {
  Meta meta;
  Json raw;
  [[nodiscard]] const Json& spec() const { return at(raw, "spec"); }
  [[nodiscard]] std::string ref() const;                   ///< "VirtualService shop/web"; "Namespace shop"
  [[nodiscard]] std::string full_name() const { return meta.ns + "/" + meta.name; }   ///< "shop/web"
};
using Objects = std::vector<Object>;

/// A port by number or by name (targetPort).
struct PortRef {
  std::uint16_t number = 0;
  std::string name;
  [[nodiscard]] bool named() const { return !name.empty(); }
  [[nodiscard]] std::string text() const { return named() ? name : std::to_string(number); }
};

struct ServicePort {
  std::string name, protocol = "TCP", app_protocol;
  std::uint16_t port = 0;
  PortRef target;              ///< Kubernetes fills in `port` when targetPort is absent; so does the parser
};

struct Service : Object {
  std::string type;            ///< "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
  std::vector<std::string> cluster_ips;   ///< {"None"} for headless
  std::string external_name;
  Labels selector;
  std::vector<ServicePort> ports;
  [[nodiscard]] bool headless() const { return !cluster_ips.empty() && cluster_ips.front() == "None"; }
};

struct Endpoint {
  std::vector<std::string> addresses;
  bool ready = true, serving = true, terminating = false;   ///< absent `ready` means true (discovery/v1)
  std::string target_kind, target_name;
};
struct SlicePort {
  std::string name;
  std::optional<std::uint16_t> port;      ///< null: a named targetPort that no pod has
};
struct EndpointSlice : Object {
  std::string service;                    ///< label kubernetes.io/service-name
  std::vector<SlicePort> ports;
  std::vector<Endpoint> endpoints;        ///< "endpoints": null is an empty list
};

struct ContainerPort {
  std::string name, protocol = "TCP";
  std::uint16_t port = 0;
};
struct Container {
  std::string name, image;
  bool init = false, restart_always = false;   ///< init && restart_always: a native sidecar
  std::vector<ContainerPort> ports;
  std::vector<std::string> args, command;
  std::map<std::string, std::string> env;      ///< literal values only
  std::optional<std::int64_t> run_as_user;
  bool has_readiness_probe = false;
  // status:
  bool has_status = false, ready = false, started = false;
  int restarts = 0;
  std::string waiting_reason, waiting_message, last_terminated_reason;   ///< "CrashLoopBackOff", "OOMKilled", ...
  std::optional<int> last_exit_code;
};
struct Pod : Object {
  std::string ip, phase, service_account, node;
  std::vector<std::string> ips;
  bool host_network = false, ready = false;
  std::vector<Container> containers;           ///< init containers too, marked
  std::optional<std::int64_t> run_as_user;     ///< pod securityContext
  std::string not_ready_reason;                ///< reason and message of the Ready condition when it is not True

  [[nodiscard]] const Container* container(std::string_view name) const;
  /// Whether an address is the pod's, of whichever family.
  [[nodiscard]] bool has_address(std::string_view address) const;
  [[nodiscard]] const Container* proxy() const { return container("istio-proxy"); }
  /// Has a sidecar or is a gateway: an istio-proxy container, plain or native sidecar. Not ztunnel, whose container has
  /// the same name but runs `proxy ztunnel`: it is no Envoy.
  [[nodiscard]] bool meshed() const;
  /// Redirected into ztunnel: annotation ambient.istio.io/redirection=enabled.
  [[nodiscard]] bool ambient() const;
  /// A gateway or waypoint pod: its istio-proxy runs `proxy router` or `proxy waypoint` (args), not `proxy sidecar`.
  [[nodiscard]] bool router() const;
  /// A waypoint: a proxy of ambient mode, which no client comes in through.
  [[nodiscard]] bool waypoint() const;
};

struct Deployment : Object {
  Labels selector, template_labels, template_annotations;
  std::optional<int> replicas;                 ///< spec.replicas, absent = 1
  int ready_replicas = 0, available_replicas = 0;
};
struct ReplicaSet : Object {
  Labels template_labels;
  int replicas = 0, ready_replicas = 0;
};

struct StatefulSet : Object {
  Labels template_labels;
  int replicas = 1;                            ///< absent: 1
};

struct Event : Object {
  std::string reason, message, type, involved_kind, involved_name, time;   ///< time: last seen, "" unknown
  int count = 0;
};

/// An extension provider of the mesh configuration that CUSTOM policies ask (envoyExtAuthzHttp, envoyExtAuthzGrpc).
struct AuthorizationProvider {
  std::string name, service;                   ///< service: "[Namespace/]Hostname", as written
  std::uint16_t port = 0;
};

/// `configmap istio`: the mesh configuration that matters to a diagnosis. YAML inside the ConfigMap.
struct MeshConfig {
  std::string root_namespace = "istio-system", trust_domain = "cluster.local";
  std::vector<std::string> trust_domain_aliases;
  bool auto_mtls = true;
  std::string outbound_mode = "ALLOW_ANY";     ///< "REGISTRY_ONLY"
  std::string access_log_file, access_log_encoding = "TEXT";
  std::string access_log_format;               ///< "": Istio's own
  std::vector<AuthorizationProvider> authorization_providers;
  /// Empty: exported to all namespaces, as "*".
  std::vector<std::string> default_service_export_to, default_virtual_service_export_to,
      default_destination_rule_export_to;
};

Expected<Objects> parse_objects(std::string_view json);            ///< any List; also a single object
Expected<std::vector<Service>> parse_services(std::string_view json);
Expected<std::vector<EndpointSlice>> parse_endpointslices(std::string_view json);
Expected<std::vector<Pod>> parse_pods(std::string_view json);
Expected<std::vector<Deployment>> parse_deployments(std::string_view json);
Expected<std::vector<ReplicaSet>> parse_replicasets(std::string_view json);
Expected<std::vector<StatefulSet>> parse_statefulsets(std::string_view json);
Expected<std::vector<Event>> parse_events(std::string_view json);
Expected<MeshConfig> parse_mesh_config(std::string_view json);     ///< the ConfigMap object

/// The typed views again from one (perhaps edited) raw object: what a fix's offline check evaluates.
Expected<Service> to_service(Json raw);
Expected<Deployment> to_deployment(Json raw);
Expected<StatefulSet> to_statefulset(Json raw);
Expected<Pod> to_pod(Json raw);
Expected<Object> to_object(Json raw);

}  // namespace meshdx::evidence
