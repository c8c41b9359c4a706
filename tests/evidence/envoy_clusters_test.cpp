#include <ostream>

#include <doctest/doctest.h>

#include "evidence/envoy.hpp"

using namespace meshdx::evidence;

namespace {

Cluster cluster_with(const std::string& members) {
  const auto clusters = parse_clusters(R"([{"name": "c")" + (members.empty() ? "" : ", " + members) + "}]");
  REQUIRE_MESSAGE(clusters, (clusters ? "" : clusters.error()));
  REQUIRE(clusters->size() == 1);
  return clusters->front();
}

// Shortened from `istioctl proxy-config clusters` of Istio 1.32-dev.
const char* const recorded = R"([
    {
        "transportSocketMatches": [
            {
                "name": "tlsMode-istio",
                "match": {
                    "tlsMode": "istio"
                },
                "transportSocket": {
                    "name": "envoy.transport_sockets.tls",
                    "typedConfig": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                        "commonTlsContext": {
                            "tlsParams": {"tlsMinimumProtocolVersion": "TLSv1_2", "tlsMaximumProtocolVersion": "TLSv1_3"},
                            "tlsCertificateSdsSecretConfigs": [
                                {"name": "default", "sdsConfig": {"apiConfigSource": {"apiType": "GRPC"}}}
                            ],
                            "combinedValidationContext": {
                                "defaultValidationContext": {
                                    "matchSubjectAltNames": [{"exact": "spiffe://cluster.local/ns/shop/sa/default"}]
                                },
                                "validationContextSdsSecretConfig": {"name": "ROOTCA"}
                            },
                            "alpnProtocols": ["istio"]
                        },
                        "sni": "outbound_.80_.v1_.web.shop.svc.cluster.local"
                    }
                }
            },
            {
                "name": "tlsMode-disabled",
                "match": {},
                "transportSocket": {
                    "name": "envoy.transport_sockets.raw_buffer",
                    "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}
                }
            }
        ],
        "name": "outbound|80|v1|web.shop.svc.cluster.local",
        "altStatName": "outbound|80|v1|web.shop.svc.cluster.local;",
        "type": "EDS",
        "edsClusterConfig": {"edsConfig": {"ads": {}}, "serviceName": "outbound|80|v1|web.shop.svc.cluster.local"},
        "connectTimeout": "10s",
        "lbPolicy": "LEAST_REQUEST",
        "circuitBreakers": {
            "thresholds": [
                {"maxConnections": 1, "maxPendingRequests": 4294967295, "maxRequests": 2, "maxRetries": 4294967295},
                {"priority": "HIGH", "maxConnections": 1024, "maxPendingRequests": 1024, "maxRetries": 3}
            ]
        },
        "commonLbConfig": {"healthyPanicThreshold": {}},
        "outlierDetection": {"consecutive5xx": 1, "interval": "1s", "baseEjectionTime": "600s", "maxEjectionPercent": 100,
            "enforcingConsecutive5xx": 100, "enforcingSuccessRate": 0},
        "metadata": {
            "filterMetadata": {
                "istio": {
                    "config": "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/web",
                    "services": [{"host": "web.shop.svc.cluster.local", "name": "web", "namespace": "shop"}],
                    "subset": "v1"
                }
            }
        }
    }
])";

}  // namespace

TEST_CASE("a recorded cluster is read whole") {
  const auto clusters = parse_clusters(recorded);
  REQUIRE_MESSAGE(clusters, (clusters ? "" : clusters.error()));
  const auto& cluster = clusters->at(0);
  CHECK(cluster.name == "outbound|80|v1|web.shop.svc.cluster.local");
  CHECK(cluster.type == "EDS");
  CHECK(cluster.lb_policy == "LEAST_REQUEST");
  CHECK(cluster.connect_timeout == "10s");
  CHECK_FALSE(cluster.tls);
  REQUIRE(cluster.matches.size() == 2);
  CHECK(cluster.matches[0].match == std::map<std::string, std::string>{{"tlsMode", "istio"}});
  REQUIRE(cluster.matches[0].tls);
  const auto& tls = *cluster.matches[0].tls;
  CHECK(tls.istio_mutual());
  CHECK(tls.sni == "outbound_.80_.v1_.web.shop.svc.cluster.local");
  CHECK(tls.alpn == std::vector<std::string>{"istio"});
  CHECK(tls.subject_alt_names == std::vector<std::string>{"spiffe://cluster.local/ns/shop/sa/default"});
  CHECK(cluster.matches[1].match.empty());
  CHECK_FALSE(cluster.matches[1].tls);
  CHECK(cluster.breakers.max_connections == 1);
  CHECK(cluster.breakers.max_requests == 2);
  CHECK_FALSE(cluster.breakers.max_pending_requests);
  CHECK_FALSE(cluster.breakers.max_retries);
  REQUIRE(cluster.outlier);
  CHECK(cluster.outlier->consecutive_5xx == 1);
  CHECK(cluster.outlier->base_ejection_time == "600s");
  CHECK(cluster.outlier->max_ejection_percent == 100);
  CHECK(cluster.config.kind == "destination-rule");
  CHECK(cluster.config.ns == "shop");
  CHECK(cluster.config.name == "web");
  CHECK(cluster.subset == "v1");
  CHECK(cluster.services.at(0).host == "web.shop.svc.cluster.local");
  CHECK(cluster.http == UpstreamHttp::none);
}

