// Walks through a sidecar whose dumps are the shapes of formats.md 2.3, cut to what matters.
#include "mesh/route_walk.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using End = Walk::End;
using State = Leg::State;

namespace {

std::string http_chain(const std::string& routes, const std::string& match) {
  return "{'filterChainMatch':" + match +
         ",'filters':[{'name':'envoy.filters.network.http_connection_manager','typedConfig':{'@type':"
         "'type.googleapis.com/"
         "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager','rds':{'routeConfigName':"
         "'" +
         routes + "'}}}]}";
}

std::string tcp_chain(const std::string& cluster, const std::string& match = "{}") {
  return "{'filterChainMatch':" + match +
         ",'filters':[{'name':'tcp','typedConfig':{'@type':"
         "'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'," +
         cluster + "}}]}";
}

std::string listener(const std::string& name, const std::string& address, int port, const std::string& chains,
                     const std::string& more = "") {
  return "{'name':'" + name + "','address':{'socketAddress':{'address':'" + address +
         "','portValue':" + std::to_string(port) + "}},'trafficDirection':'OUTBOUND','filterChains':[" + chains + "]" +
         more + "}";
}

const std::string sniffed = "{'transportProtocol':'raw_buffer','applicationProtocols':['http/1.1','h2c']}";
const std::string to_passthrough = ",'defaultFilterChain':" + tcp_chain("'cluster':'PassthroughCluster'");

const std::string listeners =
    "[" +
    listener("10.96.0.3_3306", "10.96.0.3", 3306, tcp_chain("'cluster':'outbound|3306||db.shop.svc.cluster.local'")) +
    "," +
    listener(
        "10.96.0.4_3306", "10.96.0.4", 3306,
        tcp_chain("'weightedClusters':{'clusters':[{'name':'outbound|3306|a|db2.shop.svc.cluster.local','weight':70},"
                  "{'name':'outbound|3306|b|db2.shop.svc.cluster.local','weight':30},{'name':'outbound|3306|c|db2.shop."
                  "svc.cluster.local','weight':0}]}")) +
    "," + listener("0.0.0.0_80", "0.0.0.0", 80, http_chain("80", sniffed), to_passthrough) + "," +
    listener("10.96.0.8_8080", "10.96.0.8", 8080, http_chain("web.shop.svc.cluster.local:8080", sniffed),
             to_passthrough) +
    "," + listener("0.0.0.0_8080", "0.0.0.0", 8080, http_chain("8080", sniffed), to_passthrough) + "," +
    listener("0.0.0.0_9000", "0.0.0.0", 9000, http_chain("9000", "{}")) + "," +
    listener("0.0.0.0_7000", "0.0.0.0", 7000,
             tcp_chain("'cluster':'outbound|7000||wide.shop'",
                       "{'prefixRanges':[{'addressPrefix':'172.20.0.0','prefixLen':16}]}") +
                 "," +
                 tcp_chain("'cluster':'outbound|7000||narrow.shop'",
                           "{'prefixRanges':[{'addressPrefix':'172.20.5.0','prefixLen':24}]}"),
             to_passthrough) +
    "," + listener("10.96.0.9_443", "10.96.0.9", 443, http_chain("443", "{'transportProtocol':'raw_buffer'}")) + "," +
    listener("10.96.0.5_80", "10.96.0.5", 80,
             tcp_chain(
                 "'weightedClusters':{'clusters':[{'name':'outbound|80|only|one.shop.svc.cluster.local','weight':1}]}"),
             ",'additionalAddresses':[{'address':{'socketAddress':{'address':'fd00::5','portValue':80}}}]") +
    "," + listener("virtualOutbound", "0.0.0.0", 15001, "", to_passthrough) + "]";

const std::string routes = R"([{'name':'80','virtualHosts':[
  {'name':'web','domains':['web.shop.svc.cluster.local','web','10.96.0.1'],'routes':[{'name':'default','match':{'prefix':'/'},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]},
  {'name':'api','domains':['api.shop.svc.cluster.local'],'routes':[
    {'match':{'prefix':'/split'},'route':{'weightedClusters':{'clusters':[{'name':'outbound|80|v1|api.shop.svc.cluster.local','weight':90},
       {'name':'outbound|80|v2|api.shop.svc.cluster.local','weight':10},{'name':'outbound|80|v3|api.shop.svc.cluster.local','weight':0}]}}},
    {'match':{'prefix':'/one'},'route':{'weightedClusters':{'clusters':[{'name':'outbound|80|v1|api.shop.svc.cluster.local','weight':100}]}}},
    {'match':{'path':'/teapot'},'directResponse':{'status':418}},
    {'match':{'prefix':'/old'},'redirect':{'pathRedirect':'/new'}},
    {'match':{'prefix':'/header'},'route':{'clusterHeader':'x-cluster'}},
    {'match':{'prefix':'/some','runtimeFraction':{'defaultValue':{'numerator':50}}},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}},
    {'match':{'prefix':'/first'},'route':{'cluster':'outbound|80||gone.shop.svc.cluster.local'}},
    {'match':{'prefix':'/fi'},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]},
  {'name':'empty','domains':['empty.shop.svc.cluster.local']},
  {'name':'secure','domains':['secure.shop.svc.cluster.local'],'requireTls':'ALL','routes':[{'match':{'prefix':'/'},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]},
  {'name':'allow_any','domains':['*'],'routes':[{'name':'allow_any','match':{'prefix':'/'},'route':{'cluster':'PassthroughCluster'}}]}]},
 {'name':'8080','virtualHosts':[{'name':'block_all','domains':['*'],'routes':[{'name':'block_all','match':{'prefix':'/'},'directResponse':{'status':502}}]}]},
 {'name':'web.shop.svc.cluster.local:8080','virtualHosts':[{'name':'web','domains':['*'],'routes':[{'name':'default','match':{'prefix':'/'},'route':{'cluster':'outbound|8080||web.shop.svc.cluster.local'}}]}]},
 {'name':'443','virtualHosts':[{'name':'only','domains':['only.shop'],'routes':[]}]}])";

