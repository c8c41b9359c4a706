// The Gateways and HTTPRoutes of the Gateway API as istiod translates them (pilot/pkg/config/kube/gateway/conversion.go).
#include <algorithm>
#include <tuple>

#include "forecast/parts.hpp"
#include "mesh/gateway_api.hpp"
#include "util/text.hpp"

namespace meshdx::forecast {

using namespace evidence;
using mesh::ApiListener;
using mesh::View;

namespace {

void doubt(Forecast& forecast, const std::string& why) {
  if (forecast.unknown.empty()) forecast.unknown = why;
}

const Json& rules_of(const Object& route) { return at(route.spec(), "rules"); }

/// Whether a listener takes routes of the route's namespace and kind.
bool admits(const ApiListener& listener, const Object& route, Forecast& forecast) {
  const Json& allowed = at(at(listener.gateway->spec(), "listeners").at(listener.index), "allowedRoutes");
  const Json& kinds = at(allowed, "kinds");
  const bool kind = !kinds.is_array() || kinds.empty() || std::any_of(kinds.begin(), kinds.end(), [&](const Json& k) { return text_at(k, "kind") == route.meta.kind; });
  if (!kind || listener.routes_from == "None") return false;
  if (listener.routes_from == "Selector" && route.meta.ns != listener.gateway->meta.ns) doubt(forecast, "which namespaces' routes listener " + listener.name + " of " + listener.gateway->ref() + " takes hangs on their labels");
  return listener.routes_from != "Same" || route.meta.ns == listener.gateway->meta.ns;
}

/// Whether a route asks to be attached to the listener and is. What a controller has refused it is not.
bool attached(const ApiListener& listener, const Object& route, Forecast& forecast) {
  for (const auto& parent : mesh::gateway_parents(route)) {
    const bool meant = parent.ns == listener.gateway->meta.ns && parent.name == listener.gateway->meta.name && mesh::means_listener(parent, listener);
    if (!meant || !admits(listener, route, forecast)) continue;
    const auto accepted = mesh::condition_of(mesh::parent_conditions(route, parent), "Accepted", route);
    if (accepted.status != "False" || !accepted.current) return true;
  }
  return false;
}

/// The hosts that a listener and a route have in common; of two that cover each other the narrower.
std::vector<std::string> common_hosts(const ApiListener& listener, const Object& route) {
  const std::string outer = listener.hostname.empty() ? "*" : listener.hostname;
  const auto names = mesh::strings_at(route.spec(), "hostnames");
  if (names.empty()) return {outer};
  std::vector<std::string> hosts;
  for (const auto& name : names) {
    if (mesh::host_covers(outer, lower(name))) hosts.push_back(lower(name));
    else if (mesh::host_covers(lower(name), outer)) hosts.push_back(outer);
  }
  return hosts;
}

StringMatch value_match(const Json& wanted) {
  StringMatch match;
  match.type = text_at(wanted, "type", "Exact") == "RegularExpression" ? StringMatch::Type::regex : StringMatch::Type::exact;
  match.value = text_at(wanted, "value");
  return match;
}

void set_match(const Json& match, Route& route) {
  const Json& path = at(match, "path");
  const std::string type = text_at(path, "type", "PathPrefix"), value = text_at(path, "value", "/");
  route.path = value;
  if (type == "Exact") route.path_type = Route::Path::exact;
  else if (type == "RegularExpression") route.path_type = Route::Path::regex;
  else if (value != "/") route.path_type = Route::Path::separated_prefix;
  if (route.path_type == Route::Path::separated_prefix && ends_with(value, "/")) route.path.pop_back();
  if (!text_at(match, "method").empty()) {
    StringMatch method;
    method.type = StringMatch::Type::exact;
    method.value = text_at(match, "method");
    route.headers.push_back({":method", method});
  }
  for (const auto& header : at(match, "headers")) route.headers.push_back({lower(text_at(header, "name")), value_match(header)});
  for (const auto& parameter : at(match, "queryParams")) route.query.push_back({text_at(parameter, "name"), value_match(parameter)});
}

/// The cluster a backend stands for. One that no ReferenceGrant opens has none (conversion.go buildDestination).
std::string cluster_of(const View& view, const Object& route, const Json& backend, Forecast& forecast) {
  const std::string ns = text_at(backend, "namespace", route.meta.ns), name = text_at(backend, "name");
  const auto port = number_at(backend, "port", 0);
  if (text_at(backend, "kind", "Service") != "Service" || !text_at(backend, "group").empty() || port <= 0 || port > 65'535) {
    doubt(forecast, "what " + route.ref() + " sends to is no Service with a port");
    return "";
  }
  const Tri allowed = ns == route.meta.ns ? Tri::yes : mesh::granted(view, route.meta.kind, route.meta.ns, ns, name);
  if (allowed == Tri::unknown) doubt(forecast, "the ReferenceGrants of " + ns + " were not read");
  return allowed == Tri::yes ? Target{view.names().fqdn(name, ns), "", static_cast<std::uint16_t>(port)}.cluster() : "UnknownService";
}

void set_action(const View& view, const Object& object, const Json& rule, Route& route, Forecast& forecast) {
  for (const auto& filter : at(rule, "filters")) {
    const auto type = text_at(filter, "type");
    route.redirect = route.redirect || type == "RequestRedirect";
    if (type == "ExtensionRef") doubt(forecast, object.ref() + " has a filter of its own");
  }
  std::vector<WeightedCluster> members;
  for (const auto& backend : at(rule, "backendRefs")) {
    const auto weight = number_at(backend, "weight", 1);
    if (weight > 0) members.push_back({cluster_of(view, object, backend, forecast), static_cast<std::uint32_t>(weight)});
  }
  if (route.redirect) return;
  if (members.empty()) route.direct_response = 500;
  else if (members.size() == 1) route.cluster = members.front().name;
  else route.weighted = members;
  const bool closed = members.size() > 1 && std::any_of(members.begin(), members.end(), [](const auto& member) { return member.name == "UnknownService"; });
  if (closed) doubt(forecast, "one of several backends of " + object.ref() + " may not be used, and what becomes of its share hangs on istiod's version");
}

std::vector<Route> routes_of(const View& view, const ApiListener& listener, const Object& object, const std::string& host, Forecast& forecast) {
  std::vector<Route> routes;
  const auto& gateway = listener.gateway->meta;
  std::size_t number = 0;
  for (const auto& rule : rules_of(object)) {
    const Json& matches = at(rule, "matches");
    const Json any = Json::array({Json::object()});
    for (const auto& match : matches.is_array() && !matches.empty() ? matches : any) {
      Route route;
      route.name = text_at(rule, "name", object.full_name());
      if (!at(rule, "name").is_string()) route.name = object.meta.ns + "." + object.meta.name + "." + std::to_string(number);
      route.cluster_not_found_code = 500;
      route.config = {"virtual-service", object.meta.ns, gateway.ns + "~" + gateway.name + "~istio-autogenerated-k8s-gateway~" + listener.name + "~" + host};
      route.timeout = text_at(at(rule, "timeouts"), "request");
      set_match(match, route);
      set_action(view, object, rule, route, forecast);
      routes.push_back(std::move(route));
    }
    ++number;
  }
  return routes;
}

/// The API's order of precedence (HTTPRouteRule.matches); what is equal stays in the order of age.
auto rank_of(const Route& route) {
  const bool method = std::any_of(route.headers.begin(), route.headers.end(), [](const NamedMatch& match) { return match.name == ":method"; });
  const int kind = route.path_type == Route::Path::exact ? 3 : route.path_type == Route::Path::regex ? 1 : 2;
  return std::make_tuple(kind, route.path.size(), method, route.headers.size() - (method ? 1 : 0), route.query.size());
}

std::vector<const Object*> oldest_first(std::vector<const Object*> objects) {
  std::stable_sort(objects.begin(), objects.end(), [](const Object* a, const Object* b) {
    return std::tie(a->meta.created, a->meta.ns, a->meta.name) < std::tie(b->meta.created, b->meta.ns, b->meta.name);
  });
  return objects;
}

RouteConfiguration routes_for(const View& view, const Vantage& vantage, const std::string& name, const std::vector<ApiListener>& listeners, const mesh::Request& request, std::uint16_t port, Forecast& forecast) {
  RouteConfiguration config{name, {}};
  bool any = false;
  for (const auto& listener : listeners) {
    for (const auto* route : oldest_first(mesh::api_routes(view).items)) {
      if (!attached(listener, *route, forecast)) continue;
      if (route->meta.kind != "HTTPRoute") doubt(forecast, route->ref() + " is attached, and GRPCRoutes are not forecast");
      for (const auto& host : common_hosts(listener, *route)) {
        any = true;
        if (!mesh::domain_takes(host, request.host)) continue;
        const auto known = std::find_if(config.virtual_hosts.begin(), config.virtual_hosts.end(), [&](const VirtualHost& v) { return v.domains.front() == host; });
        auto& into = known != config.virtual_hosts.end() ? *known : config.virtual_hosts.emplace_back(VirtualHost{host + ":" + std::to_string(port), {host}, {}, false});
        for (auto& made : routes_of(view, listener, *route, host, forecast)) into.routes.push_back(std::move(made));
      }
    }
  }
  for (auto& host : config.virtual_hosts) {
    std::stable_sort(host.routes.begin(), host.routes.end(), [](const Route& a, const Route& b) { return rank_of(a) > rank_of(b); });
    add_clusters(view, vantage, host.routes, forecast);
  }
  if (!any) config.virtual_hosts.push_back({"blackhole:" + std::to_string(port), {"*"}, {}, false});
  return config;
}

/// Whether a listener that its Gateway names is one the pod has. A controller's own word goes before the object's.
bool in_use(const ApiListener& listener) {
  const Json& conditions = at(mesh::listener_status(*listener.gateway, listener.name), "conditions");
  const auto refs = mesh::condition_of(conditions, "ResolvedRefs", *listener.gateway);
  const auto accepted = mesh::condition_of(conditions, "Accepted", *listener.gateway);
  return !(refs.status == "False" && refs.current) && !(accepted.status == "False" && accepted.current);
}

}  // namespace

Forecast through_api_gateway(const View& view, const Pod& gateway, const std::vector<const Object*>& served, const mesh::Request& request, std::uint16_t asked) {
  Forecast forecast;
  if (!view.objects(Kind::api_gateways).everywhere || !mesh::api_routes(view).everywhere) doubt(forecast, "the Gateways and routes of the Gateway API of all namespaces were not read");
  if (!mesh::gateway_servers(view, gateway).empty()) doubt(forecast, "pod " + gateway.meta.ns + "/" + gateway.meta.name + " serves Gateways of both APIs");
  std::vector<ApiListener> plain, secure;
  for (const auto* object : oldest_first(served)) {
    for (const auto& listener : mesh::listeners_of(*object)) {
      if (listener.port != asked) continue;
      if (!in_use(listener)) doubt(forecast, "listener " + listener.name + " of " + object->ref() + " is not in use");
      else if (listener.protocol == "HTTP") plain.push_back(listener);
      else if (listener.protocol == "HTTPS" && text_at(at(at(object->spec(), "listeners").at(listener.index), "tls"), "mode", "Terminate") == "Terminate") secure.push_back(listener);
      else doubt(forecast, "what listener " + listener.name + " of " + object->ref() + " does with " + listener.protocol + " is decided by the connection");
    }
  }
  if (!plain.empty() && !secure.empty()) doubt(forecast, "listeners of two protocols share port " + std::to_string(asked));
  if (!forecast.known() || (plain.empty() && secure.empty())) return forecast;
  const Vantage vantage{gateway.meta.ns, gateway.meta.labels, true};
  Listener listener;
  listener.name = "0.0.0.0_" + std::to_string(request.port);
  listener.address = "0.0.0.0";
  listener.port = request.port;
  listener.direction = "OUTBOUND";
  if (!plain.empty()) {
    const auto name = "http." + std::to_string(request.port);
    forecast.routes.push_back(routes_for(view, vantage, name, plain, request, asked, forecast));
    listener.chains.push_back(http_chain(name));
  }
  for (const auto& one : secure) {
    const auto name = "https." + std::to_string(asked) + ".default." + one.gateway->meta.name + "-istio-autogenerated-k8s-gateway-" + one.name + "." + one.gateway->meta.ns;
    forecast.routes.push_back(routes_for(view, vantage, name, {one}, request, asked, forecast));
    auto chain = http_chain(name);
    chain.match.transport_protocol = "tls";
    if (!one.hostname.empty()) chain.match.server_names = {one.hostname};
    chain.tls = TlsContext{};
    listener.chains.push_back(std::move(chain));
  }
  forecast.listeners.push_back(std::move(listener));
  return forecast;
}

}  // namespace meshdx::forecast
