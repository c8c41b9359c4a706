// Routes and Gateways of the Gateway API behind a request that comes in through a gateway (E11 to E14, J5).
#include <algorithm>

#include "facts/context.hpp"
#include "facts/routing_parts.hpp"
#include "mesh/gateway_api.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Walk;

namespace {

const std::vector<Kind> api_needs = {Kind::api_gateways, Kind::http_routes, Kind::grpc_routes, Kind::reference_grants, Kind::services, Kind::pods, Kind::service_entries,
                                     Kind::namespaces, Kind::gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

std::uint16_t asked_port(Context& c) { return c.ask.port.value_or(c.ask.scheme == "https" ? 443 : 80); }

/// The gateway sends the request nowhere: it does not listen, or has no route.
bool unrouted(const Walk& walk) {
  return walk.end == Walk::End::no_listener || walk.end == Walk::End::no_filter_chain || walk.end == Walk::End::no_virtual_host || walk.end == Walk::End::no_route;
}

/// Nothing on a gateway takes the request (a gateway without a pod takes none): else the answer.
std::optional<Finding> need_unrouted(Context& c) {
  if (c.ask.from != mesh::Complaint::From::gateway) return no("the request does not come in through a gateway");
  const auto& caller = c.path().caller;
  if (caller.state == mesh::Caller::State::unknown) return unknown(caller.why);
  if (caller.pod == nullptr) return std::nullopt;
  if (auto stop = need_walk(c)) return stop;
  if (!unrouted(c.walk())) return no("the gateway has a route for the request");
  return std::nullopt;
}

bool served_by(const std::vector<const Object*>& gateways, const std::string& ns, const std::string& name) {
  return std::any_of(gateways.begin(), gateways.end(), [&](const Object* g) { return g->meta.ns == ns && g->meta.name == name; });
}

const Object* find_gateway(const mesh::ObjectList& list, const mesh::ParentRef& parent) {
  for (const auto* gateway : list.items) {
    if (gateway->meta.ns == parent.ns && gateway->meta.name == parent.name) return gateway;
  }
  return nullptr;
}

Bindings route_bindings(Context& c, const Object& route) {
  return {{"route.kind", route.meta.kind}, {"route.name", route.meta.name}, {"route.namespace", route.meta.ns}, {"route.ref", route.ref()}, {"request.host", c.ask.host}, {"request.path", c.ask.path}};
}

Finding from_api(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const auto made = [](const Route& route) { return mesh::made_from_api_route(route.config); };
  const bool own = walk.route != nullptr && made(*walk.route);
  const bool host = walk.route == nullptr && walk.virtual_host != nullptr && std::any_of(walk.virtual_host->routes.begin(), walk.virtual_host->routes.end(), made);
  return decide(own || host, own || host ? "the proxy's routes for the host come from the Gateway API" : "no route of the Gateway API made the proxy's route");
}

// --- E11: a route that would take the request is not attached

/// Repairs that follow from the objects alone; none where a person has to choose.
void add_repair(Bindings& b, const mesh::ObjectList& gateways, const Object& route, const mesh::ParentRef& parent, const Object* gateway, const std::string& reason) {
  const std::string pointer = "/spec/parentRefs/" + std::to_string(parent.index);
  if (gateway == nullptr) {
    std::vector<const Object*> same;
    for (const auto* other : gateways.items) {
      if (other->meta.name == parent.name) same.push_back(other);
    }
    if (same.size() != 1) return;
    b["parent.patch"] = Json::array({{{"op", parent.ns_written ? "replace" : "add"}, {"path", pointer + "/namespace"}, {"value", same.front()->meta.ns}}});
    b["parent.fix"] = "name the namespace of Gateway " + same.front()->meta.ns + "/" + parent.name;
    return;
  }
  const auto listeners = mesh::listeners_of(*gateway);
  const auto named = std::find_if(listeners.begin(), listeners.end(), [&](const auto& l) { return l.name == parent.section; });
  if (reason == "NoMatchingParent" && !parent.section.empty() && named == listeners.end() && listeners.size() == 1) {
    b["parent.patch"] = Json::array({{{"op", "replace"}, {"path", pointer + "/sectionName"}, {"value", listeners.front().name}}});
    b["parent.fix"] = "name the Gateway's listener " + listeners.front().name;
  }
  if (reason != "NotAllowedByListeners" || gateway->meta.ns == route.meta.ns) return;
  const auto* shut = parent.section.empty() ? (listeners.size() == 1 ? &listeners.front() : nullptr) : (named == listeners.end() ? nullptr : &*named);
  if (shut == nullptr || shut->routes_from != "Same") return;
  b["listener.patch"] = Json::array({{{"op", "add"}, {"path", "/spec/listeners/" + std::to_string(shut->index) + "/allowedRoutes/namespaces"}, {"value", Json::object({{"from", "All"}})}}});
  b["gateway.name"] = gateway->meta.name;
  b["gateway.namespace"] = gateway->meta.ns;
  b["listener.name"] = shut->name;
}

/// Why a parentRef did not attach its route: "" when it did, or nobody said.
struct Refusal {
  std::string reason, message;
  bool unsure = false;
};
Refusal refusal_of(const mesh::ObjectList& gateways, const Object& route, const mesh::ParentRef& parent, const Object* gateway) {
  if (gateway == nullptr && gateways.covers(parent.ns)) return {"NoMatchingParent", "there is no Gateway " + parent.ns + "/" + parent.name, false};
  const auto accepted = mesh::condition_of(mesh::parent_conditions(route, parent), "Accepted", route);
  if (accepted.status != "False") return {"", "", accepted.status.empty() || gateway == nullptr};
  if (!accepted.current) return {"", "", true};   // says nothing of the route as it is now
  return {accepted.reason, accepted.message, false};
}

Finding not_accepted(Context& c) {
  if (auto stop = need_unrouted(c)) return *stop;
  const auto routes = mesh::api_routes(c.view);
  const auto gateways = c.view.objects(Kind::api_gateways);
  const auto own = c.caller() == nullptr ? std::vector<const Object*>{} : mesh::api_gateways_of(c.view, *c.caller());
  bool unsure = !routes.everywhere;
  for (const auto* route : routes.items) {
    if (!mesh::route_has_host(*route, lower(c.ask.host)) || !mesh::api_rule(*route, c.path().request)) continue;
    const bool names_host = !mesh::strings_at(route->spec(), "hostnames").empty();
    for (const auto& parent : mesh::gateway_parents(*route)) {
      if (!names_host && !served_by(own, parent.ns, parent.name)) continue;   // a route for all hosts of some other gateway
      const auto* gateway = find_gateway(gateways, parent);
      // The pod serves Gateways, and this is another one that exists: whatever it refused was not meant to come in here.
      if (!own.empty() && gateway != nullptr && !served_by(own, parent.ns, parent.name)) continue;
      const auto refusal = refusal_of(gateways, *route, parent, gateway);
      unsure = unsure || refusal.unsure;
      if (refusal.reason.empty()) continue;
      auto b = route_bindings(c, *route);
      b["parent.ref"] = "Gateway " + parent.ns + "/" + parent.name;
      b["refusal.reason"] = refusal.reason;
      b["refusal.message"] = refusal.message;
      add_repair(b, gateways, *route, parent, gateway, refusal.reason);
      return yes(route->ref() + " has a rule for the request and is not attached to Gateway " + parent.ns + "/" + parent.name + ": " + refusal.reason + " (" + refusal.message + ")", b);
    }
  }
  return unsure ? unknown() : no("no route that has a rule for the request was refused");
}

Finding repair_in(Context& c, const char* binding, const std::string& text) {
  const auto f = not_accepted(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count(binding) > 0, text, f.bindings);
}
Finding parent_repairable(Context& c) { return repair_in(c, "parent.patch", "one parent is plainly meant"); }
Finding listener_repairable(Context& c) { return repair_in(c, "listener.patch", "the listener takes routes of its own namespace only"); }

// --- J5: a Gateway that no controller has programmed

Finding not_programmed(Context& c) {
  if (auto stop = need_unrouted(c)) return *stop;
  const auto list = c.view.objects(Kind::api_gateways);
  const auto own = c.caller() == nullptr ? std::vector<const Object*>{} : mesh::api_gateways_of(c.view, *c.caller());
  for (const auto* gateway : list.items) {
    const bool meant = gateway->meta.name == c.ask.from_name && (c.ask.from_ns.empty() || gateway->meta.ns == c.ask.from_ns);
    const auto listeners = mesh::listeners_of(*gateway);
    const bool takes = std::any_of(listeners.begin(), listeners.end(), [&](const auto& l) { return !l.hostname.empty() && l.takes(lower(c.ask.host)); });
    if ((!meant && !takes) || served_by(own, gateway->meta.ns, gateway->meta.name)) continue;
    const Json& conditions = at(at(gateway->raw, "status"), "conditions");
    const auto accepted = mesh::condition_of(conditions, "Accepted", *gateway);
    const auto programmed = mesh::condition_of(conditions, "Programmed", *gateway);
    if (programmed.status == "True" || (accepted.status == "True" && programmed.status != "False")) continue;
    const auto& worse = accepted.status != "True" ? accepted : programmed;
    Bindings b = {{"gateway.name", gateway->meta.name}, {"gateway.namespace", gateway->meta.ns}, {"gateway.class", text_at(gateway->spec(), "gatewayClassName")}};
    b["gateway.state"] = worse.status.empty() ? std::string("no controller has written a status") : worse.reason + (worse.message.empty() ? "" : " (" + worse.message + ")");
    return yes("Gateway " + gateway->meta.ns + "/" + gateway->meta.name + " of class " + b["gateway.class"].get<std::string>() + " is not programmed: " + b["gateway.state"].get<std::string>(), b);
  }
  return list.everywhere ? no("no Gateway of the Gateway API for the host waits to be programmed") : unknown();
}

/// A listener of the pod's Gateway that takes the host and has been left out.
Finding listener_invalid(Context& c) {
  if (auto stop = need_unrouted(c)) return *stop;
  if (c.caller() == nullptr) return no("no gateway pod stands for it");
  for (const auto* gateway : mesh::api_gateways_of(c.view, *c.caller())) {
    for (const auto& listener : mesh::listeners_of(*gateway)) {
      if (!listener.takes(lower(c.ask.host)) || listener.port != asked_port(c)) continue;
      const Json& conditions = at(mesh::listener_status(*gateway, listener.name), "conditions");
      const auto refs = mesh::condition_of(conditions, "ResolvedRefs", *gateway);
      const auto accepted = mesh::condition_of(conditions, "Accepted", *gateway);
      const auto conflicted = mesh::condition_of(conditions, "Conflicted", *gateway);
      const auto* worst = refs.status == "False" ? &refs : accepted.status == "False" ? &accepted : conflicted.status == "True" ? &conflicted : nullptr;
      if (worst == nullptr || !worst->current) continue;
      const Json& certificate = at(at(at(gateway->spec(), "listeners").at(listener.index), "tls"), "certificateRefs");
      const Json& first = certificate.is_array() && !certificate.empty() ? certificate.front() : Json();
      return yes("listener " + listener.name + " of Gateway " + gateway->meta.ns + "/" + gateway->meta.name + " is not in use: " + worst->reason + " (" + worst->message + ")",
                 {{"gateway.name", gateway->meta.name}, {"gateway.namespace", gateway->meta.ns}, {"listener.name", listener.name}, {"listener.reason", worst->reason}, {"listener.message", worst->message},
                  {"listener.certificate", text_at(first, "namespace", gateway->meta.ns) + "/" + text_at(first, "name", "none")}});
    }
  }
  const auto list = c.view.objects(Kind::api_gateways);
  return list.everywhere ? no("the listeners of the pod's Gateways are in use") : unknown();
}

// --- no route has the host, or no rule the request

/// The attached routes of the pod's Gateways.
std::vector<const Object*> routes_on(Context& c, const std::vector<const Object*>& gateways) {
  std::vector<const Object*> found;
  for (const auto* route : mesh::api_routes(c.view).items) {
    const auto parents = mesh::gateway_parents(*route);
    if (std::any_of(parents.begin(), parents.end(), [&](const auto& p) { return served_by(gateways, p.ns, p.name); })) found.push_back(route);
  }
  return found;
}

Finding host_unmatched(Context& c) {
  if (auto stop = need_unrouted(c)) return *stop;
  if (c.caller() == nullptr) return no("no gateway pod stands for it");
  const auto gateways = mesh::api_gateways_of(c.view, *c.caller());
  const auto list = c.view.objects(Kind::api_gateways);
  const auto routes = mesh::api_routes(c.view);
  if (!list.everywhere || !routes.everywhere || !c.view.objects(Kind::gateways).everywhere) return unknown();
  if (gateways.empty()) return no("the gateway serves no Gateway of the Gateway API");
  const std::string host = lower(c.ask.host);
  for (const auto& server : mesh::gateway_servers(c.view, *c.caller())) {
    if (std::any_of(server.hosts.begin(), server.hosts.end(), [&](const auto& h) { return mesh::host_covers(h, host); })) return no("Gateway " + server.gateway->meta.ns + "/" + server.gateway->meta.name + " of Istio serves the host");
  }
  for (const auto* route : routes.items) {
    if (mesh::route_has_host(*route, host) && !mesh::strings_at(route->spec(), "hostnames").empty()) return no(route->ref() + " has the host");
  }
  std::vector<std::string> served;
  for (const auto* route : routes_on(c, gateways)) {
    const auto names = mesh::strings_at(route->spec(), "hostnames");
    if (names.empty()) return no(route->ref() + " takes every host");
    served.insert(served.end(), names.begin(), names.end());
  }
  const auto* gateway = gateways.front();
  return yes("no route of Gateway " + gateway->meta.ns + "/" + gateway->meta.name + " has host " + host + (served.empty() ? "; none is attached" : "; they have " + join(served, ", ")),
             {{"gateway.name", gateway->meta.name}, {"gateway.namespace", gateway->meta.ns}, {"request.host", host}, {"routes.hosts", served.empty() ? std::string("no host at all") : join(served, ", ")}});
}

/// The routes that have a say: those attached to the pod's Gateways with the host; for a sidecar those bound to the Service that is
/// called, whatever hostnames they have (Gateway API, GAMMA).
std::vector<const Object*> routes_for(Context& c) {
  std::vector<const Object*> found;
  if (!c.path().caller.gateway) {
    for (const auto* route : mesh::api_routes(c.view).items) {
      if (c.path().to.service != nullptr && mesh::bound_to_service(*route, *c.path().to.service, c.path().to.port_number)) found.push_back(route);
    }
    return found;
  }
  for (const auto* route : routes_on(c, mesh::api_gateways_of(c.view, *c.caller()))) {
    if (mesh::route_has_host(*route, lower(c.ask.host))) found.push_back(route);
  }
  return found;
}

Finding no_rule_matches(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  if (c.walk().end != Walk::End::no_route) return no("the proxy has no virtual host for the host, or a route for the request");
  const auto made = from_api(c);
  if (made.truth != Tri::yes) return made;
  if (auto stop = need_same_request(c)) return *stop;
  const auto routes = mesh::api_routes(c.view);
  if (!routes.everywhere) return unknown();
  std::vector<std::string> names;
  for (const auto* route : routes_for(c)) {
    if (mesh::api_rule(*route, c.path().request)) return no(route->ref() + " has a rule for the request");
    names.push_back(route->ref());
  }
  if (names.empty()) return no("no route of the Gateway API that exists is for the host");
  return yes("none of the rules of " + join(names, ", ") + " takes " + c.ask.method + " " + c.ask.path,
             {{"route.refs", join(names, ", ")}, {"request.host", c.ask.host}, {"request.path", c.ask.path}, {"request.method", c.ask.method}});
}

// --- the rule is there, its backends are not

const Json::array_t& backends(const mesh::ApiRule& rule) {
  static const Json::array_t none;
  const Json& list = at(at(rule.route->spec(), "rules").at(rule.rule), "backendRefs");
  return list.is_array() ? list.get_ref<const Json::array_t&>() : none;
}

/// The rule behind the proxy's route, or why there is no answer.
std::optional<Finding> need_rule(Context& c, std::optional<mesh::ApiRule>& rule) {
  const auto made = from_api(c);
  if (made.truth != Tri::yes) return made;
  rule = mesh::rule_behind(c.view, c.walk(), c.path().request);
  if (rule) return std::nullopt;
  return mesh::api_routes(c.view).everywhere ? no("no route object that exists made the proxy's route") : unknown();
}

bool lacks_cluster(const Walk& walk) {
  return std::any_of(walk.legs.begin(), walk.legs.end(), [](const auto& leg) { return leg.state == mesh::Leg::State::missing; });
}

std::string kind_of(const Json& backend) { return text_at(backend, "kind", "Service"); }

/// E12: a backend that nothing of its kind and name stands for.
Finding backend_missing(Context& c) {
  std::optional<mesh::ApiRule> rule;
  if (auto stop = need_rule(c, rule)) return *stop;
  if (!lacks_cluster(c.walk())) return no("the proxy has the clusters of the route");
  bool unsure = false;
  for (std::size_t i = 0; i < backends(*rule).size(); ++i) {
    const Json& backend = backends(*rule)[i];
    const std::string ns = text_at(backend, "namespace", rule->route->meta.ns), name = text_at(backend, "name");
    auto b = route_bindings(c, *rule->route);
    b["backend.ref"] = kind_of(backend) + " " + ns + "/" + name;
    if (kind_of(backend) != "Service" || !text_at(backend, "group").empty()) {
      const auto resolved = mesh::condition_of(mesh::gateway_parents(*rule->route).empty() ? Json() : mesh::parent_conditions(*rule->route, mesh::gateway_parents(*rule->route).front()), "ResolvedRefs", *rule->route);
      if (resolved.status != "False") continue;
      return yes(rule->route->ref() + " sends to " + b["backend.ref"].get<std::string>() + ", which Istio does not take: " + resolved.reason + " (" + resolved.message + ")", b);
    }
    const auto* services = c.view.services(ns);
    unsure = unsure || services == nullptr;
    if (services == nullptr || std::any_of(services->begin(), services->end(), [&](const Service& s) { return s.meta.name == name; })) continue;
    std::vector<std::string> names;
    for (const auto& service : *services) names.push_back(service.meta.name);
    const std::string meant = nearest(name, names);
    if (!meant.empty()) {
      b["backend.meant"] = meant;
      b["backend.patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/rules/" + std::to_string(rule->rule) + "/backendRefs/" + std::to_string(i) + "/name"}, {"value", meant}}});
    }
    return yes(rule->route->ref() + " sends to Service " + ns + "/" + name + ", which does not exist", b);
  }
  return unsure ? unknown() : no("the backends of " + rule->route->ref() + " exist");
}

