// Which rule of the VirtualService a request takes, which rules are never reached, and whether the proxy has them (drills
// header-routing and canary).
#include "facts/rules.hpp"

#include <algorithm>
#include <cmath>

#include "facts/routing_parts.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Walk;

std::vector<Kind> rule_needs() {
  return {Kind::virtual_services, Kind::mesh_config, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
          Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};
}

namespace {

/// The gateway by which the caller's requests come: "mesh", or the Gateway object of the caller that the object is bound to.
std::string gateway_of(Context& c, const Object& vs) {
  if (!c.path().caller.gateway) return "mesh";
  const auto bound = mesh::bound_gateways(vs);
  for (const auto& server : mesh::gateway_servers(c.view, *c.caller())) {
    const std::string name = server.gateway->full_name();
    if (std::find(bound.begin(), bound.end(), name) != bound.end()) return name;
  }
  return "mesh";
}

bool claims(Context& c, const Object& vs, const std::string& host) {
  const auto hosts = mesh::strings_at(vs.spec(), "hosts");
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return c.view.names().resolve(h, vs.meta.ns) == host; });
}

/// Of several VirtualServices of one host sidecars use the oldest; one for just this host goes before a wildcard.
const Object* among_objects(Context& c) {
  const auto found = mesh::mesh_virtual_services(c.view, c.path().to.host, c.caller()->meta.ns);
  const auto exact = std::find_if(found.begin(), found.end(), [&](const Object* vs) { return claims(c, *vs, c.path().to.host); });
  return exact != found.end() ? *exact : found.empty() ? nullptr : found.front();
}

}  // namespace

mesh::Sender sender_of(Context& c, const Object& vs) { return {gateway_of(c, vs), c.caller()->meta.labels, c.caller()->meta.ns}; }

Rules rules_of(Context& c) {
  Rules rules;
  const auto& path = c.path();
  if (path.caller.pod == nullptr || (path.walked && path.walk.end == Walk::End::unknown)) return rules;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto ref = path.walked ? virtual_service_ref(path.walk) : ConfigRef{};
  rules.vs = ref ? find_object(list, ref.ns, ref.name) : nullptr;
  rules.in_proxy = rules.vs != nullptr;
  if (rules.vs == nullptr && !path.caller.gateway) rules.vs = among_objects(c);
  if (rules.vs == nullptr || !at(rules.vs->spec(), "http").is_array()) {
    rules.vs = nullptr;
    rules.exist = list.everywhere ? Tri::no : Tri::unknown;
    return rules;
  }
  // Objects that were not seen may claim the host before this one; the proxy's own word needs no such proof.
  rules.exist = rules.in_proxy || list.everywhere ? Tri::yes : Tri::unknown;
  rules.sender = sender_of(c, *rules.vs);
  rules.taken = mesh::matching_rule(*rules.vs, path.request, rules.sender);
  return rules;
}

std::string rule_name(const Rules& rules, std::size_t index) {
  const std::string name = text_at(rules.list()[index], "name");
  return "rule " + std::to_string(index + 1) + (name.empty() ? "" : " (" + name + ")");
}

std::string percent_text(double value) {
  const double rounded = std::round(value * 10) / 10;
  const auto whole = static_cast<long long>(rounded);
  const auto tenth = static_cast<long long>(std::llround((rounded - static_cast<double>(whole)) * 10));
  return std::to_string(whole) + (tenth == 0 ? "" : "." + std::to_string(tenth)) + " %";
}

std::vector<Share> shares_of(const mesh::Names& names, const Json& rule, const std::string& ns) {
  std::vector<Share> shares;
  const Json& routes = at(rule, "route");
  double sum = 0;
  for (std::size_t i = 0; routes.is_array() && i < routes.size(); ++i) {
    const Json& destination = at(routes[i], "destination");
    const double weight = routes.size() == 1 ? 100 : static_cast<double>(number_at(routes[i], "weight"));
    if (weight <= 0) continue;
    Share share{names.resolve(text_at(destination, "host"), ns), text_at(destination, "subset"), static_cast<std::uint16_t>(number_at(at(destination, "port"), "number")), weight};
    shares.push_back(share);
    sum += weight;
  }
  for (auto& share : shares) share.percent = share.percent * 100 / sum;
  return shares;
}

