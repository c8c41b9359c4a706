// Where to look for the pods of a Gateway that none of the listed namespaces has.
#include "mesh/gateway_places.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

evidence::Evidence with(const std::string& status, const std::vector<std::string>& edge_pods, bool forbidden = false) {
  World world;
  world.in("shop", {}, {}).list("gateways.networking.istio.io", "-A", {object("Gateway", "shop/edge", "{'selector':{'istio':'ingress'},'servers':[{'hosts':['*.example.com']}]}")});
  world.list("namespaces", "", {object("Namespace", "shop"), object("Namespace", "istio-ingress"), object("Namespace", "edge")});
  if (!edge_pods.empty()) world.in("edge", edge_pods, {});
  run::CommandResult answer;
  answer.argv = {"istioctl", "proxy-status"};
  answer.out = status;
  if (forbidden) {
    answer.exit_code = 1;
    answer.err = "Error: pods is forbidden: User \"x\" cannot list resource \"pods\" in API group \"\" in the namespace \"istio-system\"\n";
  }
  if (forbidden || !status.empty()) world.evidence.add(answer);
  return world.evidence;
}

std::string places(const evidence::Evidence& evidence, const Complaint& complaint) {
  const auto found = places_of_gateways(View(evidence), complaint);
  return join({found.begin(), found.end()}, " ");
}

}  // namespace

TEST_CASE("places of gateways") {
  const std::string proxies = "NAME                        CLUSTER     ISTIOD    VERSION  SUBSCRIBED TYPES\n"
                              "istio-ingress-7d-x.edge     Kubernetes  istiod-1  1.30.0   4 (CDS,LDS,EDS,RDS)\n"
                              "web-1.shop                  Kubernetes  istiod-1  1.30.0   4 (CDS,LDS,EDS,RDS)\n";
  auto from_gateway = asking("shop.example.com");
  from_gateway.from = Complaint::From::gateway;
  CHECK(places(with(proxies, {}), from_gateway) == "edge shop");
  // Before istiod has answered only the Gateway's own; where it may not be asked, namespaces of such a name.
  CHECK(places(with("", {}), from_gateway) == "shop");
  CHECK(places(with("", {}, true), from_gateway) == "istio-ingress shop");
  // Once the pods are listed, where they are.
  CHECK(places(with(proxies, {pod_json({"edge/istio-ingress-7d-x", "istio=ingress", "10.0.0.9", "router"})}), from_gateway) == "edge");
  // A Gateway for other hosts, one of another name, a caller in the mesh: nothing to look for.
  auto other = from_gateway;
  other.host = "shop.example.org";
  CHECK(places(with(proxies, {}), other).empty());
  auto elsewhere = from_gateway;   // a wildcard of another namespace, without rules for the host
  elsewhere.ns = "legacy";
  CHECK(places(with(proxies, {}), elsewhere).empty());
  auto named = from_gateway;
  named.from_name = "inner";
  CHECK(places(with(proxies, {}), named).empty());
  named.from_name = "edge";
  CHECK(places(with(proxies, {}), named) == "edge shop");
  CHECK(places(with(proxies, {}), asking_from("web", "client")).empty());
  // Without --from: a name that is none of the cluster's comes in through a gateway.
  CHECK(places(with(proxies, {}), asking("shop.example.com")) == "edge shop");
  CHECK(places(with(proxies, {}), asking("web.shop")).empty());
}
