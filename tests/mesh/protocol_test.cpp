#include "mesh/protocol.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;

TEST_CASE("the protocol of a Service port, by UDP, appProtocol, name and number") {
  struct Row {
    std::string name;
    std::string app;
    std::uint16_t port;
    Protocol expected;
  };
  const Row rows[] = {
      {"http", "", 80, Protocol::http},
      {"http-web", "", 80, Protocol::http},
      {"HTTP-Web", "", 80, Protocol::http},
      {"http2", "", 80, Protocol::http2},
      {"http_proxy", "", 80, Protocol::http},
      {"grpc", "", 80, Protocol::grpc},
      {"grpc-web", "", 80, Protocol::grpc},
      {"grpc-web-x", "", 80, Protocol::grpc},
      {"GRPC-web", "", 80, Protocol::grpc},
      {"grpcs", "", 80, Protocol::automatic},
      {"https", "", 443, Protocol::https},
      {"tls-x", "", 443, Protocol::tls},
      {"tcp", "", 80, Protocol::tcp},
      {"mongo", "", 27017, Protocol::tcp},
      {"redis-a", "", 6379, Protocol::tcp},
      {"mysql", "", 3306, Protocol::tcp},
      {"udp", "", 53, Protocol::udp},
      {"web", "", 80, Protocol::automatic},
      {"web-http", "", 80, Protocol::automatic},
      {"h2c", "", 80, Protocol::automatic},
      {"ws", "", 80, Protocol::automatic},
      {"", "", 443, Protocol::automatic},
      {"httpx", "", 80, Protocol::automatic},
      {"", "", 3306, Protocol::tcp},
      {"", "", 25, Protocol::tcp},
      {"dns", "", 53, Protocol::tcp},
      {"db", "", 27017, Protocol::tcp},
      {"http", "", 3306, Protocol::http},
      // appProtocol replaces the name
      {"tcp", "http", 80, Protocol::http},
      {"http", "tcp", 80, Protocol::tcp},
      {"web", "HTTP2", 80, Protocol::http2},
      {"http", "acme.io/x", 80, Protocol::automatic},
      {"http", "acme.io/x", 3306, Protocol::tcp},
      {"tcp", "kubernetes.io/h2c", 80, Protocol::http2},
      {"tcp", "kubernetes.io/ws", 80, Protocol::http},
      {"tcp", "kubernetes.io/wss", 80, Protocol::https},
      {"tcp", "kubernetes.io/x", 80, Protocol::automatic},
      {"tcp", "grpc-web", 80, Protocol::grpc},
  };
  for (const auto& row : rows) {
    INFO(row.name << " appProtocol " << row.app << " port " << row.port);
    evidence::ServicePort port;
    port.name = row.name;
    port.app_protocol = row.app;
    port.port = row.port;
    CHECK(protocol_name(declared_protocol(port)) == std::string(protocol_name(row.expected)));
  }
}

TEST_CASE("UDP is UDP whatever the name says") {
  evidence::ServicePort port;
  port.protocol = "UDP";
  port.name = port.app_protocol = "http";
  CHECK(declared_protocol(port) == Protocol::udp);
}

TEST_CASE("protocols whose requests the proxy reads") {
  for (const auto protocol : {Protocol::http, Protocol::http2, Protocol::grpc}) CHECK(is_http(protocol));
  for (const auto protocol : {Protocol::automatic, Protocol::https, Protocol::tls, Protocol::tcp, Protocol::udp})
    CHECK_FALSE(is_http(protocol));
}