std::string cluster(const std::string& name, const std::string& type = "EDS") {
  return "{'name':'" + name + "','type':'" + type + "'}";
}

const std::string clusters =
    "[" + cluster("outbound|80||web.shop.svc.cluster.local") + "," +
    cluster("outbound|80|v1|api.shop.svc.cluster.local") + "," + cluster("outbound|80|v2|api.shop.svc.cluster.local") +
    "," + cluster("outbound|8080||web.shop.svc.cluster.local") + "," +
    cluster("outbound|3306||db.shop.svc.cluster.local", "ORIGINAL_DST") + "," +
    cluster("outbound|80|only|one.shop.svc.cluster.local") + "," + cluster("PassthroughCluster", "ORIGINAL_DST") + "," +
    cluster("BlackHoleCluster", "STATIC") + "]";

const std::string endpoints =
    R"([{'name':'outbound|80||web.shop.svc.cluster.local','hostStatuses':[{'address':{'socketAddress':{'address':'10.244.0.9','portValue':8080}},'healthStatus':{'edsHealthStatus':'HEALTHY'}}]}])";

struct Dumps {
  evidence::Listeners listeners = read(evidence::parse_listeners, ::listeners);
  evidence::Routes routes = read(evidence::parse_routes, ::routes);
  evidence::Clusters clusters = read(evidence::parse_clusters, ::clusters);
  evidence::Endpoints endpoints = read(evidence::parse_endpoints, ::endpoints);
  [[nodiscard]] ProxyConfig proxy() const { return {&listeners, &routes, &clusters, &endpoints}; }
};

Request asks(const std::string& host, const std::string& address, std::uint16_t port, const std::string& path = "/",
             bool tls = false) {
  Request request;
  request.host = host;
  if (!address.empty()) request.addresses = {address};
  request.port = port;
  request.path = path;
  request.tls = tls;
  return request;
}

