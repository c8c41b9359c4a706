// Faults that are injected on purpose: where, into which share of which requests, and whether they take effect (drill
// fault-injection).
#include <algorithm>

#include "facts/rules.hpp"
#include "mesh/gateway_binding.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

std::vector<Kind> fault_needs() {
  auto needs = rule_needs();
  needs.push_back(Kind::envoy_filters);
  return needs;
}

/// A fault's share: percentage.value, or percent of old; no request when neither is given (istio api HTTPFaultInjection: "If
/// not specified, no request will be aborted", and none be delayed).
double share_of(const Json& part) {
  const Json& value = at(at(part, "percentage"), "value");
  if (value.is_number()) return value.get<double>();
  const bool old = !at(part, "percentage").is_object() && at(part, "percent").is_number();
  return old ? at(part, "percent").get<double>() : 0;
}

/// "503 into 50 %, 3s of delay into 10 %"; "" when the fault touches nothing.
std::string fault_text(const Json& fault) {
  std::vector<std::string> parts;
  const Json& abort = at(fault, "abort");
  if (abort.is_object() && share_of(abort) > 0) {
    const std::string grpc = text_at(abort, "grpcStatus");
    parts.push_back((grpc.empty() ? std::to_string(number_at(abort, "httpStatus")) : "gRPC " + grpc) + " into " + percent_text(share_of(abort)));
  }
  const Json& delay = at(fault, "delay");
  if (delay.is_object() && share_of(delay) > 0) parts.push_back(text_at(delay, "fixedDelay", "a delay") + " of delay into " + percent_text(share_of(delay)));
  return join(parts, ", ");
}

bool injects(const Route& route) {
  if (!route.fault) return false;
  const auto& fault = *route.fault;
  const bool aborts = (fault.abort_status || fault.abort_grpc_status) && fault.abort_percent > 0;
  return aborts || (!fault.delay.empty() && fault.delay_percent > 0);
}

std::string route_fault_text(const Route& route) {
  const auto& fault = *route.fault;
  std::vector<std::string> parts;
  if (fault.abort_percent > 0 && fault.abort_status) parts.push_back(std::to_string(*fault.abort_status) + " into " + percent_text(fault.abort_percent));
  if (fault.abort_percent > 0 && fault.abort_grpc_status) parts.push_back("gRPC status " + std::to_string(*fault.abort_grpc_status) + " into " + percent_text(fault.abort_percent));
  if (!fault.delay.empty() && fault.delay_percent > 0) parts.push_back(fault.delay + " of delay into " + percent_text(fault.delay_percent));
  return join(parts, ", ");
}

/// The rule in the object by which a proxy's route injects: of the same VirtualService, with a fault that says the same.
std::optional<std::size_t> rule_behind(const Object& vs, const Route& route) {
  const Json& rules = at(vs.spec(), "http");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const Json& fault = at(rules[i], "fault");
    if (!fault.is_object() || fault_text(fault).empty()) continue;
    const Json& abort = at(fault, "abort");
    const bool same_abort = !route.fault->abort_status || number_at(abort, "httpStatus") == *route.fault->abort_status;
    const bool same_delay = route.fault->delay.empty() || duration_ms(text_at(at(fault, "delay"), "fixedDelay")) == duration_ms(route.fault->delay);
    if (same_abort && same_delay) return i;
  }
  return std::nullopt;
}

/// A route of the host that injects in the caller's proxy: the request's own if it does; nullptr: none.
const Route* injecting_route(const mesh::Walk& walk) {
  if (walk.route != nullptr && injects(*walk.route)) return walk.route;
  if (walk.virtual_host == nullptr) return nullptr;
  const auto& routes = walk.virtual_host->routes;
  const auto found = std::find_if(routes.begin(), routes.end(), injects);
  return found == routes.end() ? nullptr : &*found;
}