TEST_CASE("zero values that protojson leaves out have their defaults") {
  const auto cluster = cluster_with("");
  CHECK(cluster.type == "STATIC");
  CHECK(cluster.lb_policy == "ROUND_ROBIN");
  CHECK_FALSE(cluster.breakers.any());
  CHECK_FALSE(cluster.outlier);
  CHECK_FALSE(cluster.config);
  CHECK(cluster_with(R"("clusterType": {"name": "envoy.cluster.dns"})").type == "envoy.cluster.dns");
}

TEST_CASE("the upstream protocol is told from HttpProtocolOptions") {
  const auto with = [](const std::string& options) {
    return cluster_with(R"("typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {)" +
                        options + "}}").http;
  };
  CHECK(with(R"("explicitHttpConfig": {"httpProtocolOptions": {}})") == UpstreamHttp::http1);
  CHECK(with(R"("explicitHttpConfig": {"http2ProtocolOptions": {}})") == UpstreamHttp::http2);
  CHECK(with(R"("explicit_http_config": {"http2_protocol_options": {}})") == UpstreamHttp::http2);
  CHECK(with(R"("useDownstreamProtocolConfig": {"http2ProtocolOptions": {}})") == UpstreamHttp::downstream);
  CHECK(with(R"("commonHttpProtocolOptions": {"idleTimeout": "300s"})") == UpstreamHttp::none);
  CHECK(cluster_with(R"("http2ProtocolOptions": {})").http == UpstreamHttp::http2);
  CHECK(cluster_with(R"("protocolSelection": "USE_DOWNSTREAM_PROTOCOL", "http2ProtocolOptions": {})").http ==
        UpstreamHttp::downstream);
}

TEST_CASE("SIMPLE TLS is told from mutual TLS and takes its SNI from the host") {
  const auto cluster = cluster_with(R"("transportSocket": {"name": "envoy.transport_sockets.tls", "typedConfig": {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "commonTlsContext": {
      "combinedValidationContext": {"defaultValidationContext": {},
        "validationContextSdsSecretConfig": {"name": "file-root:system"}}}}},
    "typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions":
      {"upstreamHttpProtocolOptions": {"autoSni": true, "autoSanValidation": true}}})");
  REQUIRE(cluster.tls);
  CHECK_FALSE(cluster.tls->istio_mutual());
  CHECK(cluster.tls->validation_secret == "file-root:system");
  CHECK(cluster.tls->auto_sni);
  CHECK(cluster.tls->sni.empty());
}

TEST_CASE("TLS inside a wrapping transport socket is found") {
  const auto cluster = cluster_with(R"("transportSocket": {"typedConfig": {"@type": "x.InternalUpstreamTransport",
      "transportSocket": {"typedConfig": {"@type": "x.UpstreamTlsContext", "sni": "inner", "commonTlsContext": {
        "validationContextSdsSecretConfig": {"name": "ROOTCA"},
        "tlsCertificateSdsSecretConfigs": [{"name": "default"}]}}}}})");
  REQUIRE(cluster.tls);
  CHECK(cluster.tls->sni == "inner");
  CHECK(cluster.tls->istio_mutual());
}

TEST_CASE("static addresses of every kind are read") {
  const auto cluster = cluster_with(R"("loadAssignment": {"clusterName": "c", "endpoints": [{"lbEndpoints": [
      {"endpoint": {"address": {"socketAddress": {"address": "127.0.0.1", "portValue": 15020}}}},
      {"endpoint": {"address": {"socketAddress": {"address": "::1", "portValue": 80}}}},
      {"endpoint": {"address": {"pipe": {"path": "./etc/istio/proxy/XDS"}}}},
      {"endpoint": {"address": {"envoyInternalAddress": {"serverListenerName": "connect_originate", "endpointId": "10.0.0.1:80"}}}}
    ]}]})");
  CHECK(cluster.static_addresses == std::vector<std::string>{"127.0.0.1:15020", "[::1]:80", "./etc/istio/proxy/XDS",
                                                             "envoy://connect_originate/10.0.0.1:80"});
}

TEST_CASE("cluster names are taken apart") {
  const auto subset = ClusterName::parse("outbound|80|v1|web.shop.svc.cluster.local");
  REQUIRE(subset);
  CHECK(subset->direction == "outbound");
  CHECK(subset->port == 80);
  CHECK(subset->subset == "v1");
  CHECK(subset->host == "web.shop.svc.cluster.local");
  const auto inbound = ClusterName::parse("inbound|8080||");
  REQUIRE(inbound);
  CHECK(inbound->port == 8080);
  CHECK(inbound->host.empty());
  const auto sni = ClusterName::parse("outbound_.80_.v1_.web.shop.svc.cluster.local");
  REQUIRE(sni);
  CHECK(sni->subset == "v1");
  CHECK(sni->host == "web.shop.svc.cluster.local");
  const auto plain = ClusterName::parse("outbound_.8080_._.api.shop.svc.cluster.local");
  REQUIRE(plain);
  CHECK(plain->subset.empty());
  CHECK(plain->host == "api.shop.svc.cluster.local");
  CHECK(ClusterName::parse("outbound|80||web;")->host == "web");
  CHECK(ClusterName::parse("inbound|80|http|web.shop.svc.cluster.local")->subset == "http");
  for (const char* name : {"", "agent", "PassthroughCluster", "outbound|80|v1", "outbound|x||web", "outbound|65536||web",
                           "outbound|80||a|b", "web|80||host", "web.shop", "_._._."}) {
    CHECK_FALSE_MESSAGE(ClusterName::parse(name).has_value(), name);
  }
}
