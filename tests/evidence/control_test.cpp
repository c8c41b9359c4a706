#include <ostream>

#include <doctest/doctest.h>

#include "evidence/control.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

const std::string nine_columns =
    "NAME       CLUSTER      CDS                            LDS          EDS                            RDS          ECDS         ISTIOD      VERSION\n"
    "proxy1     cluster1     STALE                          SYNCED       SYNCED                         NOT SENT     NOT SENT     istiod1     1.1*\n"
    "proxy3     cluster3     STALE (Never Acknowledged)     NOT SENT     STALE (Never Acknowledged)     SYNCED       NOT SENT     istiod3     1.1\n"
    "proxy4     cluster4     IGNORED                        IGNORED      IGNORED                        IGNORED      IGNORED      istiod4     1.1\n";

const std::string ages =
    "NAME         CLUSTER      CDS               LDS            EDS         RDS          ECDS        ISTIOD      VERSION\n"
    "web-1.ns     cluster1     SYNCED (2m5s)     ERROR (8s)     STALE       NOT SENT     IGNORED     istiod1     1.23.1\n"
    "web-2.ns     cluster1                       SYNCED                                              istiod1     1.22.0\n";

const std::string no_sync =
    "NAME                                                  CLUSTER        ISTIOD                      VERSION      SUBSCRIBED TYPES\n"
    "api-v1-d869df75f-tlb2n.shop                           Kubernetes     istiod-68c4465459-b8wnc     1.32-dev     4 (CDS,LDS,EDS,RDS)\n";

const std::string verbose =
    "NAME                                                  CLUSTER        CDS              ECDS        EDS             LDS              RDS              ISTIOD                      VERSION\n"
    "istio-ingressgateway-fb598896b-56bnm.istio-system     Kubernetes     SYNCED (11s)     IGNORED     SYNCED (8s)     SYNCED (11s)     SYNCED (11s)     istiod-68c4465459-b8wnc     1.32-dev\n";

std::string istiod_json(const std::string& istiod, const std::string& proxy, const std::string& status) {
  return R"({
    "versionInfo": "x",
    "resources": [{"node": {"id": ")" + proxy + R"(", "metadata": {"CLUSTER_ID": "c1", "NAMESPACE": "ns", "ISTIO_VERSION": "1.30"}},
      "genericXdsConfigs": [
        {"typeUrl": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "configStatus": ")" + status + R"(",
         "errorState": {"details": "goo.gle/debugproto  \nname: \"a\"\n}\n: Proto constraint validation failed"}},
        {"typeUrl": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "configStatus": "NOT_SENT"},
        {"typeUrl": "type.googleapis.com/unheard.of", "configStatus": "SYNCED"}]}],
    "typeUrl": "istio.io/debug/syncz",
    "controlPlane": {"identifier": "{\"Component\":\"istiod\",\"ID\":\")" + istiod + R"(\"}"}
})" + "\n";
}

const std::string tcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                      \n"
    "   0: 0100007F:3A98 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 455795 1 000000005f05a099 100 0 0 10 0\n"
    "   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 457743 2 00000000436b259d 100 0 0 10 0\n"
    "   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 457744 2 00000000436b259d 100 0 0 10 0\n"
    "   3: 0100007F:A3D2 0100007F:3A9C 06 00000000:00000000 03:000016E9 00000000     0        0 0 3 0000000000000000\n";
const std::string tcp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000000000000000000000000000:3AAC 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 1 1 0 100 0 0 10 0\n"
    "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
    "   2: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n";

}  // namespace

TEST_CASE("proxy-status of 1.18 to 1.21 has nine columns") {
  const auto status = parse_proxy_status(nine_columns);
  REQUIRE(status.ok());
  CHECK(status->says_sync);
  REQUIRE(status->proxies.size() == 3);
  const auto& first = status->proxies[0];
  CHECK(first.pod == "proxy1");
  CHECK(first.ns.empty());
  CHECK(first.cluster == "cluster1");
  CHECK(first.istiod == "istiod1");
  CHECK(first.version == "1.1");
  CHECK(first.types.at("CDS") == Sync::stale);
  CHECK(first.types.at("RDS") == Sync::not_sent);
  CHECK(status->proxies[1].types.at("EDS") == Sync::stale);
  CHECK(status->proxies[2].types.at("ECDS") == Sync::ignored);
}

