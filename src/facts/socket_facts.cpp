// What listens inside the server's pod: tells a wrong targetPort (A3) from a dead application (A4) and one bound to loopback (A5).
#include <set>

#include "facts/context.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> socket_needs = {Kind::sockets, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                        Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

struct Listening {
  const Pod* pod = nullptr;
  std::uint16_t target = 0;
  bool open = false, loopback = false;      ///< at the target port
  bool others_open = false;                 ///< another pod of the Service does listen there
  bool others_unread = false;               ///< another pod's sockets were asked for and not got
  std::set<std::uint16_t> elsewhere;        ///< other ports the application listens on, not on loopback
};

/// The sockets of one pod, the proxy's own (uid 1337, 150xx) left out; nullopt when they were not read.
std::optional<Listening> listening_in(Context& c, const Pod& pod, std::optional<std::uint16_t> target) {
  const auto* sockets = pod.meshed() && target ? c.view.sockets(pod) : nullptr;
  if (sockets == nullptr) return std::nullopt;
  Listening result;
  result.pod = &pod;
  result.target = *target;
  for (const auto& socket : *sockets) {
    if (socket.uid == 1337) continue;
    if (socket.port == *target) (socket.loopback() ? result.loopback : result.open) = true;
    else if (!socket.loopback() && (socket.port < 15000 || socket.port > 15099)) result.elsewhere.insert(socket.port);
  }
  return result;
}

/// The first serving pod whose target port is not open: where a connection is refused, that is the one. Else the first one.
std::optional<Listening> listening(Context& c) {
  const auto& serving = c.serving();
  if (serving.port == nullptr) return std::nullopt;
  std::optional<Listening> found;
  bool any_open = false, unread = false;
  for (const auto* pod : c.path().servers) {
    auto seen = listening_in(c, *pod, mesh::target_port(*serving.port, *pod));
    unread = unread || (!seen && c.view.evidence().asked({Kind::sockets, pod->meta.ns, pod->meta.name, ""}));
    if (!seen) continue;
    any_open = any_open || seen->open;
    if (!found || (found->open && !seen->open)) found = std::move(seen);
  }
  if (!found) return std::nullopt;
  found->others_open = any_open && !found->open;
  found->others_unread = unread;
  return found;
}

Bindings bindings_of(Context& c, const Listening& seen) {
  const auto& serving = c.serving();
  Bindings b = {{"pod.name", seen.pod->meta.name}, {"pod.namespace", seen.pod->meta.ns}, {"port.target", seen.target},
                {"service.name", serving.service->meta.name}, {"service.namespace", serving.service->meta.ns}, {"service.port", serving.port->port},
                {"port.index", serving.port - serving.service->ports.data()}};
  std::set<std::uint16_t> free = seen.elsewhere;
  for (const auto& other : serving.service->ports) {
    if (&other == serving.port) continue;
    if (const auto used = mesh::target_port(other, *seen.pod)) free.erase(*used);
  }
  std::vector<std::string> all;
  for (const auto port : seen.elsewhere) all.push_back(std::to_string(port));
  b["port.offered"] = all.empty() ? std::string("none") : join(all, ", ");
  if (free.size() == 1) b["port.meant"] = *free.begin();
  b["port.instead"] = (seen.elsewhere.empty() ? std::string("on no port at all") : "on " + join(all, ", ") + " only") + (seen.others_open ? ", while other pods of the Service do listen there" : "");
  return b;
}

/// Whether it is so, as `holds` tells; where a table that was not read could show another pod, or that only this one is
/// closed, nothing is known.
Finding socket_fact(Context& c, Tri (*holds)(const Listening&), const std::string& text) {
  const auto seen = listening(c);
  if (!seen) return unknown(c.view.evidence().keys(Kind::sockets).empty() ? "the pod's sockets were not read: run again with --probe" : "");
  const Tri truth = seen->open && seen->others_unread ? Tri::unknown : holds(*seen);
  if (truth == Tri::unknown) return unknown();
  auto b = bindings_of(c, *seen);
  const bool yes = truth == Tri::yes;
  return decide(yes, yes ? "in pod " + pod_ref(*seen->pod) + " " + text + " port " + std::to_string(seen->target) + "; it listens on " + b["port.offered"].get<std::string>() : "the socket table of " + pod_ref(*seen->pod) + " says otherwise", b);
}

bool closed(const Listening& s) { return !s.open && !s.loopback; }
/// Whether the one port is wrong for all pods, or this pod is not as the others are.
Tri alone(const Listening& s) { return s.others_open ? Tri::yes : s.others_unread ? Tri::unknown : Tri::no; }

Finding elsewhere(Context& c) {
  return socket_fact(c, [](const Listening& s) { return closed(s) && !s.elsewhere.empty() ? !alone(s) : Tri::no; }, "the application does not listen on");
}
Finding loopback_only(Context& c) {
  return socket_fact(c, [](const Listening& s) { return tri(!s.open && s.loopback); }, "the application listens on loopback only for");
}
Finding nothing(Context& c) {
  return socket_fact(c, [](const Listening& s) { return !closed(s) ? Tri::no : s.elsewhere.empty() ? Tri::yes : alone(s); }, "nothing listens on");
}
Finding open(Context& c) {
  return socket_fact(c, [](const Listening& s) { return tri(s.open); }, "the application listens on");
}
Finding meant_known(Context& c) {
  const auto seen = listening(c);
  if (!seen) return unknown();
  const auto b = bindings_of(c, *seen);
  return decide(b.count("port.meant") > 0, "one port of the application is left that no other port of the Service leads to", b);
}

}  // namespace

const std::vector<Fact>& socket_facts() {
  static const std::vector<Fact> facts = {
      {"sockets.listening-elsewhere", "The application listens, but on another port", socket_needs, elsewhere, {Kind::sockets}},
      {"sockets.loopback-only", "The application listens on the port, but on loopback only", socket_needs, loopback_only, {Kind::sockets}},
      {"sockets.nothing", "No application listens in the pod, or not where the Service's other pods do", socket_needs, nothing, {Kind::sockets}},
      {"sockets.open", "The application listens on the port", socket_needs, open, {Kind::sockets}},
      {"sockets.port-meant-known", "The port that was meant is plain from the sockets", socket_needs, meant_known, {Kind::sockets}},
  };
  return facts;
}

}  // namespace meshdx::facts
