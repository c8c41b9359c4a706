// A forecast as `istioctl proxy-config ... -o json` would print it, so that it takes the way of every other dump: the same
// parsers read it, the same records come out.
#include "forecast/forecast.hpp"

namespace meshdx::forecast {

using namespace evidence;

namespace {

Json socket_address(const std::string& address, std::uint16_t port) {
  return {{"socketAddress", {{"address", address}, {"portValue", port}}}};
}

Json transport_socket(const TlsContext& tls, const char* type) {
  Json common = Json::object(), secrets = Json::array();
  for (const auto& name : tls.certificate_secrets) secrets.push_back({{"name", name}});
  if (!secrets.empty()) common["tlsCertificateSdsSecretConfigs"] = secrets;
  if (!tls.validation_secret.empty()) common["validationContextSdsSecretConfig"] = {{"name", tls.validation_secret}};
  return {{"typedConfig", {{"@type", std::string("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.") + type}, {"commonTlsContext", common}}}};
}

Json metadata(const ConfigRef& config) {
  return {{"filterMetadata", {{"istio", {{"config", "/apis/networking.istio.io/v1/namespaces/" + config.ns + "/" + config.kind + "/" + config.name}}}}}};
}

void put(Json& object, const char* key, const std::optional<std::uint32_t>& value) {
  if (value) object[key] = *value;
}

Json cluster_json(const Cluster& cluster) {
  Json json = {{"name", cluster.name}, {"type", cluster.type}, {"connectTimeout", cluster.connect_timeout}};
  if (cluster.config) json["metadata"] = metadata(cluster.config);
  if (!cluster.subset.empty()) json["metadata"]["filterMetadata"]["istio"]["subset"] = cluster.subset;
  if (cluster.tls) json["transportSocket"] = transport_socket(*cluster.tls, "UpstreamTlsContext");
  for (const auto& match : cluster.matches) {
    Json one = {{"name", match.name}, {"match", Json(match.match)}};
    if (match.match.empty()) one["match"] = Json::object();
    one["transportSocket"] = match.tls ? transport_socket(*match.tls, "UpstreamTlsContext") : Json{{"name", "envoy.transport_sockets.raw_buffer"}};
    json["transportSocketMatches"].push_back(one);
  }
  Json limits = Json::object();
  put(limits, "maxConnections", cluster.breakers.max_connections);
  put(limits, "maxPendingRequests", cluster.breakers.max_pending_requests);
  put(limits, "maxRequests", cluster.breakers.max_requests);
  put(limits, "maxRetries", cluster.breakers.max_retries);
  if (!limits.empty()) json["circuitBreakers"]["thresholds"] = Json::array({limits});
  if (!cluster.outlier) return json;
  Json outlier = {{"interval", cluster.outlier->interval}, {"baseEjectionTime", cluster.outlier->base_ejection_time}};
  put(outlier, "consecutive5xx", cluster.outlier->consecutive_5xx);
  put(outlier, "consecutiveGatewayFailure", cluster.outlier->consecutive_gateway_failure);
  put(outlier, "maxEjectionPercent", cluster.outlier->max_ejection_percent);
  json["outlierDetection"] = outlier;
  return json;
}

Json named_match(const NamedMatch& named) {
  Json json = {{"name", named.name}};
  if (named.match.type == StringMatch::Type::present) {
    json["presentMatch"] = !named.match.invert;
    return json;
  }
  Json match = Json::object();
  if (named.match.type == StringMatch::Type::exact) match["exact"] = named.match.value;
  else if (named.match.type == StringMatch::Type::prefix) match["prefix"] = named.match.value;
  else match["safeRegex"] = {{"regex", named.match.value}};
  json["stringMatch"] = match;
  if (named.match.invert) json["invertMatch"] = true;
  return json;
}

Json weighted_json(const std::vector<WeightedCluster>& members) {
  Json list = Json::array();
  for (const auto& member : members) list.push_back({{"name", member.name}, {"weight", member.weight}});
  return {{"clusters", list}};
}

Json percentage(double percent) {
  return {{"numerator", static_cast<std::uint64_t>(percent * 10'000)}, {"denominator", "MILLION"}};
}

Json fault_json(const Fault& fault) {
  Json config = {{"@type", "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"}};
  if (fault.abort_status) config["abort"] = {{"httpStatus", *fault.abort_status}, {"percentage", percentage(fault.abort_percent)}};
  if (!fault.delay.empty()) config["delay"] = {{"fixedDelay", fault.delay}, {"percentage", percentage(fault.delay_percent)}};
  return {{"envoy.filters.http.fault", config}};
}

Json match_json(const Route& route) {
  Json match = Json::object();
  if (route.path_type == Route::Path::prefix) match["prefix"] = route.path;
  else if (route.path_type == Route::Path::exact) match["path"] = route.path;
  else if (route.path_type == Route::Path::separated_prefix) match["pathSeparatedPrefix"] = route.path;
  else match["safeRegex"] = {{"regex", route.path}};
  match["caseSensitive"] = route.case_sensitive;
  for (const auto& header : route.headers) match["headers"].push_back(named_match(header));
  for (const auto& parameter : route.query) match["queryParameters"].push_back(named_match(parameter));
  if (route.more_conditions) match["dynamicMetadata"] = Json::array({Json::object()});   // what nobody can tell from here
  return match;
}

Json route_json(const Route& route) {
  Json json = {{"name", route.name}, {"match", match_json(route)}};
  if (route.config) json["metadata"] = metadata(route.config);
  if (route.fault) json["typedPerFilterConfig"] = fault_json(*route.fault);
  if (route.redirect) json["redirect"] = {{"responseCode", "MOVED_PERMANENTLY"}};
  else if (route.direct_response) json["directResponse"] = {{"status", *route.direct_response}};
  if (route.redirect || route.direct_response) return json;
  Json action = Json::object();
  if (!route.cluster.empty()) action["cluster"] = route.cluster;
  else action["weightedClusters"] = weighted_json(route.weighted);
  if (route.cluster_not_found_code == 500) action["clusterNotFoundResponseCode"] = "INTERNAL_SERVER_ERROR";
  if (!route.timeout.empty()) action["timeout"] = route.timeout;
  if (route.retry) action["retryPolicy"] = {{"retryOn", route.retry->on}, {"numRetries", route.retry->attempts}};
  if (route.retry && !route.retry->per_try_timeout.empty()) action["retryPolicy"]["perTryTimeout"] = route.retry->per_try_timeout;
  json["route"] = action;
  return json;
}

Json routes_json(const RouteConfiguration& config) {
  Json hosts = Json::array();
  for (const auto& host : config.virtual_hosts) {
    Json routes = Json::array();
    for (const auto& route : host.routes) routes.push_back(route_json(route));
    hosts.push_back({{"name", host.name}, {"domains", host.domains}, {"routes", routes}});
    if (host.require_tls) hosts.back()["requireTls"] = "ALL";
  }
  return {{"name", config.name}, {"virtualHosts", hosts}};
}

Json chain_json(const FilterChain& chain) {
  Json match = Json::object();
  if (chain.match.destination_port) match["destinationPort"] = *chain.match.destination_port;
  if (!chain.match.transport_protocol.empty()) match["transportProtocol"] = chain.match.transport_protocol;
  if (!chain.match.application_protocols.empty()) match["applicationProtocols"] = chain.match.application_protocols;
  if (!chain.match.server_names.empty()) match["serverNames"] = chain.match.server_names;
  Json filter = {{"name", "envoy.filters.network.tcp_proxy"}, {"typedConfig", {{"@type", "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"}}}};
  if (chain.http) {
    filter = {{"name", "envoy.filters.network.http_connection_manager"},
              {"typedConfig", {{"@type", "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"},
                               {"rds", {{"routeConfigName", chain.route_config_name}}}}}};
  } else if (!chain.tcp_weighted.empty()) {
    filter["typedConfig"]["weightedClusters"] = weighted_json(chain.tcp_weighted);
  } else {
    filter["typedConfig"]["cluster"] = chain.tcp_cluster;
  }
  Json json = {{"filterChainMatch", match}, {"filters", Json::array({filter})}};
  if (chain.tls) json["transportSocket"] = transport_socket(*chain.tls, "DownstreamTlsContext");
  return json;
}

Json listener_json(const Listener& listener) {
  Json chains = Json::array();
  for (const auto& chain : listener.chains) chains.push_back(chain_json(chain));
  Json json = {{"name", listener.name}, {"address", socket_address(listener.address, listener.port)}, {"trafficDirection", listener.direction}, {"filterChains", chains}};
  if (listener.tls_inspector) json["listenerFilters"] = Json::array({{{"name", "envoy.filters.listener.tls_inspector"}}});
  return json;
}

Json endpoints_json(const ClusterEndpoints& endpoints) {
  Json hosts = Json::array();
  for (const auto& host : endpoints.hosts) hosts.push_back({{"address", socket_address(host.address, host.port)}, {"healthStatus", {{"edsHealthStatus", host.health}}}});
  return {{"name", endpoints.cluster}, {"hostStatuses", hosts}};
}

template <class T>
run::CommandResult printed(Kind kind, const Pod& pod, const std::vector<T>& records, Json (*to_json)(const T&)) {
  Json list = Json::array();
  for (const auto& record : records) list.push_back(to_json(record));
  run::CommandResult result;
  result.argv = command_for({kind, pod.meta.ns, pod.meta.name, ""});
  result.out = dump_json(list);
  return result;
}

}  // namespace

std::vector<run::CommandResult> dumps_of(const Forecast& forecast, const Pod& pod) {
  return {printed(Kind::listeners, pod, forecast.listeners, listener_json), printed(Kind::routes, pod, forecast.routes, routes_json),
          printed(Kind::clusters, pod, forecast.clusters, cluster_json), printed(Kind::endpoints, pod, forecast.endpoints, endpoints_json)};
}

run::CommandResult dump_of(const Listeners& listeners, const Pod& pod) { return printed(Kind::listeners, pod, listeners, listener_json); }

}  // namespace meshdx::forecast
