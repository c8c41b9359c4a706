// Why the routes of a sidecar lead nowhere, or elsewhere: VirtualServices and DestinationRules (causes.md group D).
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "facts/routing_parts.hpp"
#include "facts/rules.hpp"
#include "mesh/gateway_api.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/rule_match.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;
using mesh::Walk;

/// The objects a route or virtual host was made from; the first VirtualService reference found.
ConfigRef virtual_service_ref(const Walk& walk) {
  const auto written = [](const Route& route) { return route.config.kind == "virtual-service" && !mesh::made_by_istiod(route.config); };
  if (walk.route != nullptr) return written(*walk.route) ? walk.route->config : ConfigRef{};
  if (walk.virtual_host == nullptr) return {};
  for (const auto& route : walk.virtual_host->routes) {
    if (written(route)) return route.config;
  }
  return {};
}

std::optional<Finding> need_same_request(Context& c) {
  const AccessLine* routed = nullptr;
  for (const auto& seen : c.traffic().requests) {
    if (seen.caller == nullptr || seen.result != mesh::Sighting::Result::failed) continue;
    if (seen.caller->has_flag("NR") || contains(seen.caller->details, "route_not_found")) return std::nullopt;
    if (!seen.caller->upstream_cluster.empty() || seen.caller->has_flag("NC")) routed = seen.caller;
  }
  const std::string asked = c.ask.method + " " + c.ask.path;
  if (routed != nullptr) return unknown("the failing requests in the log had a route (" + routed->method + " " + routed->path + "), so they are others than " + asked + ": give the URL, and the headers, that were sent");
  if (!c.ask.path_given && c.ask.path == "/" && c.ask.playbook != "sweep") return unknown("no URL was asked about, and no failing request in the log tells which path was called: give the URL");
  return std::nullopt;
}

const Object* find_object(const mesh::ObjectList& list, const std::string& ns, const std::string& name) {
  for (const auto* object : list.items) {
    if (object->meta.ns == ns && object->meta.name == name) return object;
  }
  return nullptr;
}

