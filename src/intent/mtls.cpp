// The mode of mutual TLS: PeerAuthentication.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "intent/selectors.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

using evidence::Object;
using evidence::Pod;

namespace {

std::string name_of_pods(const std::set<std::string>& workloads) {
  std::vector<std::string> names(workloads.begin(), workloads.end());
  const bool many = names.size() > 5;
  if (many) names.resize(5);
  return join(names, ", ") + (many ? " and others" : "");
}

/// Requests that came in without TLS, as the servers' own logs show them.
struct PlainCallers {
  std::map<std::string, std::size_t> by_caller;
  bool read = false;        ///< a log was read
  bool has_names = false;   ///< a line has a server name: the log's format has that field
};

PlainCallers plain_callers(const Draft& draft, const std::vector<const Pod*>& pods) {
  PlainCallers callers;
  for (const auto* pod : pods) {
    if (!draft.view().evidence().asked({mesh::Kind::log, pod->meta.ns, pod->meta.name, ""})) continue;
    const auto* log = draft.view().log(*pod);
    if (log == nullptr) continue;
    callers.read = true;
    for (const auto& line : log->access) {
      callers.has_names = callers.has_names || !line.sni.empty();
      if (!line.inbound() || !line.sni.empty() || !mesh::port_of(line.downstream_remote)) continue;
      if (draft.wish().port && !ends_with(line.upstream_host, ":" + std::to_string(*draft.wish().port))) continue;
      const auto address = mesh::address_of(line.downstream_remote);
      const auto* caller = draft.view().pod_by_ip(address);
      ++callers.by_caller[caller == nullptr ? address : mesh::workload_of(*caller) + " (" + address + ")"];
    }
  }
  return callers;
}

void warn_of_plain_callers(Draft& draft, const std::vector<const Pod*>& pods) {
  const auto callers = plain_callers(draft, pods);
  if (!callers.read) {
    draft.plan.unknown.push_back("No proxy's log was read: whether callers without a sidecar come in is not known. `meshdx mtls` tells of one caller.");
    return;
  }
  std::vector<std::string> parts;
  for (const auto& [caller, n] : callers.by_caller) {
    if (parts.size() < 5) parts.push_back(caller + ": " + count(n, "request"));
  }
  if (parts.empty()) return draft.note("The logs of the proxies show no request without TLS; callers that have not called lately are not in them.");
  const auto seen = join(parts, ", ") + (callers.by_caller.size() > parts.size() ? fmt::format(" and {} more callers", callers.by_caller.size() - parts.size()) : "");
  if (callers.has_names) draft.warn("The logs show requests without TLS, which STRICT refuses: " + seen + ".");
  else draft.plan.unknown.push_back("No line of the logs has a server name: either all requests come without TLS, and STRICT refuses them, or the log's format has no %REQUESTED_SERVER_NAME%: " + seen + ".");
}

/// DestinationRules that have callers send no mutual TLS to a Service of these pods.
void warn_of_rules(Draft& draft, const std::vector<const Pod*>& pods) {
  const auto& ns = draft.wish().ns;
  const auto* services = draft.view().services(ns);
  if (services == nullptr) return;
  for (const auto& service : *services) {
    const bool concerns = std::any_of(pods.begin(), pods.end(), [&](const Pod* pod) { return evidence::selects(service.selector, pod->meta.labels); });
    if (!concerns) continue;
    const auto host = draft.names().fqdn(service.meta.name, ns);
    for (const auto* rule : draft.view().objects(mesh::Kind::destination_rules).items) {
      const auto mode = text_at(at(at(rule->spec(), "trafficPolicy"), "tls"), "mode");
      if (mode != "DISABLE" && mode != "SIMPLE") continue;
      if (mesh::host_covers(draft.names().resolve(text_at(rule->spec(), "host"), rule->meta.ns), host)) {
        draft.warn(rule->ref() + " has callers send " + (mode == "DISABLE" ? "plain text" : "TLS without a workload certificate") + " to " + service.meta.name + ", which STRICT refuses: take its tls away first.");
      }
    }
  }
}

void warn_of_pods(Draft& draft, const std::vector<const Pod*>& pods) {
  std::set<std::string> bare;
  for (const auto* pod : pods) {
    if (!pod->meshed() && !pod->ambient()) bare.insert(mesh::workload_of(*pod));
  }
  if (!bare.empty()) draft.warn("No sidecar, so nothing refuses plain text there: " + name_of_pods(bare) + ". meshdx write injection gives them one.");
}

/// More special policies stand before one of the namespace.
void warn_of_exceptions(Draft& draft, const Object* edited) {
  for (const auto* policy : draft.view().objects(mesh::Kind::peer_authentications).items) {
    if (policy == edited || policy->meta.ns != draft.wish().ns) continue;
    const auto mode = text_at(at(policy->spec(), "mtls"), "mode");
    const bool special = draft.wish().name.empty() && !selector_of(*policy).empty() && !mode.empty() && mode != "UNSET" && mode != draft.wish().mode;
    if (special) draft.warn(policy->ref() + " sets " + mode + " for the pods it selects, which stands before the namespace's mode.");
    if (draft.wish().name.empty() && selector_of(*policy).empty()) draft.warn(policy->ref() + " is for the whole namespace too, and younger: it does not count.");
  }
  if (edited == nullptr || draft.wish().port) return;
  for (const auto& port : at(edited->spec(), "portLevelMtls").items()) {
    const auto mode = text_at(port.value(), "mode");
    if (mode != draft.wish().mode) draft.warn("Port " + port.key() + " of " + edited->ref() + " keeps its own mode " + mode + ".");
  }
}

/// The port is the pods' own: a Service's port that leads to another one is a usual mistake.
void check_port(Draft& draft, const std::vector<const Pod*>& pods) {
  const auto* services = draft.view().services(draft.wish().ns);
  if (!draft.wish().port || services == nullptr) return;
  const auto wanted = static_cast<std::uint16_t>(*draft.wish().port);
  for (const auto& service : *services) {
    for (const auto* pod : pods) {
      if (!evidence::selects(service.selector, pod->meta.labels)) continue;
      bool leads = false;
      for (const auto& port : service.ports) leads = leads || mesh::target_port(port, *pod) == wanted;
      for (const auto& port : service.ports) {
        const auto target = mesh::target_port(port, *pod);
        if (!leads && port.port == wanted && target) draft.warn(fmt::format("{} is the port of Service {}; the pods' own, which counts here, is {}: --port {}.", wanted, service.meta.name, *target, *target));
      }
    }
  }
}

}  // namespace

