#include "evidence/envoy_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

using dump::View;

namespace {

/// Spellings of before `stringMatch` (Envoy 1.20), still sent by old istiods.
std::optional<StringMatch> read_legacy_match(const View& header) {
  using Type = StringMatch::Type;
  static constexpr std::pair<const char*, Type> kinds[] = {{"exactMatch", Type::exact},
                                                           {"prefixMatch", Type::prefix},
                                                           {"suffixMatch", Type::suffix},
                                                           {"containsMatch", Type::contains}};
  StringMatch match;
  for (const auto& kind : kinds) {
    const auto value = header.get(kind.first);
    if (!value) continue;
    match.type = kind.second;
    match.value = value.text();
    return match;
  }
  if (const auto regex = header.get("safeRegexMatch")) {
    match.type = Type::regex;
    match.value = regex.get("regex").text();
    return match;
  }
  if (const auto range = header.get("rangeMatch")) {
    match.type = Type::range;
    match.range_start = range.get("start").signed_number();
    match.range_end = range.get("end").signed_number();
    return match;
  }
  return std::nullopt;
}

/// A HeaderMatcher or QueryParameterMatcher. Without a specifier it asks for presence, `presentMatch: false` for none
std::optional<NamedMatch> read_named_match(const View& view) {
  NamedMatch named;
  named.name = view.get("name").text();
  if (const auto matcher = view.get("stringMatch")) {
    const auto match = read_string_match(matcher);
    if (!match) return std::nullopt;
    named.match = *match;
  } else if (const auto match = read_legacy_match(view)) {
    named.match = *match;
  } else {
    named.match.type = StringMatch::Type::present;
    named.match.invert = !view.get("presentMatch").flag(true);
  }
  if (view.get("invertMatch").flag()) named.match.invert = !named.match.invert;
  return named;
}

void read_path(const View& match, Route& route) {
  static constexpr std::pair<const char*, Route::Path> kinds[] = {
      {"prefix", Route::Path::prefix},
      {"path", Route::Path::exact},
      {"pathSeparatedPrefix", Route::Path::separated_prefix}};
  route.path_type = Route::Path::other;
  for (const auto& kind : kinds) {
    const auto value = match.get(kind.first);
    if (!value) continue;
    route.path_type = kind.second;
    route.path = value.text();
    return;
  }
  if (const auto regex = match.get("safeRegex")) {
    route.path_type = Route::Path::regex;
    route.path = regex.get("regex").text();
  }
}

void read_match(const View& match, Route& route) {
  read_path(match, route);
  route.case_sensitive = match.get("caseSensitive").flag(true);
  const auto add = [&](std::vector<NamedMatch>& to, const View& view) {
    auto named = read_named_match(view);
    if (named) to.push_back(std::move(*named));
    else route.more_conditions = true;
  };
  match.get("headers").each([&](const View& header) { add(route.headers, header); });
  match.get("queryParameters").each([&](const View& parameter) { add(route.query, parameter); });
  for (const char* key : {"runtimeFraction", "grpc", "tlsContext", "dynamicMetadata", "filterState", "cookies"}) {
    if (match.get(key)) route.more_conditions = true;
  }
}

double read_percentage(const View& fault) {
  const auto percentage = fault.get("percentage");
  const auto numerator = static_cast<double>(percentage.get("numerator").number().value_or(0));
  const auto denominator = percentage.get("denominator").word("HUNDRED");
  if (denominator == "MILLION") return numerator / 10'000;
  return denominator == "TEN_THOUSAND" ? numerator / 100 : numerator;
}

std::optional<Fault> read_fault(const View& route) {
  auto config = route.get({"typedPerFilterConfig", "envoy.filters.http.fault"});
  if (is_type(config, "FilterConfig")) config = config.get("config");
  if (!config) return std::nullopt;
  Fault fault;
  if (const auto abort = config.get("abort")) {
    fault.abort_status = abort.get("httpStatus").fit<int>();
    fault.abort_grpc_status = abort.get("grpcStatus").fit<int>();
    fault.abort_percent = read_percentage(abort);
  }
  if (const auto delay = config.get("delay")) {
    fault.delay = delay.get("fixedDelay").text();
    fault.delay_percent = read_percentage(delay);
  }
  return fault;
}

Retry read_retry(const View& policy) {
  Retry retry;
  retry.on = policy.get("retryOn").text();
  retry.attempts = policy.get("numRetries").fit<std::uint32_t>().value_or(1);   // Envoy's default
  retry.per_try_timeout = policy.get("perTryTimeout").text();
  policy.get("retriableStatusCodes").each([&](const View& code) {
    if (const auto number = code.fit<std::uint32_t>()) retry.status_codes.push_back(*number);
  });
  return retry;
}

/// `clusterNotFoundResponseCode`; istiod sends INTERNAL_SERVER_ERROR for Gateway API routes.
int read_not_found_code(const View& action) {
  const auto code = action.get("clusterNotFoundResponseCode").word();
  if (code == "NOT_FOUND") return 404;
  return code == "INTERNAL_SERVER_ERROR" ? 500 : 503;
}

void read_route_action(const View& action, Route& route) {
  route.cluster = action.get("cluster").text();
  route.cluster_header = action.get("clusterHeader").text();
  route.weighted = read_weighted_clusters(action.get("weightedClusters"));
  if (route.weighted.size() == 1) route.cluster = route.weighted.front().name;
  route.cluster_not_found_code = read_not_found_code(action);
  route.timeout = action.get("timeout").text();
  if (const auto policy = action.get("retryPolicy")) route.retry = read_retry(policy);
  route.prefix_rewrite = action.get("prefixRewrite").text();
  route.host_rewrite = action.get("hostRewriteLiteral").text();
}

Route read_route(const View& view) {
  Route route;
  route.name = view.get("name").text();
  read_match(view.get("match"), route);
  read_route_action(view.get("route"), route);
  if (const auto direct = view.get("directResponse")) route.direct_response = direct.get("status").fit<int>();
  route.redirect = static_cast<bool>(view.get("redirect"));
  route.fault = read_fault(view);
  route.config = read_config_ref(view);
  return route;
}

VirtualHost read_virtual_host(const View& view) {
  VirtualHost host;
  host.name = view.get("name").text();
  view.get("domains").each([&](const View& domain) { host.domains.push_back(domain.text()); });
  view.get("routes").each([&](const View& route) { host.routes.push_back(read_route(route)); });
  host.require_tls = view.get("requireTls").word() == "ALL";
  return host;
}

}  // namespace

RouteConfiguration read_route_configuration(const View& configuration) {
  RouteConfiguration result;
  result.name = configuration.get("name").text();
  configuration.get("virtualHosts").each([&](const View& host) {
    result.virtual_hosts.push_back(read_virtual_host(host));
  });
  return result;
}

Expected<Routes> parse_routes(const Input& json) {
  static const dump::Shape shape{"routes dump",
                                 "RoutesConfigDump",
                                 {{"dynamicRouteConfigs", {"routeConfig"}}, {"staticRouteConfigs", {"routeConfig"}}}};
  Routes routes;
  const auto done = dump::for_each_record(
      json, shape, [&](const View& record, std::string_view) { routes.push_back(read_route_configuration(record)); });
  if (!done) return Error{done.error()};
  return routes;
}

}  // namespace meshdx::evidence
