// Where the server's Sidecar object hands the requests that arrive: an ingress listener's defaultEndpoint (A3).
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> ingress_needs = {Kind::sidecars, Kind::sockets, Kind::mesh_config, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces,
                                         Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// The ingress listener of a server's Sidecar for the port that requests arrive on.
struct Ingress {
  const Pod* pod = nullptr;
  const Object* sidecar = nullptr;
  std::size_t index = 0;
  std::uint16_t port = 0, handed_to = 0;
  std::string endpoint;               ///< as written, "127.0.0.1:8081"
};

/// The port of "127.0.0.1:8081" or "[::1]:8081"; nullopt for a Unix socket.
std::optional<std::uint16_t> handed_port(const std::string& endpoint) {
  const auto port = starts_with(endpoint, "unix:") ? std::nullopt : mesh::port_of(endpoint);
  return port.value_or(0) > 0 ? port : std::nullopt;
}

std::optional<Ingress> ingress_of(Context& c, const Pod& pod, std::uint16_t port) {
  const auto* sidecar = mesh::sidecar_of(c.view, pod);
  if (sidecar == nullptr) return std::nullopt;
  const Json& listeners = at(sidecar->spec(), "ingress");
  for (std::size_t i = 0; listeners.is_array() && i < listeners.size(); ++i) {
    if (number_at(at(listeners[i], "port"), "number") != port) continue;
    const std::string endpoint = text_at(listeners[i], "defaultEndpoint");
    const auto handed_to = handed_port(endpoint);
    if (!handed_to) return std::nullopt;
    return Ingress{&pod, sidecar, i, port, *handed_to, endpoint};
  }
  return std::nullopt;
}

/// The first server whose Sidecar hands the requests to another port than they arrive on.
std::optional<Ingress> redirected(Context& c) {
  const auto& serving = c.serving();
  if (serving.port == nullptr) return std::nullopt;
  for (const auto* pod : c.path().servers) {
    const auto target = mesh::target_port(*serving.port, *pod);
    const auto found = pod->meshed() && target ? ingress_of(c, *pod, *target) : std::nullopt;
    if (found && found->handed_to != found->port) return found;
  }
  return std::nullopt;
}

Bindings ingress_bindings(Context& c, const Ingress& in, std::uint16_t meant) {
  auto b = service_bindings(c.serving());
  b["sidecar.name"] = in.sidecar->meta.name;
  b["sidecar.namespace"] = in.sidecar->meta.ns;
  b["ingress.port"] = in.port;
  b["ingress.endpoint"] = in.endpoint;
  b["pod.ref"] = pod_ref(*in.pod);
  b["shown.pod"] = in.pod->meta.name;
  if (meant == 0) return b;
  const auto meant_endpoint = mesh::with_port(mesh::address_of(in.endpoint), meant);
  b["port.meant"] = meant;
  b["ingress.patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/ingress/" + std::to_string(in.index) + "/defaultEndpoint"}, {"value", meant_endpoint}}});
  return b;
}

std::string handed(const Ingress& in) {
  return "Sidecar " + in.sidecar->full_name() + " hands what arrives on port " + std::to_string(in.port) + " of " + pod_ref(*in.pod) + " to " + in.endpoint;
}

Finding no_redirection(Context& c) {
  const auto& path = c.path();
  const auto list = c.view.objects(Kind::sidecars);
  if (path.servers.empty() && !path.servers_known) return unknown();
  const bool all = std::all_of(path.servers.begin(), path.servers.end(), [&](const Pod* pod) { return list.covers(pod->meta.ns); });
  return all && list.covers(c.view.root_namespace()) ? no("no Sidecar hands the port's requests to another port") : unknown();
}

/// Ports that the application listens on in the pod; loopback counts, for that is where the proxy hands requests to.
std::set<std::uint16_t> open_ports(const std::vector<Socket>& sockets) {
  std::set<std::uint16_t> open;
  for (const auto& socket : sockets) {
    if (socket.uid != 1337 && (socket.port < 15000 || socket.port > 15099)) open.insert(socket.port);
  }
  return open;
}

/// By the socket table: nothing listens where the Sidecar hands requests to.
Finding nobody_there(Context& c) {
  const auto in = redirected(c);
  if (!in) return no_redirection(c);
  const auto* sockets = c.view.sockets(*in->pod);
  if (sockets == nullptr) return unknown(c.view.evidence().keys(Kind::sockets).empty() ? "the pod's sockets were not read: run again with --probe" : "");
  const auto open = open_ports(*sockets);
  if (open.count(in->handed_to) > 0) return no(handed(*in) + ", where the application listens");
  // The port that requests arrive on is what was meant when the application has it; else its only one.
  const std::uint16_t meant = open.count(in->port) > 0 ? in->port : open.size() == 1 ? *open.begin() : std::uint16_t{0};
  std::vector<std::string> all;
  for (const auto port : open) all.push_back(std::to_string(port));
  auto b = ingress_bindings(c, *in, meant);
  b["port.offered"] = all.empty() ? std::string("nothing") : join(all, ", ");
  if (open.empty()) return no("the application listens on no port at all");
  return yes(handed(*in) + ", and the application listens on " + b["port.offered"].get<std::string>(), b);
}

/// By what the containers declare: they have the port that requests arrive on, and not the one they are handed to.
Finding not_declared(Context& c) {
  const auto in = redirected(c);
  if (!in) return no_redirection(c);
  std::set<std::uint16_t> declared;
  for (const auto& container : in->pod->containers) {
    for (const auto& port : container.ports) {
      if (container.name != "istio-proxy") declared.insert(port.port);
    }
  }
  const bool odd = declared.count(in->port) > 0 && declared.count(in->handed_to) == 0;
  auto b = ingress_bindings(c, *in, in->port);
  b["port.offered"] = std::to_string(in->port);
  return decide(odd, handed(*in) + (odd ? ", a port that no container declares" : ""), b);
}

Finding ingress_meant_known(Context& c) {
  auto f = nobody_there(c);
  if (f.truth == Tri::unknown) f = not_declared(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("ingress.patch") > 0, "the port that the Sidecar should hand requests to is plain", f.bindings);
}

}  // namespace

const std::vector<Fact>& ingress_facts() {
  static const std::vector<Fact> facts = {
      {"ingress.nobody-listens", "The server's Sidecar object hands requests to a port on which nothing listens", ingress_needs, nobody_there, {Kind::sidecars, Kind::sockets}},
      {"ingress.not-declared", "The server's Sidecar object hands requests to a port that no container declares", ingress_needs, not_declared, {Kind::sidecars, Kind::pods}},
      {"ingress.port-meant-known", "The port that the Sidecar object should hand requests to is plain", ingress_needs, ingress_meant_known, {Kind::sidecars}},
  };
  return facts;
}

}  // namespace meshdx::facts
