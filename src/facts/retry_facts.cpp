// What is retried, how often and how long (drill retries): the policy in Envoy, the failures it covers, and the hops that
// multiply it. retryOn words: Envoy's router filter, x-envoy-retry-on.
#include <algorithm>
#include <map>

#include "facts/rules.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Sighting;

namespace {

/// What Envoy holds for the request's route, in milliseconds; 0: none.
struct Policy {
  bool known = false;
  std::uint32_t retries = 0;
  std::int64_t per_try = 0, timeout = 0;
  std::vector<std::string> on;
  std::vector<std::uint32_t> codes;

  [[nodiscard]] bool has(std::string_view word) const { return std::find(on.begin(), on.end(), word) != on.end(); }
  /// The longest that all tries together can take; 0: without limit.
  [[nodiscard]] std::int64_t longest() const {
    const auto tries = per_try > 0 ? per_try * (static_cast<std::int64_t>(retries) + 1) : 0;
    return timeout > 0 && (tries == 0 || timeout < tries) ? timeout : tries;
  }
};

Policy policy_of(const Route& route) {
  Policy policy;
  policy.known = true;
  policy.timeout = duration_ms(route.timeout).value_or(0);
  if (!route.retry) return policy;
  policy.retries = route.retry->attempts;
  policy.per_try = duration_ms(route.retry->per_try_timeout).value_or(0);
  policy.codes = route.retry->status_codes;
  for (const auto& word : split(route.retry->on, ',')) policy.on.emplace_back(trim(word));
  return policy;
}

Policy policy_now(Context& c) {
  const auto& path = c.path();
  return path.walked && path.walk.route != nullptr ? policy_of(*path.walk.route) : Policy{};
}

std::string tries_text(std::uint64_t n) { return std::to_string(n) + (n == 1 ? " try" : " tries"); }
std::string time_text(std::int64_t ms) { return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms"; }

/// The rule of the request in the object, when it sets retries; nullptr: it does not, the mesh's default holds.
const Json* written_rule(const Rules& rules) {
  return rules.exist == Tri::yes && rules.in_proxy && rules.taken >= 0 ? &rules.list()[static_cast<std::size_t>(rules.taken)] : nullptr;
}

Finding need_policy(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  return decide(c.walk().route != nullptr, c.walk().route != nullptr ? "the request has a route" : "the caller's proxy has no HTTP route for the request");
}

Finding in_proxy(Context& c) {
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) return route;
  const auto rules = rules_of(c);
  const auto there = policy_now(c);
  const auto text = std::to_string(there.retries) + " retries" + (there.per_try > 0 ? ", " + time_text(there.per_try) + " a try" : "") + (there.timeout > 0 ? ", " + time_text(there.timeout) + " in all" : ", no timeout");
  if (rules.exist == Tri::unknown) return unknown();
  const auto* rule = written_rule(rules);
  if (rule == nullptr) return yes("no rule sets retries for the request; the caller's proxy has the mesh's default: " + text);
  const Json& retries = at(*rule, "retries");
  const bool same_count = !retries.is_object() || at(retries, "attempts").is_null() || number_at(retries, "attempts") == there.retries;
  const bool same_try = !at(retries, "perTryTimeout").is_string() || duration_ms(text_at(retries, "perTryTimeout")) == there.per_try;
  const bool same_timeout = !at(*rule, "timeout").is_string() || duration_ms(text_at(*rule, "timeout")) == there.timeout;
  const bool same = same_count && same_try && same_timeout;
  return decide(same, same ? "the caller's proxy has what " + rule_name(rules, static_cast<std::size_t>(rules.taken)) + " of " + rules.name() + " asks for: " + text
                           : rules.name() + " asks for other retries or timeouts than the caller's proxy has: " + text,
                {{"vs.name", rules.vs->meta.name}, {"vs.namespace", rules.vs->meta.ns}, {"retry.there", text}});
}

/// A timeout a try that is as long as the whole: the first try that runs into it ends the request, nothing is retried.
Finding try_outlasts(Context& c) {
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) return route;
  const auto there = policy_now(c);
  const bool outlasts = there.retries > 0 && there.per_try > 0 && there.timeout > 0 && there.per_try >= there.timeout;
  if (!outlasts) return no("a try may end before the request does");
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  const auto* rule = written_rule(rules);
  if (rule == nullptr || !at(at(*rule, "retries"), "perTryTimeout").is_string()) return no("no rule sets the timeout a try (any more)");
  const auto written = duration_ms(text_at(at(*rule, "retries"), "perTryTimeout")).value_or(0);
  if (written < duration_ms(text_at(*rule, "timeout")).value_or(there.timeout)) return no("the rule asks for a shorter timeout a try (by now)");
  const auto fitting = std::max<std::int64_t>(there.timeout / (static_cast<std::int64_t>(there.retries) + 1), 1);
  return yes("each try may take " + time_text(there.per_try) + " and the whole request " + time_text(there.timeout) + ": a slow try leaves no time for a retry",
             {{"vs.name", rules.vs->meta.name}, {"vs.namespace", rules.vs->meta.ns}, {"retry.per-try", time_text(there.per_try)}, {"route.timeout", time_text(there.timeout)},
              {"retry.attempts", there.retries}, {"retry.fitting", time_text(fitting)},
              {"vs.patch", Json::array({{{"op", "replace"}, {"path", "/spec/http/" + std::to_string(rules.taken) + "/retries/perTryTimeout"}, {"value", time_text(fitting)}}})}});
}

