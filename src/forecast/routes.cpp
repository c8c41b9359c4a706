// VirtualService rules as a proxy's routes (pilot/pkg/networking/core/route/route.go).
#include <algorithm>

#include "forecast/parts.hpp"
#include "util/text.hpp"

namespace meshdx::forecast {

using namespace evidence;
using mesh::View;

namespace {

/// The ports of a host, TCP ones; nullopt when it is not known.
std::optional<std::vector<std::uint16_t>> ports_of(const View& view, const std::string& host) {
  std::vector<std::uint16_t> ports;
  if (const auto* service = mesh::service_of(view, host)) {
    for (const auto& port : service->ports) ports.push_back(port.port);
    return ports;
  }
  bool covered = false;
  const auto* entry = entry_with(view, host, &covered);
  if (entry == nullptr) return std::nullopt;
  for (const auto& port : at(entry->spec(), "ports")) ports.push_back(static_cast<std::uint16_t>(number_at(port, "number")));
  return ports;
}

StringMatch string_match(const Json& wanted) {
  StringMatch match;
  match.type = StringMatch::Type::present;
  const auto take = [&](const char* key, StringMatch::Type type) {
    if (!at(wanted, key).is_string()) return;
    match.type = type;
    match.value = text_at(wanted, key);
  };
  take("exact", StringMatch::Type::exact);
  take("prefix", StringMatch::Type::prefix);
  take("regex", StringMatch::Type::regex);
  return match;
}

void add_members(const Json& map, bool invert, std::vector<NamedMatch>& matches) {
  if (!map.is_object()) return;
  for (auto it = map.begin(); it != map.end(); ++it) {
    NamedMatch match{lower(it.key()), string_match(*it)};
    match.match.invert = invert;
    matches.push_back(std::move(match));
  }
}

void set_path(const Json& match, Route& route) {
  const Json& uri = at(match, "uri");
  route.path = "/";
  const auto take = [&](const char* key, Route::Path type) {
    if (!at(uri, key).is_string()) return;
    route.path_type = type;
    route.path = text_at(uri, key);
  };
  take("prefix", Route::Path::prefix);
  take("exact", Route::Path::exact);
  take("regex", Route::Path::regex);
  route.case_sensitive = !bool_at(match, "ignoreUriCase");
}

/// The conditions of one match on top of what the route asks for already (a delegate's root).
void add_conditions(const Json& match, Route& route) {
  static const std::vector<std::string> known = {"uri", "scheme", "method", "authority", "headers", "withoutHeaders", "queryParams", "port", "sourceLabels",
                                                 "sourceNamespace", "gateways", "name", "ignoreUriCase", "statPrefix"};
  if (at(match, "uri").is_object()) set_path(match, route);
  for (const auto& [key, header] : {std::make_pair("scheme", ":scheme"), {"method", ":method"}, {"authority", ":authority"}}) {
    if (at(match, key).is_object()) route.headers.push_back({header, string_match(at(match, key))});
  }
  add_members(at(match, "headers"), false, route.headers);
  add_members(at(match, "withoutHeaders"), true, route.headers);
  const Json& query = at(match, "queryParams");
  for (auto it = query.begin(); query.is_object() && it != query.end(); ++it) route.query.push_back({it.key(), string_match(*it)});
  for (auto it = match.begin(); it != match.end(); ++it) {
    route.more_conditions = route.more_conditions || std::find(known.begin(), known.end(), it.key()) == known.end();
  }
}

double percent_of(const Json& part) {
  const Json& value = at(at(part, "percentage"), "value");
  if (value.is_number()) return value.get<double>();
  return static_cast<double>(number_at(part, "percent"));   // the old form; none at all means no request
}

void set_fault(const Json& fault, Route& route) {
  if (!fault.is_object()) return;
  Fault made;
  const Json& abort = at(fault, "abort");
  if (at(abort, "httpStatus").is_number_integer()) made.abort_status = static_cast<int>(number_at(abort, "httpStatus"));
  made.abort_percent = percent_of(abort);
  made.delay = text_at(at(fault, "delay"), "fixedDelay");
  made.delay_percent = percent_of(at(fault, "delay"));
  route.fault = made;
}

struct Maker {
  const View& view;
  const Object& root;          ///< the VirtualService that has the host: what routes are said to come from
  const Vantage& vantage;
  const std::vector<std::string>& gateways;
  std::uint16_t port;
  Forecast& forecast;
  std::vector<Route> routes;

