#include <ostream>

#include <doctest/doctest.h>

#include "evidence/envoy.hpp"

using namespace meshdx::evidence;

namespace {

Listener listener_with(const std::string& members) {
  const auto listeners = parse_listeners(R"([{"name": "l")" + (members.empty() ? "" : ", " + members) + "}]");
  REQUIRE_MESSAGE(listeners, (listeners ? "" : listeners.error()));
  return listeners->at(0);
}

FilterChain chain_with(const std::string& filters) {
  return listener_with(R"("filterChains": [{"filters": [)" + filters + "]}]").chains.at(0);
}

// Shortened from virtualInbound of a proxy under STRICT with an AuthorizationPolicy, Istio 1.32-dev.
const char* const inbound = R"([{
  "name": "virtualInbound",
  "address": {"socketAddress": {"address": "0.0.0.0", "portValue": 15006}},
  "filterChains": [{
    "filterChainMatch": {"destinationPort": 8080, "transportProtocol": "tls",
      "applicationProtocols": ["istio-http/1.1", "istio-h2"]},
    "filters": [{"name": "envoy.filters.network.http_connection_manager", "typedConfig": {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      "statPrefix": "inbound_0.0.0.0_8080;",
      "routeConfig": {"name": "inbound|8080||", "virtualHosts": [{"name": "inbound|http|80", "domains": ["*"], "routes": [
        {"name": "default", "match": {"prefix": "/"}, "route": {"cluster": "inbound|8080||", "timeout": "0s"}}]}],
        "validateClusters": false},
      "httpFilters": [
        {"name": "envoy.filters.http.rbac", "typedConfig": {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
          "rules": {"policies": {"ns[shop]-policy[web]-rule[0]": {"permissions": [{"any": true}], "principals": []}}},
          "shadowRulesStatPrefix": "istio_dry_run_allow_"}},
        {"name": "envoy.filters.http.router", "typedConfig": {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
      "accessLog": [{"name": "envoy.access_loggers.file"}]}}],
    "transportSocket": {"name": "envoy.transport_sockets.tls", "typedConfig": {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
      "commonTlsContext": {"tlsCertificateSdsSecretConfigs": [{"name": "default"}],
        "combinedValidationContext": {"defaultValidationContext": {"matchSubjectAltNames": [{"prefix": "spiffe://cluster.local/"}]},
          "validationContextSdsSecretConfig": {"name": "ROOTCA"}}, "alpnProtocols": ["h2", "http/1.1"]},
      "requireClientCertificate": true}},
    "name": "0.0.0.0_8080"}],
  "defaultFilterChain": {"filterChainMatch": {}, "name": "PassthroughFilterChain", "filters": [
    {"name": "envoy.filters.network.tcp_proxy", "typedConfig": {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "cluster": "InboundPassthroughCluster"}}]},
  "listenerFilters": [{"name": "envoy.filters.listener.original_dst"}, {"name": "envoy.filters.listener.tls_inspector",
      "filterDisabled": {"destinationPortRange": {"start": 15006, "end": 15007}}}, {"name": "envoy.filters.listener.http_inspector"}],
  "trafficDirection": "INBOUND",
  "accessLog": [{"name": "envoy.access_loggers.file", "filter": {"responseFlagFilter": {"flags": ["NR"]}}}]
}])";

}  // namespace

TEST_CASE("a recorded inbound listener is read whole") {
  const auto listeners = parse_listeners(inbound);
  REQUIRE_MESSAGE(listeners, (listeners ? "" : listeners.error()));
  const auto& listener = listeners->at(0);
  CHECK(listener.address == "0.0.0.0");
  CHECK(listener.port == 15006);
  CHECK(listener.direction == "INBOUND");
  CHECK(listener.bind_to_port);
  CHECK(listener.tls_inspector);
  CHECK(listener.http_inspector);
  CHECK(listener.access_log);
  const auto& chain = listener.chains.at(0);
  CHECK(chain.match.destination_port == 8080);
  CHECK(chain.match.application_protocols.size() == 2);
  CHECK_FALSE(chain.match.any());
  REQUIRE(chain.tls);
  CHECK(chain.tls->istio_mutual());
  CHECK(chain.tls->require_client_certificate);
  CHECK(chain.tls->subject_alt_names.empty());
  CHECK(chain.http);
  CHECK(chain.access_log);
  REQUIRE(chain.inline_routes);
  CHECK(chain.inline_routes->virtual_hosts.at(0).routes.at(0).cluster == "inbound|8080||");
  CHECK(chain.http_filters == std::vector<std::string>{"envoy.filters.http.rbac", "envoy.filters.http.router"});
  REQUIRE(chain.rbac.size() == 1);
  CHECK(chain.rbac[0].name == "ns[shop]-policy[web]-rule[0]");
  CHECK(chain.rbac[0].action == "ALLOW");
  CHECK_FALSE(chain.rbac[0].shadow);
  REQUIRE(listener.default_chain);
  CHECK(listener.default_chain->match.any());
  CHECK(listener.default_chain->tcp_cluster == "InboundPassthroughCluster");
  CHECK_FALSE(listener.default_chain->access_log);
}

