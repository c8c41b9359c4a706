// Limits and outlier detection of a DestinationRule, what Envoy got of them, and what they do now (drill circuit-breaker).
#include <algorithm>

#include "facts/routing_parts.hpp"
#include "facts/rules.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;

namespace {

std::vector<Kind> breaker_needs() {
  auto needs = rule_needs();
  needs.push_back(Kind::destination_rules);
  return needs;
}

const char* const k_parts[] = {"connectionPool", "outlierDetection"};

/// A part of the traffic policy in force for a port of a subset, and where in the rule it stands.
struct Part {
  const Json* value = nullptr;             ///< nullptr: not set
  std::string where;                       ///< "host", "port 80", "subset v1", "subset v1, port 80"
  std::string pointer;                     ///< of the policy that decides: "/spec/subsets/0/trafficPolicy"
};

std::optional<std::size_t> port_settings(const Json& policy, std::uint16_t port) {
  const Json& list = at(policy, "portLevelSettings");
  for (std::size_t i = 0; list.is_array() && i < list.size(); ++i) {
    if (number_at(at(list[i], "port"), "number") == port) return i;
  }
  return std::nullopt;
}

/// Which level decides: the port's settings replace the others whole, unset parts included; a subset's part replaces the
/// host's (istio pilot/pkg/networking/util MergeSubsetTrafficPolicy).
Part part_in_force(const Object& rule, const std::string& subset, std::uint16_t port, const char* key) {
  Part part;
  const auto take = [&](const Json& policy, const std::string& pointer, const std::string& where) {
    if (!policy.is_object()) return;
    const auto i = port_settings(policy, port);
    const Json& from = i ? at(policy, "portLevelSettings")[*i] : policy;
    const Json& value = at(from, key);
    if (!i && !value.is_object()) return;
    part.value = value.is_object() ? &value : nullptr;
    part.where = i ? (where == "host" ? "" : where + ", ") + "port " + std::to_string(port) : where;
    part.pointer = pointer + (i ? "/portLevelSettings/" + std::to_string(*i) : "");
  };
  take(at(rule.spec(), "trafficPolicy"), "/spec/trafficPolicy", "host");
  const Json& subsets = at(rule.spec(), "subsets");
  for (std::size_t i = 0; !subset.empty() && subsets.is_array() && i < subsets.size(); ++i) {
    if (text_at(subsets[i], "name") == subset) take(at(subsets[i], "trafficPolicy"), "/spec/subsets/" + std::to_string(i) + "/trafficPolicy", "subset " + subset);
  }
  return part;
}

/// One setting: its name, its place in the part, and what Envoy has; a null `there` is "not set".
struct Setting {
  const char* name;
  const char* part;
  const char* group;                       ///< member of connectionPool, or ""
  Json (*there)(const Cluster&);
};

template <class T>
Json json_of(const std::optional<T>& value) { return value ? Json(*value) : Json(); }

const Setting settings[] = {
    {"maxConnections", "connectionPool", "tcp", [](const Cluster& c) { return json_of(c.breakers.max_connections); }},
    {"http1MaxPendingRequests", "connectionPool", "http", [](const Cluster& c) { return json_of(c.breakers.max_pending_requests); }},
    {"http2MaxRequests", "connectionPool", "http", [](const Cluster& c) { return json_of(c.breakers.max_requests); }},
    {"maxRetries", "connectionPool", "http", [](const Cluster& c) { return json_of(c.breakers.max_retries); }},
    {"consecutive5xxErrors", "outlierDetection", "", [](const Cluster& c) { return c.outlier ? json_of(c.outlier->consecutive_5xx) : Json(); }},
    {"consecutiveGatewayErrors", "outlierDetection", "", [](const Cluster& c) { return c.outlier ? json_of(c.outlier->consecutive_gateway_failure) : Json(); }},
    {"interval", "outlierDetection", "", [](const Cluster& c) { return c.outlier ? Json(c.outlier->interval) : Json(); }},
    {"baseEjectionTime", "outlierDetection", "", [](const Cluster& c) { return c.outlier ? Json(c.outlier->base_ejection_time) : Json(); }},
    {"maxEjectionPercent", "outlierDetection", "", [](const Cluster& c) { return c.outlier ? json_of(c.outlier->max_ejection_percent) : Json(); }},
    {"minHealthPercent", "outlierDetection", "", [](const Cluster& c) { return json_of(c.panic_threshold); }},
};

const Json& asked(const Json& part, const Setting& setting) {
  return at(*setting.group == '\0' ? part : at(part, setting.group), setting.name);
}

std::string plain(const Json& value) { return value.is_string() ? value.get<std::string>() : dump_json(value); }

/// 0 and "not set" are one for what istiod leaves out; durations are compared as time.
bool same(const Json& wanted, const Json& there) {
  if (wanted.is_number() && wanted == 0) return there.is_null() || there == 0;
  if (wanted.is_string() && there.is_string()) return duration_ms(wanted.get<std::string>()) == duration_ms(there.get<std::string>());
  return wanted == there;
}

/// A destination of the route with the rule that applies to it.
struct Target {
  const Leg* leg = nullptr;
  const Object* rule = nullptr;            ///< nullptr: none is known
  Tri known = Tri::unknown;
};

std::vector<Target> targets(Context& c) {
  std::vector<Target> found;
  const auto list = c.view.objects(Kind::destination_rules);
  for (const auto& leg : c.walk().legs) {
    if (!leg.name) continue;
    Target target{&leg, nullptr, Tri::unknown};
    const auto ref = leg.config == nullptr ? ConfigRef{} : leg.config->config;
    const auto service = mesh::service_name(leg.name->host, "");
    if (ref.kind == "destination-rule") target.rule = find_object(list, ref.ns, ref.name);
    if (target.rule == nullptr) {
      const auto rules = mesh::destination_rules(c.view, leg.name->host, mesh::reader_of(*c.caller()), service ? service->ns : "");
      if (!rules.empty()) target.rule = rules.front();
    }
    target.known = leg.config == nullptr ? Tri::unknown : target.rule != nullptr ? Tri::yes : list.everywhere ? Tri::no : Tri::unknown;
    found.push_back(target);
  }
  return found;
}

Bindings target_bindings(const Target& target) {
  return {{"rule.name", target.rule->meta.name}, {"rule.namespace", target.rule->meta.ns}, {"cluster.name", target.leg->cluster},
          {"service.host", target.leg->name->host}, {"subset.name", target.leg->name->subset}};
}

std::string rule_text(const Object& rule) { return "DestinationRule " + rule.meta.ns + "/" + rule.meta.name; }

Finding configured(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = c.walk().legs.empty();
  for (const auto& target : targets(c)) {
    unsure = unsure || target.known == Tri::unknown;
    if (target.rule == nullptr) continue;
    for (const char* key : k_parts) {
      const auto part = part_in_force(*target.rule, target.leg->name->subset, target.leg->name->port, key);
      if (part.value != nullptr) return yes(rule_text(*target.rule) + " sets " + key + " for " + target.leg->cluster + " (" + part.where + ")", target_bindings(target));
    }
  }
  return unsure ? unknown() : no("no DestinationRule sets limits or outlier detection for the destination");
}

Finding in_proxy(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = c.walk().legs.empty();
  std::size_t compared = 0;
  for (const auto& target : targets(c)) {
    unsure = unsure || target.known == Tri::unknown;
    if (target.rule == nullptr || target.leg->config == nullptr) continue;
    for (const auto& setting : settings) {
      const auto part = part_in_force(*target.rule, target.leg->name->subset, target.leg->name->port, setting.part);
      const Json& wanted = part.value == nullptr ? Json() : asked(*part.value, setting);
      if (wanted.is_null()) continue;
      ++compared;
      const Json there = setting.there(*target.leg->config);
      if (same(wanted, there)) continue;
      auto b = target_bindings(target);
      b["setting.name"] = setting.name;
      b["setting.asked"] = plain(wanted);
      b["setting.there"] = there.is_null() ? std::string("not set") : plain(there);
      return no(rule_text(*target.rule) + " asks for " + setting.name + " " + plain(wanted) + ", " + target.leg->cluster + " in the caller's proxy has " + b["setting.there"].get<std::string>(), b);
    }
  }
  if (unsure) return unknown();
  return compared == 0 ? no("no DestinationRule sets limits or outlier detection for the destination") : yes("the caller's proxy has what was asked for: " + count(compared, "setting"));
}

Finding differs(Context& c) {
  Finding f = in_proxy(c);
  if (f.truth == Tri::no && f.bindings.empty()) return f;
  f.truth = !f.truth;
  return f;
}

/// The settings of the host's level that the deciding level dropped by having the part, or the port's settings, itself.
Json dropped(const Object& rule, const Part& part, const char* key) {
  Json lost = Json::object();
  const Json& host = at(at(rule.spec(), "trafficPolicy"), key);
  if (part.where == "host" || part.where.empty() || !host.is_object()) return lost;
  const Json none = Json::object();
  for (const auto& setting : settings) {
    if (std::string_view(setting.part) != key) continue;
    const Json& wanted = asked(host, setting);
    if (!wanted.is_null() && asked(part.value == nullptr ? none : *part.value, setting).is_null()) lost[setting.name] = wanted;
  }
  return lost;
}

Finding policy_replaced(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = c.walk().legs.empty();
  for (const auto& target : targets(c)) {
    unsure = unsure || target.known == Tri::unknown;
    if (target.rule == nullptr) continue;
    for (const char* key : k_parts) {
      const auto part = part_in_force(*target.rule, target.leg->name->subset, target.leg->name->port, key);
      const Json lost = dropped(*target.rule, part, key);
      if (lost.empty()) continue;
      auto b = target_bindings(target);
      std::vector<std::string> names;
      for (auto it = lost.begin(); it != lost.end(); ++it) names.push_back(it.key() + " " + plain(*it));
      Json merged = at(at(target.rule->spec(), "trafficPolicy"), key);
      if (part.value != nullptr) merged.merge_patch(*part.value);
      b["policy.level"] = part.where;
      b["policy.part"] = key;
      b["policy.lost"] = join(names, ", ");
      b["rule.patch"] = Json::array({{{"op", part.value == nullptr ? "add" : "replace"}, {"path", part.pointer + "/" + key}, {"value", merged}}});
      return yes("in " + rule_text(*target.rule) + " the settings of " + part.where + " replace the host's " + key + ": " + join(names, ", ") + " does not apply to " + target.leg->cluster, b);
    }
  }
  return unsure ? unknown() : no("no level of the DestinationRule drops a setting of another");
}

Finding ejected(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = c.walk().legs.empty();
  std::size_t all = 0;
  for (const auto& leg : c.walk().legs) {
    unsure = unsure || leg.state == Leg::State::unknown;
    all += leg.hosts.size();
    if (leg.ejected == 0) continue;
    std::vector<std::string> who;
    std::string workload;
    for (const auto* host : leg.hosts) {
      if (!host->failed_outlier_check) continue;
      const auto* pod = c.view.pod_by_ip(host->address);
      who.push_back(pod == nullptr ? host->address : pod_ref(*pod));
      if (pod != nullptr) workload = pod_ref(*pod);
    }
    Bindings b = {{"cluster.name", leg.cluster}, {"endpoints.ejected", leg.ejected}, {"endpoints.total", leg.hosts.size()}, {"endpoints.who", join(who, ", ")},
                  {"service.host", leg.name ? leg.name->host : leg.cluster}, {"outlier.time", leg.config != nullptr && leg.config->outlier ? leg.config->outlier->base_ejection_time : "a while"},
                  {"pod.ref", workload.empty() ? "the server" : workload}};
    return yes("outlier detection keeps " + std::to_string(leg.ejected) + " of " + count(leg.hosts.size(), "endpoint") + " of " + leg.cluster + " out: " + join(who, ", "), b);
  }
  return unsure ? unknown() : no("no endpoint is ejected, of " + std::to_string(all));
}

Finding none_ejected(Context& c) {
  Finding f = ejected(c);
  f.truth = !f.truth;
  return f;
}

struct Overflows {
  std::size_t hits = 0, seen = 0;
};

Overflows overflows(Context& c) {
  Overflows found;
  for (const auto& seen : c.traffic().requests) {
    ++found.seen;
    found.hits += seen.caller != nullptr && seen.caller->has_flag("UO");
  }
  return found;
}

Finding none_overflowed(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto found = overflows(c);
  if (found.hits > 0) return no(std::to_string(found.hits) + " of " + count(found.seen, "request") + " in the caller's log went over a limit (UO)");
  if (found.seen > 0) return yes((found.seen == 1 ? "the one request in the caller's log did not go" : "none of the " + count(found.seen, "request") + " in the caller's log went") + std::string(" over a limit"));
  return c.traffic().caller_read ? none_seen(c, "the caller's log holds no request of this kind: send some and ask again") : unknown();
}

/// Limits by which Envoy answers UO: requests that wait for a connection, and requests under way. Its log does not tell
/// which of the two it was, so one is named only when just one is set.
std::string limit_text(const Cluster& cluster) {
  const auto& b = cluster.breakers;
  if (b.max_pending_requests && !b.max_requests) return "http1MaxPendingRequests " + std::to_string(*b.max_pending_requests);
  if (b.max_requests && !b.max_pending_requests) return "http2MaxRequests " + std::to_string(*b.max_requests);
  if (b.max_requests) return "http1MaxPendingRequests " + std::to_string(*b.max_pending_requests) + " or http2MaxRequests " + std::to_string(*b.max_requests) + " (the log does not tell which)";
  return b.max_connections ? "maxConnections " + std::to_string(*b.max_connections) : "a limit that the cluster does not have any more";
}

void add_traps(const Target& target, Answer& answer) {
  const auto& cluster = *target.leg->config;
  const auto n = target.leg->hosts.size();
  const auto say = [&](const std::string& text) {
    if (std::find(answer.remarks.begin(), answer.remarks.end(), text) == answer.remarks.end()) answer.remarks.push_back(text);
  };
  if (!cluster.outlier || n == 0) return;
  const auto percent = cluster.outlier->max_ejection_percent.value_or(10);
  if (n == 1) say(target.leg->cluster + " has one endpoint: while it is ejected every request fails (503 UH).");
  if (percent * n < 100) say("maxEjectionPercent " + std::to_string(percent) + " % of " + count(n, "endpoint") + " is less than one: newer Envoys then eject none, older ones the first (alwaysEjectOneHost).");
  const auto panic = cluster.panic_threshold.value_or(50);
  if (panic > 0) say("minHealthPercent " + std::to_string(panic) + ": with fewer than " + std::to_string(panic) + " % of the endpoints in, ejected ones get requests again.");
  if (panic == 0 && percent >= 100) say("All endpoints may be ejected at once: maxEjectionPercent is 100 and no minHealthPercent keeps the last ones in.");
  const bool gateway_only = cluster.outlier->consecutive_gateway_failure && (!cluster.outlier->consecutive_5xx || *cluster.outlier->consecutive_5xx == 0);
  if (gateway_only) say("consecutiveGatewayErrors counts 502, 503 and 504 only: an application's 500 never ejects it.");
}

Answer breaker_settings(Context& c) {
  Answer answer;
  const auto stop = need_walk(c);
  if (stop) {
    answer.why = stop->truth == Tri::no ? stop->text : stop->why.empty() ? k_unknown : stop->why;
    return answer;
  }
  for (const auto& target : targets(c)) {
    if (target.leg->config == nullptr) continue;
    for (const auto& setting : settings) {
      const auto part = target.rule == nullptr ? Part{} : part_in_force(*target.rule, target.leg->name->subset, target.leg->name->port, setting.part);
      const Json wanted = part.value == nullptr ? Json() : asked(*part.value, setting);
      const Json there = setting.there(*target.leg->config);
      const bool quiet = there.is_null() || there == 0 || std::string_view(setting.name) == "minHealthPercent";
      if (wanted.is_null() && quiet) continue;
      answer.rows.push_back({target.leg->name->subset.empty() ? "-" : target.leg->name->subset, setting.name, wanted.is_null() ? Json("-") : wanted,
                             there.is_null() ? Json("not set") : there, wanted.is_null() ? (std::string_view(setting.part) == "outlierDetection" ? "Envoy's default" : "-") : part.where});
    }
    add_traps(target, answer);
  }
  const auto found = overflows(c);
  answer.says = answer.rows.empty() ? "no limits and no outlier detection are set" : std::to_string(found.hits) + " of " + count(found.seen, "request") + " in the caller's log went over a limit (UO)";
  for (const auto& target : targets(c)) {
    if (found.hits > 0 && target.leg->config != nullptr) answer.remarks.push_back("What overflowed on " + target.leg->cluster + ": " + limit_text(*target.leg->config) + ".");
  }
  return answer;
}

Answer breaker_endpoints(Context& c) {
  Answer answer;
  const auto stop = need_walk(c);
  if (stop) {
    answer.why = stop->truth == Tri::no ? stop->text : stop->why.empty() ? k_unknown : stop->why;
    return answer;
  }
  std::size_t out = 0;
  for (const auto& leg : c.walk().legs) {
    for (const auto* host : leg.hosts) {
      const auto* pod = c.view.pod_by_ip(host->address);
      const auto stat = [&](const char* name) -> Json {
        const auto found = host->stats.find(name);
        return found == host->stats.end() ? Json() : Json(found->second);
      };
      out += host->failed_outlier_check;
      answer.rows.push_back({leg.name && !leg.name->subset.empty() ? leg.name->subset : "-", mesh::with_port(host->address, host->port), pod == nullptr ? Json() : Json(pod_ref(*pod)),
                             host->health, host->failed_outlier_check, stat("rq_total"), stat("rq_error")});
    }
  }
  answer.says = std::to_string(out) + " of " + count(answer.rows.size(), "endpoint") + " ejected now, as seen by the caller's proxy";
  if (answer.rows.empty()) answer.says = "the caller's proxy has no endpoint for the route";
  return answer;
}

}  // namespace

