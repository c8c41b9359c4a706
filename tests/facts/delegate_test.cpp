// Rules that stand in delegates: which VirtualService wins a host, and which rule hides which.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

const std::string k_listeners =
    "[{'name':'0.0.0.0_80','address':{'socketAddress':{'address':'0.0.0.0','portValue':80}},'trafficDirection':'OUTBOUND','filterChains':[{'filters':[{'name':'http','typedConfig':"
    "{'@type':'x/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager','rds':{'routeConfigName':'80'}}}]}]}]";

std::string routes_with(const std::string& path) {
  return "[{'name':'80','virtualHosts':[{'name':'web.shop.svc.cluster.local:80','domains':['web.shop.svc.cluster.local','web'],'routes':[{'match':{'prefix':'" + path +
         "'},'metadata':{'filterMetadata':{'istio':{'config':'/apis/networking.istio.io/v1/namespaces/shop/virtual-service/first'}}},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]}]}]";
}

std::string rooted(const std::string& name, const std::string& rules) { return object("VirtualService", "shop/" + name, "{'hosts':['web'],'http':[" + rules + "]}", name == "first" ? "1" : "2"); }
std::string delegate(const std::string& name, const std::string& rules) { return object("VirtualService", "shop/" + name, "{'http':[" + rules + "]}"); }
std::string to(const std::string& host) { return "'route':[{'destination':{'host':'" + host + "'}}]"; }
std::string at_path(const std::string& prefix, const std::string& action) { return "{'match':[{'uri':{'prefix':'" + prefix + "'}}]," + action + "}"; }
std::string hand_to(const std::string& name) { return "'delegate':{'name':'" + name + "'}"; }

struct Row {
  const char* what;
  std::vector<std::string> services;
  Tri truth;
  const char* says;
};

void check_rows(const char* fact, const std::string& routes, const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    World world;
    world.in("shop", {pod_json({"shop/client", "app=client", "10.0.0.3"}), pod_json({"shop/web-1", "app=web", "10.0.0.1"})}, {service_json("shop/web", "10.96.0.1", "app=web")});
    world.list(services_list, "-A", row.services).list(entries_list, "-A", {}).list(rules_list, "-A", {}).list("namespaces", "", {object("Namespace", "shop")}).mesh_config();
    world.proxy("listeners", "client.shop", k_listeners).proxy("routes", "client.shop", routes).proxy("clusters", "client.shop", "[]").proxy("endpoints", "client.shop", "[]");
    auto ask = asking_from("web", "client");
    ask.path = "/api/x";
    const facts::FactBase base(world.evidence, ask);
    INFO(std::string(row.what) << ": " << base[fact].text);
    CHECK((base[fact].truth == row.truth));
    CHECK(contains(base[fact].text, row.says));
  }
}

}  // namespace

TEST_CASE("a VirtualService that loses the host has the rule in a delegate") {
  const auto first = rooted("first", at_path("/shop", to("web")));
  check_rows("virtual-service.host-conflict", routes_with("/shop"), {
      {"its delegate takes the request", {first, rooted("second", at_path("/api", hand_to("d"))), delegate("d", at_path("/api/x", to("web")))}, Tri::yes, "shop/second"},
      {"its delegate does not", {first, rooted("second", at_path("/api", hand_to("d"))), delegate("d", at_path("/api/y", to("web")))}, Tri::no, "no rule"},
      {"its delegate does not exist", {first, rooted("second", at_path("/api", hand_to("d")))}, Tri::no, "no rule"},
      {"it has the rule itself", {first, rooted("second", at_path("/api", to("web")))}, Tri::yes, "shop/second"},
  });
}

TEST_CASE("a better rule stands in a delegate behind the one that takes the request") {
  check_rows("virtual-service.later-rule-fits", routes_with("/"), {
      {"of another delegate", {rooted("first", at_path("/", hand_to("all")) + "," + at_path("/api", hand_to("api"))), delegate("all", "{" + to("web") + "}"), delegate("api", "{" + to("other") + "}")}, Tri::yes, "of its delegate shop/api"},
      {"in the same delegate", {rooted("first", at_path("/", hand_to("all"))), delegate("all", "{" + to("web") + "}," + at_path("/api", to("other")))}, Tri::yes, "in VirtualService shop/all rule 1 stands before rule 2"},
      {"the later delegate does not take the request", {rooted("first", at_path("/", hand_to("all")) + "," + at_path("/api", hand_to("api"))), delegate("all", "{" + to("web") + "}"), delegate("api", at_path("/api/y", to("other")))}, Tri::no, ""},
      {"the later delegate sends to the same place", {rooted("first", at_path("/", hand_to("all")) + "," + at_path("/api", hand_to("api"))), delegate("all", "{" + to("web") + "}"), delegate("api", "{" + to("web") + "}")}, Tri::no, ""},
      {"the first delegate takes other paths only", {rooted("first", at_path("/", hand_to("all")) + "," + at_path("/api", hand_to("api"))), delegate("all", at_path("/y", to("web"))), delegate("api", "{" + to("other") + "}")}, Tri::no, ""},
      {"no delegates", {rooted("first", "{" + to("web") + "}," + at_path("/api", to("other")))}, Tri::yes, "rule 2"},
  });
}
