// Endpoints and secrets.
#include <ostream>

#include <doctest/doctest.h>

#include "evidence/certificate.hpp"
#include "evidence/envoy.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

// Made with openssl for this test: a leaf with two SANs (DNS:web, URI:spiffe://cluster.local/ns/shop/sa/web), then its root.
const std::string chain =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJpakNDQVRDZ0F3SUJBZ0lJQVNORlo0bXJ6ZTh3Q2dZSUtvWkl6ajBFQXdJd0dERVdNQl"
    "FHQTFVRUNnd04KWTJ4MWMzUmxjaTVzYjJOaGJEQWVGdzB5TmpFeE1qSXhPVEUzTVRWYUZ3MHlOakV4TWpNeE9URTNNVFZhTUFBdwpXVEFUQmdj"
    "cWhrak9QUUlCQmdncWhrak9QUU1CQndOQ0FBUUN3RUFDRVB1Nm5YMzJvOXhUWk8yTDBOVGdMVWVYCkJ4ZVNtN3N2SjUrb1hZSkFiUFRlOE81MU"
    "ttNXBFcUFEeGxkZWJQZzNIcWdBK1VPa2JueDB4KzlvbzN3d2VqQTQKQmdOVkhSRUJBZjhFTGpBc2dnTjNaV0tHSlhOd2FXWm1aVG92TDJOc2RY"
    "TjBaWEl1Ykc5allXd3Zibk12YzJodgpjQzl6WVM5M1pXSXdIUVlEVlIwT0JCWUVGS01hZndTY0tpelI2aEJrbmcrTk0zaFF5SWtRTUI4R0ExVW"
    "RJd1FZCk1CYUFGSGErcUE2NlRvMjBnUTBDb1MwckYxVXV4bnp2TUFvR0NDcUdTTTQ5QkFNQ0EwZ0FNRVVDSVFEQTU3dk0KSXdwbzJRODI2V080"
    "aVc3Tm1BQnJOZFhLY1drYUViSHJpSmNMK3dJZ0tFcjhrY0t6SUVHV2tZSUd0VDdhanRYVgpTbFpVa3BlMUprMVBqbDBzVURvPQotLS0tLUVORC"
    "BDRVJUSUZJQ0FURS0tLS0tCi0tLS0tQkVHSU4gQ0VSVElGSUNBVEUtLS0tLQpNSUlCY3pDQ0FSbWdBd0lCQWdJQ0Nyd3dDZ1lJS29aSXpqMEVB"
    "d0l3R0RFV01CUUdBMVVFQ2d3TlkyeDFjM1JsCmNpNXNiMk5oYkRBZUZ3MHlOakV4TWpJeE9URTNNVFZhRncwek5qRXhNVGt4T1RFM01UVmFNQm"
    "d4RmpBVUJnTlYKQkFvTURXTnNkWE4wWlhJdWJHOWpZV3d3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVJRWGljNAp0dkZvQWxt"
    "OHRCdlBJRThUdWtRdy9CWjl2M1Z0eVVQTkp5eVA1MlVvZjRvN25xQm9JZldKcUx4Q3ZpbFRtbGVTCndTRUNYc2hIRTNmOVE0OVdvMU13VVRBZE"
    "JnTlZIUTRFRmdRVWRyNm9EcnBPamJTQkRRS2hMU3NYVlM3R2ZPOHcKSHdZRFZSMGpCQmd3Rm9BVWRyNm9EcnBPamJTQkRRS2hMU3NYVlM3R2ZP"
    "OHdEd1lEVlIwVEFRSC9CQVV3QXdFQgovekFLQmdncWhrak9QUVFEQWdOSUFEQkZBaUVBODIxalJYU1ZKbm1pZkdBTXhELzNxZStiUlVoNzJSUV"
    "hkUnA0CnFhS0pzb29DSUdlcmduTGs5cUp0OFRYTXhQK0I1SmJ3OG5ndXdyeUpwNWtPNUlseTBFdkYKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0t"
    "LQo=";