namespace {

const std::vector<Kind> routing_needs = {Kind::virtual_services, Kind::destination_rules, Kind::mesh_config, Kind::services, Kind::pods,
                                         Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes,
                                         Kind::clusters, Kind::endpoints, Kind::log};

/// Whether a rule of the VirtualService takes the request. A rule that hands over to a delegate takes what its match and one
/// of the delegate's rules take; without its delegate it is left out (istio virtualservice.go mergeVirtualServicesIfNeeded).
Tri takes(Context& c, const Object& vs) {
  const auto list = c.view.objects(Kind::virtual_services);
  const auto sender = sender_of(c, vs);
  const Json& rules = at(vs.spec(), "http");
  if (!rules.is_array()) return Tri::no;
  Tri answer = Tri::no;
  for (const auto& rule : rules) {
    if (!mesh::rule_mismatch(rule, vs.meta.ns, c.path().request, sender).empty()) continue;
    const auto delegate = mesh::delegate_of(list, rule, vs.meta.ns);
    if (!delegate) return Tri::yes;
    if (delegate->object == nullptr && !list.covers(delegate->ns)) answer = Tri::unknown;
    if (delegate->object != nullptr && mesh::matching_rule(*delegate->object, c.path().request, sender) >= 0) return Tri::yes;
  }
  return answer;
}

Bindings vs_bindings(Context& c, const Object& vs) {
  const auto& path = c.path();
  const Json& rules = at(vs.spec(), "http");
  return {{"vs.name", vs.meta.name}, {"vs.namespace", vs.meta.ns}, {"vs.rules", rules.is_array() ? rules.size() : 0},
          {"request.path", path.request.path}, {"request.method", path.request.method}, {"request.host", path.request.host},
          {"service.host", path.to.host}, {"service.port", path.to.port_number}};
}

/// D1: the VirtualService that owns the host has no rule for this request, in the object as in the proxy.
Finding no_rule_matches(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  if (walk.end != Walk::End::no_route) return no("the proxy has a route for the request");
  const auto ref = virtual_service_ref(walk);
  if (!ref) return no("no VirtualService made the virtual host's routes");
  if (auto stop = need_same_request(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto* vs = find_object(list, ref.ns, ref.name);
  if (vs == nullptr) return list.covers(ref.ns) ? no("VirtualService " + ref.ns + "/" + ref.name + " no longer exists") : unknown();
  const Tri taken = takes(c, *vs);
  if (taken == Tri::unknown) return unknown();
  if (taken == Tri::yes) return no("VirtualService " + ref.ns + "/" + ref.name + " has a rule for the request: the proxy's routes are older");
  auto b = vs_bindings(c, *vs);
  Json destination = {{"host", c.path().to.service != nullptr ? c.path().to.host : ""}};
  if (c.path().to.service != nullptr && c.path().to.service->ports.size() > 1) destination["port"] = {{"number", c.path().to.port_number}};
  if (c.path().to.service != nullptr) {
    const Json rule = Json::object({{"route", Json::array({Json::object({{"destination", destination}})})}});
    b["vs.default-rule-patch"] = Json::array({{{"op", "add"}, {"path", "/spec/http/-"}, {"value", rule}}});
  }
  return yes("VirtualService " + ref.ns + "/" + ref.name + " claims the host, and none of the http rules (" + std::to_string(at(vs->spec(), "http").size()) + ") matches " + c.ask.method + " " + c.ask.path, b);
}

/// Requests that no rule takes can go to the Service the VirtualService is for.
Finding default_known(Context& c) {
  const auto f = no_rule_matches(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("vs.default-rule-patch") > 0, "the Service that the requests are meant for is known", f.bindings);
}

/// The proxy's configuration names an object that is gone, or holds routes that the object would not make.
Finding stale_reference(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const auto ref = virtual_service_ref(walk);
  const auto list = c.view.objects(Kind::virtual_services);
  if (ref) {
    const auto* vs = find_object(list, ref.ns, ref.name);
    if (vs == nullptr && list.covers(ref.ns)) return yes("the proxy still routes by VirtualService " + ref.ns + "/" + ref.name + ", which does not exist any more", {{"stale.object", "VirtualService " + ref.ns + "/" + ref.name}});
    if (vs == nullptr) return unknown();
    const Tri taken = walk.end == Walk::End::no_route ? takes(c, *vs) : Tri::no;
    if (taken == Tri::unknown) return unknown();
    if (taken == Tri::yes) return yes("VirtualService " + ref.ns + "/" + ref.name + " has a rule for the request that the proxy has not got", {{"stale.object", "VirtualService " + ref.ns + "/" + ref.name}});
  }
  const auto rules = c.view.objects(Kind::destination_rules);
  for (const auto& leg : walk.legs) {
    if (leg.config == nullptr || leg.config->config.kind != "destination-rule") continue;
    const auto& made = leg.config->config;
    if (find_object(rules, made.ns, made.name) != nullptr) continue;
    if (!rules.covers(made.ns)) return unknown();
    return yes("the proxy still has the settings of DestinationRule " + made.ns + "/" + made.name + ", which does not exist any more", {{"stale.object", "DestinationRule " + made.ns + "/" + made.name}});
  }
  return list.everywhere && rules.everywhere ? no("the objects that the proxy's configuration names exist") : unknown();
}

/// D3: two VirtualServices claim the host for sidecars; only the first counts, and the other has the rule that is missing.
Finding host_conflict(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  if (c.path().caller.gateway) return no("gateways merge VirtualServices of one host");
  const auto list = c.view.objects(Kind::virtual_services);
  const auto found = mesh::mesh_virtual_services(c.view, c.path().to.host, c.caller()->meta.ns);
  const auto exact = [&](const Object* vs) {
    const auto hosts = mesh::strings_at(vs->spec(), "hosts");
    return std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return c.view.names().resolve(h, vs->meta.ns) == c.path().to.host; });
  };
  std::vector<const Object*> same;
  std::copy_if(found.begin(), found.end(), std::back_inserter(same), exact);
  if (same.size() < 2) return list.everywhere ? no("one VirtualService at most claims the host") : unknown();
  const auto used = virtual_service_ref(c.walk());
  bool unsure = false;
  for (const auto* vs : same) {
    if (vs->meta.name == used.name && vs->meta.ns == used.ns) continue;
    const Tri taken = takes(c, *vs);
    unsure = unsure || taken == Tri::unknown;
    if (taken != Tri::yes) continue;
    auto b = vs_bindings(c, *vs);
    b["vs.used"] = used.ns + "/" + used.name;
    b["vs.ignored"] = vs->meta.ns + "/" + vs->meta.name;
    return yes("VirtualServices " + used.ns + "/" + used.name + " and " + vs->meta.ns + "/" + vs->meta.name + " both claim " + c.path().to.host + "; sidecars use only the first", b);
  }
  return unsure ? unknown() : no("the other VirtualService has no rule for this request either");
}

/// The longest uri that a rule of a VirtualService asks for; "" when it asks for none.
std::string uri_of(const Json& rule) {
  std::string longest;
  for (const auto& match : at(rule, "match")) {
    for (const char* kind : {"exact", "prefix"}) {
      const std::string uri = text_at(at(match, "uri"), kind);
      if (uri.size() > longest.size()) longest = uri;
    }
  }
  return longest;
}

/// The longest uri of a rule's own and its root's match.
std::string uri_of(const mesh::CountingRule& rule) {
  const auto own = uri_of(*rule.rule), root = uri_of(*rule.root);
  return own.size() >= root.size() ? own : root;
}

/// istiod stops at a rule that takes everything, so the rules behind it are in the object only (route.go TranslateRoute). The
/// objects also tell in which of several, a root and its delegates, a rule stands.
std::optional<Finding> shadowed_in_object(Context& c) {
  const auto list = c.view.objects(Kind::virtual_services);
  const auto ref = virtual_service_ref(c.walk());
  const auto* vs = ref ? find_object(list, ref.ns, ref.name) : nullptr;
  if (vs == nullptr) return std::nullopt;
  const auto sender = sender_of(c, *vs);
  const mesh::CountingRule* first = nullptr;
  const auto rules = mesh::counting_rules(list, *vs);
  for (const auto& rule : rules) {
    if (!mesh::takes(rule, vs->meta.ns, c.path().request, sender)) continue;
    if (first == nullptr) first = &rule;
    if (uri_of(rule).size() <= uri_of(*first).size() || at(*rule.rule, "route") == at(*first->rule, "route")) continue;
    const Object& where = rule.owner == first->owner ? *rule.owner : *vs;    // the root decides on the order of its delegates
    const auto name = [&](const mesh::CountingRule& r) { return "rule " + std::to_string(r.index + 1) + (r.owner == &where ? "" : " of its delegate " + r.owner->full_name()); };
    return yes("in VirtualService " + where.full_name() + " " + name(*first) + " stands before " + name(rule) + ", which fits better and is never reached",
               {{"rule.taken", uri_of(*first).empty() ? std::string("everything") : uri_of(*first)}, {"rule.shadowed", uri_of(rule)}, {"vs.name", where.meta.name}, {"vs.namespace", where.meta.ns}, {"request.path", c.ask.path}});
  }
  return std::nullopt;
}

/// Whether the VirtualService that the routes were made from hands requests over to others.
bool delegates(Context& c) {
  const auto ref = virtual_service_ref(c.walk());
  const auto* vs = ref ? find_object(c.view.objects(Kind::virtual_services), ref.ns, ref.name) : nullptr;
  const Json none = Json::array();
  const Json& rules = vs == nullptr ? none : at(vs->spec(), "http");
  return rules.is_array() && std::any_of(rules.begin(), rules.end(), [](const Json& rule) { return at(rule, "delegate").is_object(); });
}

/// D2: an earlier rule takes the request although a later one is written for exactly this path.
Finding later_rule_fits(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  if (walk.virtual_host == nullptr || walk.route == nullptr) return no("no route was taken");
  if (delegates(c)) {
    if (auto found = shadowed_in_object(c)) return *found;
  }
  bool after = false;
  for (const auto& route : walk.virtual_host->routes) {
    if (&route == walk.route) {
      after = true;
      continue;
    }
    if (!after || !mesh::route_matches(route, c.path().request)) continue;
    const bool narrower = route.path.size() > walk.route->path.size() || (route.path == walk.route->path && route.headers.size() > walk.route->headers.size());
    const bool elsewhere = route.cluster != walk.route->cluster || route.weighted.size() != walk.route->weighted.size();
    if (!narrower || !elsewhere) continue;
    return yes("the rule for \"" + walk.route->path + "\" stands before the rule for \"" + route.path + "\", which fits better and is never reached",
               {{"rule.taken", walk.route->path}, {"rule.shadowed", route.path}, {"vs.name", route.config.name}, {"vs.namespace", route.config.ns}, {"request.path", c.ask.path}});
  }
  if (auto found = shadowed_in_object(c)) return *found;
  const auto ref = virtual_service_ref(walk);
  const auto list = c.view.objects(Kind::virtual_services);
  if (ref && (!list.covers(ref.ns) || (!list.everywhere && delegates(c)))) return unknown();
  return no("no later rule fits the request better");
}

/// D15: the VirtualService itself answers.
Finding direct_response(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool direct = walk.end == Walk::End::direct_response || walk.end == Walk::End::redirect;
  if (!direct || walk.route == nullptr || !walk.route->config) return no("no VirtualService answers the request itself");
  if (mesh::made_by_istiod(walk.route->config)) return no("istiod made the answer from a route of another kind");
  const std::string what = walk.end == Walk::End::redirect ? "redirects it" : "answers " + std::to_string(*walk.route->direct_response) + " itself";
  return yes("VirtualService " + walk.route->config.ns + "/" + walk.route->config.name + " " + what, {{"vs.name", walk.route->config.name}, {"vs.namespace", walk.route->config.ns}, {"route.what", what}, {"route.status", walk.route->direct_response.value_or(301)}});
}

Finding direct_response_code(Context& c) {
  const auto f = direct_response(c);
  if (f.truth != Tri::yes || !c.ask.code) return f.truth == Tri::yes ? no("no code was asked about") : f;
  return decide(f.bindings.at("route.status").get<int>() == *c.ask.code, "the configured answer is the code the caller saw", f.bindings);
}

/// Whether the caller's proxy is given a VirtualService: bound to one of its gateways, or, for a sidecar, to mesh and exported to it.
bool given(Context& c, const Object& vs) {
  const auto bound = mesh::bound_gateways(vs);
  if (!c.path().caller.gateway) {
    const auto* config = c.view.mesh_config();
    const auto fallback = config == nullptr ? std::vector<std::string>{} : config->default_virtual_service_export_to;
    return std::find(bound.begin(), bound.end(), "mesh") != bound.end() && mesh::exported(mesh::strings_at(vs.spec(), "exportTo"), fallback, vs.meta.ns, c.caller()->meta.ns);
  }
  const auto servers = mesh::gateway_servers(c.view, *c.caller());
  return std::any_of(servers.begin(), servers.end(), [&](const auto& server) { return std::find(bound.begin(), bound.end(), server.gateway->full_name()) != bound.end(); });
}

/// D17: a delegate that does not exist leaves its rule out: the one that would have taken the request.
Finding delegate_missing(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto list = c.view.objects(Kind::virtual_services);
  if (c.path().caller.gateway && !c.view.objects(Kind::gateways).everywhere) return unknown();
  for (const auto* vs : list.items) {
    if (!given(c, *vs)) continue;
    const auto hosts = mesh::strings_at(vs->spec(), "hosts");
    const std::string& asked = c.path().caller.gateway ? c.ask.host : c.path().to.host;
    if (std::none_of(hosts.begin(), hosts.end(), [&](const auto& h) { return mesh::host_covers(c.view.names().resolve(h, vs->meta.ns), asked); })) continue;
    for (const auto& rule : at(vs->spec(), "http")) {
      const auto delegate = mesh::delegate_of(list, rule, vs->meta.ns);
      if (!delegate || delegate->object != nullptr || !list.covers(delegate->ns)) continue;
      if (!mesh::rule_mismatch(rule, vs->meta.ns, c.path().request, sender_of(c, *vs)).empty()) continue;
      return yes("VirtualService " + vs->full_name() + " delegates to " + delegate->ns + "/" + delegate->name + ", which does not exist",
                 {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"delegate.name", delegate->name}, {"delegate.namespace", delegate->ns}});
    }
  }
  return list.everywhere ? no("every delegate that would take the request exists") : unknown();
}

}  // namespace

const std::vector<Fact>& routing_facts() {
  static const std::vector<Fact> facts = {
      {"virtual-service.no-rule-matches", "The VirtualService of the host has no rule for the request", routing_needs, no_rule_matches, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.default-known", "The Service that unmatched requests are meant for is known", routing_needs, default_known, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.host-conflict", "Two VirtualServices claim the host and the wrong one wins", routing_needs, host_conflict, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.later-rule-fits", "A better rule stands behind the one that takes the request", routing_needs, later_rule_fits, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.answers-itself", "A VirtualService answers or redirects the request", routing_needs, direct_response, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.answers-this-code", "A VirtualService answers with the code the caller saw", routing_needs, direct_response_code, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.delegate-missing", "A VirtualService delegates to one that does not exist", routing_needs, delegate_missing, {Kind::virtual_services, Kind::routes}},
      {"walk.stale-reference", "The proxy's configuration names an object that is gone or has changed", routing_needs, stale_reference, {Kind::routes, Kind::virtual_services}},
  };
  return facts;
}

}  // namespace meshdx::facts
