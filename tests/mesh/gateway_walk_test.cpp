// Walks through a gateway, and how Envoy chooses among filter chains.
#include "mesh/route_walk.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using End = Walk::End;

namespace {

evidence::FilterChain chain(const std::string& name, const std::string& match, const std::string& routes = "") {
  const std::string filter = routes.empty() ? "{'name':'tcp','typedConfig':{'@type':'x/"
                                              "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy','cluster':'" +
                                                  name + "'}}"
                                            : "{'name':'http','typedConfig':{'@type':'x/"
                                              "envoy.extensions.filters.network.http_connection_manager.v3."
                                              "HttpConnectionManager','rds':{'routeConfigName':'" +
                                                  routes + "'}}}";
  const std::string text = "[{'name':'l','filterChains':[{'name':'" + name + "','filterChainMatch':" + match +
                           ",'filters':[" + filter + "]}]}]";
  return read(evidence::parse_listeners, text).front().chains.front();
}

evidence::Listener gateway_listener(std::uint16_t port, const std::vector<evidence::FilterChain>& chains) {
  evidence::Listener listener;
  listener.name = "0.0.0.0_" + std::to_string(port);
  listener.address = "0.0.0.0";
  listener.direction = "OUTBOUND";
  listener.port = port;
  listener.chains = chains;
  return listener;
}

Request browser(const std::string& host, std::uint16_t port, const std::string& path = "/") {
  Request request;
  request.host = host;
  request.port = port;
  request.path = path;
  request.tls = port == 8443;
  return request;
}

struct Gateway {
  evidence::Listeners listeners = {
      gateway_listener(8080, {chain("http", "{}", "http.8080")}),
      gateway_listener(9080, {chain("http", "{}", "http.9080")}),
      gateway_listener(8443,
                       {chain("shop", "{'serverNames':['shop.example.com']}", "https.443.shop"),
                        chain("wide", "{'serverNames':['*.example.com']}", "https.443.wide"),
                        chain("outbound|9443||pass.shop.svc.cluster.local", "{'serverNames':['pass.example.org']}")})};
  evidence::Routes routes = read(evidence::parse_routes, R"([
    {'name':'http.8080','virtualHosts':[
      {'name':'shop.example.com:80','domains':['shop.example.com'],'routes':[{'match':{'prefix':'/api'},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]},
      {'name':'secure.example.com:80','domains':['secure.example.com'],'requireTls':'ALL'}]},
    {'name':'http.9080','virtualHosts':[{'name':'blackhole:9080','domains':['*']}]},
    {'name':'https.443.shop','virtualHosts':[{'name':'shop','domains':['shop.example.com'],'requireTls':'ALL','routes':[{'match':{'prefix':'/'},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]}]},
    {'name':'https.443.wide','virtualHosts':[{'name':'wide','domains':['*.example.com'],'routes':[{'match':{'prefix':'/'},'route':{'cluster':'outbound|80||api.shop.svc.cluster.local'}}]}]}])");
  [[nodiscard]] Walk walk(const Request& request) const {
    return walk_gateway({&listeners, &routes, nullptr, nullptr}, request);
  }
};

}  // namespace

TEST_CASE("where a gateway sends a request") {
  const Gateway gateway;
  struct Row {
    Request request;
    End end;
    std::string vhost, leg;
  };
  const Row rows[] = {
      {browser("shop.example.com", 8080, "/api/x"), End::clusters, "shop.example.com:80",
       "outbound|80||web.shop.svc.cluster.local"},
      {browser("shop.example.com:8080", 8080, "/api/x"), End::clusters, "shop.example.com:80",
       "outbound|80||web.shop.svc.cluster.local"},
      {browser("shop.example.com", 8080, "/x"), End::no_route, "shop.example.com:80", ""},
      {browser("other.example.com", 8080), End::no_virtual_host, "", ""},
      {browser("secure.example.com", 8080), End::redirect, "secure.example.com:80", ""},
      {browser("shop.example.com", 9080), End::no_route, "blackhole:9080", ""},
      {browser("shop.example.com", 7070), End::no_listener, "", ""},
      {browser("shop.example.com", 8443), End::clusters, "shop", "outbound|80||web.shop.svc.cluster.local"},
      {browser("api.example.com", 8443), End::clusters, "wide", "outbound|80||api.shop.svc.cluster.local"},
      {browser("pass.example.org", 8443), End::clusters, "", "outbound|9443||pass.shop.svc.cluster.local"},
      {browser("example.com", 8443), End::no_filter_chain, "", ""},
  };
  for (const auto& row : rows) {
    INFO(row.request.host << ":" << row.request.port << row.request.path);
    const Walk walk = gateway.walk(row.request);
    CHECK(walk.end == row.end);
    CHECK((walk.virtual_host == nullptr ? "" : walk.virtual_host->name) == row.vhost);
    CHECK((walk.legs.empty() ? "" : walk.legs.front().cluster) == row.leg);
    CHECK((walk.listener == nullptr) == (row.end == End::no_listener));
    CHECK_FALSE(walk.fallthrough());
  }
}

TEST_CASE("a gateway whose dumps were not read") {
  const Gateway gateway;
  CHECK(walk_gateway({}, browser("x", 8080)).why == "the gateway's listeners were not read");
  CHECK(walk_gateway({&gateway.listeners, nullptr, nullptr, nullptr}, browser("x", 8080)).end == End::unknown);
  CHECK(walk_gateway({&gateway.listeners, nullptr, nullptr, nullptr}, browser("x", 1)).end == End::no_listener);
  const evidence::Routes none;
  CHECK(walk_gateway({&gateway.listeners, &none, nullptr, nullptr}, browser("x", 8080)).why ==
        "the proxy has not been given the route configuration http.8080");
}

TEST_CASE("inbound listeners are no gateway's") {
  auto inbound = gateway_listener(8080, {chain("http", "{}", "http.8080")});
  inbound.direction = "INBOUND";
  const evidence::Listeners listeners = {inbound};
  CHECK(walk_gateway({&listeners, nullptr, nullptr, nullptr}, browser("x", 8080)).end == End::no_listener);
}

TEST_CASE("Envoy narrows filter chains by one criterion after the other") {
  const auto listener = gateway_listener(
      15006,
      {chain("any", "{}"), chain("tls", "{'transportProtocol':'tls'}"),
       chain("raw", "{'transportProtocol':'raw_buffer'}"),
       chain("8080-mtls",
             "{'destinationPort':8080,'transportProtocol':'tls','applicationProtocols':['istio','istio-http/1.1']}"),
       chain("9090-tls", "{'destinationPort':9090,'transportProtocol':'tls'}"),
       chain("9090-http", "{'destinationPort':9090,'transportProtocol':'tls','applicationProtocols':['http/1.1']}"),
       chain("9090-istio", "{'destinationPort':9090,'transportProtocol':'tls','applicationProtocols':['istio']}"),
       chain("7070", "{'destinationPort':7070}"), chain("443-x", "{'destinationPort':443,'serverNames':['*.x.com']}"),
       chain("443-a.x", "{'destinationPort':443,'serverNames':['*.a.x.com']}"),
       chain("443-exact", "{'destinationPort':443,'serverNames':['b.a.x.com','c.com']}")});
  struct Row {
    Connection connection;
    std::string expected;
  };
  const Row rows[] = {
      {{8080, true, "", {"istio"}}, "8080-mtls"},
      {{8080, true, "", {"h2", "istio-http/1.1"}}, "8080-mtls"},
      // the port has chains of its own: no way back to those without a port
      {{8080, true, "", {"h2"}}, ""},
      {{8080, false, "", {"http/1.1"}}, ""},
      {{9090, true, "", {"h2"}}, "9090-tls"},
      {{9090, true, "", {"http/1.1", "istio"}}, "9090-http"},
      {{9090, true, "", {"istio", "http/1.1"}}, "9090-istio"},
      {{9090, false, "", {}}, ""},
      {{7070, true, "", {}}, "7070"},
      {{7070, false, "", {}}, "7070"},
      {{5050, true, "", {}}, "tls"},
      {{5050, false, "", {}}, "raw"},
      {{443, true, "b.a.x.com", {}}, "443-exact"},
      {{443, true, "d.a.x.com", {}}, "443-a.x"},
      {{443, true, "a.x.com", {}}, "443-x"},
      {{443, true, "x.com", {}}, ""},
      {{443, true, "c.com", {}}, "443-exact"},
  };
  for (const auto& row : rows) {
    INFO(row.connection.port << " " << row.connection.tls << " " << row.connection.sni << " "
                             << join(row.connection.alpn, ","));
    const auto* found = inbound_chain(listener, row.connection);
    CHECK((found == nullptr ? "" : found->name) == row.expected);
  }
  auto with_default = listener;
  with_default.default_chain = chain("default", "{}");
  CHECK(inbound_chain(with_default, {8080, false, "", {}})->name == "default");
  CHECK(inbound_chain(with_default, {5050, false, "", {}})->name == "raw");
}

TEST_CASE("chains that differ by the caller's address leave the choice open") {
  evidence::Listener listener;
  listener.chains = {chain("near", "{}"), chain("all", "{}")};
  bool known = false;
  CHECK(inbound_chain(listener, {8080, false, "", {}}, &known) != nullptr);
  CHECK(known);
  listener.chains.front().match.more_conditions = true;
  inbound_chain(listener, {8080, false, "", {}}, &known);
  CHECK_FALSE(known);
}

TEST_CASE("the inbound listener goes by its name") {
  auto inbound = gateway_listener(15006, {});
  inbound.name = "virtualInbound";
  evidence::Listeners listeners = {gateway_listener(80, {})};
  CHECK(inbound_listener(listeners) == nullptr);
  listeners.push_back(inbound);
  CHECK(inbound_listener(listeners) == &listeners.back());
}
