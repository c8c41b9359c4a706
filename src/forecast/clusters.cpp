// Clusters and endpoints as istiod makes them of Services, ServiceEntries and DestinationRules (pilot/pkg/networking/core/
// cluster_builder.go, cluster_tls.go; causes.md appendix C).
#include <algorithm>

#include "forecast/parts.hpp"
#include "mesh/mtls.hpp"
#include "mesh/peer_policies.hpp"
#include "util/text.hpp"

namespace meshdx::forecast {

using namespace evidence;
using mesh::View;

std::vector<std::string> export_of(const Service& service) {
  std::vector<std::string> rules;
  const auto found = service.meta.annotations.find("networking.istio.io/exportTo");
  if (found == service.meta.annotations.end()) return rules;
  for (const auto& part : split(found->second, ',')) rules.emplace_back(trim(part));
  return rules;
}

const Object* entry_with(const View& view, const std::string& host, bool* covered) {
  const auto entries = view.objects(Kind::service_entries);
  *covered = entries.everywhere;
  for (const auto* entry : entries.items) {
    for (const auto& listed : mesh::strings_at(entry->spec(), "hosts")) {
      if (mesh::host_covers(lower(listed), host)) return entry;
    }
  }
  return nullptr;
}

namespace {

void give_up(Forecast& forecast, const std::string& why) {
  if (forecast.unknown.empty()) forecast.unknown = why;
}

TlsContext mutual_tls() {
  TlsContext tls;
  tls.certificate_secrets = {"default"};
  tls.validation_secret = "ROOTCA";
  return tls;
}

/// The members of a traffic policy that count for a port: those of the port's own settings, with nothing inherited.
const Json& for_port(const Json& policy, std::uint16_t port) {
  const Json& ports = at(policy, "portLevelSettings");
  if (!ports.is_array()) return policy;
  const auto own = std::find_if(ports.begin(), ports.end(), [&](const Json& p) { return number_at(at(p, "port"), "number") == port; });
  return own == ports.end() ? policy : *own;
}

/// The DestinationRule that counts for a target, the subset that asks for its labels, and the settings that follow.
struct Rule {
  const Object* object = nullptr;
  bool has_subset = false;
  Labels labels;
  const Json* base = nullptr;     ///< the rule's traffic policy
  const Json* own = nullptr;      ///< the subset's, whose members go first

