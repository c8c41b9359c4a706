// Who refused or gave up on purpose: rate limits, external authorizers, and callers that hang up (F6, F9, F10).
#include <algorithm>

#include "facts/envoy_filters.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Sighting;

namespace {

const std::vector<Kind> refusal_needs = {Kind::envoy_filters, Kind::authorization_policies, Kind::mesh_config, Kind::endpointslices, Kind::services, Kind::pods,
                                         Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::virtual_services, Kind::listeners, Kind::routes,
                                         Kind::clusters, Kind::endpoints, Kind::log};

bool applies(Context& c, const Object& policy, const Pod& pod) {
  const auto selector = mesh::labels_at(at(policy.spec(), "selector"), "matchLabels");
  const bool scope = policy.meta.ns == pod.meta.ns || policy.meta.ns == c.view.root_namespace();
  return scope && (selector.empty() || selects(selector, pod.meta.labels));
}

/// An EnvoyFilter with a rate limit that applies to a proxy of the hop; the server's first, where limits mostly stand.
Finding limit_filter(Context& c) {
  if (c.caller() == nullptr) return unknown();
  std::vector<const Pod*> pods = c.path().servers;
  pods.push_back(c.caller());
  const auto filters = c.view.objects(Kind::envoy_filters);
  for (const auto* pod : pods) {
    for (const auto* filter : envoy_filters_of(c, *pod)) {
      const std::string text = dump_json(at(filter->spec(), "configPatches"));
      if (!contains(text, "ratelimit")) continue;
      return yes("EnvoyFilter " + filter->meta.ns + "/" + filter->meta.name + " sets a rate limit on " + pod_ref(*pod),
                 {{"limit.by", "EnvoyFilter " + filter->meta.ns + "/" + filter->meta.name}, {"limit.name", filter->meta.name}, {"limit.namespace", filter->meta.ns}});
    }
  }
  return filters.everywhere ? no("no EnvoyFilter sets a rate limit on a proxy of the hop") : unknown();
}

const AuthorizationProvider* provider_named(const MeshConfig* config, const std::string& name) {
  if (config == nullptr) return nullptr;
  const auto& all = config->authorization_providers;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& provider) { return provider.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// How many ready endpoints the provider's Service has; a text for the report.
std::string provider_state(Context& c, const std::string& host, bool& lost) {
  const auto name = mesh::service_name(host.substr(host.find('/') == std::string::npos ? 0 : host.find('/') + 1), "");
  const auto* services = name ? c.view.services(name->ns) : nullptr;
  if (services == nullptr) return "";
  lost = std::none_of(services->begin(), services->end(), [&](const Service& s) { return s.meta.name == name->name; });
  if (lost) return "; there is no Service " + name->ns + "/" + name->name;
  const auto* slices = c.view.slices(name->ns);
  if (slices == nullptr) return "";
  std::size_t ready = 0;
  for (const auto& slice : *slices) {
    if (slice.service != name->name) continue;
    ready += static_cast<std::size_t>(std::count_if(slice.endpoints.begin(), slice.endpoints.end(), [](const Endpoint& e) { return e.ready; }));
  }
  lost = ready == 0;
  return "; Service " + name->ns + "/" + name->name + " has " + (ready == 0 ? std::string("no ready endpoint") : count(ready, "ready endpoint"));
}

/// The CUSTOM policy of the server, and whom it asks.
Finding custom_policy(Context& c) {
  const auto& path = c.path();
  if (path.servers.empty() && !path.caller.gateway) return path.servers_known ? no("there is no server pod") : unknown();
  const auto policies = c.view.objects(Kind::authorization_policies);
  std::vector<const Pod*> pods = path.servers;
  if (path.caller.gateway && path.caller.pod != nullptr) pods.push_back(path.caller.pod);
  for (const auto* pod : pods) {
    for (const auto* policy : policies.items) {
      if (text_at(policy->spec(), "action") != "CUSTOM" || !applies(c, *policy, *pod)) continue;
      const std::string name = text_at(at(policy->spec(), "provider"), "name");
      const auto* config = c.view.mesh_config();
      const auto* provider = provider_named(config, name);
      Bindings b = {{"policy.name", policy->meta.name}, {"policy.namespace", policy->meta.ns}, {"provider.name", name}, {"provider.host", provider == nullptr ? "" : provider->service}};
      bool lost = false;
      std::string who = "provider " + name;
      if (provider != nullptr) who += " (" + provider->service + ":" + std::to_string(provider->port) + ")" + provider_state(c, provider->service, lost);
      else if (config != nullptr) who += ", which the mesh configuration does not define";
      b["provider.text"] = who;
      return yes("AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + " (CUSTOM) has " + pod_ref(*pod) + " ask " + who, b);
    }
  }
  const bool all = std::all_of(pods.begin(), pods.end(), [&](const Pod* p) { return policies.covers(p->meta.ns); });
  return all && policies.covers(c.view.root_namespace()) ? no("no CUSTOM AuthorizationPolicy applies") : unknown();
}

/// Requests that the caller ended before any answer: `0 DC` (the client closed) or `0 DR` (it reset the stream), and no
/// fault's delay in the way.
struct HungUp {
  std::size_t waiting = 0, connecting = 0, unsure = 0;   ///< the server had the request; never got it; its log does not tell
  const Sighting* last = nullptr;
  long long shortest = 0, longest = 0;
};

bool hung_up(const AccessLine& line) { return line.code == 0 && !line.method.empty() && (line.has_flag("DC") || line.has_flag("DR")) && !line.has_flag("DI"); }

/// Whether a log that was read holds all lines there are: fewer than were asked for.
bool whole_log(Context& c, const Key& key, const ProxyLog& log) {
  for (const auto& word : c.view.evidence().source(key).argv) {
    const auto asked = starts_with(word, "--tail=") ? to_number(word.substr(7)) : std::nullopt;
    if (asked) return log.lines < *asked && c.view.evidence().source(key).why.empty();
  }
  return false;
}

/// Whether the server's proxy would have logged the request had it come, and its log reaches back that far.
bool server_tells(Context& c, const AccessLine& line) {
  const auto* pod = c.view.pod_by_ip(mesh::address_of(line.upstream_host));
  if (pod == nullptr || !pod->meshed()) return false;
  const Key key{Kind::log, pod->meta.ns, pod->meta.name, ""};
  if (!c.view.evidence().asked(key)) return false;
  const auto* log = c.view.log(*pod);
  if (log == nullptr || !mesh::writes_access_log(c.view, *pod, *log)) return false;
  return whole_log(c, key, *log) || (!log->access.empty() && log->access.front().start < line.start);
}

HungUp hung_up_requests(Context& c) {
  HungUp found;
  for (const auto& seen : c.traffic().requests) {
    const AccessLine* line = seen.caller != nullptr ? seen.caller : seen.server;
    if (!hung_up(*line)) continue;
    const bool first = found.last == nullptr;
    found.shortest = first ? line->duration_ms : std::min<long long>(found.shortest, line->duration_ms);
    found.longest = std::max<long long>(found.longest, line->duration_ms);
    found.last = &seen;
    if (seen.server != nullptr) ++found.waiting;
    else if (server_tells(c, *line)) ++found.connecting;
    else ++found.unsure;
  }
  return found;
}

Finding hung_up_fact(Context& c, std::size_t HungUp::*member, const char* where) {
  const auto& path = c.path();
  const auto& traffic = c.traffic();
  if (path.caller.pod == nullptr || !(path.caller.proxied() ? traffic.caller_read : traffic.server_read)) return unknown();
  const auto found = hung_up_requests(c);
  const std::size_t hits = found.*member;
  if (c.ask.code && *c.ask.code != 0 && *c.ask.code != 408 && *c.ask.code != 499) return no("the caller saw an answer, " + std::to_string(*c.ask.code));
  if (found.last == nullptr) return traffic.requests.empty() ? none_seen(c) : no("no caller hung up");
  if (hits * 5 < traffic.requests.size()) return found.unsure * 5 < traffic.requests.size() ? no("the requests that were hung up look otherwise") : unknown("whether the server got the requests is not known: its log was not read, or does not reach back");
  const auto* line = found.last->caller != nullptr ? found.last->caller : found.last->server;
  const std::string after = found.shortest == found.longest ? std::to_string(found.longest) + " ms" : std::to_string(found.shortest) + " to " + std::to_string(found.longest) + " ms";
  return yes("the caller closed " + std::to_string(hits) + " of " + count(traffic.requests.size(), "request") + " after " + after + ", " + where,
             {{"hung-up.hits", hits}, {"hung-up.seen", traffic.requests.size()}, {"hung-up.after", after}, {"line.time", line->start}, {"line.path", line->path}, {"shown.pod", path.caller.pod->meta.name}});
}

Finding hung_up_waiting(Context& c) { return hung_up_fact(c, &HungUp::waiting, "while the server was still at work"); }
Finding hung_up_connecting(Context& c) { return hung_up_fact(c, &HungUp::connecting, "and the server's proxy never saw them"); }

}  // namespace

const std::vector<Fact>& refusal_facts() {
  static const std::vector<Fact> facts = {
      {"limit.envoy-filter", "An EnvoyFilter sets a rate limit on a proxy of the hop", refusal_needs, limit_filter, {Kind::envoy_filters}},
      {"authorization.asks-provider", "A CUSTOM AuthorizationPolicy has the server ask a provider", refusal_needs, custom_policy, {Kind::authorization_policies, Kind::mesh_config}},
      {"requests.hung-up-waiting", "The caller hung up while the server was at work (DC)", refusal_needs, hung_up_waiting, {Kind::log}},
      {"requests.hung-up-connecting", "The caller hung up before the server saw the requests (DC)", refusal_needs, hung_up_connecting, {Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