Finding backend_meant(Context& c) {
  const auto f = backend_missing(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("backend.patch") > 0, "one Service is plainly meant", f.bindings);
}

/// E13: a backend in another namespace that no ReferenceGrant opens.
Finding ref_not_permitted(Context& c) {
  std::optional<mesh::ApiRule> rule;
  if (auto stop = need_rule(c, rule)) return *stop;
  // Istio asks for grants where a route is bound to a Gateway, not to a Service (pilot/pkg/config/kube/gateway: enforceRefGrant).
  if (!c.path().caller.gateway) return no("a route that is bound to a Service needs no ReferenceGrant");
  if (!lacks_cluster(c.walk())) return no("the proxy has the clusters of the route");
  bool unsure = false;
  for (const Json& backend : backends(*rule)) {
    const std::string own = rule->route->meta.ns, ns = text_at(backend, "namespace", own), name = text_at(backend, "name");
    if (ns == own || kind_of(backend) != "Service") continue;
    const Tri allowed = mesh::granted(c.view, rule->route->meta.kind, own, ns, name);
    unsure = unsure || allowed == Tri::unknown;
    if (allowed != Tri::no) continue;
    auto b = route_bindings(c, *rule->route);
    b["backend.name"] = name;
    b["backend.namespace"] = ns;
    b["grant.name"] = "from-" + own;
    return yes(rule->route->ref() + " sends to Service " + ns + "/" + name + ", and no ReferenceGrant in " + ns + " allows it", b);
  }
  return unsure ? unknown() : no("no backend in another namespace lacks a ReferenceGrant");
}

