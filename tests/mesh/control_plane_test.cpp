// Which control plane a proxy belongs to, by what the injector wrote into its pod.
#include "mesh/control_plane.hpp"

#include "evidence/evidence.hpp"
#include "mesh/view.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;

namespace {

Json pod_with(const std::string& authority, const std::string& config, const std::string& annotation, const std::string& value) {
  Json env = Json::array();
  if (!authority.empty()) env.push_back({{"name", "CA_ADDR"}, {"value", authority}});
  if (!config.empty()) env.push_back({{"name", "PROXY_CONFIG"}, {"value", config}});
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "web-1"}, {"namespace", "shop"}}},
              {"spec", {{"containers", Json::array({{{"name", "istio-proxy"}, {"args", {"proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.corp.example"}}, {"env", env}}})}}}};
  if (!annotation.empty()) pod["metadata"]["annotations"][annotation] = value;
  return pod;
}

}  // namespace

TEST_CASE("the control plane of a proxy") {
  struct Row {
    std::string authority, config, annotation, value, plane;
  };
  const Row rows[] = {
      {"istiod.istio-system.svc:15012", "{}", "", "", "istio-system/default istio"},
      {"istiod.istio-system.svc:15012", "{}", "istio.io/rev", "default", "istio-system/default istio"},
      {"istiod.mesh.svc:15012", "", "", "", "mesh/default istio"},
      {"istiod-1-28.istio-system.svc:15012", "{}", "", "", "istio-system/1-28 istio-1-28"},
      {"istiod-1-28.mesh.svc.corp.example:15012", "", "sidecar.istio.io/status", "{\"revision\":\"1-28\"}", "mesh/1-28 istio-1-28"},
      // A Service that stands for a tag: the injector knows the revision behind it.
      {"istiod-revision-tag-stable.mesh.svc:15012", "", "sidecar.istio.io/status", "{\"revision\":\"1-28\"}", "mesh/1-28 istio-1-28"},
      // Certificates from elsewhere: the configuration still comes from istiod.
      {"istio-csr.cert-manager.svc:443", "{\"discoveryAddress\":\"istiod-1-28.mesh.svc:15012\",\"proxyMetadata\":{}}", "", "", "mesh/1-28 istio-1-28"},
      {"", "discoveryAddress: istiod.mesh.svc:15012\ntracing: {}", "", "", "mesh/default istio"},
      {"istio-csr.cert-manager.svc:443", "{}", "", "", ""},
      {"istiod.example.com:15012", "", "", "", ""},
      {"", "", "", "", ""},
  };
  for (const auto& row : rows) {
    INFO(row.authority << " " << row.config);
    const auto pod = evidence::to_pod(pod_with(row.authority, row.config, row.annotation, row.value));
    REQUIRE(pod.ok());
    const auto plane = control_plane_of(*pod);
    CHECK((plane ? plane->ns + "/" + plane->revision + " " + plane->config_map() : "") == row.plane);
  }
}

TEST_CASE("the mesh configuration is that of the proxies' control plane") {
  const auto answer = [](run::Argv argv, const Json& out) {
    run::CommandResult result;
    result.argv = std::move(argv);
    result.out = dump_json(out);
    return result;
  };
  const auto config = [](const std::string& root) { return Json{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "istio"}, {"namespace", "istio-system"}}}, {"data", {{"mesh", "rootNamespace: " + root}}}}; };
  evidence::Evidence evidence;
  const View view(evidence);
  CHECK(view.root_namespace() == "istio-system");
  CHECK(view.names().fqdn("web", "shop") == "web.shop.svc.cluster.local");
  evidence.add(answer({"kubectl", "get", "configmap", "istio", "-n", "istio-system", "-o", "json"}, config("old-root")));
  CHECK(View(evidence).root_namespace() == "old-root");
  const auto pod = pod_with("istiod-1-28.mesh.svc:15012", "", "", "");
  evidence.add(answer({"kubectl", "get", "pods", "-n", "shop", "-o", "json"}, {{"apiVersion", "v1"}, {"kind", "List"}, {"items", Json::array({pod})}}));
  CHECK(View(evidence).root_namespace() == "mesh");   // not read yet: the control plane's own
  CHECK(View(evidence).mesh_config() == nullptr);
  evidence.add(answer({"kubectl", "get", "configmap", "istio-1-28", "-n", "mesh", "-o", "json"}, config("new-root")));
  CHECK(View(evidence).root_namespace() == "new-root");
  CHECK(View(evidence).names().fqdn("web", "shop") == "web.shop.svc.corp.example");
}

TEST_CASE("two control planes beside each other: the caller's namespace decides") {
  const auto pod = [](const std::string& ns, const std::string& name, const std::string& authority) {
    auto json = pod_with(authority, "", "", "");
    json["metadata"]["namespace"] = ns;
    json["metadata"]["name"] = name;
    return json;
  };
  const auto list = [](const std::string& ns, const Json& items) {
    run::CommandResult result;
    result.argv = {"kubectl", "get", "pods", "-n", ns, "-o", "json"};
    result.out = dump_json({{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}});
    return result;
  };
  const std::string usual = "istiod.istio-system.svc:15012", canary = "istiod-canary.mesh.svc:15012";
  evidence::Evidence evidence;
  evidence.add(list("old", {pod("old", "a-1", usual), pod("old", "a-2", usual), pod("old", "a-3", usual)}));
  evidence.add(list("new", {pod("new", "b-1", canary), pod("new", "b-2", canary), pod("new", "b-3", usual)}));
  evidence.add(list("bare", {}));
  const auto plane = [&](const std::string& home) { return View(evidence, home).control_plane().ns + "/" + View(evidence, home).control_plane().revision; };
  CHECK(plane("new") == "mesh/canary");
  CHECK(plane("old") == "istio-system/default");
  CHECK(plane("bare") == "istio-system/default");   // no proxies there: that of most
  CHECK(plane("") == "istio-system/default");
  CHECK(View(evidence).control_planes().all.size() == 2);
  CHECK(View(evidence, "new").root_namespace() == "mesh");
}
