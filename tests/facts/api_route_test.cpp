// Routes of the Gateway API that were refused: which of them is why this gateway has no route.
#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

const std::string k_listeners = gateway_listeners(80);
const std::string k_blackhole = "[{'name':'http.80','virtualHosts':[{'name':'blackhole:80','domains':['*']}]}]";

/// "ns/name": a Gateway with one listener for all hosts.
std::string gateway(const std::string& name) {
  const auto slash = name.find('/');
  return "{'kind':'Gateway','metadata':{'namespace':'" + name.substr(0, slash) + "','name':'" + name.substr(slash + 1) +
         "'},'spec':{'gatewayClassName':'istio','listeners':[{'name':'http','port':80,'protocol':'HTTP'}]},'status':{'conditions':[{'type':'Programmed','status':'True'}]}}";
}

/// "ns/name gateway-ns/gateway reason": an HTTPRoute for the host that its Gateway refused.
std::string refused(const std::string& text) {
  const auto words = split(text, ' ');
  const auto slash = words[0].find('/'), at = words[1].find('/');
  const auto parent = "{'namespace':'" + words[1].substr(0, at) + "','name':'" + words[1].substr(at + 1) + "'}";
  return "{'kind':'HTTPRoute','metadata':{'namespace':'" + words[0].substr(0, slash) + "','name':'" + words[0].substr(slash + 1) + "'},'spec':{'hostnames':['shop.example.com'],'parentRefs':[" + parent +
         "],'rules':[{'backendRefs':[{'name':'web','port':80}]}]},'status':{'parents':[{'parentRef':" + parent + ",'conditions':[{'type':'Accepted','status':'False','reason':'" + words[2] + "'}]}]}}";
}

World world_of(const std::vector<std::string>& routes) {
  World world;
  world.in("shop", {pod_json({"shop/edge-istio-1", "gateway.networking.k8s.io/gateway-name=edge", "10.0.0.7", "router"})}, {});
  world.in("team", {pod_json({"team/gw-istio-1", "gateway.networking.k8s.io/gateway-name=gw", "10.0.0.8", "router"})}, {});
  world.list("namespaces", "", {object("Namespace", "shop"), object("Namespace", "team")});
  world.list("gateways.gateway.networking.k8s.io", "-A", {gateway("shop/edge"), gateway("team/gw")});
  std::vector<std::string> all;
  for (const auto& text : routes) all.push_back(refused(text));
  world.list("httproutes.gateway.networking.k8s.io", "-A", all).list("grpcroutes.gateway.networking.k8s.io", "-A", {});
  world.list(gateways_list, "-A", {}).list(services_list, "-A", {}).list(entries_list, "-A", {});
  world.proxy("listeners", "edge-istio-1.shop", k_listeners).proxy("routes", "edge-istio-1.shop", k_blackhole);
  world.mesh_config();
  return world;
}

}  // namespace

TEST_CASE("a refused route is the cause at the gateway that refused it, or where it names none that exists") {
  struct Row {
    const char* what;
    std::vector<std::string> routes;
    Tri truth;
    const char* says;
  };
  const Row rows[] = {
      {"refused here", {"shop/web shop/edge NotAllowedByListeners"}, Tri::yes, "shop/web"},
      {"refused by another team's Gateway", {"aaa/web team/gw NotAllowedByListeners"}, Tri::no, ""},
      {"refused by both", {"aaa/web team/gw NotAllowedByListeners", "shop/web shop/edge NotAllowedByListeners"}, Tri::yes, "shop/web"},
      {"for a Gateway that does not exist", {"shop/web shop/egde NoMatchingParent"}, Tri::yes, "there is no Gateway shop/egde"},
  };
  for (const auto& row : rows) {
    const auto world = world_of(row.routes);
    auto ask = asking("shop.example.com");
    ask.playbook = "404";
    ask.code = 404;
    ask.named = mesh::Complaint::Named::host;
    ask.from = mesh::Complaint::From::gateway;
    ask.from_name = "edge";
    ask.from_ns = "shop";
    const facts::FactBase base(world.evidence, ask);
    const auto& finding = base["api-route.not-accepted"];
    INFO(std::string(row.what) << ": " << finding.text << finding.why);
    CHECK((finding.truth == row.truth));
    CHECK(contains(finding.text, row.says));
  }
}
