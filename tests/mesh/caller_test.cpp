// Who asks, and the request as the caller's proxy sees it.
#include "mesh/path.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using State = Caller::State;
using From = Complaint::From;

namespace {

PodText owned(const std::string& name, const std::string& labels, const std::string& ip, const std::string& owner,
              const std::string& proxy = "sidecar") {
  PodText text{name, labels, ip, proxy};
  text.owner = "StatefulSet/" + owner;
  return text;
}

World mesh_of() {
  World world;
  world.in("shop",
           {pod_json(owned("shop/web-1", "app=web", "10.0.0.1", "web")),
            pod_json(owned("shop/bare-1", "app=bare", "10.0.0.2", "bare", "")),
            pod_json(owned("shop/client-1", "app=client", "10.0.0.3", "client")),
            pod_json(owned("shop/client-2", "app=client", "10.0.0.4", "client"))},
           {service_json("shop/web", "10.96.0.1", "app=web"), service_json("shop/front", "10.96.0.2", "app=client")});
  world.in("istio-system",
           {pod_json(owned("istio-system/gw-1", "istio=ingress", "10.0.1.1", "ingress", "router")),
            pod_json(owned("istio-system/egress-1", "istio=egress", "10.0.1.2", "egress", "router"))},
           {service_json("istio-system/ingress", "10.96.1.1", "istio=ingress",
                         "{'port':80,'targetPort':8080},{'port':443,'targetPort':8443}")});
  world.list(gateways_list, "-A",
             {object("Gateway", "shop/shop-gw", "{'selector':{'istio':'ingress'}}"),
              object("Gateway", "other/out", "{'selector':{'istio':'egress'}}"),
              object("Gateway", "shop/ingress", "{'selector':{'istio':'nothing'}}"),
              object("Gateway", "shop/lost", "{'selector':{'istio':'nothing'}}")});
  return world;
}

Complaint asked(From from, const std::string& name = "", const std::string& ns = "") {
  auto complaint = asking("web");
  complaint.from = from;
  complaint.from_name = name;
  complaint.from_ns = ns;
  return complaint;
}

std::string told(const Caller& caller) {
  std::string text = caller.state == State::unknown ? "unknown" : caller.state == State::absent ? "absent" : "found";
  for (const auto* pod : caller.pods) text += " " + pod->meta.name;
  return text;
}

Caller caller_of(const World& world, const Complaint& complaint) {
  const View view(world.evidence);
  return find_caller(view, complaint, find_destination(view, complaint));
}

}  // namespace

TEST_CASE("the caller") {
  const World world = mesh_of();
  struct Row {
    std::string about;
    Complaint complaint;
    std::string expected;
  };
  const Row rows[] = {
      {"a workload", asked(From::workload, "client", "shop"), "found client-1 client-2"},
      {"a pod", asked(From::workload, "client-2", "shop"), "found client-2"},
      {"without a sidecar", asked(From::workload, "bare", "shop"), "found bare-1"},
      {"nobody", asked(From::workload, "none", "shop"), "absent"},
      {"a namespace that was not read", asked(From::workload, "client", "other"), "unknown"},
      {"any gateway, of two that nothing tells apart", asked(From::gateway), "unknown"},
      {"a Gateway object", asked(From::gateway, "shop-gw"), "found gw-1"},
      {"a Gateway object of a namespace", asked(From::gateway, "out", "other"), "found egress-1"},
      {"a Gateway object of another namespace", asked(From::gateway, "out", "shop"), "absent"},
      {"the gateway's workload", asked(From::gateway, "egress"), "found egress-1"},
      {"a workload goes before an object", asked(From::gateway, "ingress"), "found gw-1"},
      {"a Gateway that picks no pod", asked(From::gateway, "lost"), "absent"},
      {"no such gateway", asked(From::gateway, "nope"), "absent"},
      {"a vantage, not the target's own pods", asked(From::unknown), "found client-1 client-2"},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    const auto caller = caller_of(world, row.complaint);
    CHECK(told(caller) == row.expected);
    CHECK(caller.gateway == (row.complaint.from == From::gateway));
    CHECK(caller.chosen == (row.complaint.from == From::unknown));
    CHECK((caller.pod == nullptr) == caller.pods.empty());
  }
  CHECK(caller_of(world, asked(From::unknown)).name == "client");
  CHECK_FALSE(caller_of(world, asked(From::workload, "bare", "shop")).meshed());
  CHECK(caller_of(world, asked(From::gateway, "shop-gw")).meshed());
}

TEST_CASE("callers when little was read") {
  const World nothing;
  CHECK(told(caller_of(nothing, asked(From::workload, "client", "shop"))) == "unknown");
  CHECK(told(caller_of(nothing, asked(From::gateway))) == "unknown");
  CHECK(told(caller_of(nothing, asked(From::unknown))) == "unknown");
  World lone, no_gateways;
  lone.in("shop", {pod_json(owned("shop/web-1", "app=web", "10.0.0.1", "web"))},
          {service_json("shop/web", "10.96.0.1", "app=web")});
  CHECK(told(caller_of(lone, asked(From::unknown))) == "absent");
  CHECK(told(caller_of(lone, asked(From::gateway))) == "absent");
  no_gateways.in("istio-system",
                 {pod_json(owned("istio-system/gw-1", "istio=ingress", "10.0.1.1", "ingress", "router"))}, {});
  CHECK(told(caller_of(no_gateways, asked(From::gateway, "shop-gw"))) == "unknown");
  CHECK(told(caller_of(no_gateways, asked(From::gateway, "ingress"))) == "found gw-1");
}