Finding fits_timeout(Context& c) {
  const auto outlasts = try_outlasts(c);
  if (outlasts.truth != Tri::no) {
    Finding f = outlasts;
    f.truth = !f.truth;
    return f;
  }
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) return route;
  const auto there = policy_now(c);
  return yes(there.longest() == 0 ? "the tries have no limit in time: neither a timeout a try nor one for the request" : "all tries together end within " + time_text(there.longest()));
}

/// A failure in the caller's log and what Envoy's retry conditions make of it.
struct Failure {
  std::string text;                        ///< "503 UF", "500 via_upstream"
  std::size_t hits = 0;
  bool retried = false;                    ///< it was, and the retries ran out (URX)
  std::vector<std::string> words;          ///< retryOn words that cover it; empty: Envoy never retries it
  std::string why;                         ///< why Envoy never does
};

std::vector<std::string> words_for_status(int code) {
  std::vector<std::string> words = {"retriable-status-codes"};
  if (code >= 500) words.emplace_back("5xx");
  if (code >= 502 && code <= 504) words.emplace_back("gateway-error");
  if (code == 409) words.emplace_back("retriable-4xx");
  return words;
}

Failure failure_of(const AccessLine& line) {
  Failure f;
  f.text = std::to_string(line.code) + " " + (line.flags.empty() ? "-" : join(line.flags, ",")) + (line.details.empty() ? "" : " " + line.details.substr(0, line.details.find('{')));
  f.retried = line.has_flag("URX");
  if (line.details == "via_upstream") f.words = words_for_status(line.code);
  else if (line.has_flag("UF")) f.words = {"connect-failure", "5xx", "gateway-error", "reset"};
  else if (line.has_flag("UC") || line.has_flag("UR")) f.words = {"reset", "5xx", "gateway-error"};
  else if (line.has_flag("UT") && contains(line.details, "per_try")) f.words = {"5xx", "gateway-error", "reset"};
  else if (line.has_flag("UT")) f.why = "the whole request timed out";
  else if (line.has_flag("UO")) f.why = "a limit was reached before a connection";
  else if (line.has_flag("FI")) f.why = "the fault is injected before the router";
  else f.why = "it was answered before any server was tried";
  return f;
}

bool covered(const Failure& failure, const AccessLine& line, const Policy& policy) {
  if (policy.retries == 0) return false;
  return std::any_of(failure.words.begin(), failure.words.end(), [&](const std::string& word) {
    if (word != "retriable-status-codes") return policy.has(word);
    return policy.has(word) && std::find(policy.codes.begin(), policy.codes.end(), static_cast<std::uint32_t>(line.code)) != policy.codes.end();
  });
}

struct Coverage {
  std::vector<Failure> all;
  std::size_t failed = 0, uncovered = 0, seen = 0;
  Failure worst;                           ///< of the uncovered ones the most frequent
};

/// gRPC puts its status into trailers that the log does not show: such lines are no failures here.
Coverage coverage(Context& c) {
  Coverage found;
  const auto policy = policy_now(c);
  std::map<std::string, Failure> by_text, open;
  for (const auto& seen : c.traffic().requests) {
    ++found.seen;
    if (seen.result != Sighting::Result::failed || seen.caller == nullptr || seen.caller->method.empty()) continue;
    ++found.failed;
    auto failure = failure_of(*seen.caller);
    const bool is_open = !failure.retried && !failure.words.empty() && !covered(failure, *seen.caller, policy);
    const auto add = [&](std::map<std::string, Failure>& to) {
      auto& kept = to.emplace(failure.text, failure).first->second;
      ++kept.hits;
    };
    add(by_text);
    if (!is_open) continue;
    ++found.uncovered;
    add(open);
  }
  for (auto& item : by_text) found.all.push_back(std::move(item.second));
  for (auto& item : open) {
    if (item.second.hits > found.worst.hits) found.worst = item.second;
  }
  return found;
}

