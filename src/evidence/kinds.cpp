#include "evidence/kinds.hpp"

#include <algorithm>
#include <type_traits>

namespace meshdx::evidence {
namespace {

/// How much an answer says, where one question can be put in several ways.
template <class T>
std::size_t rank_of(const T& record, const Input& input) {
  [[maybe_unused]] const auto output = input.text();
  if constexpr (std::is_same_v<T, ProxyStatus>) {
    const bool json = output.find_first_not_of(" \t\r\n") == output.find('{');
    return json ? 2 : record.says_sync ? 1 : 0;
  } else if constexpr (std::is_same_v<T, ProxyLog> || std::is_same_v<T, std::string>) {
    return output.size();
  } else {
    return 0;
  }
}

/// What most parsers take is a text in memory; those of proxies' dumps take an Input.
template <class T, auto Parser>
Parsed parse(const Source& source, const Input* output) {
  Loaded<T> loaded{source, T{}};
  if (output == nullptr) return Parsed{std::any(std::move(loaded)), "", 0};
  Expected<T> value{Error{}};
  if constexpr (std::is_invocable_v<decltype(Parser), const Input&>) value = Parser(*output);
  else value = Parser(output->text());
  if (!value) return Parsed{std::any(), value.error(), 0};
  loaded.value = std::move(*value);
  const std::size_t rank = rank_of(loaded.value, *output);
  return Parsed{std::any(std::move(loaded)), "", rank};
}

template <class T>
const Object* find(const std::any& record, std::string_view ns, std::string_view name) {
  const auto* loaded = std::any_cast<Loaded<std::vector<T>>>(&record);
  if (loaded == nullptr || !loaded->ok()) return nullptr;
  const auto& list = loaded->value;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const T& object) { return object.meta.name == name && object.meta.ns == ns; });
  return found == list.end() ? nullptr : &*found;
}

template <class T, Expected<T> (*Convert)(Json)>
std::optional<std::any> put(const std::any& record, const Json& raw) {
  const auto* loaded = std::any_cast<Loaded<std::vector<T>>>(&record);
  Expected<T> object = Convert(raw);
  if (loaded == nullptr || !loaded->ok() || !object) return std::nullopt;
  Loaded<std::vector<T>> copy = *loaded;
  const auto found = std::find_if(copy.value.begin(), copy.value.end(), [&](const T& other) {
    return other.meta.name == object->meta.name && other.meta.ns == object->meta.ns;
  });
  if (found != copy.value.end()) *found = std::move(*object);
  else copy.value.push_back(std::move(*object));
  return std::any(std::move(copy));
}

Expected<ProxyLog> parse_log(std::string_view text) { return parse_proxy_log(text); }
Expected<std::string> keep_text(std::string_view text) { return std::string(text); }

/// A kind whose records are raw Objects.
KindRow objects(Kind kind, const char* name, Family family, const char* resource, const char* kubernetes_kind) {
  return {kind, name, family, resource, kubernetes_kind, parse<Objects, parse_objects>, find<Object>,
          put<Object, to_object>};
}

/// A kind of typed Kubernetes objects.
template <class T, Expected<std::vector<T>> (*Parser)(std::string_view)>
KindRow typed(Kind kind, const char* name, const char* resource, const char* kubernetes_kind, Put edit = nullptr) {
  return {kind, name, Family::list, resource, kubernetes_kind, parse<std::vector<T>, Parser>, find<T>, edit};
}

/// A kind that is no list of objects.
template <Kind K, auto Parser>
KindRow plain(const char* name, Family family, const char* resource) {
  return {K, name, family, resource, "", parse<Record<K>, Parser>, nullptr, nullptr};
}

void add_kubernetes(std::vector<KindRow>& rows) {
  using F = Family;
  const char* admission = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
  rows.insert(rows.end(), {
    typed<Service, parse_services>(Kind::services, "services", "services", "Service", put<Service, to_service>),
    typed<EndpointSlice, parse_endpointslices>(Kind::endpointslices, "endpointslices",
                                               "endpointslices.discovery.k8s.io", "EndpointSlice"),
    typed<Pod, parse_pods>(Kind::pods, "pods", "pods", "Pod", put<Pod, to_pod>),
    typed<Deployment, parse_deployments>(Kind::deployments, "deployments", "deployments.apps", "Deployment",
                                         put<Deployment, to_deployment>),
    typed<ReplicaSet, parse_replicasets>(Kind::replicasets, "replicasets", "replicasets.apps", "ReplicaSet"),
    typed<StatefulSet, parse_statefulsets>(Kind::statefulsets, "statefulsets", "statefulsets.apps", "StatefulSet", put<StatefulSet, to_statefulset>),
    objects(Kind::networkpolicies, "networkpolicies", F::list, "networkpolicies.networking.k8s.io", "NetworkPolicy"),
    typed<Event, parse_events>(Kind::events, "events", "events", "Event"),
    objects(Kind::namespaces, "namespaces", F::cluster_list, "namespaces", "Namespace"),
    objects(Kind::webhooks, "webhooks", F::cluster_list, admission, "MutatingWebhookConfiguration"),
  });
}

