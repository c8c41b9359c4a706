// Several teams on one ingress: which Gateway and VirtualService a request was meant for, and what cannot be told.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

const std::string k_listeners = gateway_listeners(8080);
const std::string k_blackhole = "[{'name':'http.8080','virtualHosts':[{'name':'blackhole:80','domains':['*']}]}]";
const std::string k_routed =
    "[{'name':'http.8080','virtualHosts':[{'name':'shop.example.com:80','domains':['shop.example.com'],'routes':[{'match':{'prefix':'/'},'route':{'cluster':'outbound|80||web.shop.svc.cluster.local'}}]}]}]";

/// "ns/name hosts selector created", blanks between; hosts with commas.
std::string gateway(const std::string& text) {
  const auto words = split(text, ' ');
  return object("Gateway", words[0], "{'selector':{'istio':'" + words[2] + "'},'servers':[{'port':{'number':80,'name':'http','protocol':'HTTP'},'hosts':['" + replace_all(words[1], ",", "','") + "']}]}",
                words.size() > 3 ? words[3] : "");
}

/// "ns/name hosts gateways[ abort]": with a fault for all requests.
std::string service(const std::string& text) {
  const auto words = split(text, ' ');
  const std::string fault = words.size() > 3 ? "'fault':{'abort':{'httpStatus':503,'percentage':{'value':100}}}," : "";
  return object("VirtualService", words[0], "{'hosts':['" + replace_all(words[1], ",", "','") + "'],'gateways':['" + replace_all(words[2], ",", "','") + "'],'http':[{" + fault + "'route':[{'destination':{'host':'web'}}]}]}");
}

struct Mesh {
  std::vector<std::string> gateways, services;
  std::string routes = k_blackhole;
  std::vector<std::string> proxies = {"gw-1.istio-system", "web-1.shop"};   ///< as proxy-status names them
  std::string code = "404";                                                 ///< of the one request in the gateway's log; "": none
};

World world_of(const Mesh& mesh) {
  std::vector<std::string> gateways, services;
  for (const auto& text : mesh.gateways) gateways.push_back(gateway(text));
  for (const auto& text : mesh.services) services.push_back(service(text));
  World world;
  world.in("istio-system", {pod_json({"istio-system/gw-1", "istio=ingressgateway", "10.0.0.9", "router"})}, {service_json("istio-system/gw", "10.96.0.9", "istio=ingressgateway")});
  world.in("shop", {pod_json({"shop/web-1", "app=web", "10.0.0.1"})}, {service_json("shop/web", "10.96.0.1", "app=web")});
  world.list("namespaces", "", {object("Namespace", "istio-system"), object("Namespace", "shop"), object("Namespace", "team")});
  world.list(gateways_list, "-A", gateways).list(services_list, "-A", services).list("gateways.gateway.networking.k8s.io", "-A", {}).list(entries_list, "-A", {});
  world.proxy("listeners", "gw-1.istio-system", k_listeners).proxy("routes", "gw-1.istio-system", mesh.routes);
  world.mesh_config();
  std::vector<std::string> clients;
  for (const auto& proxy : mesh.proxies) clients.push_back("{'node':{'id':'" + proxy + "','metadata':{}},'genericXdsConfigs':[]}");
  world.printed("istioctl proxy-status -o json", "{'resources':[" + join(clients, ",") + "],'typeUrl':'istio.io/debug/syncz'}");
  std::vector<std::string> lines;
  if (!mesh.code.empty()) {
    lines.push_back("[2026-11-22T10:00:00.000Z] \"GET / HTTP/1.1\" " + mesh.code + " NR route_not_found - \"-\" 0 0 0 - \"10.0.0.3\" \"curl\" \"r1\" \"shop.example.com\" \"-\" - - 10.0.0.9:8080 10.0.0.3:5000 - -");
  }
  world.log("gw-1", "istio-system", lines);
  return world;
}

mesh::Complaint asking_gateway() {
  auto ask = asking("shop.example.com");
  ask.playbook = "404";
  ask.code = 404;
  ask.named = mesh::Complaint::Named::host;
  ask.from = mesh::Complaint::From::gateway;
  return ask;
}

struct Row {
  const char* what;
  Mesh mesh;
  const char* fact;
  Tri truth;
  const char* says = "";    ///< in the fact's text
};