Expected<Done> plan_mtls(Draft& draft) {
  const auto& wish = draft.wish();
  if (auto read = draft.need(mesh::Kind::peer_authentications, wish.ns); !read) return read;
  draft.plan.object = target_text(wish);
  draft.plan.title = "Mutual TLS of " + target_text(wish) + (wish.port ? ", port " + std::to_string(*wish.port) : "") + ": " + wish.mode;
  const auto labels = wish.name.empty() ? Expected<evidence::Labels>(evidence::Labels{}) : labels_of_workload(draft);
  if (!labels) return Error{labels.error()};
  const auto policy = own_object(draft, mesh::Kind::peer_authentications);
  if (!policy) return Error{policy.error()};
  const auto pods = pods_of(draft.view(), wish);
  if (wish.name.empty() && draft.view().pods(wish.ns) == nullptr) draft.plan.unknown.push_back("The pods of " + wish.ns + " were not read: which of them have a sidecar is not known.");
  if (wish.name.empty() && wish.ns == draft.view().root_namespace()) draft.warn("This is the root namespace: the mode holds for the whole mesh.");
  warn_of_exceptions(draft, *policy);
  check_port(draft, pods);
  if (wish.mode == "STRICT") {
    warn_of_pods(draft, pods);
    warn_of_rules(draft, pods);
    warn_of_plain_callers(draft, pods);
  }
  draft.plan.verify = verify_by(draft, "mtls", true);
  const Json mode = {{"mode", wish.mode}};
  const auto port = wish.port ? std::to_string(*wish.port) : "";
  const auto what = wish.mode + (port.empty() ? "" : " on port " + port);
  if (*policy != nullptr) {
    return draft.edit(**policy, Json::array({{{"op", "add"}, {"path", port.empty() ? "/spec/mtls/mode" : "/spec/portLevelMtls/" + port + "/mode"}, {"value", wish.mode}}}), what);
  }
  Json spec = Json::object();
  if (!labels->empty()) spec["selector"] = {{"matchLabels", *labels}};
  if (port.empty()) spec["mtls"] = mode;
  else spec["portLevelMtls"] = {{port, mode}};
  return draft.create(mesh::Kind::peer_authentications, wish.name.empty() ? "default" : wish.name, spec, what);
}

}  // namespace meshdx::intent