/// What the routes of the host inject, with the rule they were made from. A rule that does not ask for it any more is no
/// reason: then the proxy is behind (faults.as-written).
Finding active(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const Route* injecting = injecting_route(walk);
  if (injecting == nullptr) return no("no route to the host injects a fault in the caller's proxy");
  const Route& route = *injecting;
  const auto list = c.view.objects(Kind::virtual_services);
  const Object* vs = nullptr;
  for (const auto* object : list.items) {
    if (object->meta.ns == route.config.ns && object->meta.name == route.config.name) vs = object;
  }
  if (vs == nullptr && route.config && !list.covers(route.config.ns)) return unknown();
  if (route.config && (vs == nullptr || !rule_behind(*vs, route))) return no("VirtualService " + route.config.ns + "/" + route.config.name + " does not ask for the fault that the caller's proxy injects (any more)");
  const bool own = &route == walk.route;
  Bindings b = {{"fault.text", route_fault_text(route)}, {"fault.requests", own ? "this request" : "other requests of the host"}, {"service.host", c.path().to.host},
                {"fault.object", route.config ? "VirtualService " + route.config.ns + "/" + route.config.name : std::string("an EnvoyFilter or another source")}};
  const auto rule = vs == nullptr ? std::nullopt : rule_behind(*vs, route);
  if (rule) {
    const Json& written = at(vs->spec(), "http")[*rule];
    b["vs.name"] = vs->meta.name;
    b["vs.namespace"] = vs->meta.ns;
    b["fault.requests"] = mesh::match_text(written) + (own ? ", this request among them" : "");
    b["vs.patch"] = Json::array({{{"op", "remove"}, {"path", "/spec/http/" + std::to_string(*rule) + "/fault"}}});
  }
  return yes(b["fault.object"].get<std::string>() + " injects " + route_fault_text(route) + " of: " + b["fault.requests"].get<std::string>(), b);
}

Finding none_active(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const Route* injecting = injecting_route(c.walk());
  return decide(injecting == nullptr, injecting == nullptr ? "no route to the host injects a fault in the caller's proxy" : "the caller's proxy injects " + route_fault_text(*injecting));
}

Finding removable(Context& c) {
  const auto f = active(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("vs.patch") > 0, "the rule that injects it is known", f.bindings);
}

/// Every fault that the VirtualService of the host asks for is in the caller's proxy, and no other.
Finding as_written(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  if (!list.everywhere) return unknown();
  const auto rules = rules_of(c);
  const auto& walk = c.walk();
  const auto there = walk.virtual_host == nullptr ? 0 : std::count_if(walk.virtual_host->routes.begin(), walk.virtual_host->routes.end(), injects);
  std::size_t asked = 0;
  // What is bound elsewhere, or hidden from the caller, is not asked of its proxy.
  const auto seen = c.path().caller.gateway ? mesh::gateway_virtual_services(c.view, *c.caller()) : mesh::mesh_virtual_services(c.view, c.path().to.host, c.caller()->meta.ns);
  for (const auto* vs : list.items) {
    const auto hosts = mesh::strings_at(vs->spec(), "hosts");
    const bool given = std::find(seen.begin(), seen.end(), vs) != seen.end();
    const bool ours = given && std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return mesh::host_covers(c.view.names().resolve(h, vs->meta.ns), c.path().to.host); });
    const Json& written = at(vs->spec(), "http");
    for (std::size_t i = 0; ours && written.is_array() && i < written.size(); ++i) {
      if (fault_text(at(written[i], "fault")).empty()) continue;
      ++asked;
      if (vs != rules.vs || !rules.in_proxy) return no("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " asks for a fault, and the caller's proxy does not route by it");
      if (mesh::unreachable_behind(written, i)) return no("the fault in " + rule_name(rules, i) + " of " + rules.name() + " is never injected: a rule before it takes all of its requests");
    }
  }
  if ((asked == 0) != (there == 0)) return no(asked == 0 ? "the caller's proxy injects a fault that no VirtualService asks for" : rules.name() + " asks for a fault that the caller's proxy has not got");
  return yes(asked == 0 ? "no VirtualService asks for a fault on the host" : "the faults that were asked for are in the caller's proxy");
}

void add_seen(Context& c, Answer& answer) {
  std::size_t aborted = 0, delayed = 0;
  const auto& requests = c.traffic().requests;
  for (const auto& seen : requests) {
    if (seen.caller == nullptr) continue;
    aborted += seen.caller->has_flag("FI");
    delayed += seen.caller->has_flag("DI");
  }
  if (!requests.empty()) answer.remarks.push_back("Seen in the caller's log: " + std::to_string(aborted) + " of " + count(requests.size(), "request") + " aborted (FI), " + std::to_string(delayed) + " delayed (DI).");
}