  [[nodiscard]] bool applies(const Json& match, const std::string& ns) const {
    const auto wanted = number_at(match, "port", 0);
    const std::string source = text_at(match, "sourceNamespace");
    const auto labels = mesh::labels_at(match, "sourceLabels");
    if ((wanted != 0 && wanted != port) || (!source.empty() && source != vantage.ns)) return false;
    if (!labels.empty() && (vantage.gateway || !selects(labels, vantage.labels))) return false;
    const auto own = mesh::strings_at(match, "gateways");
    return own.empty() || std::any_of(own.begin(), own.end(), [&](const auto& name) {
      return std::find(gateways.begin(), gateways.end(), gateway_ref(name, ns)) != gateways.end();
    });
  }

  void set_action(const Json& rule, const std::string& ns, Route& route) const {
    route.name = text_at(rule, "name");
    route.config = {"virtual-service", root.meta.ns, root.meta.name};
    route.redirect = at(rule, "redirect").is_object();
    if (at(rule, "directResponse").is_object()) route.direct_response = static_cast<int>(number_at(at(rule, "directResponse"), "status"));
    const Json& destinations = at(rule, "route");
    for (std::size_t i = 0; destinations.is_array() && i < destinations.size(); ++i) {
      const auto name = target_of(view, at(destinations[i], "destination"), ns, port).cluster();
      if (destinations.size() == 1) route.cluster = name;
      else route.weighted.push_back({name, static_cast<std::uint32_t>(number_at(destinations[i], "weight"))});
    }
    route.timeout = text_at(rule, "timeout");
    const Json& retries = at(rule, "retries");
    if (retries.is_object()) route.retry = Retry{text_at(retries, "retryOn"), static_cast<std::uint32_t>(number_at(retries, "attempts")), text_at(retries, "perTryTimeout")};
    set_fault(at(rule, "fault"), route);
  }

  /// Adds a rule's routes below what `above` asks for; false when one of them takes everything.
  bool add(const Json& rule, const std::string& ns, const Route& above, bool delegated) {
    const Json& matches = at(rule, "match");
    if (!matches.is_array() || matches.empty()) return add_one(rule, ns, above, delegated);
    for (const auto& match : matches) {
      if (!applies(match, ns)) continue;
      Route route = above;
      add_conditions(match, route);
      if (!add_one(rule, ns, route, delegated)) return false;
    }
    return true;
  }

  bool add_one(const Json& rule, const std::string& ns, Route route, bool delegated) {
    const Json& delegate = at(rule, "delegate");
    if (delegate.is_object() && !delegated) return add_delegate(text_at(delegate, "namespace", ns), text_at(delegate, "name"), route);
    set_action(rule, ns, route);
    routes.push_back(std::move(route));
    return !takes_all(routes.back());
  }

  /// A delegate's rules, each below the root's match (virtualservice.go mergeHTTPRoutes).
  bool add_delegate(const std::string& ns, const std::string& name, const Route& above) {
    const auto list = view.objects(Kind::virtual_services);
    const auto found = std::find_if(list.items.begin(), list.items.end(), [&](const Object* o) { return o->meta.ns == ns && o->meta.name == name; });
    if (found == list.items.end()) {
      if (!list.covers(ns) && forecast.unknown.empty()) forecast.unknown = "the VirtualServices of " + ns + " were not read";
      return true;
    }
    for (const auto& rule : at((*found)->spec(), "http")) {
      if (!add(rule, ns, above, true)) return false;
    }
    return true;
  }
};

}  // namespace

std::string gateway_ref(const std::string& name, const std::string& ns) {
  Object by;
  by.meta.ns = ns;
  by.raw = {{"spec", {{"gateways", Json::array({name})}}}};
  return mesh::bound_gateways(by).front();
}

Target target_of(const View& view, const Json& destination, const std::string& ns, std::uint16_t port) {
  Target target;
  target.host = view.names().resolve(text_at(destination, "host"), ns);
  target.subset = text_at(destination, "subset");
  target.port = static_cast<std::uint16_t>(number_at(at(destination, "port"), "number", 0));
  if (target.port != 0) return target;
  const auto ports = ports_of(view, target.host);
  target.port = ports && ports->size() == 1 ? ports->front() : port;
  return target;
}

bool takes_all(const Route& route) {
  const bool any_path = (route.path_type == Route::Path::prefix && route.path == "/") || (route.path_type == Route::Path::regex && (route.path == "*" || route.path == ".*"));
  return any_path && route.headers.empty() && route.query.empty() && !route.more_conditions;
}

std::vector<Route> routes_of(const View& view, const Object& virtual_service, const Vantage& vantage, const std::vector<std::string>& gateways,
                             std::uint16_t port, Forecast& forecast) {
  Maker maker{view, virtual_service, vantage, gateways, port, forecast, {}};
  Route any;
  any.path = "/";
  for (const auto& rule : at(virtual_service.spec(), "http")) {
    if (!maker.add(rule, virtual_service.meta.ns, any, false)) break;
  }
  return std::move(maker.routes);
}

}  // namespace meshdx::forecast
