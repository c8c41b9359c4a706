#include "mesh/protocol.hpp"

#include <map>

#include "util/text.hpp"

namespace meshdx::mesh {
namespace {

Protocol parse(const std::string& word) {
  // pkg/config/protocol/instance.go Parse; mongo, mysql and redis are plain TCP unless their filters are switched on.
  static const std::map<std::string, Protocol> known = {
      {"tcp", Protocol::tcp}, {"udp", Protocol::udp}, {"grpc", Protocol::grpc}, {"grpc-web", Protocol::grpc},
      {"http", Protocol::http}, {"http_proxy", Protocol::http}, {"http2", Protocol::http2}, {"https", Protocol::https},
      {"tls", Protocol::tls}, {"mongo", Protocol::tcp}, {"redis", Protocol::tcp}, {"mysql", Protocol::tcp}};
  const auto found = known.find(word);
  return found == known.end() ? Protocol::automatic : found->second;
}

bool server_first(std::uint16_t port) { return port == 25 || port == 53 || port == 3306 || port == 27017; }

}  // namespace

const char* protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::automatic: return "detected";
    case Protocol::http: return "http";
    case Protocol::http2: return "http2";
    case Protocol::grpc: return "grpc";
    case Protocol::https: return "https";
    case Protocol::tls: return "tls";
    case Protocol::tcp: return "tcp";
    case Protocol::udp: return "udp";
  }
  return "";
}

Protocol declared_protocol(const evidence::ServicePort& port) {
  if (port.protocol == "UDP") return Protocol::udp;
  std::string name = lower(port.name);
  if (!port.app_protocol.empty()) {
    const std::string app = lower(port.app_protocol);
    if (app == "kubernetes.io/h2c") return Protocol::http2;
    if (app == "kubernetes.io/ws") return Protocol::http;
    if (app == "kubernetes.io/wss") return Protocol::https;
    name = app;
  }
  auto protocol = starts_with(name, "grpc-web") ? Protocol::grpc : parse(name.substr(0, name.find('-')));
  if (protocol == Protocol::automatic && server_first(port.port)) return Protocol::tcp;
  return protocol;
}

bool is_http(Protocol protocol) { return protocol == Protocol::http || protocol == Protocol::http2 || protocol == Protocol::grpc; }

}  // namespace meshdx::mesh
