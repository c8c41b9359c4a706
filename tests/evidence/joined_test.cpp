#include <doctest/doctest.h>

#include "evidence/evidence.hpp"
#include "evidence/joined.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

std::vector<run::Argv> commands(const std::vector<std::string>& lines) {
  std::vector<run::Argv> list;
  for (const auto& line : lines) list.push_back(split(line, ' '));
  return list;
}

std::vector<std::string> joined(const std::vector<std::string>& lines, std::size_t most = 6) {
  std::vector<std::string> list;
  for (const auto& one : joins_of(commands(lines), most)) list.push_back(join(one.argv, " "));
  return list;
}

const std::vector<std::string> two_lists = {"kubectl get services -n shop -o json", "kubectl get deployments.apps -n shop -o json"};

run::CommandResult answer(const std::string& argv, const std::string& out, int exit = 0, const std::string& err = "") {
  run::CommandResult result;
  result.argv = split(argv, ' ');
  result.out = out;
  result.err = err;
  result.exit_code = exit;
  return result;
}

const std::string both = R"({"apiVersion":"v1","items":[
  {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"}},
  {"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"note":"]}, \"kind\": \"Pod\""}}],"kind":"List"})";

}  // namespace

TEST_CASE("lists of one scope and family are asked for together, with versions kubectl does not mistake") {
  CHECK(joined({"kubectl get services -n shop -o json", "kubectl get endpointslices.discovery.k8s.io -n shop -o json",
                "kubectl get pods -n legacy -o json", "kubectl get namespaces -o json"}) ==
        std::vector<std::string>{"kubectl get services,endpointslices.v1.discovery.k8s.io,namespaces -n shop -o json"});
  CHECK(joined({"kubectl get virtualservices.networking.istio.io -A -o json", "kubectl get peerauthentications.security.istio.io -A -o json",
                "kubectl get pods -A -o json"}) ==
        std::vector<std::string>{"kubectl get virtualservices.v1beta1.networking.istio.io,peerauthentications.v1beta1.security.istio.io -A -o json"});
}

TEST_CASE("kinds without namespace go in front of Istio's lists of all namespaces where there are such") {
  CHECK(joined({"kubectl get namespaces -o json", "kubectl get services -n shop -o json", "kubectl get pods -n shop -o json",
                "kubectl get gateways.networking.istio.io -A -o json", "kubectl get sidecars.networking.istio.io -A -o json"}) ==
        std::vector<std::string>{"kubectl get services,pods -n shop -o json",
                                 "kubectl get namespaces,gateways.v1beta1.networking.istio.io,sidecars.v1beta1.networking.istio.io -A -o json"});
}

TEST_CASE("four parts of one proxy's dump are asked for together; its endpoints and one part alone are not") {
  CHECK(joined({"istioctl proxy-config clusters a.shop -o json", "istioctl proxy-config routes b.shop -o json",
                "istioctl proxy-config endpoints a.shop -o json", "istioctl proxy-config secret a.shop -o json"}) ==
        std::vector<std::string>{"istioctl proxy-config all a.shop -o json"});
}

TEST_CASE("what is not in its canonical form is run as it is") {
  CHECK(joined({"kubectl get services -n shop -o json --request-timeout=5s", "kubectl get pods -n shop -o yaml", "kubectl logs a -n shop",
                "kubectl get pods -n shop -l app=web -o json", "kubectl get services -n shop -o json"})
            .empty());
}

TEST_CASE("no more kinds than allowed go into one process, in even parts") {
  std::vector<std::string> lines;
  for (const char* kind : {"services", "endpointslices.discovery.k8s.io", "pods", "deployments.apps", "replicasets.apps"}) {
    lines.push_back(std::string("kubectl get ") + kind + " -n shop -o json");
  }
  CHECK(joined(lines, 4) == std::vector<std::string>{"kubectl get services,endpointslices.v1.discovery.k8s.io -n shop -o json",
                                                     "kubectl get pods,deployments.apps,replicasets.apps -n shop -o json"});
}

