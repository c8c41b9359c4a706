// By which host a gateway serves a Service.
#include "mesh/gateway_hosts.hpp"

#include "mesh/lines.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string rule(const std::string& host, const std::string& match = "") {
  return "{" + (match.empty() ? "" : "'match':[{'uri':" + match + "}],") + "'route':[{'destination':{'host':'" + host + "'}}]}";
}
std::string vs(const std::string& name, const std::string& hosts, const std::string& gateways, const std::string& rules) {
  return object("VirtualService", name, "{'hosts':[" + hosts + "]," + (gateways.empty() ? "" : "'gateways':[" + gateways + "],") + "'http':[" + rules + "]}");
}
std::string gateway(const std::string& hosts, const std::string& protocol = "HTTP") {
  return object("Gateway", "shop/front", "{'selector':{'istio':'ingress'},'servers':[{'port':{'number':80,'protocol':'" + protocol + "'},'hosts':[" + hosts + "]}]}");
}

World world_of(const std::string& gateways, const std::vector<std::string>& services) {
  World world;
  world.in("shop", {pod_json({"shop/web-1", "app=web", "10.0.0.1"})}, {service_json("shop/web", "10.96.0.9", "app=web"), service_json("shop/api", "10.96.0.8", "app=api")});
  PodText pod{"istio-system/gw-1", "istio=ingress", "10.0.1.1", "router"};
  world.in("istio-system", {pod_json(pod)}, {});
  world.list(gateways_list, "-A", {gateways}).list(services_list, "-A", services);
  return world;
}

Complaint asked(const std::string& host) {
  auto complaint = asking(host);
  complaint.from = Complaint::From::gateway;
  return complaint;
}

/// "host path", or "?" when it is not known.
std::string told(const World& world, const Complaint& complaint) {
  const auto at = at_gateway(View(world.evidence), complaint);
  return at.complaint.no_host.empty() ? at.complaint.host + " " + at.complaint.path : "?";
}

}  // namespace

TEST_CASE("the host of the VirtualService that sends to the Service") {
  const auto bound = "'shop/front'";
  CHECK(told(world_of(gateway("'shop.example.com'"), {vs("shop/a", "'shop.example.com'", bound, rule("web"))}), asked("web")) == "shop.example.com /");
  CHECK(told(world_of(gateway("'*.example.com'"), {vs("shop/a", "'a.example.com'", "'front'", rule("api", "{'prefix':'/api'}") + "," + rule("web.shop.svc.cluster.local", "{'prefix':'/w'}"))}), asked("web.shop")) ==
        "a.example.com /w");
  // no VirtualService leads there; one for another Service is none of it
  CHECK(told(world_of(gateway("'shop.example.com'"), {vs("shop/a", "'shop.example.com'", bound, rule("api"))}), asked("web")) == "?");
  // in a mesh rule only
  CHECK(told(world_of(gateway("'*'"), {vs("shop/a", "'web'", "", rule("web"))}), asked("web")) == "?");
  // bound to none, though a Gateway has a server for the host
  CHECK(told(world_of(gateway("'shop.example.com'"), {vs("shop/a", "'shop.example.com'", "", rule("web"))}), asked("web")) == "shop.example.com /");
}

TEST_CASE("a host is taken as it is typed") {
  const auto world = world_of(gateway("'web'"), {vs("shop/a", "'web'", "'shop/front'", rule("api"))});
  CHECK(told(world, asked("web")) == "web /");
  CHECK(told(world, asked("shop.example.com")) == "shop.example.com /");
  auto url = asked("web");
  url.path_given = true;
  CHECK(told(world_of(gateway("'x.example.com'"), {}), url) == "web /");
  CHECK(told(world_of(gateway("'x.example.com'"), {}), asked("none")) == "?");
}

TEST_CASE("of several hosts the one whose requests fail, and the others are named") {
  auto world = world_of(gateway("'*'"), {vs("shop/a", "'a.example.com','b.example.com'", "'shop/front'", rule("web"))});
  CHECK(told(world, asked("web")) == "a.example.com /");
  auto line = sent("web", "503");
  line.authority = "b.example.com";
  world.log("gw-1", "istio-system", {text(line)});
  CHECK(told(world, asked("web")) == "b.example.com /");
  CHECK(contains(at_gateway(View(world.evidence), asked("web")).remark, "a.example.com"));
}