/// E14: a rule without a backend of any weight answers by itself.
Finding no_backend(Context& c) {
  std::optional<mesh::ApiRule> rule;
  if (auto stop = need_rule(c, rule)) return *stop;
  const auto& walk = c.walk();
  if (walk.end != Walk::End::direct_response || !walk.route->direct_response) return no("the route does not answer by itself");
  const auto& list = backends(*rule);
  const bool weighted = std::any_of(list.begin(), list.end(), [](const Json& backend) { return number_at(backend, "weight", 1) > 0; });
  if (weighted) return no(rule->route->ref() + " has a backend");
  auto b = route_bindings(c, *rule->route);
  b["rule.number"] = rule->rule + 1;
  b["rule.code"] = *walk.route->direct_response;
  b["rule.lack"] = list.empty() ? "has no backendRefs" : "gives every backend the weight 0";
  return yes("rule " + std::to_string(rule->rule + 1) + " of " + rule->route->ref() + " " + b["rule.lack"].get<std::string>(), b);
}

}  // namespace

const std::vector<Fact>& gateway_api_facts() {
  static const std::vector<Fact> facts = {
      {"route.from-gateway-api", "A route of the Gateway API made the proxy's route", api_needs, from_api, {Kind::routes}},
      {"api-route.not-accepted", "A route with a rule for the request is not attached to its Gateway", api_needs, not_accepted, {Kind::http_routes, Kind::api_gateways}},
      {"api-route.parent-repairable", "One parent of the refused route is plainly meant", api_needs, parent_repairable, {Kind::http_routes, Kind::api_gateways}},
      {"api-route.listener-repairable", "The listener takes routes of its own namespace only", api_needs, listener_repairable, {Kind::api_gateways}},
      {"api-gateway.not-programmed", "A Gateway for the host is not programmed", api_needs, not_programmed, {Kind::api_gateways}},
      {"api-gateway.listener-invalid", "The Gateway's listener for the host is not in use", api_needs, listener_invalid, {Kind::api_gateways}},
      {"api-route.host-unmatched", "No route of the pod's Gateways has the host", api_needs, host_unmatched, {Kind::http_routes, Kind::routes}},
      {"api-route.no-rule-matches", "The routes for the host have no rule for the request", api_needs, no_rule_matches, {Kind::http_routes, Kind::routes}},
      {"api-route.backend-missing", "A backend of the rule does not exist", api_needs, backend_missing, {Kind::http_routes, Kind::services}},
      {"api-route.backend-meant", "One Service is plainly meant as backend", api_needs, backend_meant, {Kind::services}},
      {"api-route.ref-not-permitted", "A backend in another namespace is not opened by a ReferenceGrant", api_needs, ref_not_permitted, {Kind::http_routes, Kind::reference_grants}},
      {"api-route.no-backend", "The rule has no backend with a weight", api_needs, no_backend, {Kind::http_routes, Kind::routes}},
  };
  return facts;
}

}  // namespace meshdx::facts