Finding not_covered(Context& c) {
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) return route;
  const auto found = coverage(c);
  if (found.seen == 0) return c.traffic().caller_read ? none_seen(c, "the caller's log holds no request of this kind: send some and ask again") : unknown();
  if (found.uncovered == 0) return no(found.failed == 0 ? "no request in the caller's log failed" : "what failed is retried, or is nothing that Envoy could retry");
  if (found.uncovered * 5 < found.failed) return no("nearly all that failed is retried, or is nothing that Envoy could retry");
  const auto policy = policy_now(c);
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  const auto* rule = written_rule(rules);
  const std::string on = policy.retries == 0 ? "there are no retries" : "retryOn is " + join(policy.on, ",");
  Bindings b = {{"failure.text", found.worst.text}, {"failure.hits", found.worst.hits}, {"requests.seen", found.seen}, {"retry.on", on}, {"failure.words", join(found.worst.words, ", ")},
                {"service.host", c.path().to.host}, {"retry.source", rule != nullptr && at(*rule, "retries").is_object() ? rules.name() : std::string("the mesh's default")}};
  const auto word = found.worst.words.front() == "retriable-status-codes" ? std::string("5xx") : found.worst.words.front();
  b["retry.word"] = word;
  if (rule != nullptr) {
    b["vs.name"] = rules.vs->meta.name;
    b["vs.namespace"] = rules.vs->meta.ns;
    Json retries = at(*rule, "retries").is_object() ? at(*rule, "retries") : Json::object();
    if (number_at(retries, "attempts") == 0) retries["attempts"] = 2;
    const std::string before = text_at(retries, "retryOn", policy.retries == 0 ? "" : join(policy.on, ","));
    retries["retryOn"] = before.empty() ? word : before + "," + word;
    b["vs.patch"] = Json::array({{{"op", at(*rule, "retries").is_object() ? "replace" : "add"}, {"path", "/spec/http/" + std::to_string(rules.taken) + "/retries"}, {"value", retries}}});
  }
  return yes(std::to_string(found.worst.hits) + " of " + count(found.seen, "request") + " failed with " + found.worst.text + " and were not retried: " + on, b);
}

Finding patchable(Context& c) {
  const auto f = not_covered(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("vs.patch") > 0, "the rule of the request is known", f.bindings);
}

Finding cover_failures(Context& c) {
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) return route;
  Finding f = not_covered(c);
  f.truth = !f.truth;
  return f;
}

std::string answer_gap(const Finding& route) { return route.truth == Tri::no ? route.text : route.why.empty() ? k_unknown : route.why; }

Answer retry_policy(Context& c) {
  Answer answer;
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) {
    answer.why = answer_gap(route);
    return answer;
  }
  const auto there = policy_now(c);
  const auto rules = rules_of(c);
  const auto* rule = written_rule(rules);
  const Json none = Json::object();
  const Json& retries = rule == nullptr ? none : at(*rule, "retries");
  const auto asked = [](const Json& object, const char* key) { return at(object, key).is_null() ? Json("-") : at(object, key); };
  answer.rows = {
      {"attempts", asked(retries, "attempts"), there.retries, "at most " + tries_text(there.retries + 1ULL) + " a request"},
      {"perTryTimeout", asked(retries, "perTryTimeout"), there.per_try > 0 ? Json(time_text(there.per_try)) : Json("none"), there.per_try > 0 ? "a try that takes longer is given up" : "a try lasts as long as the request"},
      {"timeout", rule == nullptr ? Json("-") : asked(*rule, "timeout"), there.timeout > 0 ? Json(time_text(there.timeout)) : Json("none"), there.longest() > 0 ? "all tries end within " + time_text(there.longest()) : "no limit in time"},
      {"retryOn", asked(retries, "retryOn"), there.on.empty() ? Json("-") : Json(join(there.on, ",") + (there.codes.empty() ? "" : " (" + dump_json(there.codes) + ")")), there.has("retriable-status-codes") && there.codes.empty() && !there.has("5xx") ? "no status code is retried" : "what is retried"},
  };
  answer.says = rule != nullptr && retries.is_object() ? rule_name(rules, static_cast<std::size_t>(rules.taken)) + " of " + rules.name() : "no rule sets retries: the mesh's default";
  if (there.per_try > 0 && there.timeout > 0 && there.retries > 0) {
    const auto fit = there.timeout / there.per_try;
    if (fit < static_cast<std::int64_t>(there.retries) + 1) answer.remarks.push_back("Only " + std::to_string(fit) + " of " + std::to_string(there.retries + 1) + " tries fit into the timeout when each runs into its perTryTimeout.");
  }
  if (there.retries > 0) answer.remarks.push_back("Envoy waits 25 ms and more between tries (backoff); retries of requests that are not idempotent repeat what they do.");
  return answer;
}