void check_rows(const std::vector<Row>& table) {
  for (const auto& row : table) {
    const auto world = world_of(row.mesh);
    const auto ask = asking_gateway();
    const facts::FactBase base(world.evidence, ask);
    const auto& finding = base[row.fact];
    INFO(std::string(row.what) << ": " << std::string(row.fact) << ": " << finding.text);
    CHECK((finding.truth == row.truth));
    CHECK(contains(finding.text + finding.why, row.says));
  }
}

const char* const picks_none = "gateway.selector-picks-none";
const char* const mismatch = "gateway.host-mismatch";
const char* const lacks = "gateway.virtual-service-lacks-host";
const char* const nothing = "gateway.nothing-bound";
const char* const as_written = "faults.as-written";
const char* const candidate = "gateway.unbound-candidate";

}  // namespace

TEST_CASE("a Gateway that no pod serves is the cause only where the request was meant for it") {
  const std::string ours = "shop/shop shop.example.com ingressgateway", wrong = "shop/shop shop.example.com other", web = "shop/web shop.example.com shop";
  const std::string foreign = "team/any * elsewhere";
  const std::vector<std::string> beyond = {"gw-1.istio-system", "edge-1.edge"};
  check_rows({
      {"a foreign * Gateway, and ours is served", {{foreign, ours}, {web}}, picks_none, Tri::no},
      {"the walk finds a route, whoever else is not served", {{foreign, wrong}, {web}, k_routed}, picks_none, Tri::no, "has routes"},
      {"a foreign * Gateway alone is meant for nobody", {{foreign}, {}}, picks_none, Tri::no},
      {"ours is not picked", {{wrong}, {web}}, picks_none, Tri::yes, "shop/shop"},
      {"ours is not picked, and a foreign * Gateway is", {{"team/any * ingressgateway", wrong}, {web}}, picks_none, Tri::yes, "shop/shop"},
      {"ours is not picked, and a neighbour's * Gateway has rules of others", {{"team/any * ingressgateway", wrong}, {web, "team/vs team.example.com any"}}, picks_none, Tri::yes, "shop/shop"},
      {"then the VirtualService is bound as it should be", {{"team/any * ingressgateway", wrong}, {web, "team/vs team.example.com any"}}, nothing, Tri::no},
      {"a VirtualService is bound to a served Gateway too", {{"istio-system/all * ingressgateway", wrong}, {"shop/web shop.example.com shop,istio-system/all"}}, picks_none, Tri::no},
      {"proxies elsewhere, but the requests come in here", {{wrong}, {web}, k_blackhole, beyond}, picks_none, Tri::yes},
      {"proxies elsewhere, and no request was seen here", {{wrong}, {web}, k_blackhole, beyond, ""}, picks_none, Tri::unknown, "of other namespaces"},
      {"no request was seen, and no proxy is elsewhere", {{wrong}, {web}, k_blackhole, {"gw-1.istio-system", "web-1.shop"}, ""}, picks_none, Tri::yes},
      {"a Gateway of a namespace whose pods were not listed", {{"team/gw shop.example.com elsewhere"}, {"team/vs shop.example.com gw"}, k_blackhole, beyond}, picks_none, Tri::unknown},
      {"and istiod knows no proxy there", {{"team/gw shop.example.com elsewhere"}, {"team/vs shop.example.com gw"}}, picks_none, Tri::unknown},
  });
}

