// Names of services and workloads, the pods behind them, and ports.
#include "mesh/request.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string names(const std::vector<const evidence::Pod*>& pods) {
  std::vector<std::string> parts;
  for (const auto* pod : pods) parts.push_back(pod->meta.name);
  return join(parts, " ");
}

PodText pod_text(const std::string& name, const std::string& labels, const std::string& owner = "",
                 const std::string& phase = "Running", bool ready = true) {
  PodText text{name, labels, "10.0.0.1"};
  text.owner = owner;
  text.phase = phase;
  text.ready = ready;
  return text;
}

}  // namespace

TEST_CASE("hosts that can name a Service") {
  struct Row {
    std::string host, name;
  };
  const Row rows[] = {
      {"web", "shop/web"},
      {"WEB", "shop/web"},
      {"web.", "shop/web"},
      {"web.other", "other/web"},
      {"web.other.svc", "other/web"},
      {"web.other.svc.cluster.local", "other/web"},
      {"web.other.svc.cluster.local.", "other/web"},
      {"web.other.svc.example.org", "other/web"},
      {"shop.example.com", ""},
      {"a.b.c.d", ""},
      {"10.0.0.1", ""},
      {"fd00::1", ""},
      {"[fd00::1]", ""},
      {"::ffff:10.0.0.1", ""},
      {"", ""},
      {".", ""},
      {"web..svc", ""},
      {"80", ""},
  };
  for (const auto& row : rows) {
    INFO(row.host);
    const auto found = service_name(row.host, "shop");
    CHECK((found ? found->ns + "/" + found->name : "") == row.name);
  }
  CHECK(Names().fqdn("web", "shop") == "web.shop.svc.cluster.local");
}

TEST_CASE("the workload of a pod") {
  struct Row {
    std::string labels, owner, workload;
  };
  const Row rows[] = {
      {"pod-template-hash=abc", "ReplicaSet/web-abc", "web"},
      {"pod-template-hash=abc", "ReplicaSet/web-def", "web-def"},
      {"", "ReplicaSet/web-abc", "web-abc"},
      {"", "StatefulSet/db", "db"},
      {"", "DaemonSet/agent", "agent"},
      {"", "", "p-1"},
  };
  for (const auto& row : rows) {
    INFO(row.owner);
    CHECK(workload_of(a_pod(pod_text("shop/p-1", row.labels, row.owner))) == row.workload);
  }
}

TEST_CASE("the pods someone means by a name") {
  const std::string hash = ",pod-template-hash=abc";
  auto deleting = a_pod(pod_text("shop/web-3", "app=web" + hash, "ReplicaSet/web-abc"));
  deleting.meta.deleting = true;
  const std::vector<evidence::Pod> pods = {
      a_pod(pod_text("shop/web-0", "app=web" + hash, "ReplicaSet/web-abc", "Succeeded")),
      deleting,
      a_pod(pod_text("shop/web-2", "app=web" + hash, "ReplicaSet/web-abc", "Running", false)),
      a_pod(pod_text("shop/web-1", "app=web" + hash, "ReplicaSet/web-abc")),
      a_pod(pod_text("shop/api-1", "app=backend", "StatefulSet/api")),
      a_pod(pod_text("shop/api-2", "app.kubernetes.io/name=backend", "StatefulSet/api2"))};
  CHECK(names(pods_named(pods, "web")) == "web-1 web-2 web-0 web-3");
  CHECK(names(pods_named(pods, "api")) == "api-1");
  CHECK(names(pods_named(pods, "backend")) == "api-1 api-2");
  CHECK(names(pods_named(pods, "web-2")) == "web-2");
  CHECK(names(pods_named(pods, "none")).empty());
}

TEST_CASE("the pods a Service selects") {
  World world;
  world.in("shop",
           {pod_json(pod_text("shop/web-1", "app=web")), pod_json(pod_text("shop/web-2", "app=web", "", "Failed")),
            pod_json(pod_text("shop/api-1", "app=api"))},
           {});
  const View view(world.evidence);
  const auto selected = selected_pods(view, a_service(service_json("shop/web", "10.96.0.1", "app=web")));
  REQUIRE(selected.has_value());
  CHECK(names(*selected) == "web-1");
  CHECK(selected_pods(view, a_service(service_json("shop/none", "10.96.0.1", "")))->empty());
  CHECK_FALSE(selected_pods(view, a_service(service_json("other/web", "10.96.0.1", "app=web"))).has_value());
}

