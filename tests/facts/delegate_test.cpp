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

TEST_CASE("a missing delegate is the cause where its rule would have taken the request") {
  const auto rule = at_path("/api", hand_to("gone"));
  const auto with = [&](const std::string& more) { return object("VirtualService", "shop/first", "{'hosts':['web']," + more + "'http':[" + rule + "]}", "1"); };
  check_rows("virtual-service.delegate-missing", routes_with("/shop"), {
      {"it would", {with("")}, Tri::yes, "shop/gone"},
      {"bound to mesh among others", {with("'gateways':['gw','mesh'],")}, Tri::yes, "shop/gone"},
      {"its rule takes other paths", {rooted("first", at_path("/other", hand_to("gone")))}, Tri::no, ""},
      {"it exists", {with(""), delegate("gone", "{" + to("web") + "}")}, Tri::no, ""},
      {"the rules are for gateways only", {with("'gateways':['gw'],")}, Tri::no, ""},
      {"the rule is for a gateway only", {rooted("first", "{'match':[{'uri':{'prefix':'/api'},'gateways':['gw']}]," + hand_to("gone") + "}")}, Tri::no, ""},
      {"the rules are not exported to the caller", {with("'exportTo':['other'],")}, Tri::no, ""},
  });
}

TEST_CASE("no rule takes the request: where the log shows that it is the one that fails, or it was typed") {
  const auto rules = rooted("first", at_path("/shop", to("web")));
  const auto line = [](const std::string& result, const std::string& path, const std::string& cluster) {
    return "[2026-11-22T10:00:00.000Z] \"GET " + path + " HTTP/1.1\" " + result + " - \"-\" 0 0 0 - \"-\" \"curl\" \"r1\" \"web.shop\" \"10.0.0.1:8080\" " + cluster + " - 10.96.0.1:80 10.0.0.3:4000 - default";
  };
  struct Row {
    const char* what;
    std::string path, logged;
    bool given;
    Tri truth;
  };
  const std::string cluster = "outbound|80||web.shop.svc.cluster.local";
  const Row rows[] = {
      {"a URL was typed", "/", "", true, Tri::yes},
      {"none was typed, and the log is empty", "/", "", false, Tri::unknown},
      {"none was typed, and the log shows it", "/", line("404 NR route_not_found", "/", "-"), false, Tri::yes},
      {"what fails in the log had a route", "/", line("503 UF upstream_reset_before_response_started{remote_connection_failure}", "/shop/x", cluster), false, Tri::unknown},
      {"a URL was typed, and what fails with it had a route: by headers", "/api/x", line("503 UF upstream_reset_before_response_started{remote_connection_failure}", "/api/x", cluster), true, Tri::unknown},
  };
  for (const auto& row : rows) {
    World world;
    world.in("shop", {pod_json({"shop/client", "app=client", "10.0.0.3"}), pod_json({"shop/web-1", "app=web", "10.0.0.1"})}, {service_json("shop/web", "10.96.0.1", "app=web")});
    world.list(services_list, "-A", {rules}).list(entries_list, "-A", {}).list(rules_list, "-A", {}).list("namespaces", "", {object("Namespace", "shop")}).mesh_config();
    world.proxy("listeners", "client.shop", k_listeners).proxy("routes", "client.shop", routes_with("/shop")).proxy("clusters", "client.shop", "[]").proxy("endpoints", "client.shop", "[]");
    world.log("client", "shop", row.logged.empty() ? std::vector<std::string>{} : std::vector<std::string>{row.logged});
    auto ask = asking_from("web", "client");
    ask.path = row.path;
    ask.path_given = row.given;
    const facts::FactBase base(world.evidence, ask);
    const auto& finding = base["virtual-service.no-rule-matches"];
    INFO(std::string(row.what) << ": " << finding.text << finding.why);
    CHECK((finding.truth == row.truth));
  }
}