/// All of the mesh, so that what was left on elsewhere is found too; for other hosts only the object is known.
Answer fault_rules(Context& c) {
  Answer answer;
  const auto list = c.view.objects(Kind::virtual_services);
  if (!list.everywhere && list.namespaces.empty()) {
    answer.why = k_unknown;
    return answer;
  }
  const auto rules = rules_of(c);
  const auto& walk = c.walk();
  for (const auto* vs : list.items) {
    const Json& written = at(vs->spec(), "http");
    for (std::size_t i = 0; written.is_array() && i < written.size(); ++i) {
      const auto text = fault_text(at(written[i], "fault"));
      if (text.empty()) continue;
      const bool ours = vs == rules.vs;
      Json in_proxy;
      if (ours && walk.virtual_host != nullptr) in_proxy = std::any_of(walk.virtual_host->routes.begin(), walk.virtual_host->routes.end(), [&](const Route& route) { return injects(route) && rule_behind(*vs, route) == i; });
      const Json hit = ours ? Json(rules.taken == static_cast<int>(i)) : Json("other host");
      answer.rows.push_back({vs->meta.ns + "/" + vs->meta.name, i + 1, join(mesh::strings_at(vs->spec(), "hosts"), ", "), text, in_proxy, hit, mesh::match_text(written[i])});
    }
  }
  for (const auto* filter : c.view.objects(Kind::envoy_filters).items) {
    const auto text = dump_json(filter->raw);
    if (contains(text, "envoy.filters.http.fault") || contains(text, "HTTPFault")) answer.remarks.push_back("EnvoyFilter " + filter->meta.ns + "/" + filter->meta.name + " patches a fault filter into proxies by hand; its share is not read here.");
  }
  answer.says = answer.rows.empty() ? "no VirtualService that was read injects a fault" : count(answer.rows.size(), "rule") + " with a fault in the mesh";
  if (!list.everywhere) answer.remarks.push_back("Only the VirtualServices of " + join({list.namespaces.begin(), list.namespaces.end()}, ", ") + " were read.");
  add_seen(c, answer);
  return answer;
}

Finding no_filter_faults(Context& c) {
  const auto filters = c.view.objects(Kind::envoy_filters);
  for (const auto* filter : filters.items) {
    const auto text = dump_json(filter->raw);
    if (contains(text, "envoy.filters.http.fault") || contains(text, "HTTPFault")) return no("EnvoyFilter " + filter->meta.ns + "/" + filter->meta.name + " patches a fault filter into proxies");
  }
  return filters.everywhere ? yes("no EnvoyFilter patches a fault filter") : unknown();
}

}  // namespace

const std::vector<Fact>& fault_facts() {
  static const std::vector<Fact> facts = {
      {"faults.active", "A fault is injected into requests of the host", fault_needs(), active, {Kind::routes, Kind::virtual_services}},
      {"faults.none-active", "No fault is injected into requests of the host", fault_needs(), none_active, {Kind::routes}},
      {"faults.removable", "The rule that injects the fault is known", fault_needs(), removable, {Kind::virtual_services}},
      {"faults.as-written", "The faults in the caller's proxy are those that were asked for", fault_needs(), as_written, {Kind::virtual_services, Kind::routes}},
      {"faults.no-filters", "No EnvoyFilter patches a fault filter", fault_needs(), no_filter_faults, {Kind::envoy_filters}},
  };
  return facts;
}

const std::vector<AnswerKind>& fault_answers() {
  static const std::vector<AnswerKind> answers = {
      {"faults.rules", "FAULTS", {{"virtualService", "VIRTUALSERVICE"}, {"rule", "RULE"}, {"hosts", "HOSTS"}, {"fault", "INJECTS"}, {"proxy", "IN ENVOY"}, {"request", "THIS REQUEST"}, {"match", "INTO REQUESTS"}}, fault_needs(), fault_rules},
  };
  return answers;
}

}  // namespace meshdx::facts
