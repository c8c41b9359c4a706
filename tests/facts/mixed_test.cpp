// Faults that stand beside others: what is wrong somewhere is the cause only of the requests that met it.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

const std::string k_cluster = "outbound|80||web.shop.svc.cluster.local";
const std::string k_listeners =
    "[{'name':'0.0.0.0_80','address':{'socketAddress':{'address':'0.0.0.0','portValue':80}},'trafficDirection':'OUTBOUND','filterChains':[{'filters':[{'name':'http','typedConfig':"
    "{'@type':'x/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager','rds':{'routeConfigName':'80'}}}]}]}]";

/// A line of the caller's log: "503 UF" to an address, with what the transport said.
std::string line(const std::string& result, const std::string& address, const std::string& transport = "-") {
  const std::string details = contains(result, "UF") ? "upstream_reset_before_response_started{remote_connection_failure}" : contains(result, "FI") ? "fault_filter_abort" : "via_upstream";
  return "[2026-11-22T10:00:00.000Z] \"GET / HTTP/1.1\" " + result + " " + details + " - \"" + transport + "\" 0 0 7 - \"-\" \"curl\" \"r1\" \"web.shop\" \"" + address + ":8080\" " + k_cluster + " 10.0.0.3:5000 10.96.0.1:80 10.0.0.3:4000 - default";
}

/// client → web-1 (10.0.0.1) and web-2 (10.0.0.2); the caller's proxy has these endpoints, and its route injects a share of aborts.
World world_of(const std::vector<std::string>& log, const std::vector<std::string>& endpoints = {"10.0.0.1", "10.0.0.2"}, int abort = 0) {
  World world;
  world.in("shop", {pod_json({"shop/client", "app=client", "10.0.0.3"}), pod_json({"shop/web-1", "app=web", "10.0.0.1"}), pod_json({"shop/web-2", "app=web,version=v2", "10.0.0.2"})}, {service_json("shop/web", "10.96.0.1", "app=web")});
  const std::string fault = abort == 0 ? "" : "'fault':{'abort':{'httpStatus':503,'percentage':{'value':" + std::to_string(abort) + "}}},";
  world.list(services_list, "-A", {object("VirtualService", "shop/web", "{'hosts':['web'],'http':[{" + fault + "'route':[{'destination':{'host':'web'}}]}]}")});
  world.list(entries_list, "-A", {}).list(rules_list, "-A", {}).list("namespaces", "", {object("Namespace", "shop")}).mesh_config();
  const std::string filter = abort == 0 ? "" : "'typedPerFilterConfig':{'envoy.filters.http.fault':{'abort':{'httpStatus':503,'percentage':{'numerator':" + std::to_string(abort) + "}}}},";
  world.proxy("listeners", "client.shop", k_listeners);
  world.proxy("routes", "client.shop", "[{'name':'80','virtualHosts':[{'name':'web.shop.svc.cluster.local:80','domains':['web.shop.svc.cluster.local','web'],'routes':[{'match':{'prefix':'/'}," + filter +
                                           "'metadata':{'filterMetadata':{'istio':{'config':'/apis/networking.istio.io/v1/namespaces/shop/virtual-service/web'}}},'route':{'cluster':'" + k_cluster + "'}}]}]}]");
  world.proxy("clusters", "client.shop", "[{'name':'" + k_cluster + "','type':'EDS'}]");
  std::vector<std::string> hosts, addresses;
  for (const auto& address : endpoints) hosts.push_back("{'address':{'socketAddress':{'address':'" + address + "','portValue':8080}},'healthStatus':{'edsHealthStatus':'HEALTHY'}}");
  world.proxy("endpoints", "client.shop", "[{'name':'" + k_cluster + "','hostStatuses':[" + join(hosts, ",") + "]}]");
  world.printed("kubectl get endpointslices.discovery.k8s.io -n shop -o json",
                "{'kind':'List','items':[{'kind':'EndpointSlice','metadata':{'namespace':'shop','name':'web-1','labels':{'kubernetes.io/service-name':'web'}},'addressType':'IPv4','ports':[{'name':'http','port':8080}],"
                "'endpoints':[{'addresses':['10.0.0.1'],'conditions':{'ready':true}},{'addresses':['10.0.0.2'],'conditions':{'ready':true}}]}]}");
  world.log("client", "shop", log);
  return world;
}

