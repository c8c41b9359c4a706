// What the application speaks, against what its port is taken for (group C): does it answer HTTP, does it speak first, and
// which Service's protocol the server's proxy goes by.
#include <algorithm>
#include <array>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/protocol.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Protocol;

namespace {

const std::vector<Kind> inbound_needs = {Kind::log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                         Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};
const std::vector<Kind> unused_needs = {Kind::virtual_services, Kind::mesh_config, Kind::log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces,
                                        Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};

Finding no_answer(Context& c) { return decide(c.ask.code == 0, "the caller got no HTTP answer"); }

/// An answer of the far side, not of the proxy that logs it. Before Envoy's details column the time of the upstream tells.
bool answered(const AccessLine& line) { return !line.method.empty() && (line.details == "via_upstream" || (line.details.empty() && !line.upstream_service_time.empty())); }

bool server_answered(const ProxyLog& log, std::uint16_t target) {
  const std::string cluster = "inbound|" + std::to_string(target) + "|";
  return std::any_of(log.access.begin(), log.access.end(), [&](const AccessLine& line) { return starts_with(line.upstream_cluster, cluster) && answered(line); });
}

/// A caller's line is the application's own when no proxy stands between, or when it is no error.
bool answered_caller(Context& c, const ProxyLog& log, const Serving& serving) {
  return std::any_of(log.access.begin(), log.access.end(), [&](const AccessLine& line) {
    const auto cluster = ClusterName::parse(line.upstream_cluster);
    if (!cluster || cluster->host != serving.host || cluster->port != serving.port_number || !answered(line)) return false;
    const auto* pod = c.view.pod_by_ip(mesh::address_of(line.upstream_host));
    return line.code < 400 || (pod != nullptr && !pod->meshed() && !pod->ambient());
  });
}

/// Any request on this port, of whoever, that the application answered in HTTP.
Finding http_seen(Context& c) {
  const auto& path = c.path();
  const auto& serving = c.serving();
  if (!serving.known || path.caller.pod == nullptr) return unknown();
  if (serving.port == nullptr) return no("the destination is no Service port");
  bool unread = path.servers.empty();
  for (const auto* pod : path.servers) {
    const auto target = mesh::target_port(*serving.port, *pod);
    if (!pod->meshed() || !target) continue;
    const auto* log = c.view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""}) ? c.view.log(*pod) : nullptr;
    unread = unread || log == nullptr;
    if (log != nullptr && server_answered(*log, *target)) return yes("the application in " + pod_ref(*pod) + " answers HTTP on port " + std::to_string(*target), {{"shown.pod", pod->meta.name}});
  }
  if (path.caller.meshed()) {
    const auto* log = c.view.log(*path.caller.pod);
    unread = unread || log == nullptr;
    if (log != nullptr && answered_caller(c, *log, serving)) return yes("the application answers HTTP to " + pod_ref(*path.caller.pod), {{"shown.pod", path.caller.pod->meta.name}});
  }
  return unread ? unknown() : no("no log shows an HTTP answer of the application on the port");
}

Finding some_answered(Context& c) {
  const auto& traffic = c.traffic();
  if (traffic.ok > 0) return yes(count(traffic.ok, "request") + " in the log succeeded");
  const auto& caller = c.path().caller;
  if (caller.pod == nullptr || !(caller.meshed() ? traffic.caller_read : traffic.server_read)) return unknown();
  return no("no request in the log succeeded");
}

/// The caller's proxy looks at the first bytes before it takes a connection for HTTP: what it reads as HTTP begins so.
Finding inspects_http(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* chain = c.walk().chain;
  if (chain == nullptr) return no("no filter chain of a listener takes the request");
  const auto& protocols = chain->match.application_protocols;
  const bool inspects = chain->http && std::find(protocols.begin(), protocols.end(), "http/1.1") != protocols.end();
  return decide(inspects, inspects ? "the caller's listener takes for HTTP only what begins as HTTP" : "the caller's listener takes whatever comes for HTTP");
}

/// Servers known to speak before the client does: by image or by the name of the container's port.
std::string server_first(const Container& container, std::uint16_t port) {
  static constexpr std::array<std::string_view, 15> images = {"mysql", "mysql-server", "mariadb", "mariadb-server", "percona", "percona-server", "percona-xtradb-cluster", "postfix",
                                                              "exim", "exim4", "docker-mailserver", "dovecot", "vsftpd", "proftpd", "openssh-server"};
  static constexpr std::array<std::string_view, 8> names = {"mysql", "mariadb", "smtp", "submission", "ftp", "ssh", "imap", "pop3"};
  std::string image = container.image.substr(container.image.rfind('/') + 1);
  image = image.substr(0, image.find_first_of(":@"));
  for (const auto& declared : container.ports) {
    if (declared.port != port) continue;
    if (std::find(images.begin(), images.end(), image) != images.end()) return "image " + image;
    const std::string name = declared.name.substr(0, declared.name.find('-'));
    if (std::find(names.begin(), names.end(), name) != names.end()) return "container port " + declared.name;
  }
  return "";
}

