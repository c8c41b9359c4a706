#include <ostream>

#include <doctest/doctest.h>

#include "evidence/envoy.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

Routes parsed(const std::string& json) {
  auto routes = parse_routes(json);
  REQUIRE_MESSAGE(routes, (routes ? "" : routes.error()));
  return *routes;
}

Route route_with(const std::string& members) {
  const auto routes = parsed(R"([{"virtualHosts": [{"name": "v", "routes": [{)" + members + "}]}]}]");
  return routes.at(0).virtual_hosts.at(0).routes.at(0);
}

NamedMatch header_with(const std::string& members) {
  return route_with(R"("match": {"prefix": "/", "headers": [{"name": "x", )" + members + "}]}").headers.at(0);
}

}  // namespace

TEST_CASE("a recorded route configuration is read whole") {
  const auto routes = parsed(R"([{"name": "80", "virtualHosts": [
    {"name": "web.shop.svc.cluster.local:80",
     "domains": ["web.shop.svc.cluster.local", "web", "web.shop", "10.96.22.236"],
     "routes": [{
        "match": {"prefix": "/v2", "caseSensitive": true},
        "route": {"cluster": "outbound|80|v2|web.shop.svc.cluster.local", "timeout": "1s",
          "retryPolicy": {"retryOn": "connect-failure,refused-stream", "numRetries": 2,
            "retryHostPredicate": [{"name": "envoy.retry_host_predicates.previous_hosts"}],
            "hostSelectionRetryMaxAttempts": "5", "perTryTimeout": "0.250s"}, "maxGrpcTimeout": "1s"},
        "metadata": {"filterMetadata": {"istio": {
          "config": "/apis/networking.istio.io/v1alpha3/namespaces/shop/virtual-service/web"}}},
        "decorator": {"operation": "web.shop.svc.cluster.local:80/v2*"}}],
     "includeRequestAttemptCount": true},
    {"name": "allow_any", "domains": ["*"], "routes": [{"name": "allow_any", "match": {"prefix": "/"},
      "route": {"cluster": "PassthroughCluster", "timeout": "0s"}}]}],
    "validateClusters": false, "maxDirectResponseBodySizeBytes": 1048576, "ignorePortInHostMatching": true}])");
  REQUIRE(routes.size() == 1);
  CHECK(routes[0].name == "80");
  REQUIRE(routes[0].virtual_hosts.size() == 2);
  CHECK(routes[0].virtual_hosts[0].domains.size() == 4);
  const auto& route = routes[0].virtual_hosts[0].routes.at(0);
  CHECK(route.path_type == Route::Path::prefix);
  CHECK(route.path == "/v2");
  CHECK(route.cluster == "outbound|80|v2|web.shop.svc.cluster.local");
  CHECK(route.timeout == "1s");
  REQUIRE(route.retry);
  CHECK(route.retry->attempts == 2);
  CHECK(route.retry->per_try_timeout == "0.250s");
  CHECK(route.config.kind == "virtual-service");
  CHECK(route.config.name == "web");
  CHECK_FALSE(route.more_conditions);
  CHECK(routes[0].virtual_hosts[1].routes.at(0).name == "allow_any");
}

TEST_CASE("static configurations and blackholes lack keys") {
  const auto routes = parsed(R"([{"virtualHosts": [{"name": "blackhole:80", "domains": ["*"]}]}, {}])");
  REQUIRE(routes.size() == 2);
  CHECK(routes[0].name.empty());
  CHECK(routes[0].virtual_hosts[0].routes.empty());
  CHECK(routes[1].virtual_hosts.empty());
}

TEST_CASE("path matches") {
  CHECK(route_with(R"("match": {"path": "/a"})").path_type == Route::Path::exact);
  CHECK(route_with(R"("match": {"safeRegex": {"googleRe2": {}, "regex": "/a.*"}})").path == "/a.*");
  CHECK(route_with(R"("match": {"safe_regex": {"regex": "/a.*"}})").path_type == Route::Path::regex);
  CHECK(route_with(R"("match": {"pathSeparatedPrefix": "/a"})").path_type == Route::Path::separated_prefix);
  CHECK(route_with(R"("match": {"connectMatcher": {}})").path_type == Route::Path::other);
  CHECK(route_with(R"("match": {"prefix": "/"})").case_sensitive);
  CHECK_FALSE(route_with(R"("match": {"prefix": "/", "caseSensitive": false})").case_sensitive);
  CHECK(route_with(R"("match": {"prefix": "/", "runtimeFraction": {"defaultValue": {"numerator": 5}}})").more_conditions);
}

TEST_CASE("header matches of every spelling") {
  using Type = StringMatch::Type;
  const struct {
    const char* members;
    Type type;
    const char* value;
  } cases[] = {{R"("stringMatch": {"exact": "v"})", Type::exact, "v"},
               {R"("stringMatch": {"prefix": "v"})", Type::prefix, "v"},
               {R"("stringMatch": {"suffix": "v"})", Type::suffix, "v"},
               {R"("stringMatch": {"contains": "v"})", Type::contains, "v"},
               {R"("string_match": {"safe_regex": {"regex": "v+"}})", Type::regex, "v+"},
               {R"("exactMatch": "v")", Type::exact, "v"},
               {R"("prefixMatch": "v")", Type::prefix, "v"},
               {R"("suffix_match": "v")", Type::suffix, "v"},
               {R"("containsMatch": "v")", Type::contains, "v"},
               {R"("safeRegexMatch": {"regex": "v+"})", Type::regex, "v+"},
               {R"("stringMatch": {"exact": ""})", Type::exact, ""},
               {R"("presentMatch": true)", Type::present, ""}};
  for (const auto& expected : cases) {
    const auto header = header_with(expected.members);
    CAPTURE(expected.members);
    CHECK(header.name == "x");
    CHECK(header.match.type == expected.type);
    CHECK(header.match.value == expected.value);
    CHECK_FALSE(header.match.invert);
  }
  CHECK(header_with(R"("stringMatch": {"exact": "v", "ignoreCase": true})").match.ignore_case);
  CHECK(header_with(R"("presentMatch": true, "invertMatch": true)").match.invert);
  CHECK(header_with(R"("presentMatch": false)").match.invert);
  CHECK_FALSE(header_with(R"("presentMatch": false, "invertMatch": true)").match.invert);
  CHECK(header_with(R"("invertMatch": false)").match.type == Type::present);
  const auto range = header_with(R"("rangeMatch": {"start": "-5", "end": "10"})");
  CHECK(range.match.type == Type::range);
  CHECK(range.match.range_start == -5);
  CHECK(range.match.range_end == 10);
}

