// Placeholders of playbook steps, as the evidence grows.
#include "mesh/bind.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

/// "client: pod=client-1,namespace=shop".
std::string told(const Values& values, const std::string& group) {
  const auto found = values.find(group);
  if (found == values.end()) return "";
  std::vector<std::string> items;
  for (const auto& fields : found->second) {
    std::vector<std::string> parts;
    for (const auto& field : fields) parts.push_back(field.second);
    items.push_back(join(parts, "/"));
  }
  return join(items, " ");
}

std::string pod(const std::string& name, const std::string& app, const std::string& ip,
                const std::string& proxy = "sidecar", const std::string& status = "") {
  PodText text{name, "app=" + app, ip, proxy};
  text.more_status = status;
  return pod_json(text);
}

}  // namespace

TEST_CASE("what the question alone gives") {
  const evidence::Evidence nothing;
  const auto values = bind(nothing, asking_from("web.other", "client", "shop"));
  CHECK(told(values, "to") == "other");
  CHECK(told(values, "from") == "shop");
  CHECK(told(values, "namespace") == "istio-system other shop");
  CHECK(told(values, "client").empty());
  CHECK(told(values, "server").empty());
  auto elsewhere = asking_from("web", "client", "shop");
  elsewhere.from_ns = "legacy";
  CHECK(told(bind(nothing, elsewhere), "namespace") == "istio-system legacy shop");
}

TEST_CASE("a question from a gateway binds no destination namespace by itself") {
  auto complaint = asking("shop.example.com");
  complaint.from = Complaint::From::gateway;
  const evidence::Evidence nothing;
  const auto values = bind(nothing, complaint);
  CHECK(told(values, "to").empty());
  CHECK(told(values, "from").empty());
  CHECK(told(values, "namespace") == "istio-system shop");
}

TEST_CASE("pods with a proxy, at most two callers and three servers, the same each time") {
  World world;
  world.in("shop",
           {pod("shop/client-1", "client", "10.0.0.1"), pod("shop/client-2", "client", "10.0.0.2"),
            pod("shop/client-3", "client", "10.0.0.3"), pod("shop/web-1", "web", "10.0.1.1"),
            pod("shop/web-2", "web", "10.0.1.2", ""), pod("shop/web-3", "web", "10.0.1.3"),
            pod("shop/web-4", "web", "10.0.1.4"), pod("shop/web-5", "web", "10.0.1.5")},
           {service_json("shop/web", "10.96.0.1", "app=web")});
  const auto values = bind(world.evidence, asking_from("web", "client"));
  CHECK(told(values, "client") == "shop/client-1 shop/client-2");
  CHECK(told(values, "server") == "shop/web-1 shop/web-3 shop/web-4");
  CHECK(told(values, "app").empty());
  CHECK(bind(world.evidence, asking_from("web", "client")) == values);
}

TEST_CASE("a caller without a proxy is not asked for its proxy") {
  World world;
  world.in("shop", {pod("shop/client-1", "client", "10.0.0.1", ""), pod("shop/web-1", "web", "10.0.1.1")},
           {service_json("shop/web", "10.96.0.1", "app=web")});
  const auto values = bind(world.evidence, asking_from("web", "client"));
  CHECK(told(values, "client").empty());
  CHECK(told(values, "server") == "shop/web-1");
}

TEST_CASE("applications that keep ending") {
  const auto status = [](const std::string& name, bool ready, int restarts) {
    return "'containerStatuses':[{'name':'" + name + "','ready':" + (ready ? "true" : "false") +
           ",'restartCount':" + std::to_string(restarts) + "}],";
  };
  World world;
  world.in("shop",
           {pod("shop/client-1", "client", "10.0.0.1"),
            pod("shop/web-1", "web", "10.0.1.1", "sidecar", status("app", false, 3)),
            pod("shop/web-2", "web", "10.0.1.2", "sidecar", status("app", true, 3)),
            pod("shop/web-3", "web", "10.0.1.3", "sidecar", status("app", false, 0)),
            pod("shop/web-4", "web", "10.0.1.4", "sidecar", status("istio-proxy", false, 9))},
           {service_json("shop/web", "10.96.0.1", "app=web")});
  CHECK(told(bind(world.evidence, asking_from("web", "client")), "app") == "app/shop/web-1");
}

TEST_CASE("the walk leads to further namespaces") {
  World world;
  world.in("shop", {pod("shop/client-1", "client", "10.0.0.1")}, {service_json("shop/web", "10.96.0.1", "app=web")});
  const std::string tcp =
      "{'filters':[{'typedConfig':{'@type':'x/"
      "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy','cluster':'outbound|80||web.backend.svc.cluster.local'}}"
      "]}";
  world.proxy(
      "listeners", "client-1.shop",
      "[{'name':'10.96.0.1_80','address':{'socketAddress':{'address':'10.96.0.1','portValue':80}},'filterChains':[" +
          tcp + "]}]");
  CHECK(told(bind(world.evidence, asking_from("web", "client")), "namespace") == "backend istio-system shop");
  world.in("backend", {pod("backend/web-1", "web", "10.0.2.1")}, {service_json("backend/web", "10.96.0.9", "app=web")});
  // without endpoints those that the cluster's Service selects
  CHECK(told(bind(world.evidence, asking_from("web", "client")), "server") == "backend/web-1");
}