namespace {

const char* const k_no_rules = "no VirtualService with http rules is for the host, as far as the caller sees";

Bindings rule_bindings(Context& c, const Rules& rules) {
  const auto& to = c.path().to;
  return {{"vs.name", rules.vs->meta.name}, {"vs.namespace", rules.vs->meta.ns}, {"service.host", to.host}, {"service.port", to.port_number}};
}

Finding rules_exist(Context& c) {
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no(k_no_rules);
  return yes(rules.name() + " has " + count(rules.list().size(), "http rule") + " for the host", rule_bindings(c, rules));
}

Finding rules_in_proxy(Context& c) {
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no(k_no_rules);
  if (auto stop = need_walk(c)) return *stop;
  return decide(rules.in_proxy, rules.in_proxy ? "the caller's proxy routes by " + rules.name() : "the caller's proxy does not route by " + rules.name(), rule_bindings(c, rules));
}

Finding rule_taken(Context& c) {
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no(k_no_rules);
  if (rules.taken < 0) return no("no rule of " + rules.name() + " takes the request");
  const auto index = static_cast<std::size_t>(rules.taken);
  auto b = rule_bindings(c, rules);
  b["rule.number"] = index + 1;
  return yes("the request takes " + rule_name(rules, index) + " of " + rules.name() + ", to " + mesh::action_text(rules.list()[index]), b);
}

/// Whether two rules do the same with a request: to the same place, with the same faults, retries, rewriting and so on.
bool does_the_same(Json a, Json b) {
  if (mesh::action_text(a) != mesh::action_text(b)) return false;
  for (const char* key : {"match", "name", "route"}) {
    a.erase(key);
    b.erase(key);
  }
  return a == b;
}

/// A rule behind others that take all of its requests; one that would do the same as they do harms nobody.
Finding rule_unreachable(Context& c) {
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no(k_no_rules);
  const Json& list = rules.list();
  for (std::size_t i = 1; i < list.size(); ++i) {
    const auto by = mesh::unreachable_behind(list, i);
    if (!by || does_the_same(list[*by], list[i])) continue;
    auto b = rule_bindings(c, rules);
    b["rule.unreachable"] = rule_name(rules, i);
    b["rule.before"] = rule_name(rules, *by);
    b["rule.unreachable-match"] = mesh::match_text(list[i]);
    b["rule.before-match"] = mesh::match_text(list[*by]);
    b["rule.unreachable-action"] = mesh::action_text(list[i]);
    // To the front of the one that hides it; only when nothing of what lies between hides it too and it is narrower.
    b["rule.patch"] = Json::array({{{"op", "move"}, {"from", "/spec/http/" + std::to_string(i)}, {"path", "/spec/http/" + std::to_string(*by)}}});
    b["rule.narrower"] = mesh::match_text(list[i]) != "everything" && mesh::match_text(list[i]) != mesh::match_text(list[*by]);
    return yes("in " + rules.name() + " " + rule_name(rules, i) + " (" + mesh::match_text(list[i]) + ") is never reached: " + rule_name(rules, *by) + " before it takes " + mesh::match_text(list[*by]), b);
  }
  return no("every rule of " + rules.name() + " can be reached");
}

Finding unreachable_movable(Context& c) {
  const auto f = rule_unreachable(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("rule.narrower").get<bool>(), "the rule that is never reached asks for more than the one before it", f.bindings);
}

Finding all_reachable(Context& c) {
  Finding f = rule_unreachable(c);
  if (f.truth == Tri::no && f.text == k_no_rules) return f;
  f.truth = !f.truth;
  return f;
}

std::string shares_text(const std::vector<Share>& shares) {
  std::vector<std::string> parts;
  for (const auto& share : shares) parts.push_back(percent_text(share.percent) + " to " + (share.subset.empty() ? share.host : share.subset));
  return join(parts, ", ");
}

std::vector<Share> shares_in_proxy(const Walk& walk) {
  std::vector<Share> shares;
  double sum = 0;
  for (const auto& leg : walk.legs) {
    if (!leg.name) continue;
    const double weight = walk.legs.size() == 1 ? 100 : leg.weight;
    shares.push_back({leg.name->host, leg.name->subset, leg.name->port, weight});
    sum += weight;
  }
  for (auto& share : shares) share.percent = sum > 0 ? share.percent * 100 / sum : 0;
  return shares;
}

bool same_shares(const std::vector<Share>& asked, const std::vector<Share>& there) {
  if (asked.size() != there.size()) return false;
  return std::all_of(asked.begin(), asked.end(), [&](const Share& a) {
    return std::any_of(there.begin(), there.end(), [&](const Share& b) {
      return a.host == b.host && a.subset == b.subset && (a.port == 0 || a.port == b.port) && std::abs(a.percent - b.percent) < 0.5;
    });
  });
}

/// The route of the request in the proxy against the rule it was made from: destinations and weights.
Finding proxy_agrees(Context& c) {
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no(k_no_rules);
  if (auto stop = need_walk(c)) return *stop;
  if (!rules.in_proxy) return no("the caller's proxy does not route by " + rules.name());
  if (rules.taken < 0) return no("no rule of " + rules.name() + " takes the request");
  const Json& rule = rules.list()[static_cast<std::size_t>(rules.taken)];
  if (!at(rule, "route").is_array()) {
    const bool direct = at(rule, "directResponse").is_object(), redirect = at(rule, "redirect").is_object();
    if (!direct && !redirect) return unknown("rule " + std::to_string(rules.taken + 1) + " hands over to a delegate, whose destinations are not compared");
    const bool same = c.walk().end == (direct ? Walk::End::direct_response : Walk::End::redirect);
    return decide(same, same ? "the caller's proxy answers as the rule says" : "the caller's proxy does not answer as the rule says: " + mesh::action_text(rule));
  }
  const auto asked = shares_of(c.view.names(), rule, rules.vs->meta.ns);
  const auto there = shares_in_proxy(c.walk());
  auto b = rule_bindings(c, rules);
  b["rule.asked"] = shares_text(asked);
  b["rule.there"] = there.empty() ? std::string("no destination") : shares_text(there);
  const bool same = same_shares(asked, there);
  return decide(same, same ? "the caller's proxy has what the rule asks for: " + shares_text(there) : rules.name() + " asks for " + shares_text(asked) + ", the caller's proxy sends " + b["rule.there"].get<std::string>(), b);
}

Finding proxy_differs(Context& c) {
  const auto rules = rules_of(c);
  Finding f = proxy_agrees(c);
  if (f.truth == Tri::no && (rules.exist != Tri::yes || !rules.in_proxy || rules.taken < 0)) return f;
  f.truth = !f.truth;
  return f;
}

/// Routing happens in the caller's proxy: a caller without one knows no VirtualService.
Finding bare_caller(Context& c) {
  const auto* pod = c.caller();
  if (pod == nullptr) return unknown();
  if (pod->meshed()) return no(pod_ref(*pod) + " has a proxy that applies the rules");
  if (pod->ambient()) return unknown(pod_ref(*pod) + " is in ambient mode");
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no(k_no_rules);
  auto b = rule_bindings(c, rules);
  b["caller.pod"] = pod->meta.name;
  b["caller.namespace"] = pod->meta.ns;
  b["caller.workload"] = mesh::workload_of(*pod);
  return yes("caller " + pod_ref(*pod) + " has no sidecar, so " + rules.name() + " does not apply to its requests", b);
}

/// http rules are for http: on a port that is declared TCP the proxy forwards bytes.
Finding rules_on_tcp(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& to = c.path().to;
  const auto* chain = c.walk().chain;
  const auto* vs = among_objects(c);
  if (chain == nullptr || chain->http || to.port == nullptr) return no("the caller's proxy reads the requests as HTTP");
  if (vs == nullptr || !at(vs->spec(), "http").is_array()) return c.view.objects(Kind::virtual_services).everywhere ? no(k_no_rules) : unknown();
  const std::string declared = to.port->app_protocol.empty() ? "its name " + to.port->name : "appProtocol " + to.port->app_protocol;
  return yes("port " + std::to_string(to.port->port) + " of " + to.host + " is TCP by " + declared + ", so the http rules of VirtualService " + vs->meta.ns + "/" + vs->meta.name + " do not apply",
             {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"service.name", to.name}, {"service.namespace", to.ns}, {"service.host", to.host}, {"service.port", to.port_number},
              {"port.declared", declared}, {"service.port-patch", Json::array({{{"op", to.port->app_protocol.empty() ? "add" : "replace"}, {"path", "/spec/ports/" + std::to_string(to.port - to.service->ports.data()) + "/appProtocol"}, {"value", "http"}}})}});
}

