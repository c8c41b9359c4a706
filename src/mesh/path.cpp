#include "mesh/path.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

const Service* service_of(const View& view, const std::string& host, bool* read) {
  const auto name = service_name(host, "");
  const auto* services = name ? view.services(name->ns) : nullptr;
  if (read != nullptr) *read = services != nullptr;
  if (services == nullptr) return nullptr;
  for (const auto& service : *services) {
    if (service.meta.name == name->name) return &service;
  }
  return nullptr;
}

namespace {

void add(std::vector<const Pod*>& pods, const Pod* pod) {
  if (pod != nullptr && std::find(pods.begin(), pods.end(), pod) == pods.end()) pods.push_back(pod);
}

/// Behind the endpoints of the walk's clusters; where a cluster has none, the pods its Service selects.
void servers_of_walk(const View& view, Path& path) {
  for (const auto& leg : path.walk.legs) {
    for (const auto* host : leg.hosts) add(path.servers, view.pod_by_ip(host->address));
    if (!leg.hosts.empty() || !leg.name) continue;
    const auto* service = service_of(view, leg.name->host);
    const auto pods = service == nullptr ? std::nullopt : selected_pods(view, *service);
    if (!pods) continue;
    for (const auto* pod : *pods) add(path.servers, pod);
  }
}

void servers_of_service(const View& view, Path& path) {
  if (path.to.service != nullptr) {
    const auto pods = selected_pods(view, *path.to.service);
    if (pods) path.servers = *pods;
  } else if (path.to.by_pod_ip) {
    add(path.servers, view.pod_by_ip(path.to.host));
  } else if (path.to.state == Destination::State::pods) {
    if (const auto* pods = view.pods(path.to.ns)) path.servers = pods_named(*pods, path.to.name);
  }
}

}  // namespace

Path follow(const View& view, const Complaint& complaint) {
  Path path;
  path.to = find_destination(view, complaint);
  path.caller = find_caller(view, complaint, path.to);
  path.request = request_of(view, complaint, path.caller, path.to);
  if (path.caller.meshed() && !path.caller.gateway) path.caller.capture = outbound_capture(*path.caller.pod, path.request.addresses, path.request.port);
  if (path.caller.proxied()) {
    path.walked = true;
    const auto& pod = *path.caller.pod;
    const ProxyConfig proxy{view.listeners(pod), view.routes(pod), view.clusters(pod), view.endpoints(pod)};
    if (complaint.no_host.empty()) path.walk = path.caller.gateway ? walk_gateway(proxy, path.request) : walk_sidecar(proxy, path.request);
    if (!complaint.no_host.empty()) path.walk.why = complaint.no_host;
    servers_of_walk(view, path);
  }
  if (path.servers.empty()) servers_of_service(view, path);
  if (path.to.state == Destination::State::unknown && !path.walked) return path;
  path.servers_known = path.to.ns.empty() ? !path.servers.empty() : view.pods(path.to.ns) != nullptr;
  return path;
}

std::optional<std::vector<const Pod*>> target_pods(const View& view, const Complaint& complaint) {
  const auto to = find_destination(view, complaint);
  const auto name = service_name(lower(complaint.host), complaint.ns);
  if (complaint.named != Complaint::Named::workload && to.service != nullptr) return selected_pods(view, *to.service);
  const auto* pods = name ? view.pods(name->ns) : nullptr;
  if (to.by_pod_ip) return std::vector<const Pod*>{view.pod_by_ip(to.host)};
  if (pods == nullptr) return std::nullopt;
  return pods_named(*pods, name->name);
}

}  // namespace meshdx::mesh