Finding application_server_first(Context& c) {
  const auto& path = c.path();
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.port == nullptr) return no("the destination is no Service port");
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  for (const auto* pod : path.servers) {
    const auto target = mesh::target_port(*serving.port, *pod);
    for (const auto& container : pod->containers) {
      const std::string by = target ? server_first(container, *target) : "";
      if (by.empty() || container.name == "istio-proxy") continue;
      return yes("behind port " + std::to_string(*target) + " of " + pod_ref(*pod) + " stands a server that speaks first (" + by + ")",
                 {{"server.speaks-by", by}, {"server.pod", pod->meta.name}, {"server.namespace", pod->meta.ns}, {"port.target", *target}});
    }
  }
  return no("nothing says that the server speaks first");
}

/// How a proxy treats a protocol inbound; "" where it looks at the bytes itself.
std::string treated_as(Protocol protocol) {
  switch (protocol) {
    case Protocol::http: return "HTTP/1.1";
    case Protocol::http2:
    case Protocol::grpc: return "HTTP/2";
    case Protocol::tcp:
    case Protocol::tls:
    case Protocol::https: return "TCP";
    case Protocol::automatic:
    case Protocol::udp: break;
  }
  return "";
}

/// What the server's proxy does with the port now; "" when its configuration was not read.
std::string treats_as(Context& c, const Pod& pod, std::uint16_t target) {
  if (!c.view.evidence().asked({Kind::listeners, pod.meta.ns, pod.meta.name, ""}) || !c.view.evidence().asked({Kind::clusters, pod.meta.ns, pod.meta.name, ""})) return "";
  const auto* listeners = c.view.listeners(pod);
  const auto* clusters = c.view.clusters(pod);
  const auto* inbound = listeners == nullptr ? nullptr : mesh::inbound_listener(*listeners);
  if (inbound == nullptr || clusters == nullptr) return "";
  const auto of_port = [&](const FilterChain& chain) { return chain.match.destination_port == target; };
  const auto chain = std::find_if(inbound->chains.begin(), inbound->chains.end(), of_port);
  if (chain == inbound->chains.end()) return "";
  if (std::none_of(inbound->chains.begin(), inbound->chains.end(), [&](const FilterChain& other) { return of_port(other) && other.http; })) return "TCP";
  const std::string name = "inbound|" + std::to_string(target) + "|";
  const auto cluster = std::find_if(clusters->begin(), clusters->end(), [&](const Cluster& other) { return starts_with(other.name, name); });
  if (cluster == clusters->end() || cluster->http == UpstreamHttp::downstream) return "";
  return cluster->http == UpstreamHttp::http2 ? "HTTP/2" : "HTTP/1.1";
}

/// C7: a Service that is older has the same port of the same pods, says another protocol, and the proxy goes by it.
Finding protocol_conflict(Context& c) {
  const auto& path = c.path();
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.service == nullptr || serving.port == nullptr) return no("the destination is no Service port");
  const std::string wanted = treated_as(mesh::declared_protocol(*serving.port));
  const auto* services = c.view.services(serving.service->meta.ns);
  if (services == nullptr || (path.servers.empty() && !path.servers_known)) return unknown();
  bool unsure = false;
  for (const auto* pod : path.servers) {
    const auto target = mesh::target_port(*serving.port, *pod);
    if (!pod->meshed() || !target || wanted.empty()) continue;
    for (const auto& other : *services) {
      if (other.meta.name == serving.service->meta.name || other.selector.empty() || !selects(other.selector, pod->meta.labels)) continue;
      for (const auto& port : other.ports) {
        const std::string theirs = treated_as(mesh::declared_protocol(port));
        if (mesh::target_port(port, *pod) != target || theirs.empty() || theirs == wanted || other.meta.created >= serving.service->meta.created) continue;
        const std::string now = treats_as(c, *pod, *target);
        unsure = unsure || now.empty();
        if (now != theirs) continue;
        auto b = service_bindings(serving);
        b["other.name"] = other.meta.name;
        b["other.namespace"] = other.meta.ns;
        b["other.protocol"] = mesh::protocol_name(mesh::declared_protocol(port));
        b["port.protocol"] = mesh::protocol_name(mesh::declared_protocol(*serving.port));
        b["port.target"] = *target;
        b["server.pod"] = pod->meta.name;
        b["server.treats-as"] = now;
        const auto index = static_cast<std::size_t>(&port - other.ports.data());
        b["other.patch"] = Json::array({{{"op", port.app_protocol.empty() ? "add" : "replace"}, {"path", "/spec/ports/" + std::to_string(index) + "/appProtocol"}, {"value", b["port.protocol"]}}});
        return yes("Service " + other.meta.ns + "/" + other.meta.name + ", which is older, says that port " + std::to_string(*target) + " of the same pods is " + b["other.protocol"].get<std::string>() + ", and the proxy of " +
                   pod_ref(*pod) + " treats it as " + now, b);
      }
    }
  }
  return unsure ? unknown() : no("no older Service says another protocol for the same port of the pods");
}