const std::string root =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJjekNDQVJtZ0F3SUJBZ0lDQ3J3d0NnWUlLb1pJemowRUF3SXdHREVXTUJRR0ExVUVDZ3"
    "dOWTJ4MWMzUmwKY2k1c2IyTmhiREFlRncweU5qRXhNakl4T1RFM01UVmFGdzB6TmpFeE1Ua3hPVEUzTVRWYU1CZ3hGakFVQmdOVgpCQW9NRFdO"
    "c2RYTjBaWEl1Ykc5allXd3dXVEFUQmdjcWhrak9QUUlCQmdncWhrak9QUU1CQndOQ0FBUlFYaWM0CnR2Rm9BbG04dEJ2UElFOFR1a1F3L0JaOX"
    "YzVnR5VVBOSnl5UDUyVW9mNG83bnFCb0lmV0pxTHhDdmlsVG1sZVMKd1NFQ1hzaEhFM2Y5UTQ5V28xTXdVVEFkQmdOVkhRNEVGZ1FVZHI2b0Ry"
    "cE9qYlNCRFFLaExTc1hWUzdHZk84dwpId1lEVlIwakJCZ3dGb0FVZHI2b0RycE9qYlNCRFFLaExTc1hWUzdHZk84d0R3WURWUjBUQVFIL0JBVX"
    "dBd0VCCi96QUtCZ2dxaGtqT1BRUURBZ05JQURCRkFpRUE4MjFqUlhTVkpubWlmR0FNeEQvM3FlK2JSVWg3MlJRWGRScDQKcWFLSnNvb0NJR2Vy"
    "Z25MazlxSnQ4VFhNeFArQjVKYnc4bmd1d3J5SnA1a081SWx5MEV2RgotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==";

Secrets parsed(const std::string& json) {
  auto secrets = parse_secrets(json);
  REQUIRE_MESSAGE(secrets, (secrets ? "" : secrets.error()));
  return *secrets;
}

}  // namespace

TEST_CASE("a recorded cluster status is read whole") {
  const auto endpoints = parse_endpoints(R"([
    {"name": "outbound|80||web.shop.svc.cluster.local", "addedViaApi": true,
     "hostStatuses": [
       {"address": {"socketAddress": {"address": "10.244.0.186", "portValue": 8080}},
        "stats": [{"name": "cx_connect_fail"}, {"value": "2", "name": "cx_total"}, {"value": "1", "name": "rq_error"},
                  {"name": "rq_success"}, {"name": "rq_timeout"}, {"value": "18446744073709551615", "name": "rq_total"},
                  {"type": "GAUGE", "name": "cx_active"}],
        "healthStatus": {"failedOutlierCheck": true, "edsHealthStatus": "HEALTHY"}, "weight": 1, "locality": {}},
       {"address": {"socketAddress": {"address": "10.244.0.187", "portValue": 8080}},
        "healthStatus": {"failedActiveHealthCheck": true, "edsHealthStatus": "UNHEALTHY"}, "weight": 3}],
     "circuitBreakers": {"thresholds": [{"maxConnections": 4294967295}, {"priority": "HIGH", "maxConnections": 1024}]},
     "observabilityName": "outbound|80||web.shop.svc.cluster.local;"},
    {"name": "xds-grpc", "hostStatuses": [{"address": {"pipe": {"path": "./etc/istio/proxy/XDS"}}}]},
    {"name": "empty"}])");
  REQUIRE_MESSAGE(endpoints, (endpoints ? "" : endpoints.error()));
  REQUIRE(endpoints->size() == 3);
  const auto& hosts = (*endpoints)[0].hosts;
  REQUIRE(hosts.size() == 2);
  CHECK(hosts[0].address == "10.244.0.186");
  CHECK(hosts[0].port == 8080);
  CHECK(hosts[0].health == "HEALTHY");
  CHECK(hosts[0].failed_outlier_check);
  CHECK_FALSE(hosts[0].failed_active_check);
  CHECK(hosts[0].stats.at("cx_connect_fail") == 0);
  CHECK(hosts[0].stats.at("cx_total") == 2);
  CHECK(hosts[0].stats.at("rq_total") == 18446744073709551615U);
  CHECK(hosts[1].health == "UNHEALTHY");
  CHECK(hosts[1].failed_active_check);
  CHECK(hosts[1].weight == 3);
  CHECK((*endpoints)[1].hosts[0].address == "./etc/istio/proxy/XDS");
  CHECK((*endpoints)[1].hosts[0].health == "UNKNOWN");
  CHECK((*endpoints)[2].hosts.empty());
}