/// The walk as one line: "0.0.0.0_80 web default: outbound|80||... reachable".
std::string told(const Walk& walk) {
  static const char* ends[] = {"unknown", "no listener", "no chain", "no vhost", "no route",
                               "direct",  "redirect",    "header",   "clusters"};
  static const char* states[] = {"unknown",     "missing",   "empty",       "none-healthy",
                                 "all-ejected", "reachable", "passthrough", "blackhole"};
  std::string text = (walk.listener == nullptr ? "-" : walk.listener->name) + " " +
                     (walk.virtual_host == nullptr ? "-" : walk.virtual_host->name);
  if (walk.end != End::clusters) text += std::string(" ") + ends[static_cast<int>(walk.end)];
  for (const auto& leg : walk.legs) {
    const std::string name =
        leg.name ? leg.name->subset + "|" + leg.name->host.substr(0, leg.name->host.find('.')) : leg.cluster;
    text += " " + std::to_string(leg.weight) + ":" + name + "=" + states[static_cast<int>(leg.state)];
  }
  return text;
}

}  // namespace

TEST_CASE("where a sidecar sends a request") {
  const Dumps dumps;
  const std::string fqdn = ".shop.svc.cluster.local";
  struct Row {
    Request request;
    std::string expected;
    bool fallthrough = false;
  };
  const Row rows[] = {
      {asks("web" + fqdn, "10.96.0.1", 80), "0.0.0.0_80 web 100:|web=reachable"},
      {asks("WEB:80", "10.96.0.1", 80), "0.0.0.0_80 web 100:|web=reachable"},
      {asks("web" + fqdn, "", 80), "0.0.0.0_80 web 100:|web=reachable"},
      // a listener of the address goes before 0.0.0.0
      {asks("web" + fqdn, "10.96.0.8", 8080), "10.96.0.8_8080 web 100:|web=empty"},
      {asks("web" + fqdn, "10.96.0.7", 8080), "0.0.0.0_8080 block_all direct", true},
      {asks("one" + fqdn, "10.96.0.5", 80), "10.96.0.5_80 - 1:only|one=empty"},
      {asks("one" + fqdn, "fd00::5", 80), "10.96.0.5_80 - 1:only|one=empty"},
      // hosts nobody declares
      {asks("other.shop", "10.96.0.77", 80), "0.0.0.0_80 allow_any 100:PassthroughCluster=passthrough", true},
      {asks("web" + fqdn, "10.96.0.1", 5555), "virtualOutbound - 100:PassthroughCluster=passthrough", true},
      // TLS bytes on an HTTP port leave by the default chain, and without one the connection is closed
      {asks("web" + fqdn, "10.96.0.1", 80, "/", true), "0.0.0.0_80 - 100:PassthroughCluster=passthrough", true},
      {asks("web" + fqdn, "10.96.0.9", 443, "/", true), "10.96.0.9_443 - no chain"},
      {asks("web" + fqdn, "10.96.0.9", 443), "10.96.0.9_443 - no vhost"},
      // the rules of a virtual host, first match first
      {asks("api" + fqdn, "", 80, "/split/x"), "0.0.0.0_80 api 90:v1|api=empty 10:v2|api=empty"},
      {asks("api" + fqdn, "", 80, "/one"), "0.0.0.0_80 api 100:v1|api=empty"},
      {asks("api" + fqdn, "", 80, "/teapot"), "0.0.0.0_80 api direct"},
      {asks("api" + fqdn, "", 80, "/old/x"), "0.0.0.0_80 api redirect"},
      {asks("api" + fqdn, "", 80, "/header"), "0.0.0.0_80 api header"},
      {asks("api" + fqdn, "", 80, "/some"), "0.0.0.0_80 api unknown"},
      {asks("api" + fqdn, "", 80, "/first"), "0.0.0.0_80 api 100:|gone=missing"},
      {asks("api" + fqdn, "", 80, "/fish"), "0.0.0.0_80 api 100:|web=reachable"},
      {asks("api" + fqdn, "", 80, "/none"), "0.0.0.0_80 api no route"},
      {asks("empty" + fqdn, "", 80), "0.0.0.0_80 empty no route"},
      {asks("secure" + fqdn, "", 80), "0.0.0.0_80 secure redirect"},
      // TCP: a service by its address; a named cluster of type ORIGINAL_DST is no fall-through
      {asks("db" + fqdn, "10.96.0.3", 3306), "10.96.0.3_3306 - 100:|db=passthrough"},
      {asks("db2" + fqdn, "10.96.0.4", 3306), "10.96.0.4_3306 - 70:a|db2=missing 30:b|db2=missing"},
      // ServiceEntry addresses: the longest prefix
      {asks("x", "172.20.5.1", 7000), "0.0.0.0_7000 - 100:|narrow=missing"},
      {asks("x", "172.20.6.1", 7000), "0.0.0.0_7000 - 100:|wide=missing"},
      {asks("x", "172.21.6.1", 7000), "0.0.0.0_7000 - 100:PassthroughCluster=passthrough", true},
      // a route configuration that has not arrived
      {asks("web" + fqdn, "", 9000), "0.0.0.0_9000 - unknown"},
  };
  for (const auto& row : rows) {
    INFO(row.request.host << ":" << row.request.port << row.request.path);
    const Walk walk = walk_sidecar(dumps.proxy(), row.request);
    CHECK(told(walk) == row.expected);
    CHECK(walk.fallthrough() == row.fallthrough);
    if (walk.end == End::unknown) CHECK_FALSE(walk.why.empty());
  }
}

