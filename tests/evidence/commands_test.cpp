#include <ostream>

#include <doctest/doctest.h>

#include "evidence/evidence.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {
std::optional<Key> key_of_line(const std::string& line) { return key_of(split(line, ' ')); }
}  // namespace

TEST_CASE("every kind has a name and a command that asks for it") {
  CHECK(all_kinds().size() == static_cast<std::size_t>(Kind::analyze) + 1);
  for (const Kind kind : all_kinds()) {
    INFO(kind_name(kind));
    CHECK(all_kinds()[static_cast<std::size_t>(kind)] == kind);
    const char* name = kind == Kind::mesh_config ? "istio-1-28" : "web-1";
    for (const Key& key : {Key{kind, "shop", name, "app"}, Key{kind, "", "", ""}}) {
      const bool of_a_pod = (kind >= Kind::clusters && kind <= Kind::sockets);
      if (of_a_pod && key.ns.empty()) continue;
      const auto back = key_of(command_for(key));
      REQUIRE(back.has_value());
      CHECK(back->kind == kind);
      CHECK(command_for(*back) == command_for(key));
      if (of_a_pod) CHECK(back->name == "web-1");
    }
  }
}

TEST_CASE("canonical commands") {
  const auto line = [](const Key& key) { return shell_join(command_for(key)); };
  CHECK(line({Kind::peer_authentications, "", "", ""}) == "kubectl get peerauthentications.security.istio.io -A -o json");
  CHECK(line({Kind::virtual_services, "shop", "", ""}) == "kubectl get virtualservices.networking.istio.io -n shop -o json");
  CHECK(line({Kind::endpointslices, "shop", "", ""}) == "kubectl get endpointslices.discovery.k8s.io -n shop -o json");
  CHECK(line({Kind::namespaces, "", "", ""}) == "kubectl get namespaces -o json");
  CHECK(line({Kind::mesh_config, "", "", ""}) == "kubectl get configmap istio -n istio-system -o json");
  CHECK(line({Kind::secrets, "shop", "web-1", ""}) == "istioctl proxy-config secret web-1.shop -o json");
  CHECK(line({Kind::log, "shop", "web-1", ""}) == "kubectl logs web-1 -n shop -c istio-proxy --tail=500");
  CHECK(line({Kind::app_log, "shop", "web-1", "app"}) == "kubectl logs web-1 -n shop -c app --tail=50");
  CHECK(line({Kind::sockets, "shop", "web-1", ""}) ==
        "kubectl exec web-1 -n shop -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6");
  CHECK(line({Kind::proxy_status, "", "", ""}) == "istioctl proxy-status -v 1");
  CHECK(line({Kind::analyze, "shop", "", ""}) == "istioctl analyze -n shop -o json");
}

TEST_CASE("the same question in other words has the same key") {
  const std::pair<const char*, Key> cases[] = {
      {"kubectl get -o json pods --namespace shop", {Kind::pods, "shop", "", ""}},
      {"kubectl -n=shop get pods -ojson", {Kind::pods, "shop", "", ""}},
      {"/usr/bin/kubectl get deployments --namespace=shop --output=json --context x", {Kind::deployments, "shop", "", ""}},
      {"kubectl get virtualservices.networking.istio.io --all-namespaces -o json", {Kind::virtual_services, "", "", ""}},
      {"kubectl get mutatingwebhookconfigurations.admissionregistration.k8s.io -o json", {Kind::webhooks, "", "", ""}},
      {"kubectl get cm istio -n istio-system -o json", {Kind::mesh_config, "", "", ""}},
      {"kubectl get configmap istio -n mesh -o json", {Kind::mesh_config, "mesh", "", ""}},
      {"kubectl get configmap istio-1-28 -n istio-system -o json", {Kind::mesh_config, "", "istio-1-28", ""}},
      {"istioctl proxy-status -i mesh --revision 1-28 -o json", {Kind::proxy_status, "mesh", "1-28", ""}},
      {"kubectl logs pod/web-1 -n shop -c istio-proxy --since 5m", {Kind::log, "shop", "web-1", ""}},
      {"kubectl logs -c app --tail=100 -n shop web-1", {Kind::app_log, "shop", "web-1", "app"}},
      {"istioctl pc ep web-1.shop -o json", {Kind::endpoints, "shop", "web-1", ""}},
      {"istioctl proxy-config cluster web-1 -n shop -o json", {Kind::clusters, "shop", "web-1", ""}},
      {"istioctl pc secrets a.b.shop -o json", {Kind::secrets, "shop", "a.b", ""}},
      {"istioctl proxy-status", {Kind::proxy_status, "", "", ""}},
      {"istioctl ps -v 1", {Kind::proxy_status, "", "", ""}},
      {"istioctl proxy-status -o json", {Kind::proxy_status, "", "", ""}},
      {"istioctl analyze -A -o json", {Kind::analyze, "", "", ""}},
  };
  for (const auto& [line, key] : cases) {
    INFO(line);
    const auto found = key_of_line(line);
    REQUIRE(found.has_value());
    CHECK(*found == key);
  }
}

TEST_CASE("a command that asks for less than the whole has no key") {
  for (const char* line :
       {"", "kubectl", "kubectl get", "kubectl get pods -o json", "kubectl get pods -n shop", "kubectl get pods -n shop -o yaml",
        "kubectl get pods web-1 -n shop -o json", "kubectl get pods -n shop -l app=web -o json", "kubectl get pods,services -n x -o json",
        "kubectl get gateways -A -o json", "kubectl get secrets -n shop -o json", "kubectl get pods -o json -n",
        "kubectl get configmap other -n istio-system -o json", "kubectl logs web-1 -n shop", "kubectl logs web-1 -c app",
        "kubectl logs deploy/web -n shop -c istio-proxy", "kubectl logs web-1 -n shop -c istio-proxy --previous",
        "kubectl exec web-1 -n shop -c istio-proxy -- cat /proc/net/tcp", "kubectl version", "istioctl version",
        "istioctl proxy-config clusters web-1.shop", "istioctl proxy-config clusters web-1 -o json",
        "istioctl proxy-config clusters deploy/web.shop -o json", "istioctl proxy-config clusters web-1.shop --fqdn x -o json",
        "istioctl proxy-config all web-1.shop -o json", "istioctl proxy-status web-1.shop", "istioctl ps -o yaml",
        "istioctl analyze -n shop", "istioctl analyze -o json", "helm list -o json", "istioctl pc cluster .shop -o json"}) {
    INFO(line);
    CHECK_FALSE(key_of_line(line).has_value());
  }
}
