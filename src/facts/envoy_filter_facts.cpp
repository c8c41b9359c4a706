// EnvoyFilters that make a proxy answer by itself: a Lua script that responds (G9).
#include "facts/envoy_filters.hpp"

#include <algorithm>

#include "facts/tables.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Sighting;

std::vector<const Object*> envoy_filters_of(Context& c, const Pod& pod) {
  std::vector<const Object*> found;
  const std::string root = c.view.root_namespace();
  const auto gateway = pod.meta.labels.find("gateway.networking.k8s.io/gateway-name");
  for (const auto* filter : c.view.objects(Kind::envoy_filters).items) {
    if (filter->meta.ns != pod.meta.ns && filter->meta.ns != root) continue;
    const Json& targets = at(filter->spec(), "targetRefs");
    const auto selector = mesh::labels_at(at(filter->spec(), "workloadSelector"), "labels");
    const bool targeted = targets.is_array() && !targets.empty();
    const bool own = targeted ? std::any_of(targets.begin(), targets.end(), [&](const Json& target) { return gateway != pod.meta.labels.end() && text_at(target, "name") == gateway->second; })
                              : selector.empty() || selects(selector, pod.meta.labels);
    if (own) found.push_back(filter);
  }
  return found;
}

bool envoy_filters_known(Context& c, const Pod& pod) {
  const auto list = c.view.objects(Kind::envoy_filters);
  return list.covers(pod.meta.ns) && list.covers(c.view.root_namespace());
}

namespace {

const std::vector<Kind> filter_needs = {Kind::envoy_filters, Kind::mesh_config, Kind::log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces,
                                        Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};

/// An answer of a Lua script: Envoy marks it so (source/extensions/filters/http/lua/lua_filter.cc luaRespond).
struct Scripted {
  const AccessLine* line = nullptr;
  const Pod* pod = nullptr;         ///< whose proxy runs the script
  const char* context = "";         ///< the part of the proxy, as an EnvoyFilter's match names it
};

std::optional<Scripted> scripted(Context& c, const Sighting& seen) {
  if (seen.result != Sighting::Result::failed) return std::nullopt;
  if (seen.server != nullptr && seen.server->details == "lua_response") return Scripted{seen.server, seen.server_pod, "SIDECAR_INBOUND"};
  if (seen.caller != nullptr && seen.caller->details == "lua_response") return Scripted{seen.caller, seen.caller_pod, c.path().caller.gateway ? "GATEWAY" : "SIDECAR_OUTBOUND"};
  return std::nullopt;
}

std::optional<Scripted> last_scripted(Context& c) {
  std::optional<Scripted> last;
  for (const auto& seen : c.traffic().requests) {
    const auto found = scripted(c, seen);
    if (found && found->pod != nullptr && (!last || found->line->start >= last->line->start)) last = found;
  }
  return last;
}

/// Patches of an EnvoyFilter that put a Lua filter, or a route's script for it, into this part of a proxy.
std::vector<std::size_t> lua_patches(const Object& filter, const std::string& context) {
  std::vector<std::size_t> found;
  const Json& patches = at(filter.spec(), "configPatches");
  for (std::size_t i = 0; patches.is_array() && i < patches.size(); ++i) {
    const std::string where = text_at(at(patches[i], "match"), "context", "ANY");
    if ((where == "ANY" || where == context) && contains(dump_json(at(patches[i], {"patch", "value"})), "filters.http.lua")) found.push_back(i);
  }
  return found;
}

Bindings filter_bindings(const Scripted& answer, const Object& filter, const std::vector<std::size_t>& patches) {
  Json removals = Json::array();   // from the last on, so that the numbers of the others stay
  for (auto index = patches.rbegin(); index != patches.rend(); ++index) removals.push_back({{"op", "remove"}, {"path", "/spec/configPatches/" + std::to_string(*index)}});
  return {{"filter.name", filter.meta.name}, {"filter.namespace", filter.meta.ns}, {"filter.patch", removals}, {"proxy.ref", pod_ref(*answer.pod)},
          {"proxy.workload", mesh::workload_of(*answer.pod)}, {"shown.pod", answer.pod->meta.name}};
}

/// The one EnvoyFilter whose script can have answered. The log does not name it.
Finding lua_answers(Context& c) {
  if (c.caller() == nullptr) return unknown();
  const auto answer = last_scripted(c);
  if (!answer) return no("no request in the log was answered by a Lua script");
  std::vector<const Object*> running;
  for (const auto* filter : envoy_filters_of(c, *answer->pod)) {
    if (!lua_patches(*filter, answer->context).empty()) running.push_back(filter);
  }
  const std::string proxy = "the proxy of " + pod_ref(*answer->pod);
  if (running.empty()) return envoy_filters_known(c, *answer->pod) ? no("no EnvoyFilter runs Lua in " + proxy + " (any more)") : unknown();
  if (running.size() > 1) {
    std::vector<std::string> names;
    for (const auto* filter : running) names.push_back(filter->full_name());
    return unknown("several EnvoyFilters run Lua in " + proxy + ", and the log does not say which one answers: " + join(names, ", "));
  }
  const auto& filter = *running.front();
  return yes("EnvoyFilter " + filter.full_name() + " is the only one that runs Lua in " + proxy, filter_bindings(*answer, filter, lua_patches(filter, answer->context)));
}

}  // namespace

const std::vector<Fact>& envoy_filter_facts() {
  static const std::vector<Fact> facts = {
      {"filter.lua-answers", "One EnvoyFilter runs Lua in the proxy that answered by Lua", filter_needs, lua_answers, {Kind::envoy_filters}},
  };
  return facts;
}

}  // namespace meshdx::facts
