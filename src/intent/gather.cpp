#include "intent/gather.hpp"

#include <set>

#include "intent/draft.hpp"
#include "mesh/request.hpp"
#include "mesh/view.hpp"

namespace meshdx::intent {

namespace {

using evidence::Evidence;
using evidence::Gap;
using evidence::Key;
using EKind = evidence::Kind;

/// Proxies whose logs are read: a namespace may hold hundreds.
constexpr std::size_t k_most_logs = 12;

/// The Istio kinds that a wish is held against.
std::vector<EKind> mesh_kinds_of(Kind kind) {
  switch (kind) {
    case Kind::isolation: return {EKind::sidecars, EKind::service_entries};
    case Kind::mtls: return {EKind::peer_authentications, EKind::destination_rules};
    case Kind::injection: return {};
    case Kind::circuit_breaker: return {EKind::destination_rules};
    default: return {EKind::virtual_services, EKind::destination_rules, EKind::http_routes};
  }
}

void read_all(run::CommandRunner& runner, const std::vector<Key>& keys, std::chrono::milliseconds timeout, Evidence& evidence) {
  std::vector<run::Argv> commands;
  for (const auto& key : keys) commands.push_back(evidence::command_for(key));
  for (const auto& result : run::run_all(runner, commands, timeout)) evidence.add(result);
}

/// The logs that tell who calls or is called.
std::vector<Key> logs_of(const Evidence& evidence, const Wish& wish) {
  std::vector<Key> keys;
  const mesh::View view(evidence);
  for (const auto* pod : pods_of(view, wish)) {
    if (pod->meshed() && !mesh::gone(*pod) && keys.size() < k_most_logs) keys.push_back({EKind::log, pod->meta.ns, pod->meta.name, ""});
  }
  return keys;
}

}  // namespace

Evidence gather(run::CommandRunner& runner, const Wish& wish, std::chrono::milliseconds timeout) {
  Evidence evidence;
  const auto kinds = mesh_kinds_of(wish.kind);
  std::vector<Key> keys = {{EKind::mesh_config, "", "", ""}, {EKind::namespaces, "", "", ""}, {EKind::services, wish.ns, "", ""}, {EKind::pods, wish.ns, "", ""}};
  if (wish.kind == Kind::injection) keys.push_back({EKind::webhooks, "", "", ""});
  for (const auto kind : kinds) keys.push_back({kind, "", "", ""});
  read_all(runner, keys, timeout, evidence);

  std::vector<Key> again;
  const auto& plane = mesh::View(evidence, wish.ns).control_plane();
  if (!plane.usual()) again.push_back(plane.config_key());
  const std::set<std::string> where = {wish.ns, mesh::View(evidence, wish.ns).root_namespace()};
  for (const auto kind : kinds) {
    const auto gap = evidence.source({kind, "", "", ""}).gap;
    if (gap != Gap::forbidden && gap != Gap::not_recorded) continue;
    for (const auto& ns : where) again.push_back({kind, ns, "", ""});
  }
  if (wish.kind == Kind::mtls || (wish.kind == Kind::isolation && wish.hosts.empty())) {
    const auto logs = logs_of(evidence, wish);
    again.insert(again.end(), logs.begin(), logs.end());
  }
  read_all(runner, again, timeout, evidence);
  return evidence;
}

}  // namespace meshdx::intent
