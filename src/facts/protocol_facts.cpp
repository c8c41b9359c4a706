// Which protocol the Service's port is taken for (group C).
#include "facts/context.hpp"
#include "mesh/protocol.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Protocol;

namespace {

const std::vector<Kind> protocol_needs = {Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                          Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// Fixes change the protocol by appProtocol, which goes before the name.
Finding declared(Context& c, bool (*test)(Protocol), const char* wanted) {
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.service == nullptr || serving.port == nullptr) return no("the destination is no Service port");
  const auto& port = *serving.port;
  const auto protocol = mesh::declared_protocol(port);
  const auto index = static_cast<std::size_t>(serving.port - serving.service->ports.data());
  const std::string path = "/spec/ports/" + std::to_string(index) + "/appProtocol";
  const std::string by = !port.app_protocol.empty() ? "appProtocol " + port.app_protocol : port.name.empty() ? std::string("no name") : "name " + port.name;
  const std::string text = "port " + std::to_string(port.port) + " of Service " + serving.service->meta.ns + "/" + serving.service->meta.name + " is taken for " + mesh::protocol_name(protocol) + " (" + by + ")";
  const auto to = [&](const char* value) { return Json::array({{{"op", port.app_protocol.empty() ? "add" : "replace"}, {"path", path}, {"value", value}}}); };
  return decide(test(protocol), text, {{"service.name", serving.service->meta.name}, {"service.namespace", serving.service->meta.ns}, {"service.port", port.port}, {"service.host", serving.host},
                {"port.protocol", mesh::protocol_name(protocol)}, {"port.by", by}, {"port.patch", to(wanted)}, {"port.tcp-patch", to("tcp")}, {"port.https-patch", to("https")}});
}

Finding http(Context& c) { return declared(c, mesh::is_http, "tcp"); }
Finding http2(Context& c) {
  return declared(c, [](Protocol p) { return p == Protocol::http2 || p == Protocol::grpc; }, "http");
}
Finding not_http2(Context& c) {
  return declared(c, [](Protocol p) { return p == Protocol::http; }, "http2");
}
Finding tcp(Context& c) {
  return declared(c, [](Protocol p) { return p == Protocol::tcp; }, "http");
}
Finding detected(Context& c) {
  Finding f = declared(c, [](Protocol p) { return p == Protocol::automatic; }, "http");
  if (f.truth == Tri::yes) f.text += "; that works, the proxy looks at the first bytes";
  return f;
}

}  // namespace

const std::vector<Fact>& protocol_facts() {
  static const std::vector<Fact> facts = {
      {"port.declared-http", "The Service's port is declared HTTP, HTTP/2 or gRPC", protocol_needs, http, {Kind::services}},
      {"port.declared-http2", "The Service's port is declared HTTP/2 or gRPC", protocol_needs, http2, {Kind::services}},
      {"port.declared-http1", "The Service's port is declared HTTP/1.1", protocol_needs, not_http2, {Kind::services}},
      {"port.declared-tcp", "The Service's port is declared TCP", protocol_needs, tcp, {Kind::services}},
      {"port.detected", "The Service's port declares no protocol: it is detected", protocol_needs, detected, {Kind::services}},
  };
  return facts;
}

}  // namespace meshdx::facts