/// The proxy next to the application speaks HTTP/1.1 to it.
Finding upstream_http1(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known || c.path().caller.pod == nullptr) return unknown();
  if (serving.port == nullptr) return no("the destination is no Service port");
  bool unsure = c.path().servers.empty();
  for (const auto* pod : c.path().servers) {
    const auto target = mesh::target_port(*serving.port, *pod);
    if (!target) continue;
    if (!pod->meshed()) {
      const auto* leg = serving.leg;
      if (leg != nullptr && leg->config != nullptr) return decide(leg->config->http == UpstreamHttp::none || leg->config->http == UpstreamHttp::http1, "the caller's proxy speaks to " + pod_ref(*pod) + " without a proxy between");
      unsure = true;
      continue;
    }
    const std::string now = treats_as(c, *pod, *target);
    if (now.empty()) unsure = true;
    else return decide(now == "HTTP/1.1", "the proxy of " + pod_ref(*pod) + " treats port " + std::to_string(*target) + " as " + now);
  }
  return unsure ? unknown() : no("there is no server");
}

/// Something a rule does besides leading to the Service itself.
bool does_something(const mesh::Names& names, const Json& rule, const std::string& host, const std::string& ns) {
  for (const char* member : {"match", "rewrite", "redirect", "directResponse", "fault", "headers", "delegate"}) {
    if (!at(rule, member).is_null()) return true;
  }
  for (const auto& route : at(rule, "route")) {
    const Json& to = at(route, "destination");
    if (!text_at(to, "subset").empty() || names.resolve(text_at(to, "host"), ns) != host) return true;
  }
  return false;
}

/// C2: http rules for the host, and a port on which there are no HTTP requests.
Finding http_rules_unused(Context& c) {
  const auto& serving = c.serving();
  const auto* caller = c.caller();
  if (!serving.known || caller == nullptr) return unknown();
  if (serving.port == nullptr || mesh::declared_protocol(*serving.port) != Protocol::tcp) return no("the port is not declared TCP");
  const auto list = c.view.objects(Kind::virtual_services);
  for (const auto* vs : mesh::mesh_virtual_services(c.view, serving.host, caller->meta.ns)) {
    for (const auto& rule : at(vs->spec(), "http")) {
      if (!does_something(c.view.names(), rule, serving.host, vs->meta.ns)) continue;
      return yes("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " has http rules for " + serving.host + ", which do not apply on a TCP port",
                 {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"tcp.unused", "The http rules of VirtualService " + vs->meta.ns + "/" + vs->meta.name}});
    }
  }
  return list.everywhere ? no("no VirtualService has http rules for the host") : unknown();
}

}  // namespace

const std::vector<Fact>& inbound_facts() {
  static const std::vector<Fact> facts = {
      {"complaint.no-answer", "The caller got no HTTP answer", {}, no_answer},
      {"requests.some-succeeded", "Requests of this kind in the log succeeded", inbound_needs, some_answered, {Kind::log}},
      {"port.http-seen", "The application answers HTTP on the port", inbound_needs, http_seen, {Kind::log}},
      {"caller.inspects-http", "The caller's listener looks at the first bytes for HTTP", inbound_needs, inspects_http, {Kind::listeners}},
      {"application.server-first", "The application is known to speak before the client does", inbound_needs, application_server_first, {Kind::pods}},
      {"inbound.protocol-conflict", "An older Service decides another protocol for the same port of the pods", inbound_needs, protocol_conflict, {Kind::services, Kind::clusters}},
      {"upstream.http1", "The proxy next to the application speaks HTTP/1.1 to it", inbound_needs, upstream_http1, {Kind::clusters}},
      {"virtual-service.http-rules-unused", "A VirtualService has http rules for a TCP port", unused_needs, http_rules_unused, {Kind::virtual_services, Kind::services}},
  };
  return facts;
}

}  // namespace meshdx::facts