TEST_CASE("of several teams on one ingress the namespace asked about goes first, else none is chosen") {
  const std::string ours = "shop/shop shop.example.com ingressgateway", all = "istio-system/all * ingressgateway", team = "team/gw team.example.com ingressgateway";
  const std::string other = "team/vs team.example.com gw", at_all = "team/vs team.example.com istio-system/all", more = "aaa/vs aaa.example.com istio-system/all";
  check_rows({
      {"our VirtualService has another host", {{ours, team}, {other, "shop/web www.example.com shop"}}, mismatch, Tri::yes, "VirtualService shop/web has hosts www"},
      {"and can be given the host", {{ours, team}, {other, "shop/web www.example.com shop"}}, lacks, Tri::yes},
      {"all share one Gateway, ours has another host", {{all}, {more, at_all, "shop/web www.example.com istio-system/all"}}, lacks, Tri::yes, "one VirtualService"},
      {"two of ours have other hosts", {{all}, {"shop/a a.example.com istio-system/all", "shop/web www.example.com istio-system/all"}}, mismatch, Tri::yes, "which of them is meant is not known"},
      {"so none is given the host", {{all}, {"shop/a a.example.com istio-system/all", "shop/web www.example.com istio-system/all"}}, lacks, Tri::no},
      {"only neighbours are bound", {{all}, {more, at_all}}, mismatch, Tri::yes, "which of them is meant is not known"},
      {"none of them is given the host", {{all}, {more, at_all}}, lacks, Tri::no},
      {"a neighbour alone is named, and not given the host", {{all}, {at_all}}, lacks, Tri::no},
      {"our VirtualService has the host, our Gateway has not", {{team, "shop/shop other.example.com ingressgateway"}, {other, "shop/web shop.example.com shop"}}, mismatch, Tri::yes, "Gateway shop/shop, which it is bound to, serves other.example.com"},
      {"nobody has the host", {{team, "shop/shop other.example.com ingressgateway"}, {other, "shop/web other.example.com shop"}}, mismatch, Tri::yes, "no Gateway of pod istio-system/gw-1 serves it"},
      {"our VirtualService has the host and is bound to nothing here", {{all}, {at_all, "shop/web shop.example.com nowhere"}}, nothing, Tri::yes, "shop/web, which has the host, is not bound"},
      {"it is not a mismatch of the neighbour's then", {{all}, {at_all, "shop/web shop.example.com nowhere"}}, mismatch, Tri::no},
      {"ours is what to bind", {{all}, {at_all, "shop/web shop.example.com nowhere"}}, candidate, Tri::yes, "shop/web"},
      {"a neighbour's that has the host too is not", {{all}, {"aaa/vs shop.example.com nowhere", "shop/web shop.example.com nowhere"}}, candidate, Tri::yes, "shop/web"},
      {"several neighbours that have it: none", {{all}, {"aaa/vs shop.example.com nowhere", "team/web shop.example.com nowhere"}}, candidate, Tri::no},
      {"our Gateway has nothing bound, a neighbour's * has", {{all, ours}, {at_all}}, nothing, Tri::yes, "Gateway shop/shop serves"},
      {"two Gateways of two namespaces with one host are merged", {{"aaa/gw shop.example.com ingressgateway", ours}, {"shop/web shop.example.com shop"}}, nothing, Tri::no},
      {"and are no mismatch", {{"aaa/gw shop.example.com ingressgateway", ours}, {"shop/web shop.example.com shop"}}, mismatch, Tri::no},
  });
}

TEST_CASE("a fault is asked of a gateway by the rules bound to its own Gateways") {
  const std::string ours = "shop/shop shop.example.com ingressgateway", others = "team/gw shop.example.com elsewhere", web = "shop/web shop.example.com shop";
  check_rows({
      {"none is asked for", {{ours}, {web}, k_routed}, as_written, Tri::yes},
      {"one is asked of another gateway", {{ours, others}, {web, "team/vs shop.example.com gw abort"}, k_routed}, as_written, Tri::yes},
      {"one is asked of this one", {{ours}, {web, "team/vs shop.example.com shop/shop abort"}, k_routed}, as_written, Tri::no, "team/vs asks for a fault"},
  });
}

TEST_CASE("a Gateway's host may be kept for VirtualServices of one namespace") {
  const std::string web = "shop/web shop.example.com istio-system/all";
  const auto gateway_with = [](const std::string& hosts) { return "istio-system/all " + hosts + " ingressgateway"; };
  check_rows({
      {"for another namespace", {{gateway_with("prod/*.example.com")}, {web}}, mismatch, Tri::yes, "prod/*.example.com"},
      {"for its own", {{gateway_with("./shop.example.com")}, {web}}, mismatch, Tri::yes, "./shop.example.com"},
      {"for ours", {{gateway_with("shop/*.example.com")}, {web}}, mismatch, Tri::no},
      {"for all, written out", {{gateway_with("*/shop.example.com")}, {web}}, mismatch, Tri::no},
      {"for another by one entry, for ours by the next", {{gateway_with("prod/*.example.com,shop/shop.example.com")}, {web}}, mismatch, Tri::no},
      {"a second Gateway takes it", {{gateway_with("prod/*"), "shop/own shop.example.com ingressgateway"}, {"shop/web shop.example.com istio-system/all,own"}}, mismatch, Tri::no},
      {"for its own, and the VirtualService is there", {{"shop/own ./shop.example.com ingressgateway"}, {"shop/web shop.example.com own"}}, mismatch, Tri::no},
      {"no VirtualService is patched for it", {{gateway_with("prod/*.example.com")}, {web}}, lacks, Tri::no},
      {"it is bound", {{gateway_with("prod/*.example.com")}, {web}}, nothing, Tri::no},
  });
}
