#include "mesh/route_walk.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

evidence::RouteConfiguration config_of(const std::vector<std::string>& domains) {
  evidence::RouteConfiguration config;
  for (const auto& domain : domains) {
    evidence::VirtualHost host;
    host.name = domain;
    host.domains = {domain};
    config.virtual_hosts.push_back(host);
  }
  return config;
}

std::string domain_for(const evidence::RouteConfiguration& config, const std::string& host) {
  std::string domain;
  const auto* found = find_virtual_host(config, host, &domain);
  CHECK((found == nullptr ? "" : found->name) == domain);
  CHECK(find_virtual_host(config, host, nullptr) == found);
  return domain;
}

evidence::Route route_of(const std::string& match) {
  return read(evidence::parse_routes, "[{'name':'80','virtualHosts':[{'name':'v','domains':['*'],'routes':[{'match':" +
                                          match + ",'route':{'cluster':'c'}}]}]}]")
      .front()
      .virtual_hosts.front()
      .routes.front();
}

}  // namespace

TEST_CASE("the virtual host of a Host header: exact, longest suffix, longest prefix, any") {
  const auto config = config_of({"*", "api.*", "*.example.com", "web.shop.svc.cluster.local",
                                 "web.shop.svc.cluster.local.", "*.b.example.com", "api.v2.*", "Upper.Case",
                                 "legacy.shop:8080", "[fd00::1]", "10.96.0.7", "*-x.example.com"});
  struct Row {
    std::string host;
    std::string domain;
  };
  const Row rows[] = {
      {"web.shop.svc.cluster.local", "web.shop.svc.cluster.local"},
      {"WEB.shop.svc.Cluster.local", "web.shop.svc.cluster.local"},
      {"web.shop.svc.cluster.local:80", "web.shop.svc.cluster.local"},
      {"web.shop.svc.cluster.local.", "web.shop.svc.cluster.local."},
      {"a.example.com", "*.example.com"},
      {"a.b.example.com", "*.b.example.com"},
      {"b.example.com", "*.example.com"},
      {"a-x.example.com", "*-x.example.com"},
      {"example.com", "*"},
      {"api.other", "api.*"},
      {"api.v2.other", "api.v2.*"},
      {"api.", "*"},
      {"api.example.com", "*.example.com"},  // suffixes go before prefixes
      {"upper.case", "Upper.Case"},
      {"legacy.shop", "legacy.shop:8080"},  // domains of before 1.15 repeat the port
      {"legacy.shop:8080", "legacy.shop:8080"},
      {"[fd00::1]:80", "[fd00::1]"},
      {"10.96.0.7:80", "10.96.0.7"},
      {"fd00::1", "*"},
      {"", "*"},
  };
  for (const auto& row : rows) {
    INFO(row.host);
    CHECK(domain_for(config, row.host) == row.domain);
  }
}

TEST_CASE("no virtual host") {
  CHECK(domain_for(config_of({}), "web").empty());
  CHECK(domain_for(config_of({"", "web.shop", "*.web"}), "web").empty());
  CHECK(domain_for(config_of({"web.shop.svc.cluster.local"}), "web.shop.svc.cluster.local.").empty());
}

TEST_CASE("of two virtual hosts with equal domains the first counts") {
  auto config = config_of({"a", "b"});
  config.virtual_hosts[1].domains = {"a", "*"};
  CHECK(find_virtual_host(config, "a", nullptr)->name == "a");
  CHECK(find_virtual_host(config, "c", nullptr)->name == "b");
}

TEST_CASE("the path of a route") {
  struct Row {
    std::string match;
    std::string path;
    bool fits;
  };
  const Row rows[] = {
      {"{'prefix':'/'}", "/", true},
      {"{'prefix':'/api'}", "/api", true},
      {"{'prefix':'/api'}", "/apis/x", true},
      {"{'prefix':'/api'}", "/Api", false},
      {"{'prefix':'/API','caseSensitive':false}", "/api/x", true},
      {"{'path':'/api'}", "/api", true},
      {"{'path':'/api'}", "/api/", false},
      {"{'path':'/API','caseSensitive':false}", "/Api", true},
      {"{'pathSeparatedPrefix':'/api'}", "/api", true},
      {"{'pathSeparatedPrefix':'/api'}", "/api/x", true},
      {"{'pathSeparatedPrefix':'/api'}", "/apis", false},
      {"{'pathSeparatedPrefix':'/API','caseSensitive':false}", "/api/x", true},
      {"{'safeRegex':{'regex':'/v[0-9]+/.*'}}", "/v12/x", true},
      {"{'safeRegex':{'regex':'/v[0-9]+'}}", "/v12/x", false},
      {"{'safeRegex':{'regex':'/V1'}}", "/v1", false},
      {"{'safeRegex':{'regex':'(?i)/V1'}}", "/v1", true},
      {"{'safeRegex':{'regex':'/v[0-9'}}", "/v1", false},
      {"{'connectMatcher':{}}", "/", false},
  };
  for (const auto& row : rows) {
    INFO(row.match << " " << row.path);
    Request request;
    request.path = row.path;
    CHECK(route_matches(route_of(row.match), request) == row.fits);
  }
}