Answer retry_failures(Context& c) {
  Answer answer;
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) {
    answer.why = answer_gap(route);
    return answer;
  }
  const auto found = coverage(c);
  const auto policy = policy_now(c);
  for (const auto& failure : found.all) {
    AccessLine line;
    line.code = static_cast<int>(to_number(failure.text.substr(0, 3)).value_or(0));
    const std::string retried = failure.retried ? "yes, and the retries ran out (URX)"
                                : failure.words.empty() ? "never: " + failure.why
                                : covered(failure, line, policy) ? "yes" : "no: needs " + join(failure.words, " or ");
    answer.rows.push_back({failure.text, failure.hits, retried});
  }
  answer.says = found.seen == 0 ? "the caller's log holds no request of this kind" : std::to_string(found.failed) + " of " + count(found.seen, "request") + " in the caller's log failed";
  return answer;
}

/// The route by which a proxy sends requests to a cluster.
const Route* route_to(const Routes& routes, const std::string& cluster) {
  for (const auto& config : routes) {
    for (const auto& host : config.virtual_hosts) {
      for (const auto& route : host.routes) {
        const bool one_of = std::any_of(route.weighted.begin(), route.weighted.end(), [&](const auto& w) { return w.name == cluster; });
        if (route.cluster == cluster || one_of) return &route;
      }
    }
  }
  return nullptr;
}

/// One hop further: what the servers of this request call themselves, from their own logs, with their own retries.
Answer retry_hops(Context& c) {
  Answer answer;
  const auto route = need_policy(c);
  if (route.truth != Tri::yes) {
    answer.why = answer_gap(route);
    return answer;
  }
  const auto own = policy_now(c);
  const std::uint64_t tries = own.retries + 1ULL;
  const auto& path = c.path();
  answer.rows.push_back({mesh::workload_of(*path.caller.pod), path.to.host, own.retries, tries});
  std::map<std::string, std::uint64_t> seen;
  for (const auto* pod : path.servers) {
    if (!pod->meshed() || !c.view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""})) continue;
    const auto* log = c.view.log(*pod);
    const auto* routes = c.view.routes(*pod);
    if (log == nullptr || routes == nullptr) continue;
    for (const auto& line : log->access) {
      const auto cluster = ClusterName::parse(line.upstream_cluster);
      if (line.inbound() || !cluster || cluster->direction != "outbound") continue;
      const std::string key = mesh::workload_of(*pod) + " " + line.upstream_cluster;
      if (!seen.emplace(key, 0).second) continue;
      const auto* next = route_to(*routes, line.upstream_cluster);
      if (next == nullptr) continue;
      const std::uint64_t more = policy_of(*next).retries + 1ULL;
      answer.rows.push_back({mesh::workload_of(*pod), cluster->host, more - 1, tries * more});
    }
  }
  std::uint64_t most = 0;
  for (const auto& row : answer.rows) most = std::max(most, row[3].get<std::uint64_t>());
  answer.says = "one request can become " + tries_text(most) + " at the last hop that was seen";
  if (answer.rows.size() > 1) answer.remarks.push_back("Hops multiply: retry at one hop only, the one that knows the request, or set a retry budget.");
  return answer;
}

}  // namespace

const std::vector<Fact>& retry_facts() {
  static const std::vector<Fact> facts = {
      {"retries.in-proxy", "The caller's proxy has the retries that were asked for", rule_needs(), in_proxy, {Kind::routes, Kind::virtual_services}},
      {"retries.fit-timeout", "A slow try leaves time for a retry", rule_needs(), fits_timeout, {Kind::routes}},
      {"retries.try-outlasts-timeout", "A try may take as long as the whole request", rule_needs(), try_outlasts, {Kind::virtual_services, Kind::routes}},
      {"retries.cover-failures", "The failures in the caller's log are of a kind that is retried", rule_needs(), cover_failures, {Kind::log, Kind::routes}},
      {"retries.not-covered", "Failures in the caller's log are not retried", rule_needs(), not_covered, {Kind::log, Kind::routes}},
      {"retries.patchable", "The rule that would retry the failures is known", rule_needs(), patchable, {Kind::virtual_services}},
  };
  return facts;
}

const std::vector<AnswerKind>& retry_answers() {
  static const std::vector<AnswerKind> answers = {
      {"retries.policy", "RETRIES", {{"setting", "SETTING"}, {"asked", "ASKED"}, {"proxy", "IN ENVOY"}, {"means", "MEANS"}}, rule_needs(), retry_policy},
      {"retries.failures", "FAILED", {{"failure", "FAILURE"}, {"seen", "SEEN"}, {"retried", "RETRIED"}}, rule_needs(), retry_failures},
      {"retries.hops", "HOPS", {{"from", "FROM"}, {"to", "TO"}, {"retries", "RETRIES"}, {"tries", "TRIES"}}, rule_needs(), retry_hops},
  };
  return answers;
}

}  // namespace meshdx::facts