void add_istio(std::vector<KindRow>& rows) {
  const auto add = [&rows](Kind kind, const char* name, const char* resource, const char* kubernetes_kind) {
    rows.push_back(objects(kind, name, Family::list, resource, kubernetes_kind));
  };
  add(Kind::peer_authentications, "peer_authentications", "peerauthentications.security.istio.io",
      "PeerAuthentication");
  add(Kind::request_authentications, "request_authentications", "requestauthentications.security.istio.io",
      "RequestAuthentication");
  add(Kind::authorization_policies, "authorization_policies", "authorizationpolicies.security.istio.io",
      "AuthorizationPolicy");
  add(Kind::virtual_services, "virtual_services", "virtualservices.networking.istio.io", "VirtualService");
  add(Kind::destination_rules, "destination_rules", "destinationrules.networking.istio.io", "DestinationRule");
  add(Kind::service_entries, "service_entries", "serviceentries.networking.istio.io", "ServiceEntry");
  add(Kind::gateways, "gateways", "gateways.networking.istio.io", "Gateway");
  add(Kind::sidecars, "sidecars", "sidecars.networking.istio.io", "Sidecar");
  add(Kind::envoy_filters, "envoy_filters", "envoyfilters.networking.istio.io", "EnvoyFilter");
  add(Kind::workload_entries, "workload_entries", "workloadentries.networking.istio.io", "WorkloadEntry");
  add(Kind::telemetries, "telemetries", "telemetries.telemetry.istio.io", "Telemetry");
}

/// Its Gateway has the name of Istio's; fixes edit Istio's only by that name.
void add_gateway_api(std::vector<KindRow>& rows) {
  const auto add = [&rows](Kind kind, const char* name, const char* resource, const char* kubernetes_kind) {
    rows.push_back(objects(kind, name, Family::list, resource, kubernetes_kind));
  };
  add(Kind::api_gateways, "api_gateways", "gateways.gateway.networking.k8s.io", "Gateway.gateway.networking.k8s.io");
  add(Kind::http_routes, "http_routes", "httproutes.gateway.networking.k8s.io", "HTTPRoute");
  add(Kind::grpc_routes, "grpc_routes", "grpcroutes.gateway.networking.k8s.io", "GRPCRoute");
  add(Kind::reference_grants, "reference_grants", "referencegrants.gateway.networking.k8s.io", "ReferenceGrant");
}

void add_proxy_and_control(std::vector<KindRow>& rows) {
  using F = Family;
  rows.insert(rows.end(), {
    plain<Kind::mesh_config, parse_mesh_config>("mesh_config", F::other, "configmap"),
    plain<Kind::clusters, parse_clusters>("clusters", F::proxy_config, "clusters"),
    plain<Kind::routes, parse_routes>("routes", F::proxy_config, "routes"),
    plain<Kind::listeners, parse_listeners>("listeners", F::proxy_config, "listeners"),
    plain<Kind::endpoints, parse_endpoints>("endpoints", F::proxy_config, "endpoints"),
    plain<Kind::secrets, parse_secrets>("secrets", F::proxy_config, "secret"),
    plain<Kind::log, parse_log>("log", F::other, "logs"),
    plain<Kind::app_log, keep_text>("app_log", F::other, "logs"),
    plain<Kind::sockets, parse_sockets>("sockets", F::other, "exec"),
    plain<Kind::proxy_status, parse_proxy_status>("proxy_status", F::other, "proxy-status"),
    plain<Kind::istio_version, parse_istio_version>("istio_version", F::other, "version"),
    plain<Kind::kube_version, parse_kube_version>("kube_version", F::other, "version"),
    plain<Kind::analyze, parse_analyze>("analyze", F::other, "analyze"),
  });
}

std::vector<KindRow> make_rows() {
  std::vector<KindRow> rows;
  add_kubernetes(rows);
  add_istio(rows);
  add_gateway_api(rows);
  add_proxy_and_control(rows);
  std::sort(rows.begin(), rows.end(), [](const KindRow& a, const KindRow& b) { return a.kind < b.kind; });
  return rows;
}

}  // namespace

const std::vector<KindRow>& kind_rows() {
  static const std::vector<KindRow> rows = make_rows();
  return rows;
}

const KindRow& row_of(Kind kind) { return kind_rows()[static_cast<std::size_t>(kind)]; }

}  // namespace meshdx::evidence
