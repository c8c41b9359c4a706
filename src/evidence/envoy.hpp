// What a proxy says of itself: records of `istioctl proxy-config clusters|routes|listeners|endpoints|secret POD.NS
// -o json`.
// Both spellings of keys are read: camelCase (proxy-config) and snake_case (raw config dumps). Shapes: formats.md 2.3.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/expected.hpp"
#include "util/input.hpp"

namespace meshdx::evidence {

/// Reference to the Istio object a piece of proxy configuration was made from: `metadata.filterMetadata.istio.config`,
/// e.g. "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/web".
struct ConfigRef {
  std::string kind;   ///< "destination-rule", "virtual-service"; "" when there is none
  std::string ns;
  std::string name;
  explicit operator bool() const { return !kind.empty(); }
};

/// An UpstreamTlsContext or DownstreamTlsContext.
struct TlsContext {
  std::string sni;
  bool auto_sni = false;
  bool require_client_certificate = false;          ///< downstream only
  std::vector<std::string> certificate_secrets;     ///< SDS names: "default" is the workload certificate
  std::string validation_secret;                    ///< SDS name: "ROOTCA", "file-root:system", "kubernetes://..."
  std::vector<std::string> subject_alt_names;       ///< exact SANs demanded of the peer
  std::vector<std::string> alpn;