TEST_CASE("listeners without socket address do not fail") {
  CHECK(listener_with(R"("internalListener": {})").address.empty());
  CHECK(listener_with(R"("address": {"envoyInternalAddress": {"serverListenerName": "x"}})").port == 0);
  CHECK(listener_with(R"("address": {"pipe": {"path": "/run/s"}})").address == "/run/s");
  CHECK_FALSE(listener_with(R"("bindToPort": false)").bind_to_port);
  CHECK_FALSE(listener_with(R"("deprecatedV1": {"bindToPort": false})").bind_to_port);
  CHECK(listener_with(R"("additionalAddresses": [{"address": {"socketAddress": {"address": "::", "portValue": 80}}}])")
            .more_addresses == std::vector<std::string>{"[::]:80"});
}

TEST_CASE("filter chain matches") {
  const auto listener = listener_with(R"("filterChains": [
    {"filterChainMatch": {"prefixRanges": [{"addressPrefix": "10.96.0.1", "prefixLen": 32}], "serverNames": ["a.com"]}},
    {"filter_chain_match": {"source_prefix_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}, {}])");
  CHECK(listener.chains[0].match.prefix_ranges == std::vector<std::string>{"10.96.0.1/32"});
  CHECK(listener.chains[0].match.server_names == std::vector<std::string>{"a.com"});
  CHECK(listener.chains[1].match.more_conditions);
  CHECK_FALSE(listener.chains[1].match.any());
  CHECK(listener.chains[2].match.any());
}

TEST_CASE("tcp and http chains") {
  const auto rds = chain_with(R"({"name": "envoy.filters.network.http_connection_manager", "typedConfig": {"@type":
      "x.HttpConnectionManager", "rds": {"routeConfigName": "80"}, "httpFilters": [
      {"name": "envoy.filters.http.jwt_authn", "typedConfig": {"@type": "x.v3.JwtAuthentication"}},
      {"name": "ecds", "configDiscovery": {}}]}})");
  CHECK(rds.http);
  CHECK(rds.route_config_name == "80");
  CHECK(rds.jwt);
  CHECK_FALSE(rds.inline_routes);
  CHECK(rds.http_filters.size() == 2);
  const auto weighted = chain_with(R"({"typed_config": {"@type": "x.TcpProxy", "weighted_clusters": {"clusters": [
      {"name": "a", "weight": 80}, {"name": "b", "weight": 20}]}, "access_log": [{"name": "f"}]}})");
  CHECK_FALSE(weighted.http);
  CHECK(weighted.tcp_weighted.size() == 2);
  CHECK(weighted.tcp_cluster.empty());
  CHECK(weighted.access_log);
}

TEST_CASE("RBAC of both layers, shadow rules and rule sets without policies") {
  const auto chain = chain_with(R"({"name": "envoy.filters.network.rbac", "typedConfig": {"@type": "x.rbac.v3.RBAC",
      "rules": {"action": "DENY", "policies": {"p": {}, "q": {}}},
      "shadowRules": {"action": "LOG", "policies": {"s": {}}}}},
    {"name": "envoy.filters.network.rbac", "typedConfig": {"@type": "x.rbac.v3.RBAC", "rules": {}}},
    {"name": "envoy.filters.network.rbac", "typedConfig": {"@type": "x.rbac.v3.RBAC", "statPrefix": "tcp."}})");
  REQUIRE(chain.rbac.size() == 4);
  CHECK(chain.rbac[0].name == "p");
  CHECK(chain.rbac[1].action == "DENY");
  CHECK(chain.rbac[2].shadow);
  CHECK(chain.rbac[2].action == "LOG");
  CHECK(chain.rbac[3].name.empty());
  CHECK(chain.rbac[3].action == "ALLOW");
}

TEST_CASE("listeners of wrong types are errors") {
  CHECK_FALSE(parse_listeners(R"([{"name": ""}])").ok());
  CHECK_FALSE(parse_listeners(R"([{"name": "l", "filterChains": {}}])").ok());
  CHECK_FALSE(parse_listeners(R"([{"name": "l", "address": {"socketAddress": {"portValue": 65536}}}])").ok());
  CHECK_FALSE(parse_listeners(R"([{"name": "l", "filterChains": [{"filters": [{"typedConfig": "x"}]}]}])").ok());
}