/// J4: the rules are written for a gateway, and the caller is a sidecar.
Finding not_for_mesh(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (path.caller.gateway || !path.caller.pod->meshed()) return no("the caller is no sidecar");
  const auto list = c.view.objects(Kind::virtual_services);
  if (!list.everywhere) return unknown();
  if (among_objects(c) != nullptr) return no("a VirtualService for the host is for sidecars");
  for (const auto* vs : list.items) {
    if (!claims(c, *vs, path.to.host)) continue;
    const auto bound = mesh::bound_gateways(*vs);
    if (std::find(bound.begin(), bound.end(), "mesh") != bound.end()) continue;
    return yes("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " for " + path.to.host + " is bound to " + join(bound, ", ") + " only, not to mesh: sidecars do not apply it",
               {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"service.host", path.to.host}, {"vs.gateways", join(bound, ", ")}});
  }
  return no("no VirtualService for the host is bound to gateways only");
}

Answer rule_order(Context& c) {
  Answer answer;
  const auto rules = rules_of(c);
  if (rules.exist != Tri::yes) {
    answer.why = rules.exist == Tri::no ? k_no_rules : k_unknown;
    return answer;
  }
  const Json& list = rules.list();
  const auto taken = rules.taken < 0 ? list.size() : static_cast<std::size_t>(rules.taken);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto by = mesh::unreachable_behind(list, i);
    const auto why = mesh::rule_mismatch(list[i], rules.vs->meta.ns, c.path().request, rules.sender);
    const std::string request = i == taken ? "takes it" : !why.empty() ? "no: " + why : "would, but rule " + std::to_string(taken + 1) + " is first";
    answer.rows.push_back({i + 1, text_at(list[i], "name", "-"), mesh::match_text(list[i]), mesh::action_text(list[i]),
                           by ? "never: rule " + std::to_string(*by + 1) + " takes all of it" : "yes", request});
  }
  answer.says = rules.taken < 0 ? "no rule of " + rules.name() + " takes this request" : "the request takes " + rule_name(rules, taken) + " of " + rules.name();
  if (rules.taken >= 0 && at(list[taken], "delegate").is_object()) answer.remarks.push_back("The rule hands over to a delegate, whose own rules are not in this table.");
  if (c.ask.headers.empty()) answer.remarks.push_back("Asked without headers: add -H 'name: value' for those that the rules ask for.");
  return answer;
}

}  // namespace

