#include "facts/tls_pairs.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;
using mesh::Wire;

namespace {

void server_side(Context& c, Pair& pair) {
  if (pair.pod == nullptr) return;
  // istiod weighs the policy for pods without a sidecar too: it decides what callers send them (mtls_checker.go).
  pair.server = mesh::server_mode(c.view, *pair.pod, pair.port);
  pair.ambient = mesh::in_ambient(c.view, *pair.pod);
  if (!pair.pod->meshed()) return;
  if (!c.view.evidence().asked({Kind::listeners, pair.pod->meta.ns, pair.pod->meta.name})) return;
  if (const auto* listeners = c.view.listeners(*pair.pod)) pair.accepts = mesh::listener_accepts(*listeners, pair.port);
}

Pair pair_with(Context& c, const Leg& leg, const Pod* pod, const std::string& address, std::uint16_t port) {
  Pair pair;
  pair.address = address;
  pair.port = port;
  pair.pod = pod;
  server_side(c, pair);
  pair.wire = mesh::sent_by(*leg.config, pair.pod, pair.server);
  return pair;
}

/// ORIGINAL_DST (headless Services): the caller dials a pod's address itself, on the Service's own port number.
void pairs_of_original_destination(Context& c, const Leg& leg, Pairs& result) {
  bool read = false;
  const auto* service = leg.name ? mesh::service_of(c.view, leg.name->host, &read) : nullptr;
  const auto pods = service == nullptr ? std::nullopt : mesh::selected_pods(c.view, *service);
  if (!pods) {
    result.known = false;
    return;
  }
  for (const auto* pod : *pods) result.pairs.push_back(pair_with(c, leg, pod, pod->ip, leg.name->port));
}

void pairs_of_walk(Context& c, Pairs& result) {
  const auto& walk = c.walk();
  result.known = walk.end == mesh::Walk::End::clusters;
  for (const auto& leg : walk.legs) {
    if (leg.state == Leg::State::unknown || leg.config == nullptr) result.known = false;
    if (leg.config == nullptr) continue;
    if (leg.config->type == "ORIGINAL_DST") pairs_of_original_destination(c, leg, result);
    for (const auto* host : leg.hosts) {
      result.pairs.push_back(pair_with(c, leg, c.view.pod_by_ip(host->address), host->address, host->port));
    }
  }
}

void pairs_of_servers(Context& c, Pairs& result) {
  const auto& path = c.path();
  const bool somewhere = path.to.service != nullptr || !path.servers.empty();
  result.known = somewhere && path.servers_known && path.caller.pod != nullptr;
  for (const auto* pod : path.servers) {
    Pair pair;
    pair.pod = pod;
    pair.address = pod->ip;
    pair.port = path.to.port_number;
    if (path.to.port != nullptr) pair.port = mesh::target_port(*path.to.port, *pod).value_or(0);
    server_side(c, pair);
    if (path.caller.pod != nullptr && !mesh::in_ambient(c.view, *path.caller.pod)) pair.wire = Wire::plaintext;
    result.pairs.push_back(pair);
  }
}

}  // namespace

Pairs tls_pairs(Context& c) {
  Pairs result;
  const auto& path = c.path();
  if (path.caller.pod == nullptr) {
    pairs_of_servers(c, result);
    for (auto& pair : result.pairs) pair.wire = Wire::unknown;
    result.known = false;
  } else if (path.walked && !path.walk.fallthrough()) {
    pairs_of_walk(c, result);
  } else {
    pairs_of_servers(c, result);
  }
  return result;
}

std::string pair_text(const Pair& pair, const std::string& what) {
  const std::string who = pair.pod == nullptr ? "endpoint " + pair.address : "pod " + pod_ref(*pair.pod);
  return who + " " + what + " (port " + std::to_string(pair.port) + ")";
}

Bindings pair_bindings(Context& c, const Pair& pair) {
  const auto& serving = c.serving();
  Bindings b = {{"server.address", pair.address}, {"port.target", pair.port}, {"service.host", serving.host}, {"service.port", serving.port_number}};
  if (serving.service != nullptr) {
    b["service.name"] = serving.service->meta.name;
    b["service.namespace"] = serving.service->meta.ns;
  }
  if (const auto* caller = c.caller()) {
    b["caller.pod"] = caller->meta.name;
    b["caller.namespace"] = caller->meta.ns;
    b["caller.workload"] = mesh::workload_of(*caller);
  }
  if (pair.pod == nullptr) return b;
  b["server.pod"] = pair.pod->meta.name;
  b["server.namespace"] = pair.pod->meta.ns;
  b["server.workload"] = mesh::workload_of(*pair.pod);
  if (pair.server.decided_by != nullptr) b["server.mode-by"] = "PeerAuthentication " + pair.server.decided_by->meta.ns + "/" + pair.server.decided_by->meta.name;
  return b;
}

}  // namespace meshdx::facts