TEST_CASE("Envoy's own clusters page is read too") {
  const auto endpoints = parse_endpoints(R"({"cluster_statuses": [{"name": "a", "host_statuses": [{"address":
      {"socket_address": {"address": "10.0.0.1", "port_value": 80}}, "health_status": {"eds_health_status": "HEALTHY"}}]}]})");
  REQUIRE(endpoints);
  CHECK((*endpoints)[0].hosts.at(0).port == 80);
  CHECK((*endpoints)[0].hosts.at(0).health == "HEALTHY");
  CHECK_FALSE(parse_endpoints(R"([{"hostStatuses": []}])").ok());
  CHECK_FALSE(parse_endpoints(R"([{"name": "a", "hostStatuses": [{"stats": [{"name": "x", "value": "many"}]}]}])").ok());
}

TEST_CASE("secrets carry their certificates") {
  const auto secrets = parsed(R"({"dynamicActiveSecrets": [
    {"name": "default", "versionInfo": "2026-11-22T16:48:52Z/1", "lastUpdated": "2026-11-22T16:48:52.286Z", "secret": {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": "default",
      "tlsCertificate": {"certificateChain": {"inlineBytes": ")" + chain + R"("},
        "privateKey": {"inlineBytes": "W3JlZGFjdGVkXQ=="}}}},
    {"name": "ROOTCA", "lastUpdated": "x", "secret": {"name": "ROOTCA", "validationContext": {"trustedCa":
      {"inlineBytes": ")" + root + R"("}, "crl": {"inlineBytes": ""}}}}],
    "dynamicWarmingSecrets": [{"name": "kubernetes://web-cert", "versionInfo": "uninitialized"}]})");
  REQUIRE(secrets.size() == 3);
  CHECK(secrets[0].active);
  CHECK_FALSE(secrets[0].is_ca);
  CHECK(secrets[0].last_updated == "2026-11-22T16:48:52.286Z");
  REQUIRE(secrets[0].chain.size() == 2);
  const auto& leaf = secrets[0].chain[0];
  CHECK(leaf.subject_alt_name == "spiffe://cluster.local/ns/shop/sa/web");
  CHECK(leaf.serial == "123456789abcdef");
  CHECK(leaf.fingerprint == "b4341080e6bb634f21746981187103c00a53a32cb7bf5fd7049c0d812c761e23");
  CHECK(leaf.not_before == 1795375035);
  CHECK(leaf.not_after == 1795461435);
  CHECK(secrets[0].chain[1].serial == "abc");
  CHECK(secrets[0].chain[1].subject_alt_name.empty());
  CHECK(secrets[1].is_ca);
  CHECK(secrets[1].chain.size() == 1);
  CHECK(secrets[1].chain[0].fingerprint == secrets[0].chain[1].fingerprint);
  CHECK(secrets[2].name == "kubernetes://web-cert");
  CHECK_FALSE(secrets[2].active);
  CHECK(secrets[2].chain.empty());
}

TEST_CASE("a secret that waits is warming wherever it stands") {
  CHECK_FALSE(parsed(R"({"dynamicActiveSecrets": [{"name": "a", "versionInfo": "uninitialized"}]})")[0].active);
  CHECK(parsed(R"({"dynamicActiveSecrets": [{"name": "a", "versionInfo": "1"}]})")[0].active);
}

TEST_CASE("certificates that cannot be read are errors") {
  const auto with = [](const std::string& bytes) {
    return parse_secrets(R"({"dynamicActiveSecrets": [{"name": "a", "secret": {"tlsCertificate": {"certificateChain":
        {"inlineBytes": ")" + bytes + "\"}}}}]}");
  };
  CHECK(with("").ok());
  CHECK(with("W3JlZGFjdGVkXQ==")->at(0).chain.empty());
  CHECK_FALSE(with("?").ok());
  CHECK_FALSE(with(chain.substr(0, 400)).ok());
  CHECK(contains(with("?").error(), "secrets dump, element 1 at byte 26: \"inlineBytes\" is no base64"));
  const auto pem = decode_base64(root);
  REQUIRE(pem);
  for (std::size_t size = 0; size < pem->size(); ++size) (void)parse_certificates(pem->substr(0, size)).ok();
  for (std::size_t at = 0; at < pem->size(); ++at) {
    auto changed = *pem;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    (void)parse_certificates(changed).ok();
  }
}

TEST_CASE("base64 of both alphabets") {
  CHECK(*decode_base64("") == "");
  CHECK(*decode_base64("Zg==") == "f");
  CHECK(*decode_base64("Zm8") == "fo");
  CHECK(*decode_base64("Zm9v") == "foo");
  CHECK(*decode_base64("+/-_") == "\xFB\xFF\xBF");
  CHECK_FALSE(decode_base64("Z").has_value());
  CHECK_FALSE(decode_base64("Zm 9").has_value());
}