TEST_CASE("a joined list is taken apart by group and kind") {
  const auto parts = take_apart(commands(two_lists), answer("kubectl get services,deployments.apps -n shop -o json", both));
  REQUIRE(parts);
  CHECK(join((*parts)[0].argv, " ") == two_lists[0]);
  CHECK(join((*parts)[0].together, " ") == "kubectl get services,deployments.apps -n shop -o json");
  Evidence evidence;
  for (const auto& part : *parts) evidence.add(part);
  REQUIRE(evidence.get<Kind::services>("shop").ok());
  CHECK(evidence.get<Kind::services>("shop").value.size() == 1);
  CHECK(evidence.get<Kind::deployments>("shop").value.size() == 1);
}

TEST_CASE("an empty part is an empty list, as kubectl prints it") {
  const auto parts = take_apart(commands(two_lists), answer("kubectl get x -n shop -o json", R"({"apiVersion":"v1","items":[],"kind":"List"})"));
  REQUIRE(parts);
  CHECK((*parts)[1].out ==
        "{\n    \"apiVersion\": \"v1\",\n    \"items\": [],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n");
}

TEST_CASE("a kind that is forbidden leaves the others theirs") {
  const std::string no = "Error from server (Forbidden): deployments.apps is forbidden: User \"me\" cannot list resource \"deployments\" in API group \"apps\" in the namespace \"shop\"\n";
  const auto parts = take_apart(commands(two_lists), answer("kubectl get x -n shop -o json", R"({"apiVersion":"v1","items":[],"kind":"List"})", 1, no));
  REQUIRE(parts);
  CHECK((*parts)[0].exit_code == 0);
  CHECK(classify((*parts)[1]).gap == Gap::forbidden);
  CHECK((*parts)[1].err == no);
}

TEST_CASE("an answer that does not tell what failed, or is not whole, is not taken apart") {
  const std::string empty = R"({"apiVersion":"v1","items":[],"kind":"List"})";
  const std::vector<run::CommandResult> bad = {
      answer("kubectl get x -n shop -o json", empty, 1, "error: the server doesn't have a resource type \"deployments\"\n"),
      answer("kubectl get x -n shop -o json", empty, 1, ""),
      answer("kubectl get x -n shop -o json", both.substr(0, both.size() / 2)),
      answer("kubectl get x -n shop -o json", ""),
      answer("kubectl get x -n shop -o json", R"({"items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}]})"),
      answer("kubectl get x -n shop -o json", R"({"items":[{"metadata":{"name":"a"}}]})"),
  };
  for (const auto& result : bad) CHECK_FALSE(take_apart(commands(two_lists), result));
  auto cut = answer("kubectl get x -n shop -o json", both);
  cut.truncated = true;
  CHECK_FALSE(take_apart(commands(two_lists), cut));
}

TEST_CASE("a whole dump is taken apart by its sections; one that lacks a section is not") {
  const auto members = commands({"istioctl proxy-config clusters a.shop -o json", "istioctl proxy-config routes a.shop -o json"});
  const auto dump = [](const std::string& routes) {
    return answer("istioctl proxy-config all a.shop -o json",
                  R"({"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"cluster":{"name":"x","connect_timeout":"10s"}}]},)"
                  R"({"@type":"type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump"})" + routes + "]}");
  };
  const auto parts = take_apart(members, dump(R"(,{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump"})"));
  REQUIRE(parts);
  Evidence evidence;
  for (const auto& part : *parts) evidence.add(part);
  REQUIRE(evidence.get<Kind::clusters>("shop", "a").ok());
  CHECK(evidence.get<Kind::clusters>("shop", "a").value.front().name == "x");
  CHECK(evidence.get<Kind::routes>("shop", "a").ok());
  CHECK_FALSE(take_apart(members, dump("")));
}