TEST_CASE("proxy-status of 1.22 to 1.26 has ages and can have empty cells") {
  const auto status = parse_proxy_status(ages);
  REQUIRE(status.ok());
  const auto& first = status->proxies[0];
  CHECK(first.pod == "web-1");
  CHECK(first.ns == "ns");
  CHECK(first.types.at("CDS") == Sync::synced);
  CHECK(first.types.at("LDS") == Sync::error);
  CHECK(first.types.at("EDS") == Sync::stale);
  const auto& second = status->proxies[1];
  CHECK(second.types.size() == 1);
  CHECK(second.types.at("LDS") == Sync::synced);
  CHECK(second.istiod == "istiod1");
  CHECK(second.version == "1.22.0");
}

TEST_CASE("proxy-status from 1.27 says sync only when verbose") {
  const auto plain = parse_proxy_status(no_sync);
  REQUIRE(plain.ok());
  CHECK_FALSE(plain->says_sync);
  REQUIRE(plain->proxies.size() == 1);
  CHECK(plain->proxies[0].pod == "api-v1-d869df75f-tlb2n");
  CHECK(plain->proxies[0].ns == "shop");
  CHECK(plain->proxies[0].version == "1.32-dev");
  CHECK(plain->proxies[0].types.empty());
  const auto full = parse_proxy_status(verbose);
  REQUIRE(full.ok());
  CHECK(full->says_sync);
  CHECK(full->proxies[0].types.size() == 5);
  CHECK(full->proxies[0].types.at("ECDS") == Sync::ignored);
  CHECK(full->proxies[0].istiod == "istiod-68c4465459-b8wnc");
}

TEST_CASE("proxy-status of no proxies is a header alone") {
  const auto status = parse_proxy_status("NAME     CLUSTER     CDS     LDS     EDS     RDS     ECDS     ISTIOD     VERSION\n");
  REQUIRE(status.ok());
  CHECK(status->says_sync);
  CHECK(status->proxies.empty());
}

TEST_CASE("proxy-status as JSON is a stream of one object an istiod") {
  const auto status = parse_proxy_status(istiod_json("istiod-b", "web-1.ns", "ERROR") +
                                         istiod_json("istiod-a", "sidecar~10.0.0.1~api-1.other~other.svc.cluster.local", "SYNCED"));
  REQUIRE(status.ok());
  CHECK(status->says_sync);
  REQUIRE(status->proxies.size() == 2);
  CHECK(status->proxies[0].pod == "api-1");   // sorted by name
  CHECK(status->proxies[0].ns == "other");
  CHECK(status->proxies[0].istiod == "istiod-a");
  CHECK(status->proxies[0].errors.empty());
  const auto& web = status->proxies[1];
  CHECK(web.types.at("CDS") == Sync::error);
  CHECK(web.types.at("RDS") == Sync::not_sent);
  CHECK(web.types.at("type.googleapis.com/unheard.of") == Sync::synced);
  CHECK(web.errors.at("CDS") == "Proto constraint validation failed");
  CHECK(web.cluster == "c1");
  CHECK(web.version == "1.30");
  REQUIRE(parse_proxy_status("{\n\n}\n").ok());
  CHECK(parse_proxy_status("{\n\n}\n")->proxies.empty());
}

TEST_CASE("what is no proxy-status is an error") {
  for (const char* text : {"", "\n", "Clusters Match\nListeners Match\n", "[]", "{\"a\": 1}", "{}{", "{} x", "NAME  READY\nx  1\n", "NAME"}) {
    INFO(text);
    CHECK_FALSE(parse_proxy_status(text).ok());
  }
  const std::string json = istiod_json("i", "a.b", "SYNCED");
  for (std::size_t n = 0; n + 1 < json.size(); ++n) CHECK_FALSE(parse_proxy_status(std::string_view(json).substr(0, n)).ok());
  CHECK_FALSE(parse_proxy_status(verbose.substr(0, verbose.size() - 12)).ok());   // the last column is not reached
  CHECK_FALSE(parse_proxy_status(no_sync + "a-name-that-is-longer-than-the-column-of-names-can-hold-in-this-table.ns\n").ok());
  for (std::size_t n = 0; n < verbose.size(); ++n) parse_proxy_status(std::string_view(verbose).substr(n));   // no crash
}