struct Row {
  const char* what;
  World world;
  const char* fact;
  Tri truth;
};

void check_rows(const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    auto ask = asking_from("web", "client");
    ask.path_given = true;
    const facts::FactBase base(row.world.evidence, ask);
    const auto& finding = base[row.fact];
    INFO(std::string(row.what) << ": " << finding.text << finding.why);
    CHECK((finding.truth == row.truth));
  }
}

const std::string k_unreachable = "delayed_connect_error:_No_route_to_host", k_timeout = "connection_timeout";

}  // namespace

TEST_CASE("an address that no connection is got to is that of a running pod, or of one that is gone") {
  check_rows({
      {"of a running pod", world_of({line("503 UF", "10.0.0.1", k_unreachable)}), "upstream.runs", Tri::yes},
      {"of one that is gone", world_of({line("503 UF", "10.0.0.99", k_unreachable)}), "upstream.runs", Tri::no},
      {"of one that is gone, and a running pod answers with errors", world_of({line("503 UF", "10.0.0.99", k_unreachable), line("503 -", "10.0.0.1")}), "upstream.runs", Tri::no},
      {"nothing fails to connect", world_of({line("503 -", "10.0.0.1")}), "upstream.runs", Tri::unknown},
  });
}

TEST_CASE("a NetworkPolicy keeps requests from the pods that they did not reach, not from others") {
  const auto shut = [](World world) {
    return world.list("networkpolicies.networking.k8s.io", "-n shop", {object("NetworkPolicy", "shop/shut", "{'podSelector':{'matchLabels':{'version':'v2'}},'policyTypes':['Ingress']}")});
  };
  check_rows({
      {"the pod it is for", shut(world_of({line("503 UF", "10.0.0.2", k_timeout)})), "networkpolicy.keeps-out", Tri::yes},
      {"another pod", shut(world_of({line("503 UF", "10.0.0.1", k_timeout)})), "networkpolicy.keeps-out", Tri::no},
      {"both", shut(world_of({line("503 UF", "10.0.0.1", k_timeout), line("503 UF", "10.0.0.2", k_timeout)})), "networkpolicy.keeps-out", Tri::yes},
      {"the log does not say which", shut(world_of({})), "networkpolicy.keeps-out", Tri::yes},
  });
}

TEST_CASE("an endpoint that nothing stands for is to blame for the requests that went there") {
  const std::vector<std::string> old = {"10.0.0.1", "10.0.0.99"};
  check_rows({
      {"they did", world_of({line("503 UF", "10.0.0.99", k_timeout)}, old), "endpoint.stale", Tri::yes},
      {"they went to a pod", world_of({line("503 UF", "10.0.0.1", k_timeout)}, old), "endpoint.stale", Tri::no},
      {"the log is silent", world_of({}, old), "endpoint.stale", Tri::yes},
      {"there is none", world_of({line("503 UF", "10.0.0.1", k_timeout)}), "endpoint.stale", Tri::no},
  });
}

TEST_CASE("aborts that a route injects are to blame for what they aborted") {
  const auto world = [](const std::string& logged, int share) { return world_of(logged.empty() ? std::vector<std::string>{} : std::vector<std::string>{logged}, {"10.0.0.1"}, share); };
  check_rows({
      {"some were", world(line("503 FI", "10.0.0.1"), 10), "route.injects-abort", Tri::yes},
      {"none was", world(line("503 UF", "10.0.0.1", k_timeout), 10), "route.injects-abort", Tri::no},
      {"none was, but every one would be now", world(line("503 UF", "10.0.0.1", k_timeout), 100), "route.injects-abort", Tri::yes},
      {"the log is silent", world("", 10), "route.injects-abort", Tri::yes},
      {"nothing is injected", world(line("503 UF", "10.0.0.1", k_timeout), 0), "route.injects-abort", Tri::no},
  });
}

TEST_CASE("the application's own answers are nobody else's fault") {
  check_rows({
      {"all failing answers are the application's", world_of({}), "requests.only-application", Tri::no},
      {"none is", world_of({line("503 UF", "10.0.0.1", k_timeout)}), "requests.only-application", Tri::no},
  });
}
