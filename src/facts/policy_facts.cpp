// Settings of the route and the cluster that fail requests on purpose: faults, timeouts, retries, limits (group F).
#include "facts/context.hpp"
#include "facts/rules.hpp"
#include "facts/routing_parts.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> resilience_needs = {Kind::virtual_services, Kind::mesh_config, Kind::destination_rules, Kind::services, Kind::pods, Kind::service_entries,
                                        Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// The pointer of the first http rule with a member for which `wanted` holds.
template <class Wanted>
std::optional<std::string> rule_with(const Object& vs, const char* member, Wanted wanted) {
  const Json& rules = at(vs.spec(), "http");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const Json& value = at(rules[i], member);
    if (!value.is_null() && wanted(value)) return "/spec/http/" + std::to_string(i) + "/" + member;
  }
  return std::nullopt;
}

/// The same in the rule that takes the request, where that can be told: other rules' settings are other requests'. A rule of a delegate
/// stands in another object, so a root's rules are looked through as a whole.
template <class Wanted>
std::optional<std::string> taken_rule_with(Context& c, const Object& vs, const char* member, Wanted wanted) {
  const auto rules = rules_of(c);
  const bool known = rules.vs == &vs && rules.in_proxy && rules.taken >= 0;
  if (!known || at(rules.list()[static_cast<std::size_t>(rules.taken)], "delegate").is_object()) return rule_with(vs, member, wanted);
  const Json& value = at(rules.list()[static_cast<std::size_t>(rules.taken)], member);
  if (value.is_null() || !wanted(value)) return std::nullopt;
  return "/spec/http/" + std::to_string(rules.taken) + "/" + member;
}

Bindings vs_bindings(const Route& route) { return {{"vs.name", route.config.name}, {"vs.namespace", route.config.ns}}; }

/// The VirtualService of the walk's route, and a place in it; `member` absent in the object: the proxy is stale.
template <class Wanted>
Finding route_setting(Context& c, const std::string& text, Bindings b, const char* member, Wanted wanted) {
  const auto& route = *c.walk().route;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto* vs = route.config ? find_object(list, route.config.ns, route.config.name) : nullptr;
  if (vs == nullptr) return route.config && !list.covers(route.config.ns) ? unknown() : no("no VirtualService sets it");
  const auto place = taken_rule_with(c, *vs, member, wanted);
  if (!place) return no("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " does not set it (any more)");
  b.merge(vs_bindings(route));
  // A fault or a timeout goes as a whole; of retries only the timeout a try.
  const std::string path = *place + (std::string_view(member) == "retries" ? "/perTryTimeout" : "");
  b["vs.patch"] = Json::array({{{"op", "remove"}, {"path", path}}});
  return yes("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " " + text, b);
}

std::string percent(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (!text.empty() && text.back() == '.') text.pop_back();
  return text + " %";
}

Finding fault_abort(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* route = c.walk().route;
  if (route == nullptr || !route->fault || !route->fault->abort_status || route->fault->abort_percent <= 0) return no("the route injects no abort");
  const auto& fault = *route->fault;
  // One for a share of the requests is not to blame for what failed in another way: Envoy marks what it aborts (FI).
  bool failed = false, aborted = false;
  for (const auto& seen : c.traffic().requests) {
    if (seen.caller == nullptr || seen.result != mesh::Sighting::Result::failed) continue;
    failed = true;
    aborted = aborted || seen.caller->has_flag("FI");
  }
  if (failed && !aborted && fault.abort_percent < 100) return no("the route injects aborts, and no failing request in the log is one (FI)");
  return route_setting(c, "injects " + std::to_string(*fault.abort_status) + " into " + percent(fault.abort_percent) + " of the requests",
                       {{"fault.status", *fault.abort_status}, {"fault.percent", percent(fault.abort_percent)}}, "fault", [](const Json& f) { return at(f, "abort").is_object(); });
}

Finding fault_delay(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* route = c.walk().route;
  if (route == nullptr || !route->fault || route->fault->delay.empty() || route->fault->delay_percent <= 0) return no("the route injects no delay");
  return route_setting(c, "delays " + percent(route->fault->delay_percent) + " of the requests by " + route->fault->delay, {{"fault.delay", route->fault->delay}}, "fault", [](const Json& f) { return at(f, "delay").is_object(); });
}

Finding route_timeout(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* route = c.walk().route;
  if (route == nullptr || route->timeout.empty() || route->timeout == "0s") return no("the route has no timeout");
  return route_setting(c, "gives requests " + route->timeout, {{"route.timeout", route->timeout}}, "timeout", [](const Json& t) { return t.is_string(); });
}

Finding per_try_timeout(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* route = c.walk().route;
  if (route == nullptr || !route->retry || route->retry->per_try_timeout.empty() || route->retry->per_try_timeout == "0s") return no("the route has no timeout a try");
  return route_setting(c, "gives each of " + std::to_string(route->retry->attempts + 1) + " tries " + route->retry->per_try_timeout, {{"retry.per-try", route->retry->per_try_timeout}, {"retry.attempts", route->retry->attempts}}, "retries", [](const Json& r) { return at(r, "perTryTimeout").is_string(); });
}

std::string limits_text(const CircuitBreakers& breakers) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::optional<std::uint32_t>& value) {
    if (value) parts.push_back(std::string(name) + " " + std::to_string(*value));
  };
  add("maxConnections", breakers.max_connections);
  add("maxPendingRequests", breakers.max_pending_requests);
  add("maxRequests", breakers.max_requests);
  add("maxRetries", breakers.max_retries);
  return join(parts, ", ");
}

