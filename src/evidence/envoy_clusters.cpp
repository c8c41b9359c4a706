#include "evidence/envoy_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

using dump::View;

namespace {

std::optional<std::uint32_t> limit(const View& threshold, const char* key) {
  const auto value = threshold.get(key).fit<std::uint32_t>();
  return value == std::numeric_limits<std::uint32_t>::max() ? std::nullopt : value;   // istiod's "not set"
}

/// Only the DEFAULT priority: the HIGH threshold is Envoy's own, nobody set it (formats.md 2.3).
CircuitBreakers read_circuit_breakers(const View& breakers) {
  CircuitBreakers result;
  breakers.get("thresholds").each([&](const View& threshold) {
    if (threshold.get("priority").word("DEFAULT") != "DEFAULT") return;
    result.max_connections = limit(threshold, "maxConnections");
    result.max_pending_requests = limit(threshold, "maxPendingRequests");
    result.max_requests = limit(threshold, "maxRequests");
    result.max_retries = limit(threshold, "maxRetries");
  });
  return result;
}

OutlierDetection read_outlier_detection(const View& outlier) {
  OutlierDetection result;
  result.consecutive_5xx = outlier.get("consecutive5xx").fit<std::uint32_t>();
  result.consecutive_gateway_failure = outlier.get("consecutiveGatewayFailure").fit<std::uint32_t>();
  result.interval = outlier.get("interval").text();
  result.base_ejection_time = outlier.get("baseEjectionTime").text();
  result.max_ejection_percent = outlier.get("maxEjectionPercent").fit<std::uint32_t>();
  if (const auto always = outlier.get("alwaysEjectOneHost")) result.always_eject_one = always.flag();
  return result;
}

View http_options(const View& cluster) {
  return cluster.get({"typedExtensionProtocolOptions", "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"});
}

UpstreamHttp read_upstream_http(const View& cluster) {
  const auto options = http_options(cluster);
  if (options.get("useDownstreamProtocolConfig")) return UpstreamHttp::downstream;
  const auto explicit_config = options.get("explicitHttpConfig");
  if (explicit_config.get("http2ProtocolOptions")) return UpstreamHttp::http2;
  if (explicit_config.get("httpProtocolOptions")) return UpstreamHttp::http1;
  // Before HttpProtocolOptions (Istio 1.8 and older) the cluster said so itself.
  if (cluster.get("protocolSelection").word() == "USE_DOWNSTREAM_PROTOCOL") return UpstreamHttp::downstream;
  return cluster.get("http2ProtocolOptions") ? UpstreamHttp::http2 : UpstreamHttp::none;
}

void read_transport(const View& view, Cluster& cluster) {
  cluster.tls = read_transport_socket(view.get("transportSocket"));
  view.get("transportSocketMatches").each([&](const View& element) {
    TransportSocketMatch match;
    match.name = element.get("name").text();
    element.get("match").members([&](std::string_view key, const View& value) {
      match.match.emplace(std::string(key), value.printed());
    });
    match.tls = read_transport_socket(element.get("transportSocket"));
    cluster.matches.push_back(std::move(match));
  });
  // SIMPLE and MUTUAL carry no SNI: Envoy takes the request's host (formats.md 2.3).
  if (!http_options(view).get({"upstreamHttpProtocolOptions", "autoSni"}).flag()) return;
  if (cluster.tls) cluster.tls->auto_sni = true;
  for (auto& match : cluster.matches) {
    if (match.tls) match.tls->auto_sni = true;
  }
}

void read_metadata(const View& view, Cluster& cluster) {
  cluster.config = read_config_ref(view);
  const auto istio = view.get({"metadata", "filterMetadata", "istio"});
  cluster.subset = istio.get("subset").printed();
  istio.get("services").each([&](const View& service) {
    cluster.services.push_back(
        {service.get("host").printed(), service.get("name").printed(), service.get("namespace").printed()});
  });
}

void read_static_addresses(const View& view, Cluster& cluster) {
  view.get({"loadAssignment", "endpoints"}).each([&](const View& locality) {
    locality.get("lbEndpoints").each([&](const View& endpoint) {
      if (const auto address = endpoint.get({"endpoint", "address"})) {
        cluster.static_addresses.push_back(read_address(address));
      }
    });
  });
}

Cluster read_cluster(const View& view) {
  Cluster cluster;
  cluster.name = view.need("name");
  cluster.type = view.get("type").word();
  if (cluster.type.empty()) cluster.type = view.get({"clusterType", "name"}).text("STATIC");
  cluster.lb_policy = view.get("lbPolicy").word("ROUND_ROBIN");
  cluster.connect_timeout = view.get("connectTimeout").text();
  read_transport(view, cluster);
  cluster.breakers = read_circuit_breakers(view.get("circuitBreakers"));
  if (const auto outlier = view.get("outlierDetection")) cluster.outlier = read_outlier_detection(outlier);
  // protobuf's JSON leaves a value of 0 out: {} is 0, which is what Istio sends without minHealthPercent.
  if (const auto panic = view.get({"commonLbConfig", "healthyPanicThreshold"})) cluster.panic_threshold = panic.get("value").fit<std::uint32_t>().value_or(0);
  cluster.http = read_upstream_http(view);
  read_metadata(view, cluster);
  read_static_addresses(view, cluster);
  return cluster;
}

}  // namespace

Expected<Clusters> parse_clusters(const Input& json) {
  static const dump::Shape shape{"clusters dump",
                                 "ClustersConfigDump",
                                 {{"dynamicActiveClusters", {"cluster"}}, {"staticClusters", {"cluster"}}}};
  Clusters clusters;
  clusters.reserve(json.size() / 1024);   // no cluster is shorter as istioctl prints it: room that is not used costs nothing, growing would copy
  const auto done = dump::for_each_record(
      json, shape, [&](const View& record, std::string_view) { clusters.push_back(read_cluster(record)); });
  if (!done) return Error{done.error()};
  return clusters;
}

}  // namespace meshdx::evidence
