// NetworkPolicies between two pods: which direction, which peers, which ports.
#include "mesh/network_policy.hpp"

#include "mesh/injection.hpp"
#include "mesh/selector.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string policy(const std::string& name, const std::string& spec) { return object("NetworkPolicy", name, "{" + spec + "}"); }
const std::string web = "'podSelector':{'matchLabels':{'app':'web'}}";

evidence::Pod pod(const std::string& name, const std::string& labels, const std::string& ip, const std::string& spec = "") {
  PodText text{name, labels, ip};
  text.more_spec = spec;
  return a_pod(text);
}

struct Row {
  std::string about;
  std::vector<std::string> policies;
  Tri in;
};

/// client (shop) to web's port 8080 (shop).
Tri ingress_of(const std::vector<std::string>& policies, const evidence::Pod& from, bool namespaces = true) {
  World world;
  world.list("networkpolicies.networking.k8s.io", "-n shop", policies);
  if (namespaces) world.list("namespaces", "", {object("Namespace", "shop", "{}", "", "team=a"), object("Namespace", "legacy", "{}", "", "team=b")});
  const View view(world.evidence);
  return ingress_allows(view, from, pod("shop/web-1", "app=web", "10.244.0.9"), 8080).allows;
}

}  // namespace

TEST_CASE("what policies let in") {
  const std::string from_client = "'ingress':[{'from':[{'podSelector':{'matchLabels':{'app':'client'}}}]";
  const Row rows[] = {
      {"no policy", {}, Tri::yes},
      {"another workload's", {policy("shop/api", "'podSelector':{'matchLabels':{'app':'api'}}")}, Tri::yes},
      {"selects and lists nothing", {policy("shop/web", web)}, Tri::no},
      {"all pods", {policy("shop/all", "'podSelector':{}")}, Tri::no},
      {"egress only does not decide ingress", {policy("shop/web", web + ",'policyTypes':['Egress']")}, Tri::yes},
      {"an empty rule takes all", {policy("shop/web", web + ",'ingress':[{}]")}, Tri::yes},
      {"the caller", {policy("shop/web", web + "," + from_client + "}]")}, Tri::yes},
      {"the caller on another port", {policy("shop/web", web + "," + from_client + ",'ports':[{'port':9090}]}]")}, Tri::no},
      {"the caller on this port", {policy("shop/web", web + "," + from_client + ",'ports':[{'port':8080}]}]")}, Tri::yes},
      {"a named port", {policy("shop/web", web + "," + from_client + ",'ports':[{'port':'http'}]}]")}, Tri::yes},
      {"a name nobody has", {policy("shop/web", web + "," + from_client + ",'ports':[{'port':'grpc'}]}]")}, Tri::no},
      {"a range of ports", {policy("shop/web", web + "," + from_client + ",'ports':[{'port':8000,'endPort':8100}]}]")}, Tri::yes},
      {"UDP", {policy("shop/web", web + "," + from_client + ",'ports':[{'protocol':'UDP','port':8080}]}]")}, Tri::no},
      {"policies add up", {policy("shop/all", "'podSelector':{}"), policy("shop/web", web + "," + from_client + "}]")}, Tri::yes},
      {"a namespace by label", {policy("shop/web", web + ",'ingress':[{'from':[{'namespaceSelector':{'matchLabels':{'team':'a'}}}]}]")}, Tri::yes},
      {"another namespace", {policy("shop/web", web + ",'ingress':[{'from':[{'namespaceSelector':{'matchLabels':{'team':'b'}}}]}]")}, Tri::no},
      {"both selectors in one peer", {policy("shop/web", web + ",'ingress':[{'from':[{'namespaceSelector':{},'podSelector':{'matchLabels':{'app':'api'}}}]}]")}, Tri::no},
      {"an address block", {policy("shop/web", web + ",'ingress':[{'from':[{'ipBlock':{'cidr':'10.244.0.0/16'}}]}]")}, Tri::yes},
      {"with a hole", {policy("shop/web", web + ",'ingress':[{'from':[{'ipBlock':{'cidr':'10.244.0.0/16','except':['10.244.0.0/24']}}]}]")}, Tri::no},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK((ingress_of(row.policies, pod("shop/client-1", "app=client", "10.244.0.5")) == row.in));
  }
}