TEST_CASE("the request as the caller's proxy sees it") {
  const World world = mesh_of();
  struct Row {
    std::string host;
    Complaint::Named named;
    From from;
    std::string scheme;
    std::optional<std::uint16_t> port;
    std::string expected;
  };
  using Named = Complaint::Named;
  const std::string fqdn = "web.shop.svc.cluster.local";
  const Row rows[] = {
      {"web", Named::any, From::workload, "http", {}, fqdn + ":80 10.96.0.1"},
      {"web.shop", Named::host, From::workload, "http", {}, "web.shop:80 10.96.0.1"},
      {fqdn, Named::host, From::workload, "http", 80, fqdn + ":80 10.96.0.1"},
      {"10.96.0.1", Named::host, From::workload, "http", 80, "10.96.0.1:80 10.96.0.1"},
      {"10.0.0.1", Named::host, From::workload, "http", 8080, "10.0.0.1:8080 10.0.0.1"},
      // a workload is called by the name of its Service
      {"client", Named::workload, From::workload, "http", {}, "front.shop.svc.cluster.local:80 10.96.0.2"},
      {"client.shop", Named::workload, From::workload, "http", {}, "front.shop.svc.cluster.local:80 10.96.0.2"},
      {"none", Named::any, From::workload, "http", {}, "none:80"},
      {"api.example.com", Named::host, From::workload, "https", 443, "api.example.com:443 tls"},
      // a gateway's Service says which port the pod listens on
      {"shop.example.com", Named::host, From::gateway, "http", {}, "shop.example.com:8080"},
      {"shop.example.com", Named::host, From::gateway, "https", {}, "shop.example.com:8443 tls"},
      {"shop.example.com", Named::host, From::gateway, "http", 9999, "shop.example.com:9999"},
  };
  for (const auto& row : rows) {
    INFO(row.host << " " << row.scheme);
    auto complaint =
        row.from == From::gateway ? asked(From::gateway, "shop-gw") : asked(From::workload, "client", "shop");
    complaint.host = row.host;
    complaint.named = row.named;
    complaint.scheme = row.scheme;
    complaint.port = row.port;
    const View view(world.evidence);
    const auto to = find_destination(view, complaint);
    const auto request = request_of(view, complaint, find_caller(view, complaint, to), to);
    const std::string addresses = request.addresses.empty() ? "" : " " + join(request.addresses, " ");
    CHECK(request.host + ":" + std::to_string(request.port) + addresses + (request.tls ? " tls" : "") == row.expected);
  }
}

TEST_CASE("the pods that serve a request") {
  World world = mesh_of();
  const auto servers = [&](const Complaint& complaint) {
    const View view(world.evidence);
    const auto path = follow(view, complaint);
    std::vector<std::string> names;
    for (const auto* pod : path.servers) names.push_back(pod->meta.name);
    return join(names, " ") + (path.servers_known ? "" : " ?") + (path.walked ? " walked" : "");
  };
  CHECK(servers(asked(From::workload, "bare", "shop")) == "web-1");
  CHECK(servers(asked(From::workload, "client", "shop")) == "web-1 walked");
  auto by_ip = asked(From::workload, "bare", "shop");
  by_ip.host = "10.0.0.3";
  CHECK(servers(by_ip) == "client-1");
  auto workload = asked(From::workload, "client", "shop");
  workload.host = "bare";
  workload.named = Complaint::Named::workload;
  CHECK(servers(workload) == "bare-1 walked");
  CHECK(servers(asked(From::workload, "client", "other")) == "web-1");
  // the walk's endpoints go first
  const std::string listener =
      "[{'name':'virtualOutbound','address':{'socketAddress':{'address':'0.0.0.0','portValue':15001}},'"
      "defaultFilterChain':{'filters':[{'typedConfig':"
      "{'@type':'x/"
      "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy','cluster':'outbound|80||web.shop.svc.cluster.local'}}]}}"
      "]";
  world.proxy("listeners", "client-1.shop", listener)
      .proxy("clusters", "client-1.shop", "[{'name':'outbound|80||web.shop.svc.cluster.local','type':'EDS'}]");
  world.proxy("endpoints", "client-1.shop",
              "[{'name':'outbound|80||web.shop.svc.cluster.local','hostStatuses':[{'address':{'socketAddress':{'"
              "address':'10.0.0.2','portValue':80}}}]}]");
  CHECK(servers(asked(From::workload, "client", "shop")) == "bare-1 walked");
  const World nothing;
  const View view(nothing.evidence);
  const auto path = follow(view, asked(From::workload, "client", "shop"));
  CHECK_FALSE(path.walked);
  CHECK_FALSE(path.servers_known);
}

TEST_CASE("the Service a cluster's host names") {
  const World world = mesh_of();
  const View view(world.evidence);
  bool read = false;
  CHECK(service_of(view, "web.shop.svc.cluster.local", &read)->meta.name == "web");
  CHECK(read);
  CHECK(service_of(view, "none.shop.svc.cluster.local", &read) == nullptr);
  CHECK(read);
  CHECK(service_of(view, "web.other.svc.cluster.local", &read) == nullptr);
  CHECK_FALSE(read);
  CHECK(service_of(view, "api.example.com") == nullptr);
}