  [[nodiscard]] const Json& member(const char* name, std::uint16_t port) const {
    static const Json none;
    if (own != nullptr) {
      const Json& value = at(for_port(*own, port), name);
      if (!value.is_null()) return value;
    }
    return base == nullptr ? none : at(for_port(*base, port), name);
  }
};

/// Rules for one host in one namespace are merged: subsets together, the first traffic policy wins.
Rule rule_for(const View& view, const Vantage& vantage, const Target& target, const std::string& service_ns) {
  Rule rule;
  const auto found = mesh::destination_rules(view, target.host, {vantage.ns, vantage.labels}, service_ns);
  if (found.empty()) return rule;
  rule.object = found.front();
  const auto host = [&names = view.names()](const Object* o) { return names.resolve(text_at(o->spec(), "host"), o->meta.ns); };
  for (const auto* one : found) {
    if (one->meta.ns != found.front()->meta.ns || host(one) != host(found.front())) break;
    const Json& policy = at(one->spec(), "trafficPolicy");
    if (rule.base == nullptr && policy.is_object()) rule.base = &policy;
    for (const auto& subset : at(one->spec(), "subsets")) {
      if (target.subset.empty() || text_at(subset, "name") != target.subset || rule.has_subset) continue;
      rule.object = one;
      rule.has_subset = true;
      rule.labels = mesh::labels_at(subset, "labels");
      rule.own = &at(subset, "trafficPolicy");
    }
  }
  return rule;
}

void set_limits(const Rule& rule, std::uint16_t port, Cluster& cluster) {
  const auto number = [](const Json& value, const char* key) {
    return at(value, key).is_number_integer() ? std::optional<std::uint32_t>(static_cast<std::uint32_t>(number_at(value, key))) : std::nullopt;
  };
  const Json& pool = rule.member("connectionPool", port);
  cluster.breakers.max_connections = number(at(pool, "tcp"), "maxConnections");
  cluster.breakers.max_pending_requests = number(at(pool, "http"), "http1MaxPendingRequests");
  cluster.breakers.max_requests = number(at(pool, "http"), "http2MaxRequests");
  cluster.breakers.max_retries = number(at(pool, "http"), "maxRetries");
  cluster.connect_timeout = text_at(at(pool, "tcp"), "connectTimeout", "10s");
  const Json& outlier = rule.member("outlierDetection", port);
  if (!outlier.is_object()) return;
  OutlierDetection detection;
  detection.consecutive_5xx = number(outlier, "consecutive5xxErrors");
  detection.consecutive_gateway_failure = number(outlier, "consecutiveGatewayErrors");
  detection.interval = text_at(outlier, "interval", "10s");
  detection.base_ejection_time = text_at(outlier, "baseEjectionTime", "30s");
  detection.max_ejection_percent = number(outlier, "maxEjectionPercent");
  cluster.outlier = detection;
}

/// `automatic`: whether auto mTLS makes something of a rule that says nothing.
void set_tls(const View& view, const Rule& rule, std::uint16_t port, const std::string& ns, bool automatic, Cluster& cluster, Forecast& forecast) {
  const std::string mode = text_at(rule.member("tls", port), "mode");
  if (mode == "ISTIO_MUTUAL") cluster.tls = mutual_tls();
  else if (mode == "SIMPLE" || mode == "MUTUAL") cluster.tls = TlsContext{};
  if (!mode.empty() || !automatic) return;
  const auto told = mesh::namespace_mode(view, ns);
  if (!told.known) return give_up(forecast, "the PeerAuthentications of " + ns + " were not all read");
  if (told.mode == mesh::Mode::disable) return;   // whatever a workload's own policy asks for
  cluster.matches = {{"tlsMode-istio", {{"tlsMode", "istio"}}, mutual_tls()}, {"tlsMode-disabled", {}, std::nullopt}};
}

/// ORIGINAL_DST has no choice by endpoint: mutual TLS when every pod is labelled for it and none forbids it.
void set_headless_tls(const View& view, const Service& service, const ServicePort& port, Cluster& cluster, Forecast& forecast) {
  cluster.matches.clear();
  const auto pods = mesh::selected_pods(view, service);
  if (!pods) return give_up(forecast, "the pods of " + service.meta.ns + " were not read");
  bool all = !pods->empty();
  for (const auto* pod : *pods) {
    const auto label = pod->meta.labels.find("security.istio.io/tlsMode");
    const auto mode = mesh::server_mode(view, *pod, mesh::target_port(port, *pod).value_or(port.port));
    if (!mode.known) return give_up(forecast, "the PeerAuthentications of " + service.meta.ns + " were not all read");
    all = all && label != pod->meta.labels.end() && label->second == "istio" && mode.mode != mesh::Mode::disable;
  }
  if (all) cluster.tls = mutual_tls();
}

const Pod* pod_behind(const View& view, const std::string& ns, const Endpoint& endpoint) {
  if (endpoint.target_kind == "Pod") return view.pod(ns, endpoint.target_name);
  return endpoint.addresses.empty() ? nullptr : view.pod_by_ip(endpoint.addresses.front());
}

/// Addresses of the Service's slices, of a subset only pods with its labels. Unready ones are sent as unhealthy.
ClusterEndpoints endpoints_of(const View& view, const Service& service, const ServicePort& port, const Target& target, const Labels& labels, Forecast& forecast) {
  ClusterEndpoints result{target.cluster(), {}};
  const auto* slices = view.slices(service.meta.ns);
  const bool pods_read = labels.empty() || view.pods(service.meta.ns) != nullptr;
  if (slices == nullptr || !pods_read) give_up(forecast, "the " + std::string(slices == nullptr ? "EndpointSlices" : "pods") + " of " + service.meta.ns + " were not read");
  if (!forecast.known()) return result;
  for (const auto& slice : *slices) {
    if (slice.service != service.meta.name) continue;
    const auto own = std::find_if(slice.ports.begin(), slice.ports.end(), [&](const SlicePort& p) { return p.name == port.name && p.port; });
    if (own == slice.ports.end()) continue;
    for (const auto& endpoint : slice.endpoints) {
      if (endpoint.addresses.empty() || (endpoint.terminating && !endpoint.ready)) continue;
      const Pod* pod = labels.empty() ? nullptr : pod_behind(view, service.meta.ns, endpoint);
      if (!labels.empty() && (pod == nullptr || !selects(labels, pod->meta.labels))) continue;
      Host host;
      host.address = endpoint.addresses.front();
      host.port = *own->port;
      host.health = endpoint.ready ? "HEALTHY" : "UNHEALTHY";
      result.hosts.push_back(std::move(host));
    }
  }
  return result;
}

/// An endpoint that exists as far as the objects tell and whose address they do not have: a name to resolve, an address
/// outside.
Host somewhere(const std::string& address, std::uint16_t port) {
  Host host;
  host.address = address;
  host.port = port;
  return host;
}

void add_service(const View& view, const Vantage& vantage, const Target& target, const Service& service, Forecast& forecast) {
  const auto port = std::find_if(service.ports.begin(), service.ports.end(), [&](const ServicePort& p) { return p.port == target.port && p.protocol != "UDP"; });
  if (port == service.ports.end()) return;
  // From 1.21 on it is an alias without a cluster of its own, unless ENABLE_EXTERNAL_NAME_ALIAS says otherwise.
  if (service.type == "ExternalName") return give_up(forecast, "what a route to " + service.meta.ns + "/" + service.meta.name + ", an ExternalName Service, leads to hangs on istiod's version and flags");
  const auto rule = rule_for(view, vantage, target, service.meta.ns);
  if (!target.subset.empty() && !rule.has_subset) return;
  const auto* config = view.mesh_config();
  if (config == nullptr) return give_up(forecast, "the mesh configuration was not read");
  Cluster cluster;
  cluster.name = target.cluster();
  cluster.subset = target.subset;
  cluster.type = "EDS";
  if (rule.object != nullptr) cluster.config = {"destination-rule", rule.object->meta.ns, rule.object->meta.name};
  set_limits(rule, target.port, cluster);
  set_tls(view, rule, target.port, service.meta.ns, config->auto_mtls, cluster, forecast);
  if (service.headless() && !vantage.gateway) {
    cluster.type = "ORIGINAL_DST";
    if (!cluster.matches.empty()) set_headless_tls(view, service, *port, cluster, forecast);
  } else {
    forecast.endpoints.push_back(endpoints_of(view, service, *port, target, rule.labels, forecast));
  }
  forecast.clusters.push_back(std::move(cluster));
}

void add_entry(const View& view, const Vantage& vantage, const Target& target, const Object& entry, Forecast& forecast) {
  const Json& ports = at(entry.spec(), "ports");
  const bool has_port = ports.is_array() && std::any_of(ports.begin(), ports.end(), [&](const Json& p) { return number_at(p, "number") == target.port; });
  if (!has_port) return;
  const auto rule = rule_for(view, vantage, target, entry.meta.ns);
  if (!target.subset.empty() && !rule.has_subset) return;
  const auto* config = view.mesh_config();
  if (config == nullptr) return give_up(forecast, "the mesh configuration was not read");
  const std::string resolution = text_at(entry.spec(), "resolution", "NONE");
  Cluster cluster;
  cluster.name = target.cluster();
  cluster.subset = target.subset;
  cluster.type = resolution == "NONE" ? "ORIGINAL_DST" : resolution == "STATIC" ? "EDS" : "STRICT_DNS";
  if (rule.object != nullptr) cluster.config = {"destination-rule", rule.object->meta.ns, rule.object->meta.name};
  set_limits(rule, target.port, cluster);
  set_tls(view, rule, target.port, entry.meta.ns, config->auto_mtls && text_at(entry.spec(), "location") == "MESH_INTERNAL", cluster, forecast);
  // Whether a name resolves, and what a workloadSelector finds, the objects at hand do not tell: taken for reachable.
  if (cluster.type != "ORIGINAL_DST") forecast.endpoints.push_back({cluster.name, {somewhere(target.host, target.port)}});
  forecast.clusters.push_back(std::move(cluster));
}

}  // namespace

void add_cluster(const View& view, const Vantage& vantage, const Target& target, Forecast& forecast) {
  bool read = false;
  const auto* config = view.mesh_config();
  if (const auto* service = mesh::service_of(view, target.host, &read)) {
    if (config == nullptr) return give_up(forecast, "the mesh configuration was not read");
    if (mesh::exported(export_of(*service), config->default_service_export_to, service->meta.ns, vantage.ns)) add_service(view, vantage, target, *service, forecast);
    return;
  }
  bool covered = false;
  if (const auto* entry = entry_with(view, target.host, &covered)) {
    if (mesh::exported(mesh::strings_at(entry->spec(), "exportTo"), {}, entry->meta.ns, vantage.ns)) add_entry(view, vantage, target, *entry, forecast);
    return;
  }
  const auto name = mesh::service_name(target.host, "");
  if (!covered) give_up(forecast, "the ServiceEntries were not all read");
  else if (name && !read) give_up(forecast, "the Services of " + name->ns + " were not read");
}

void add_clusters(const View& view, const Vantage& vantage, const std::vector<Route>& routes, Forecast& forecast) {
  std::vector<std::string> names;
  for (const auto& route : routes) {
    if (!route.cluster.empty()) names.push_back(route.cluster);
    for (const auto& member : route.weighted) names.push_back(member.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const auto& name : names) {
    const auto parsed = ClusterName::parse(name);
    if (parsed) add_cluster(view, vantage, {parsed->host, parsed->subset, parsed->port}, forecast);
  }
}

}  // namespace meshdx::forecast