TEST_CASE("what else falls through") {
  Dumps dumps;
  const std::string black = listener("virtualOutbound", "0.0.0.0", 15001, tcp_chain("'cluster':'BlackHoleCluster'"));
  dumps.listeners = read(evidence::parse_listeners, "[" + black + "]");
  const Walk walk = walk_sidecar(dumps.proxy(), asks("x", "10.0.0.1", 80));
  CHECK(told(walk) == "virtualOutbound - 100:BlackHoleCluster=blackhole");
  CHECK(walk.fallthrough());
  CHECK_FALSE(Walk{}.fallthrough());
}

TEST_CASE("a missing dump makes the walk unknown where it is needed, not before") {
  const Dumps dumps;
  const auto request = asks("web.shop.svc.cluster.local", "10.96.0.1", 80);
  struct Row {
    ProxyConfig proxy;
    std::string expected, why;
  };
  const auto& d = dumps;
  const Row rows[] = {
      {{nullptr, &d.routes, &d.clusters, &d.endpoints}, "- - unknown", "the proxy's listeners were not read"},
      {{&d.listeners, nullptr, &d.clusters, &d.endpoints}, "0.0.0.0_80 - unknown", "the proxy's routes were not read"},
      {{&d.listeners, &d.routes, nullptr, &d.endpoints}, "0.0.0.0_80 web 100:|web=unknown", ""},
      {{&d.listeners, &d.routes, &d.clusters, nullptr}, "0.0.0.0_80 web 100:|web=unknown", ""},
  };
  for (const auto& row : rows) {
    const Walk walk = walk_sidecar(row.proxy, request);
    CHECK(told(walk) == row.expected);
    CHECK(walk.why == row.why);
  }
  // What needs no dump is told without it.
  CHECK(walk_sidecar({&d.listeners, &d.routes, nullptr, nullptr}, asks("api.shop.svc.cluster.local", "", 80, "/teapot"))
            .end == End::direct_response);
  CHECK(walk_sidecar({&d.listeners, nullptr, nullptr, nullptr}, asks("x", "", 1)).fallthrough());
  const auto missing = walk_sidecar({&d.listeners, &d.routes, &d.clusters, nullptr},
                                    asks("api.shop.svc.cluster.local", "", 80, "/first"));
  CHECK(missing.legs.front().state == State::missing);
  const evidence::Listeners none;
  CHECK(walk_sidecar({&none, nullptr, nullptr, nullptr}, request).why ==
        "the proxy has no virtualOutbound listener: its configuration has not arrived");
}
