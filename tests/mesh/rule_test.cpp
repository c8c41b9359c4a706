// Which http rule of a VirtualService takes a request (api HTTPMatchRequest).
#include "mesh/rule_match.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

Request sample() {
  Request request;
  request.host = "web.shop";
  request.port = 8080;
  request.method = "POST";
  request.path = "/Cart/items";
  request.query = "v=2&debug";
  request.headers = {{"x-user", "jason"}, {"x-empty", ""}};
  return request;
}

int rule_of(const std::string& spec, const Request& request = sample(), const std::string& gateway = "mesh") {
  return matching_rule(an_object("VirtualService", "shop/web", spec), request,
                       {gateway, {{"app", "client"}, {"version", "v1"}}, "shop"});
}

bool matches(const std::string& match, const std::string& gateway = "mesh") {
  return rule_of("{'http':[{'match':[" + match + "]}]}", sample(), gateway) == 0;
}

}  // namespace

TEST_CASE("one match of a rule") {
  struct Row {
    std::string match;
    bool fits;
  };
  const Row rows[] = {
      {"{}", true},
      {"{'uri':{'exact':'/Cart/items'}}", true},
      {"{'uri':{'exact':'/Cart'}}", false},
      {"{'uri':{'exact':'/cart/items'}}", false},
      {"{'uri':{'exact':'/cart/items'},'ignoreUriCase':true}", true},
      {"{'uri':{'prefix':'/Cart'}}", true},
      {"{'uri':{'prefix':'/cart'}}", false},
      {"{'uri':{'prefix':'/cart'},'ignoreUriCase':true}", true},
      {"{'uri':{'regex':'/C.*'}}", true},
      {"{'uri':{'regex':'/C'}}", false},
      {"{'uri':{'regex':'/C['}}", false},
      {"{'method':{'exact':'POST'}}", true},
      {"{'method':{'exact':'GET'}}", false},
      {"{'method':{'regex':'GET|POST'}}", true},
      {"{'authority':{'exact':'web.shop'}}", true},
      {"{'authority':{'prefix':'api'}}", false},
      {"{'scheme':{'exact':'http'}}", true},
      {"{'scheme':{'exact':'https'}}", false},
      {"{'headers':{'x-user':{'exact':'jason'}}}", true},
      {"{'headers':{'X-User':{'exact':'jason'}}}", true},
      {"{'headers':{'x-user':{'prefix':'bob'}}}", false},
      {"{'headers':{'x-user':{}}}", true},
      {"{'headers':{'x-none':{}}}", false},
      {"{'headers':{'x-empty':{}}}", true},
      {"{'headers':{'x-none':{'regex':'.*'}}}", false},
      {"{'headers':{'x-user':{'exact':'jason'},'x-none':{'exact':'1'}}}", false},
      {"{'withoutHeaders':{'x-user':{'exact':'jason'}}}", false},
      {"{'withoutHeaders':{'x-user':{'exact':'bob'}}}", true},
      {"{'withoutHeaders':{'x-user':{}}}", false},
      {"{'withoutHeaders':{'x-none':{}}}", true},
      {"{'withoutHeaders':{'x-none':{'exact':'1'}}}", true},
      {"{'queryParams':{'v':{'exact':'2'}}}", true},
      {"{'queryParams':{'v':{'prefix':'3'}}}", false},
      {"{'queryParams':{'debug':{}}}", true},
      {"{'queryParams':{'none':{}}}", false},
      {"{'port':8080}", true},
      {"{'port':80}", false},
      {"{'sourceLabels':{'app':'client'}}", true},
      {"{'sourceLabels':{'app':'client','version':'v2'}}", false},
      {"{'sourceNamespace':'shop'}", true},
      {"{'sourceNamespace':'other'}", false},
      {"{'uri':{'prefix':'/Cart'},'method':{'exact':'GET'}}", false},
      {"{'uri':{'prefix':'/x'}},{'uri':{'prefix':'/Cart'}}", true},  // of several matches one is enough
  };
  for (const auto& row : rows) {
    INFO(row.match);
    CHECK(matches(row.match) == row.fits);
  }
}

TEST_CASE("a match's own gateways, in every form they are written") {
  struct Row {
    std::string names, gateway;
    bool fits;
  };
  const Row rows[] = {
      {"'mesh'", "mesh", true},
      {"'mesh'", "shop/gw", false},
      {"'gw'", "shop/gw", true},
      {"'shop/gw'", "shop/gw", true},
      {"'infra/gw'", "shop/gw", false},
      {"'./gw'", "shop/gw", true},
      {"'gw.infra.svc.cluster.local'", "infra/gw", true},
      {"'other','mesh'", "mesh", true},
      {"", "shop/gw", true},
      {"'gw'", "mesh", false},
  };
  for (const auto& row : rows) {
    INFO(row.names << " on " << row.gateway);
    CHECK(matches("{'gateways':[" + row.names + "]}", row.gateway) == row.fits);
  }
}

TEST_CASE("the first rule that matches") {
  const std::string cart = "{'match':[{'uri':{'prefix':'/Cart'}}]}", other = "{'match':[{'uri':{'prefix':'/other'}}]}",
                    all = "{'route':[]}";
  CHECK(rule_of("{'http':[" + other + "," + cart + "," + all + "]}") == 1);
  CHECK(rule_of("{'http':[" + other + "," + all + "," + cart + "]}") == 1);
  CHECK(rule_of("{'http':[" + other + ",{'match':[]}]}") == 1);
  CHECK(rule_of("{'http':[" + other + "]}") == -1);
  CHECK(rule_of("{'http':[]}") == -1);
  CHECK(rule_of("{}") == -1);
  CHECK(rule_of("{'http':'x'}") == -1);
  CHECK(rule_of("{'http':[1,{'match':[2]}]}") == 0);
}

TEST_CASE("at a gateway a match's port is the Service's, not the pod's") {
  auto request = sample();
  request.dialled = 80;
  CHECK(rule_of("{'http':[{'match':[{'port':80}]}]}", request, "shop/gw") == 0);
  CHECK(rule_of("{'http':[{'match':[{'port':8080}]}]}", request, "shop/gw") == -1);
}