const std::vector<Fact>& breaker_facts() {
  static const std::vector<Fact> facts = {
      {"breaker.configured", "A DestinationRule sets limits or outlier detection", breaker_needs(), configured, {Kind::destination_rules}},
      {"breaker.in-proxy", "The caller's proxy has the limits and outlier detection asked for", breaker_needs(), in_proxy, {Kind::clusters, Kind::destination_rules}},
      {"breaker.differs", "The caller's proxy has other limits than the DestinationRule", breaker_needs(), differs, {Kind::clusters, Kind::destination_rules}},
      {"breaker.policy-replaced", "A subset's or port's policy drops settings of the host's", breaker_needs(), policy_replaced, {Kind::destination_rules}},
      {"breaker.ejected", "Outlier detection keeps an endpoint out now", breaker_needs(), ejected, {Kind::endpoints}},
      {"breaker.none-ejected", "No endpoint is ejected now", breaker_needs(), none_ejected, {Kind::endpoints}},
      {"breaker.none-overflowed", "No request in the caller's log went over a limit", breaker_needs(), none_overflowed, {Kind::log}},
  };
  return facts;
}

const std::vector<AnswerKind>& breaker_answers() {
  static const std::vector<AnswerKind> answers = {
      {"breaker.settings", "LIMITS", {{"subset", "SUBSET"}, {"setting", "SETTING"}, {"asked", "ASKED"}, {"proxy", "IN ENVOY"}, {"where", "SET FOR"}}, breaker_needs(), breaker_settings},
      {"breaker.endpoints", "ENDPOINTS", {{"subset", "SUBSET"}, {"address", "ADDRESS"}, {"pod", "POD"}, {"health", "HEALTH"}, {"ejected", "EJECTED"}, {"requests", "REQUESTS"}, {"errors", "ERRORS"}}, breaker_needs(), breaker_endpoints},
  };
  return answers;
}

}  // namespace meshdx::facts
