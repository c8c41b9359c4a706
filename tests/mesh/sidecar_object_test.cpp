// The Sidecar object of a pod, what it imports, the outbound policy, and the servers of a gateway pod.
#include "mesh/istio_config.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string sidecar(const std::string& name, const std::string& spec = "", const std::string& created = "5") {
  return object("Sidecar", name, "{" + spec + "}", created);
}
const std::string for_web = "'workloadSelector':{'labels':{'app':'web'}}",
                  for_api = "'workloadSelector':{'labels':{'app':'api'}}";

evidence::Pod web() { return a_pod({"shop/web-1", "app=web", "10.0.0.1"}); }

std::string chosen(const std::vector<std::string>& sidecars) {
  World world;
  world.mesh_config().list(sidecars_list, "-A", sidecars);
  const View view(world.evidence);
  const auto* found = sidecar_of(view, web());
  return found == nullptr ? "" : found->meta.ns + "/" + found->meta.name;
}

}  // namespace

TEST_CASE("the Sidecar that applies to a pod") {
  const std::string root = sidecar("istio-system/default"), own = sidecar("shop/default");
  CHECK(chosen({}).empty());
  CHECK(chosen({root}) == "istio-system/default");
  CHECK(chosen({root, own}) == "shop/default");
  CHECK(chosen({root, own, sidecar("shop/web", for_web)}) == "shop/web");
  CHECK(chosen({root, sidecar("shop/api", for_api)}) == "istio-system/default");
  CHECK(chosen({sidecar("istio-system/web", for_web), sidecar("other/default")}).empty());
  CHECK(chosen({own, sidecar("shop/older", "", "1")}) == "shop/older");
  CHECK(chosen({sidecar("shop/a", for_web, "3"), sidecar("shop/b", for_web, "2")}) == "shop/b");
  CHECK(chosen({sidecar("istio-system/b", "", "3"), sidecar("istio-system/a", "", "2")}) == "istio-system/a");
}

TEST_CASE("what a Sidecar imports") {
  const std::string host = "web.shop.svc.cluster.local";
  struct Row {
    std::string hosts;
    std::string ns, caller_ns;
    bool imported;
  };
  const Row rows[] = {
      {"'*/*'", "shop", "client", true},
      {"'./*'", "shop", "client", false},
      {"'./*'", "client", "client", true},
      {"'shop/*'", "shop", "client", true},
      {"'other/*'", "shop", "client", false},
      {"'shop/web.shop.svc.cluster.local'", "shop", "client", true},
      {"'shop/api.shop.svc.cluster.local'", "shop", "client", false},
      {"'shop/*.shop.svc.cluster.local'", "shop", "client", true},
      {"'*/web.shop.svc.cluster.local'", "shop", "client", true},
      {"'~/*'", "shop", "client", false},
      {"'*/*','~shop/*'", "shop", "client", false},  // from 1.31 on
      {"'~shop/*','*/*'", "shop", "client", false},
      {"'*/*','~other/*'", "shop", "client", true},
      {"'*/*','~shop/api.shop.svc.cluster.local'", "shop", "client", true},
      {"'*/*','~./*'", "client", "client", false},
      {"'web.shop.svc.cluster.local'", "shop", "client", false},
      {"'istio-system/*','./*'", "istio-system", "client", true},
  };
  for (const auto& row : rows) {
    INFO(row.hosts << " for " << row.ns << " from " << row.caller_ns);
    const auto object = an_object("Sidecar", "client/default", "{'egress':[{'hosts':[" + row.hosts + "]}]}");
    CHECK(sidecar_imports(object, host, row.ns, row.caller_ns) == row.imported);
  }
}