TEST_CASE("the pod port behind a Service port") {
  PodText text = pod_text("shop/web-1", "app=web");
  text.ports = "{'name':'http','containerPort':8080},{'name':'dns','containerPort':53,'protocol':'UDP'}";
  text.more_spec =
      "'initContainers':[{'name':'setup','ports':[{'name':'once','containerPort':1}]},{'name':'side','restartPolicy':'"
      "Always','ports':[{'name':'kept','containerPort':2}]}],";
  const auto pod = a_pod(text);
  struct Row {
    std::string port;
    std::optional<std::uint16_t> target;
  };
  const Row rows[] = {
      {"{'port':80,'targetPort':9090}", 9090},           {"{'port':80}", 80},
      {"{'port':80,'targetPort':'http'}", 8080},         {"{'port':80,'targetPort':'web'}", std::nullopt},
      {"{'port':53,'targetPort':'dns'}", std::nullopt},  {"{'port':53,'protocol':'UDP','targetPort':'dns'}", 53},
      {"{'port':80,'targetPort':'once'}", std::nullopt}, {"{'port':80,'targetPort':'kept'}", 2},
  };
  for (const auto& row : rows) {
    INFO(row.port);
    const auto service = a_service(service_json("shop/web", "10.96.0.1", "app=web", row.port));
    CHECK(target_port(service.ports.front(), pod) == row.target);
  }
}

TEST_CASE("the port that is meant") {
  struct Row {
    std::string ports;
    std::optional<std::uint16_t> wanted;
    std::uint16_t picked;
  };
  const std::string two = "{'name':'tcp-x','port':9000},{'name':'http-y','port':8080}";
  const Row rows[] = {
      {"{'port':9000}", std::nullopt, 9000},
      {two, std::nullopt, 8080},
      {two + ",{'port':80}", std::nullopt, 80},
      {"{'name':'a','port':9000},{'name':'b','port':9001}", std::nullopt, 9000},
      {"{'name':'dns','port':53,'protocol':'UDP'},{'name':'a','port':9001}", std::nullopt, 9001},
      {"{'name':'dns','port':53,'protocol':'UDP'}", std::nullopt, 0},
      {two, 9000, 9000},
      {two, 80, 0},
      {"", std::nullopt, 0},
  };
  for (const auto& row : rows) {
    INFO(row.ports << " wanted " << row.wanted.value_or(0));
    const auto service = a_service(service_json("shop/web", "10.96.0.1", "app=web", row.ports));
    const auto* picked = pick_port(service, row.wanted);
    CHECK((picked == nullptr ? 0 : picked->port) == row.picked);
  }
}

TEST_CASE("hosts by which a Service is called") {
  const auto service = a_service(service_json("shop/web", "10.96.0.1", "app=web"));
  Destination to;
  to.host = "web.shop.svc.cluster.local";
  to.name = "web";
  to.ns = "shop";
  to.service = &service;
  for (const std::string host : {"web.shop.svc.cluster.local", "web.shop.svc", "web.shop", "WEB.shop:8080", "web",
                                 "10.96.0.1:80", "web.shop.svc.cluster.local."}) {
    INFO(host);
    CHECK(names_service(host, to, "shop"));
  }
  for (const std::string host : {"api.shop", "10.96.0.2", "", "[fd00::1]:80", "web.other", "shop.example.com"}) {
    INFO(host);
    CHECK_FALSE(names_service(host, to, "shop"));
  }
  CHECK_FALSE(names_service("web", to, "other"));
  Destination external;
  external.host = "api.example.com";
  CHECK(names_service("API.example.com:443", external, "shop"));
  CHECK_FALSE(names_service("example.com", external, "shop"));
}

TEST_CASE("addresses and ports of endpoints, IPv4 and IPv6") {
  struct Row {
    const char *endpoint, *address;
    int port;   ///< -1: none
  };
  const Row rows[] = {{"10.0.0.1:80", "10.0.0.1", 80}, {"[fd00::1]:8080", "fd00::1", 8080}, {"fd00::1", "fd00::1", -1}, {"[fd00::1]", "fd00::1", -1},
                      {"web.shop:80", "web.shop", 80}, {"web.shop", "web.shop", -1}, {"-", "-", -1}, {"", "", -1}, {"10.0.0.1:99999", "10.0.0.1", -1}, {"10.0.0.1:", "10.0.0.1", -1}};
  for (const auto& row : rows) {
    INFO(row.endpoint);
    CHECK(address_of(row.endpoint) == row.address);
    CHECK(static_cast<int>(port_of(row.endpoint) ? *port_of(row.endpoint) : -1) == row.port);
  }
}