/// Raises each low limit of a connectionPool to 1024, Envoy's own default (cluster.v3 CircuitBreakers).
Json raise_limits(const Object& rule) {
  Json ops = Json::array();
  const auto raise = [&](const std::string& base, const Json& pool) {
    for (const auto& [group, name] : {std::make_pair("tcp", "maxConnections"), {"http", "http1MaxPendingRequests"}, {"http", "http2MaxRequests"}}) {
      const auto value = number_at(at(pool, group), name, 0);
      if (value > 0 && value < 1024) ops.push_back({{"op", "replace"}, {"path", base + "/" + group + "/" + name}, {"value", 1024}});
    }
  };
  raise("/spec/trafficPolicy/connectionPool", at(rule.spec(), {"trafficPolicy", "connectionPool"}));
  const Json& subsets = at(rule.spec(), "subsets");
  for (std::size_t i = 0; subsets.is_array() && i < subsets.size(); ++i) {
    raise("/spec/subsets/" + std::to_string(i) + "/trafficPolicy/connectionPool", at(subsets[i], {"trafficPolicy", "connectionPool"}));
  }
  return ops;
}

Finding limits(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = false;
  for (const auto& leg : c.walk().legs) {
    unsure = unsure || (leg.config == nullptr && leg.state == mesh::Leg::State::unknown);
    if (leg.config == nullptr || !leg.config->breakers.any()) continue;
    const auto list = c.view.objects(Kind::destination_rules);
    const auto* rule = find_object(list, leg.config->config.ns, leg.config->config.name);
    if (rule == nullptr && !list.covers(leg.config->config.ns)) return unknown();
    Bindings b = {{"cluster.name", leg.cluster}, {"limits.text", limits_text(leg.config->breakers)}};
    if (rule == nullptr) return no("the DestinationRule that set limits does not exist any more");
    const Json ops = raise_limits(*rule);
    if (ops.empty()) return no("no limit of the DestinationRule is low");
    b["rule.name"] = rule->meta.name;
    b["rule.namespace"] = rule->meta.ns;
    b["rule.patch"] = ops;
    return yes("DestinationRule " + rule->meta.ns + "/" + rule->meta.name + " limits " + leg.cluster + ": " + limits_text(leg.config->breakers), b);
  }
  return unsure ? unknown() : no("no limit is set on the cluster");
}

/// Where a rule sets outlier detection for a subset: there, or for all.
std::optional<std::string> outlier_pointer(const Object& rule, const std::string& subset) {
  const Json& subsets = at(rule.spec(), "subsets");
  for (std::size_t i = 0; subsets.is_array() && i < subsets.size(); ++i) {
    if (!subset.empty() && text_at(subsets[i], "name") == subset && at(subsets[i], {"trafficPolicy", "outlierDetection"}).is_object()) {
      return "/spec/subsets/" + std::to_string(i) + "/trafficPolicy/outlierDetection";
    }
  }
  if (!at(rule.spec(), {"trafficPolicy", "outlierDetection"}).is_object()) return std::nullopt;
  return "/spec/trafficPolicy/outlierDetection";
}

/// Istio switches Envoy's panic mode off unless minHealthPercent is set, so every endpoint can be ejected
/// (pilot/pkg/networking/core/cluster_traffic_policy.go applyOutlierDetection).
Finding may_eject_all(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = false;
  for (const auto& leg : c.walk().legs) {
    unsure = unsure || leg.state == mesh::Leg::State::unknown;
    if (leg.config == nullptr || !leg.config->outlier || leg.ejected == 0) continue;
    const auto list = c.view.objects(Kind::destination_rules);
    const auto* rule = find_object(list, leg.config->config.ns, leg.config->config.name);
    if (rule == nullptr) return list.covers(leg.config->config.ns) ? no("the DestinationRule does not exist any more") : unknown();
    const auto base = outlier_pointer(*rule, leg.config->subset);
    if (!base) return no("outlier detection is set for a port");
    const Json& settings = rule->raw.at(Json::json_pointer(*base));
    const bool set = at(settings, "minHealthPercent").is_number();
    if (number_at(settings, "minHealthPercent") > 0) return no("minHealthPercent keeps the last endpoints in");
    return yes("DestinationRule " + rule->meta.ns + "/" + rule->meta.name + " may eject every endpoint after errors",
               {{"rule.name", rule->meta.name}, {"rule.namespace", rule->meta.ns}, {"cluster.name", leg.cluster}, {"endpoints.ejected", leg.ejected}, {"endpoints.total", leg.hosts.size()},
                {"outlier.time", leg.config->outlier->base_ejection_time}, {"rule.patch", Json::array({{{"op", set ? "replace" : "add"}, {"path", *base + "/minHealthPercent"}, {"value", 50}}})}});
  }
  return unsure ? unknown() : no("no endpoint of the route is ejected");
}

}  // namespace

const std::vector<Fact>& policy_facts() {
  static const std::vector<Fact> facts = {
      {"route.injects-abort", "The route injects an abort", resilience_needs, fault_abort, {Kind::virtual_services, Kind::routes}},
      {"route.injects-delay", "The route injects a delay", resilience_needs, fault_delay, {Kind::virtual_services, Kind::routes}},
      {"route.has-timeout", "A VirtualService sets a timeout on the route", resilience_needs, route_timeout, {Kind::virtual_services, Kind::routes}},
      {"route.has-per-try-timeout", "A VirtualService sets a timeout a try", resilience_needs, per_try_timeout, {Kind::virtual_services, Kind::routes}},
      {"cluster.has-limits", "A DestinationRule limits connections or requests", resilience_needs, limits, {Kind::destination_rules, Kind::clusters}},
      {"cluster.may-eject-all", "A DestinationRule's outlier detection may eject every endpoint", resilience_needs, may_eject_all, {Kind::destination_rules, Kind::clusters}},
  };
  return facts;
}

}  // namespace meshdx::facts
