#include "mesh/bind.hpp"

#include <algorithm>
#include <set>

#include "mesh/path.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

constexpr std::size_t max_clients = 2, max_servers = 3;

void add_pods(Values& values, const char* group, const std::vector<const Pod*>& pods, std::size_t most) {
  std::set<std::string> seen;
  for (const auto* pod : pods) {
    if (seen.size() >= most) break;
    if (!pod->meshed() || !seen.insert(pod->meta.ns + "/" + pod->meta.name).second) continue;
    values[group].push_back({{"pod", pod->meta.name}, {"namespace", pod->meta.ns}});
  }
}

/// Applications that keep ending: their logs say why.
void add_failing(Values& values, const std::vector<const Pod*>& pods) {
  for (const auto* pod : pods) {
    for (const auto& container : pod->containers) {
      const bool failing = !container.ready && container.restarts > 0 && container.name != "istio-proxy" && !container.init;
      if (!failing) continue;
      auto& apps = values["app"];
      const std::map<std::string, std::string> row = {{"pod", pod->meta.name}, {"namespace", pod->meta.ns}, {"container", container.name}};
      if (apps.size() < max_servers && std::find(apps.begin(), apps.end(), row) == apps.end()) apps.push_back(row);
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
      const auto name = service_name(lower(line.authority.substr(0, line.authority.find(':'))), pod->meta.ns);
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

}  // namespace

Values bind(const Evidence& evidence, const Complaint& complaint) {
  Values values;
  const View view(evidence);
  const Path path = follow(view, complaint);
  std::set<std::string> namespaces = {"istio-system"};
  if (complaint.from != Complaint::From::gateway) {
    if (const auto name = service_name(complaint.host, complaint.ns)) {
      namespaces.insert(name->ns);
      values["to"].push_back({{"namespace", name->ns}});
    }
  }
  namespaces.insert(complaint.ns);
  if (!complaint.from_ns.empty()) {
    namespaces.insert(complaint.from_ns);
    values["from"].push_back({{"namespace", complaint.from_ns}});
  }
  add_walk_namespaces(path, namespaces);
  namespaces.erase("");
  for (const auto& ns : namespaces) values["namespace"].push_back({{"name", ns}});
  add_pods(values, "client", path.caller.pods, max_clients);
  add_pods(values, "server", path.servers, max_servers);
  if (const auto targets = target_pods(view, complaint)) {
    add_pods(values, "target", *targets, max_servers);
    add_failing(values, *targets);
    add_called(values, view, *targets);
  }
  add_failing(values, path.servers);
  return values;
}

}  // namespace meshdx::mesh