  /// Istio mutual TLS: the workload certificate `default` with `ROOTCA` (formats.md 2.3).
  [[nodiscard]] bool istio_mutual() const;
};

struct TransportSocketMatch {
  std::string name;                           ///< "tlsMode-istio", "tlsMode-disabled", "hbone", "user"
  std::map<std::string, std::string> match;   ///< {"tlsMode": "istio"}; empty matches all
  std::optional<TlsContext> tls;              ///< nullopt: raw_buffer
};

/// One threshold set of `circuitBreakers` (DEFAULT priority). 4294967295 (not set) is nullopt.
struct CircuitBreakers {
  std::optional<std::uint32_t> max_connections, max_pending_requests, max_requests, max_retries;
  [[nodiscard]] bool any() const { return max_connections || max_pending_requests || max_requests || max_retries; }
};

struct OutlierDetection {
  std::optional<std::uint32_t> consecutive_5xx, consecutive_gateway_failure;
  std::string interval, base_ejection_time;   ///< as printed, "10s"
  std::optional<std::uint32_t> max_ejection_percent;
  std::optional<bool> always_eject_one;       ///< absent in Envoys that always do
};

enum class UpstreamHttp { none, http1, http2, downstream };   ///< downstream: useDownstreamProtocolConfig (detection)

struct ServiceRef {
  std::string host, name, ns;
};

/// An Istio cluster name taken apart: "outbound|80|v1|web.shop.svc.cluster.local". Also the dotted form of old versions
/// ("outbound_.80_.v1_.web..." in SNI).
struct ClusterName {
  std::string direction, subset, host;
  std::uint16_t port = 0;
  static std::optional<ClusterName> parse(std::string_view name);
};

struct Cluster {
  std::string name;
  std::string type;                           ///< "EDS", "STRICT_DNS", "ORIGINAL_DST", "STATIC", ...
  std::string lb_policy;
  std::optional<TlsContext> tls;              ///< `transportSocket`: forced TLS
  std::vector<TransportSocketMatch> matches;  ///< `transportSocketMatches`: per endpoint (auto mTLS)
  CircuitBreakers breakers;
  std::optional<OutlierDetection> outlier;
  std::optional<std::uint32_t> panic_threshold;   ///< commonLbConfig.healthyPanicThreshold: Istio's minHealthPercent
  UpstreamHttp http = UpstreamHttp::none;
  ConfigRef config;                           ///< the DestinationRule
  std::string subset;
  std::vector<ServiceRef> services;
  std::vector<std::string> static_addresses;  ///< "host:port" of loadAssignment endpoints (STATIC and DNS types)
  std::string connect_timeout;
};

struct StringMatch {
  enum class Type { exact, prefix, suffix, regex, contains, present, range } type = Type::exact;
  std::string value;
  bool ignore_case = false;
  bool invert = false;
  std::int64_t range_start = 0, range_end = 0;  ///< type range
};

struct NamedMatch {
  std::string name;   ///< header or query parameter; ":method" and ":authority" are headers
  StringMatch match;
};

struct WeightedCluster {
  std::string name;
  std::uint32_t weight = 0;
};

struct Fault {
  std::optional<int> abort_status;
  std::optional<int> abort_grpc_status;   ///< grpcStatus: HTTP 200 with this gRPC status
  double abort_percent = 0;    ///< 0 to 100
  std::string delay;           ///< "3s"; "" when none
  double delay_percent = 0;
};

struct Retry {
  std::string on;
  std::uint32_t attempts = 0;
  std::string per_try_timeout;
  std::vector<std::uint32_t> status_codes;    ///< retriableStatusCodes
};

struct Route {
  std::string name;
  enum class Path { prefix, exact, regex, separated_prefix, other } path_type = Path::prefix;
  std::string path;
  bool case_sensitive = true;
  bool more_conditions = false;               ///< a condition not modelled here: whether it matches is unknown
  std::vector<NamedMatch> headers, query;
  // one action:
  std::string cluster;                        ///< also of a weighted route with one member
  std::vector<WeightedCluster> weighted;
  std::string cluster_header;
  std::optional<int> direct_response;
  bool redirect = false;
  int cluster_not_found_code = 503;           ///< 500 under Gateway API semantics
  std::string timeout;                        ///< "1s", "0s" = none, "" = absent
  std::optional<Retry> retry;
  std::optional<Fault> fault;                 ///< typedPerFilterConfig envoy.filters.http.fault
  std::string prefix_rewrite, host_rewrite;
  ConfigRef config;                           ///< the VirtualService (or http-route)
};

struct VirtualHost {
  std::string name;
  std::vector<std::string> domains;
  std::vector<Route> routes;
  bool require_tls = false;                   ///< requireTls ALL: http redirects to https
};

struct RouteConfiguration {
  std::string name;                           ///< "80", "http.8080", "web.shop.svc.cluster.local:80"; not unique, or ""
  std::vector<VirtualHost> virtual_hosts;
};

struct FilterChainMatch {
  std::optional<std::uint16_t> destination_port;
  std::vector<std::string> prefix_ranges;     ///< "10.96.0.1/32"
  std::string transport_protocol;             ///< "tls", "raw_buffer" or ""
  std::vector<std::string> application_protocols, server_names;
  bool more_conditions = false;               ///< a condition not modelled here (source addresses, sourceType, ...)
  [[nodiscard]] bool any() const;             ///< matches everything
};

/// One policy of an RBAC filter. A rule set without policies is one record with an empty name: as ALLOW nothing passes.
struct RbacPolicy {
  std::string name;                           ///< "ns[shop]-policy[web]-rule[0]"; "": a rule set without policies
  std::string action;                         ///< "ALLOW", "DENY", "LOG"
  bool shadow = false;
};

struct FilterChain {
  std::string name;
  FilterChainMatch match;
  std::optional<TlsContext> tls;
  bool http = false;                          ///< ends in http_connection_manager
  std::string route_config_name;              ///< rds.routeConfigName
  std::shared_ptr<const RouteConfiguration> inline_routes;
  std::string tcp_cluster;                    ///< tcp_proxy
  std::vector<WeightedCluster> tcp_weighted;
  std::vector<std::string> http_filters;      ///< names, in order
  std::vector<RbacPolicy> rbac;               ///< of HTTP and network RBAC filters
  bool jwt = false;                           ///< has envoy.filters.http.jwt_authn
  bool access_log = false;
};

struct Listener {
  std::string name, address, direction;       ///< direction: "INBOUND", "OUTBOUND" or ""
  std::vector<std::string> more_addresses;    ///< additionalAddresses
  std::uint16_t port = 0;
  bool bind_to_port = true;
  std::vector<FilterChain> chains;
  std::optional<FilterChain> default_chain;
  bool tls_inspector = false, http_inspector = false;
  bool access_log = false;                    ///< the listener's own (NR only)
};

struct Host {
  std::string address;                        ///< IP, or path of a pipe
  std::uint16_t port = 0;
  std::string health = "UNKNOWN";             ///< edsHealthStatus
  bool failed_outlier_check = false, failed_active_check = false;
  std::map<std::string, std::uint64_t> stats; ///< cx_connect_fail, rq_error, rq_success, rq_timeout, rq_total, cx_total
  std::uint32_t weight = 0;
};

struct ClusterEndpoints {
  std::string cluster;
  std::vector<Host> hosts;
};

struct Certificate {
  std::string subject_alt_name;               ///< first URI SAN (the SPIFFE id), "" when none
  std::string serial;                         ///< hex
  std::string fingerprint;                    ///< SHA-256 of the DER, hex
  std::int64_t not_before = 0, not_after = 0; ///< seconds since the epoch
};

struct Secret {
  std::string name;                           ///< "default", "ROOTCA", "kubernetes://web-cert"
  bool active = true;                         ///< false: warming, not delivered yet
  std::string last_updated;
  std::vector<Certificate> chain;             ///< leaf first; of a CA secret all trusted roots
  bool is_ca = false;
};

using Clusters = std::vector<Cluster>;
using Routes = std::vector<RouteConfiguration>;
using Listeners = std::vector<Listener>;
using Endpoints = std::vector<ClusterEndpoints>;
using Secrets = std::vector<Secret>;

/// Parsers: any bytes in, records or a positioned sentence out. An element they cannot read fails the whole dump: one
/// with holes would prove absence that is none. Elements are parsed one at a time: memory stays near the records'.
Expected<Clusters> parse_clusters(const Input& json);
Expected<Routes> parse_routes(const Input& json);
Expected<Listeners> parse_listeners(const Input& json);
Expected<Endpoints> parse_endpoints(const Input& json);
Expected<Secrets> parse_secrets(const Input& json);

}  // namespace meshdx::evidence