TEST_CASE("egress of a Sidecar in other forms") {
  const std::string host = "web.shop.svc.cluster.local";
  const auto imports = [&](const std::string& name, const std::string& spec, const std::string& caller) {
    return sidecar_imports(an_object("Sidecar", name, spec), host, "shop", caller);
  };
  CHECK(imports("client/default", "{}", "client"));
  CHECK(imports("client/default", "{'egress':[]}", "client"));
  CHECK_FALSE(imports("client/default", "{'egress':[{'hosts':[]}]}", "client"));
  CHECK(imports("client/default", "{'egress':[{'hosts':['other/*']},{'hosts':['shop/*']}]}", "client"));
  // the root namespace's Sidecar speaks of each caller's own namespace
  CHECK(imports("istio-system/default", "{'egress':[{'hosts':['./*','istio-system/*']}]}", "shop"));
  CHECK_FALSE(imports("istio-system/default", "{'egress':[{'hosts':['./*','istio-system/*']}]}", "client"));
}

TEST_CASE("the outbound policy of a caller") {
  const std::string registry = "'outboundTrafficPolicy':{'mode':'REGISTRY_ONLY'}";
  const auto mode = [](World& world) {
    const View view(world.evidence);
    return outbound_mode(view, web());
  };
  World plain, strict, own, silent, no_config, no_sidecars, partly;
  CHECK(mode(plain.mesh_config().list(sidecars_list, "-A", {})) == "ALLOW_ANY");
  CHECK(mode(strict.mesh_config("{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}").list(sidecars_list, "-A", {})) ==
        "REGISTRY_ONLY");
  CHECK(mode(own.mesh_config().list(sidecars_list, "-A", {sidecar("shop/default", registry)})) == "REGISTRY_ONLY");
  CHECK(mode(silent.mesh_config("{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}")
                 .list(sidecars_list, "-A", {sidecar("shop/default")})) == "REGISTRY_ONLY");
  CHECK(mode(no_config.list(sidecars_list, "-A", {})).empty());
  CHECK(mode(no_sidecars.mesh_config()).empty());
  CHECK(mode(partly.mesh_config().list(sidecars_list, "-n shop", {})).empty());
  CHECK(mode(partly.list(sidecars_list, "-n istio-system", {})) == "ALLOW_ANY");
}

TEST_CASE("the servers of a gateway pod") {
  World world;
  const std::string server =
      "{'port':{'number':443,'protocol':'HTTPS'},'hosts':['shop/"
      "Shop.example.com','*'],'tls':{'mode':'SIMPLE','credentialName':'cert'}}";
  world.list(gateways_list, "-A",
             {object("Gateway", "shop/gw",
                     "{'selector':{'istio':'ingressgateway'},'servers':[" + server +
                         ",{'port':{'number':80,'protocol':'HTTP'},'hosts':['./a']}]}", "1"),
              object("Gateway", "shop/all", "{'servers':[{'port':{'number':8080}}]}", "2"),
              object("Gateway", "shop/none", "{'selector':{'istio':'ingressgateway'},'servers':'x'}"),
              object("Gateway", "shop/egress", "{'selector':{'istio':'egressgateway'},'servers':[" + server + "]}")});
  const View view(world.evidence);
  const auto servers =
      gateway_servers(view, a_pod({"istio-system/gw-1", "istio=ingressgateway", "10.0.0.3", "router"}));
  REQUIRE(servers.size() == 3);
  CHECK(servers[0].port == 443);
  CHECK(servers[0].protocol == "HTTPS");
  CHECK(servers[0].tls_mode == "SIMPLE");
  CHECK(servers[0].credential == "cert");
  CHECK(servers[0].hosts == std::vector<std::string>{"shop.example.com", "*"});
  CHECK(servers[0].admits(0, "shop"));
  CHECK_FALSE(servers[0].admits(0, "team"));
  CHECK(servers[0].admits(1, "team"));
  CHECK(servers[1].hosts == std::vector<std::string>{"a"});
  CHECK(servers[1].admits(0, "shop"));
  CHECK_FALSE(servers[1].admits(0, "team"));
  CHECK(servers[2].gateway->meta.name == "all");    // the oldest Gateway's first, whatever the list's order
}