TEST_CASE("a matcher of unknown kind is a condition that is not modelled") {
  const auto route = route_with(R"("match": {"prefix": "/", "headers": [{"name": "x", "stringMatch": {"custom": {}}}]})");
  CHECK(route.headers.empty());
  CHECK(route.more_conditions);
}

TEST_CASE("query parameters") {
  const auto route = route_with(
      R"("match": {"prefix": "/", "queryParameters": [{"name": "q", "stringMatch": {"exact": "1"}}, {"name": "p"}]})");
  REQUIRE(route.query.size() == 2);
  CHECK(route.query[0].match.value == "1");
  CHECK(route.query[1].match.type == StringMatch::Type::present);
}

TEST_CASE("route actions") {
  const auto weighted = route_with(R"("route": {"weightedClusters": {"clusters": [{"name": "a", "weight": 90},
      {"name": "b", "weight": 10}, {"name": "c", "weight": 0}], "totalWeight": 100}})");
  REQUIRE(weighted.weighted.size() == 3);
  CHECK(weighted.weighted[0].weight == 90);
  CHECK(weighted.weighted[2].weight == 0);
  CHECK(weighted.cluster.empty());
  CHECK(route_with(R"("route": {"weightedClusters": {"clusters": [{"name": "a", "weight": 1}]}})").cluster == "a");
  CHECK(route_with(R"("route": {"clusterHeader": "x-to"})").cluster_header == "x-to");
  CHECK(route_with(R"("route": {"cluster": "a"})").cluster_not_found_code == 503);
  CHECK(route_with(R"("route": {"clusterNotFoundResponseCode": "INTERNAL_SERVER_ERROR"})").cluster_not_found_code == 500);
  CHECK(route_with(R"("route": {"clusterNotFoundResponseCode": "NOT_FOUND"})").cluster_not_found_code == 404);
  CHECK(route_with(R"("directResponse": {"status": 502})").direct_response == 502);
  CHECK(route_with(R"("redirect": {"httpsRedirect": true})").redirect);
  CHECK_FALSE(route_with(R"("route": {"cluster": "a"})").redirect);
  const auto rewritten = route_with(R"("route": {"prefixRewrite": "/new", "hostRewriteLiteral": "h"})");
  CHECK(rewritten.prefix_rewrite == "/new");
  CHECK(rewritten.host_rewrite == "h");
  CHECK(route_with(R"("route": {"retryPolicy": {"retryOn": "5xx"}})").retry->attempts == 1);
}

TEST_CASE("faults and their percentages") {
  const auto fault_with = [](const std::string& members) {
    return *route_with(R"("typedPerFilterConfig": {"envoy.filters.http.fault": {"@type":
        "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", )" + members + "}}").fault;
  };
  const auto abort = fault_with(R"("abort": {"httpStatus": 503, "percentage": {"numerator": 1000000, "denominator": "MILLION"}})");
  CHECK(abort.abort_status == 503);
  CHECK(abort.abort_percent == doctest::Approx(100));
  CHECK(abort.delay.empty());
  CHECK(fault_with(R"("abort": {"httpStatus": 500, "percentage": {"numerator": 25}})").abort_percent == doctest::Approx(25));
  const auto grpc = fault_with(R"("abort": {"grpcStatus": 14, "percentage": {"numerator": 5, "denominator": "TEN_THOUSAND"}})");
  CHECK_FALSE(grpc.abort_status);
  CHECK(grpc.abort_grpc_status == 14);
  CHECK(grpc.abort_percent == doctest::Approx(0.05));
  const auto delay = fault_with(R"("delay": {"fixedDelay": "3s", "percentage": {"numerator": 50, "denominator": "HUNDRED"}})");
  CHECK(delay.delay == "3s");
  CHECK(delay.delay_percent == doctest::Approx(50));
  CHECK_FALSE(route_with(R"("route": {"cluster": "a"})").fault);
}

TEST_CASE("a virtual host that redirects to https") {
  CHECK(parsed(R"([{"virtualHosts": [{"name": "v", "requireTls": "ALL"}]}])")[0].virtual_hosts[0].require_tls);
  CHECK_FALSE(parsed(R"([{"virtualHosts": [{"name": "v"}]}])")[0].virtual_hosts[0].require_tls);
}

TEST_CASE("routes of wrong types are errors") {
  CHECK_FALSE(parse_routes(R"([{"virtualHosts": {}}])").ok());
  CHECK_FALSE(parse_routes(R"([{"virtualHosts": [{"routes": ["x"]}]}])").ok());
  CHECK_FALSE(parse_routes(R"([{"virtualHosts": [{"domains": [1]}]}])").ok());
  CHECK_FALSE(parse_routes(R"([{"name": ["80"]}])").ok());
}