TEST_CASE("the headers of a route") {
  Request request;
  request.method = "POST";
  request.host = "web.shop";
  request.path = "/p";
  request.query = "q=1";
  request.headers = {{"x-user", "Jason"}, {"x-count", "5"}, {"x-empty", ""}};
  struct Row {
    std::string header;
    bool fits;
  };
  const Row rows[] = {
      {"{'name':'x-user','stringMatch':{'exact':'Jason'}}", true},
      {"{'name':'x-user','stringMatch':{'exact':'jason'}}", false},
      {"{'name':'x-user','stringMatch':{'exact':'jason','ignoreCase':true}}", true},
      {"{'name':'x-user','stringMatch':{'prefix':'Jas'}}", true},
      {"{'name':'x-user','stringMatch':{'suffix':'son'}}", true},
      {"{'name':'x-user','stringMatch':{'suffix':'jas'}}", false},
      {"{'name':'x-user','stringMatch':{'contains':'aso'}}", true},
      {"{'name':'x-user','stringMatch':{'safeRegex':{'regex':'J.*n'}}}", true},
      {"{'name':'x-user','stringMatch':{'safeRegex':{'regex':'J'}}}", false},
      {"{'name':'x-user','exactMatch':'Jason'}", true},
      {"{'name':'x-user','presentMatch':true}", true},
      {"{'name':'x-user'}", true},
      {"{'name':'x-empty','presentMatch':true}", true},
      {"{'name':'x-none','presentMatch':true}", false},
      {"{'name':'x-none','presentMatch':false}", true},
      {"{'name':'x-user','presentMatch':true,'invertMatch':true}", false},
      {"{'name':'x-none','presentMatch':true,'invertMatch':true}", true},
      {"{'name':'x-count','rangeMatch':{'start':'5','end':'6'}}", true},
      {"{'name':'x-count','rangeMatch':{'start':'1','end':'5'}}", false},
      {"{'name':'x-user','rangeMatch':{'start':'0','end':'9'}}", false},
      {"{'name':'x-user','stringMatch':{'exact':'Jason'},'invertMatch':true}", false},
      {"{'name':'x-user','stringMatch':{'exact':'Bob'},'invertMatch':true}", true},
      {"{'name':'x-none','stringMatch':{'exact':'Bob'}}", false},
      // withoutHeaders: an absent header is as good as an empty one
      {"{'name':'x-none','stringMatch':{'exact':'Bob'},'invertMatch':true,'treatMissingHeaderAsEmpty':true}", true},
      {"{'name':'x-none','stringMatch':{'safeRegex':{'regex':'.*'}},'invertMatch':true,'treatMissingHeaderAsEmpty':"
       "true}",
       false},
      {"{'name':':method','stringMatch':{'exact':'POST'}}", true},
      {"{'name':':method','stringMatch':{'exact':'GET'}}", false},
      {"{'name':':authority','stringMatch':{'prefix':'web'}}", true},
      {"{'name':':path','stringMatch':{'exact':'/p?q=1'}}", true},
      {"{'name':':scheme','stringMatch':{'exact':'http'}}", true},
  };
  for (const auto& row : rows) {
    INFO(row.header);
    CHECK(route_matches(route_of(std::string("{'prefix':'/','headers':[") + row.header + "]}"), request) == row.fits);
  }
  const std::string both =
      "{'prefix':'/','headers':[{'name':'x-user','presentMatch':true},{'name':'x-none','presentMatch':true}]}";
  CHECK_FALSE(route_matches(route_of(both), request));
}

TEST_CASE("the query parameters of a route") {
  struct Row {
    std::string parameter;
    std::string query;
    bool fits;
  };
  const Row rows[] = {
      {"{'name':'v','stringMatch':{'exact':'2'}}", "a=1&v=2", true},
      {"{'name':'v','stringMatch':{'exact':'2'}}", "v=3&v=2", false},  // the first of a name counts
      {"{'name':'v','stringMatch':{'prefix':'2'}}", "v=25", true},
      {"{'name':'v','stringMatch':{'safeRegex':{'regex':'[0-9]+'}}}", "v=25", true},
      {"{'name':'v','stringMatch':{'exact':'2'}}", "", false},
      {"{'name':'v','presentMatch':true}", "v", true},
      {"{'name':'v','presentMatch':true}", "v=", true},
      {"{'name':'v','presentMatch':true}", "vv=1", false},
      {"{'name':'v','stringMatch':{'exact':''}}", "v", true},
  };
  for (const auto& row : rows) {
    INFO(row.parameter << " ? " << row.query);
    Request request;
    request.query = row.query;
    CHECK(route_matches(route_of(std::string("{'prefix':'/','queryParameters':[") + row.parameter + "]}"), request) ==
          row.fits);
  }
}