const std::vector<Fact>& rule_facts() {
  static const std::vector<Fact> facts = {
      {"rules.exist", "A VirtualService has http rules for the host", rule_needs(), rules_exist, {Kind::virtual_services}},
      {"rules.in-proxy", "The caller's proxy routes by the VirtualService of the host", rule_needs(), rules_in_proxy, {Kind::routes, Kind::virtual_services}},
      {"rules.taken", "A rule takes the request", rule_needs(), rule_taken, {Kind::virtual_services}},
      {"rules.all-reachable", "Every rule can be reached", rule_needs(), all_reachable, {Kind::virtual_services}},
      {"rules.unreachable", "A rule can never be reached", rule_needs(), rule_unreachable, {Kind::virtual_services}},
      {"rules.unreachable-narrower", "The rule that is never reached is narrower than the one before it", rule_needs(), unreachable_movable, {Kind::virtual_services}},
      {"rules.proxy-agrees", "The caller's proxy has the destinations and weights of the rule", rule_needs(), proxy_agrees, {Kind::routes, Kind::virtual_services}},
      {"rules.proxy-differs", "The caller's proxy has other destinations or weights than the rule", rule_needs(), proxy_differs, {Kind::routes, Kind::virtual_services}},
      {"rules.bare-caller", "The caller has no proxy that could apply the rules", rule_needs(), bare_caller, {Kind::pods, Kind::virtual_services}},
      {"rules.on-tcp-port", "The port is declared TCP, so http rules do not apply", rule_needs(), rules_on_tcp, {Kind::services, Kind::virtual_services}},
      {"rules.not-for-mesh", "The VirtualService of the host is for gateways only", rule_needs(), not_for_mesh, {Kind::virtual_services}},
  };
  return facts;
}

const std::vector<AnswerKind>& rule_answers() {
  static const std::vector<AnswerKind> answers = {
      {"rules.order", "RULES", {{"rule", "RULE"}, {"name", "NAME"}, {"match", "TAKES"}, {"to", "TO"}, {"reachable", "REACHABLE"}, {"request", "THIS REQUEST"}}, rule_needs(), rule_order},
  };
  return answers;
}

}  // namespace meshdx::facts