TEST_CASE("versions") {
  const auto istio = parse_istio_version(R"({"clientVersion":{"version":"1.30.3"},
    "meshVersion":[{"Component":"pilot","Info":{"version":"1.30.3"}},{"Component":"pilot","Info":{"version":"1.30.3"}},
    {"Info":{"version":"1.29.0"}}],"dataPlaneVersion":[{"ID":"web-1.shop","IstioVersion":"1.30.2","Type":"sidecar"}]})");
  REQUIRE(istio.ok());
  CHECK(istio->client == "1.30.3");
  CHECK(istio->control_planes == std::vector<std::string>{"1.30.3", "1.29.0"});
  CHECK(istio->proxies.at("web-1.shop") == "1.30.2");
  CHECK(parse_istio_version(R"({"clientVersion":{"version":"1.30.3"}})")->control_planes.empty());
  CHECK_FALSE(parse_istio_version("client version: 1.30.3\n").ok());
  CHECK_FALSE(parse_istio_version("[]").ok());
  const auto kube = parse_kube_version(R"({"clientVersion":{"gitVersion":"v1.32.4"},"serverVersion":{"gitVersion":"v1.34.4"}})");
  REQUIRE(kube.ok());
  CHECK(kube->server == "v1.34.4");
  CHECK(parse_kube_version(R"({"clientVersion":{"gitVersion":"v1.32.4"}})")->server.empty());
  CHECK_FALSE(parse_kube_version("{}").ok());
}

TEST_CASE("analyze") {
  const auto none = parse_analyze("[]\n");
  REQUIRE(none.ok());
  CHECK(none->empty());
  const auto one = parse_analyze("[\n\t{\n\t\t\"code\": \"IST0101\",\n\t\t\"level\": \"Error\",\n\t\t\"message\": \"m\",\n"
                                 "\t\t\"origin\": \"VirtualService shop/web\"\n\t}\n]\n");
  REQUIRE(one.ok());
  CHECK(one->front().code == "IST0101");
  CHECK(one->front().origin == "VirtualService shop/web");
  CHECK_FALSE(parse_analyze("{}").ok());
  CHECK_FALSE(parse_analyze("[1]").ok());
  CHECK_FALSE(parse_analyze("Error [IST0101] (x) y\n").ok());
}

TEST_CASE("sockets that listen in both tables") {
  const auto sockets = parse_sockets(tcp + tcp6);
  REQUIRE(sockets.ok());
  REQUIRE(sockets->size() == 5);
  CHECK(sockets->at(0).address == "127.0.0.1");
  CHECK(sockets->at(0).port == 15000);
  CHECK(sockets->at(0).uid == 1337);
  CHECK(sockets->at(0).loopback());
  CHECK(sockets->at(1).address == "0.0.0.0");
  CHECK(sockets->at(1).port == 8080);
  CHECK_FALSE(sockets->at(1).loopback());
  CHECK(sockets->at(2).address == "::");
  CHECK(sockets->at(2).port == 15020);
  CHECK(sockets->at(3).address == "::1");
  CHECK(sockets->at(3).loopback());
  CHECK(sockets->at(4).address == "127.0.0.1");
  CHECK(sockets->at(4).loopback());
}

TEST_CASE("what is no socket table is an error") {
  CHECK_FALSE(parse_sockets("").ok());
  CHECK_FALSE(parse_sockets("cat: not found\n").ok());
  CHECK_FALSE(parse_sockets(tcp + "   4: 0100007F:3A9\n").ok());
  CHECK_FALSE(parse_sockets(tcp + "   4: 0100007X:3A98 00000000:0000 0A 0:0 0:0 0 0 0 1 1 0 1\n").ok());
  for (std::size_t n = 0; n < tcp6.size(); ++n) parse_sockets(std::string_view(tcp6).substr(n));   // no crash
}