TEST_CASE("what was not read is not decided") {
  const auto client = pod("legacy/db-1", "app=client", "10.244.0.5");
  const std::string by_team = policy("shop/web", web + ",'ingress':[{'from':[{'namespaceSelector':{'matchLabels':{'team':'b'}}}]}]");
  CHECK((ingress_of({by_team}, client) == Tri::yes));
  CHECK((ingress_of({by_team}, client, false) == Tri::unknown));
  const World nothing;
  const View view(nothing.evidence);
  CHECK((ingress_allows(view, client, pod("shop/web-1", "app=web", "10.244.0.9"), 8080).allows == Tri::unknown));
  const auto host = pod("shop/agent", "app=agent", "192.168.0.1", "'hostNetwork':true,");
  CHECK((ingress_of({policy("shop/web", web)}, host) == Tri::unknown));
}

TEST_CASE("egress is asked of the caller's namespace, and the port is the server's") {
  World world;
  world.list("networkpolicies.networking.k8s.io", "-n shop", {policy("shop/out", "'podSelector':{},'policyTypes':['Egress'],'egress':[{'ports':[{'port':53,'protocol':'UDP'}]},{'to':[{'podSelector':{'matchLabels':{'app':'web'}}}],'ports':[{'port':'http'}]}]")});
  const View view(world.evidence);
  const auto client = pod("shop/client-1", "app=client", "10.244.0.5");
  CHECK((egress_allows(view, client, pod("shop/web-1", "app=web", "10.244.0.9"), 8080).allows == Tri::yes));
  CHECK((egress_allows(view, client, pod("shop/web-1", "app=web", "10.244.0.9"), 9000).allows == Tri::no));
  const auto denied = egress_allows(view, client, pod("shop/api-1", "app=api", "10.244.0.8"), 8080);
  CHECK((denied.allows == Tri::no));
  REQUIRE(denied.policies.size() == 1);
  CHECK(denied.policies.front()->meta.name == "out");
}

TEST_CASE("label selectors") {
  struct Selector {
    const char *selector, *labels;
    bool takes;
  };
  const Selector rows[] = {
      {"{}", "app=web", true},
      {"null", "app=web", false},
      {"{'matchLabels':{'app':'web'}}", "app=web,v=1", true},
      {"{'matchLabels':{'app':'web'}}", "app=api", false},
      {"{'matchExpressions':[{'key':'v','operator':'Exists'}]}", "v=1", true},
      {"{'matchExpressions':[{'key':'v','operator':'DoesNotExist'}]}", "v=1", false},
      {"{'matchExpressions':[{'key':'v','operator':'In','values':['1','2']}]}", "v=2", true},
      {"{'matchExpressions':[{'key':'v','operator':'In','values':['1']}]}", "app=web", false},
      {"{'matchExpressions':[{'key':'v','operator':'NotIn','values':['1']}]}", "app=web", true},
      {"{'matchExpressions':[{'key':'v','operator':'NotIn','values':['1']}]}", "v=1", false},
      {"{'matchExpressions':[{'key':'v','operator':'Gt','values':['1']}]}", "v=2", false},
  };
  for (const auto& row : rows) {
    INFO(row.selector << " " << row.labels);
    evidence::Labels labels;
    for (const auto& pair : split(row.labels, ',')) labels[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
    CHECK(label_selector_takes(json(row.selector), labels) == row.takes);
  }
}

TEST_CASE("injectors are webhooks by their name, and take by both selectors") {
  World world;
  const std::string hooks =
      "'webhooks':[{'name':'rev.namespace.sidecar-injector.istio.io','namespaceSelector':{'matchLabels':{'istio.io/rev':'canary'}},'objectSelector':{'matchExpressions':[{'key':'sidecar.istio.io/inject','operator':'NotIn','values':['false']}]},"
      "'clientConfig':{'service':{'namespace':'istio-system','name':'istiod-canary'}}},{'name':'policy.example.com'}]";
  world.list("mutatingwebhookconfigurations.admissionregistration.k8s.io", "", {"{'kind':'MutatingWebhookConfiguration','metadata':{'name':'istio-sidecar-injector-canary','labels':{'istio.io/rev':'canary'}}," + hooks + "}"});
  const View view(world.evidence);
  const auto all = injectors(view);
  REQUIRE(all.has_value());
  REQUIRE(all->size() == 1);
  CHECK(all->front().revision == "canary");
  CHECK(all->front().service == "istio-system/istiod-canary");
  CHECK(takes(all->front(), {{"istio.io/rev", "canary"}}, {}));
  CHECK_FALSE(takes(all->front(), {{"istio.io/rev", "canary"}}, {{"sidecar.istio.io/inject", "false"}}));
  CHECK_FALSE(takes(all->front(), {{"istio.io/rev", "stable"}}, {}));
  const World nothing;
  CHECK_FALSE(injectors(View(nothing.evidence)).has_value());
}
