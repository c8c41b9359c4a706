#include "mesh/bind.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "mesh/callers.hpp"
#include "mesh/cases.hpp"
#include "mesh/gateway_places.hpp"
#include "mesh/path.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

constexpr std::size_t max_clients = 2, max_servers = 3, max_witnesses = 11;

using Row = std::map<std::string, std::string>;

/// A row once: several pairs share a pod.
void add_row(std::vector<Row>& rows, Row row) {
  if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(std::move(row));
}

void add_pods(Values& values, const char* group, const std::vector<const Pod*>& pods, std::size_t most) {
  std::set<std::string> seen;
  for (const auto* pod : pods) {
    if (seen.size() >= most) break;
    if (!pod->meshed() || !seen.insert(pod->meta.ns + "/" + pod->meta.name).second) continue;
    add_row(values[group], {{"pod", pod->meta.name}, {"namespace", pod->meta.ns}});
  }
}

/// Applications that keep ending: their logs say why.
void add_failing(Values& values, const std::vector<const Pod*>& pods) {
  for (const auto* pod : pods) {
    for (const auto& container : pod->containers) {
      const bool own = !starts_with(container.name, "istio-") && !container.restart_always;
      const bool failing = !container.ready && (container.restarts > 0 || (container.init && container.last_exit_code.value_or(0) != 0)) && own;
      if (failing && values["app"].size() < max_servers) add_row(values["app"], {{"pod", pod->meta.name}, {"namespace", pod->meta.ns}, {"container", container.name}});
    }
  }
}

/// Namespaces that the targets call, as their logs name them, whether the calls got there or not.
void add_called(Values& values, const View& view, const std::vector<const Pod*>& pods) {
  const auto* namespaces = view.namespaces();
  std::set<std::string> called;
  for (const auto* pod : pods) {
    if (!pod->meshed() || !view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""})) continue;
    const auto* log = view.log(*pod);
    if (log == nullptr || namespaces == nullptr) continue;
    for (const auto& line : log->access) {
      if (line.inbound()) continue;
      const auto name = service_name(lower(address_of(line.authority)), pod->meta.ns);
      const bool known = name && std::any_of(namespaces->begin(), namespaces->end(), [&](const auto& ns) { return ns.meta.name == name->ns; });
      if (known) called.insert(name->ns);
    }
  }
  for (const auto& ns : called) values["called"].push_back({{"namespace", ns}});
}

/// The clusters' hosts tell which namespaces a walk leads to.
void add_walk_namespaces(const Path& path, std::set<std::string>& namespaces) {
  for (const auto& leg : path.walk.legs) {
    if (!leg.name) continue;
    if (const auto name = service_name(leg.name->host, "")) namespaces.insert(name->ns);
  }
}

/// Those first at which the caller's requests failed: where one pod of many fails, it is the one to look at.
std::vector<const Pod*> worst_first(const View& view, const Complaint& complaint, const Path& path) {
  std::map<std::string, std::size_t> failures;
  for (const auto& seen : observe(view, complaint, path.caller, path.to, {}).requests) {
    if (seen.result == Sighting::Result::failed && seen.caller != nullptr) ++failures[address_of(seen.caller->upstream_host)];
  }
  auto servers = path.servers;
  const auto failed = [&](const Pod* pod) {
    std::size_t all = 0;
    for (const auto& [address, times] : failures) all += pod->has_address(address) ? times : 0;
    return all;
  };
  std::stable_sort(servers.begin(), servers.end(), [&](const Pod* a, const Pod* b) { return failed(a) > failed(b); });
  return servers;
}

/// Control planes that proxies belong to, other than the usual one, whose configuration has a name of its own.
void add_control_planes(const View& view, Values& values, std::set<std::string>& namespaces) {
  for (const auto& plane : view.control_planes().all) {
    namespaces.insert(plane.ns);
    if (!plane.usual()) add_row(values["control"], {{"namespace", plane.ns}, {"revision", plane.revision}, {"config-map", plane.config_map()}});
  }
}

/// What one pair needs.
void bind_case(const View& view, const Complaint& complaint, bool settled, Values& values, std::set<std::string>& namespaces) {
  const Path path = follow(view, complaint);
  if (complaint.from != Complaint::From::gateway) {
    if (const auto name = service_name(complaint.host, complaint.ns)) {
      namespaces.insert(name->ns);
      add_row(values["to"], {{"namespace", name->ns}});
    }
  }
  namespaces.insert(complaint.ns);
  if (!complaint.from_ns.empty()) {
    namespaces.insert(complaint.from_ns);
    add_row(values["from"], {{"namespace", complaint.from_ns}});
  }
  add_walk_namespaces(path, namespaces);
  add_pods(values, "witness", path.caller.witnesses, max_witnesses);
  if (!settled) return;
  const auto servers = worst_first(view, complaint, path);
  add_pods(values, "client", path.caller.pods, max_clients);
  add_pods(values, "server", servers, max_servers);
  add_failing(values, path.servers);
}

}  // namespace

Values bind(const Evidence& evidence, const Complaint& complaint) {
  Values values;
  const View view(evidence, complaint.home());
  std::set<std::string> namespaces = {view.control_plane().ns, view.root_namespace()};
  add_control_planes(view, values, namespaces);
  const auto cases = cases_of(view, complaint);
  for (const auto& pair : cases.all) bind_case(view, pair.complaint, cases.settled, values, namespaces);
  if (complaint.from == Complaint::From::unknown && !complaint.of_workload) add_pods(values, "witness", witnesses(view, complaint), max_witnesses);
  namespaces.merge(places_of_gateways(view, complaint));
  namespaces.erase("");
  for (const auto& ns : namespaces) values["namespace"].push_back({{"name", ns}});
  if (const auto targets = target_pods(view, complaint)) {
    add_pods(values, "target", *targets, max_servers);
    add_failing(values, *targets);
    add_called(values, view, *targets);
  }
  for (auto group = values.begin(); group != values.end();) group = group->second.empty() ? values.erase(group) : std::next(group);
  return values;
}

}  // namespace meshdx::mesh
