#include <doctest/doctest.h>

#include "evidence/api_read.hpp"
#include "evidence/evidence.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

std::string path(const std::string& command) {
  const auto read = api_read_for(split(command, ' '));
  return read ? read->back() : "";
}

run::CommandResult answer(const std::string& command, const std::string& out, const std::string& err = "") {
  run::CommandResult result;
  result.argv = {"kubectl", "get", "--raw", path(command)};
  result.out = out;
  result.err = err;
  result.exit_code = err.empty() ? 0 : 1;
  return result;
}

std::optional<run::CommandResult> from(const std::string& command, const std::string& out, const std::string& err = "") {
  return from_api_read(split(command, ' '), answer(command, out, err));
}

const std::string pods = "kubectl get pods -n shop -o json";
const std::string routes = "kubectl get httproutes.gateway.networking.k8s.io -A -o json";
const std::string proxy_log = "kubectl logs web-1 -n shop -c istio-proxy --tail=500";
const std::string no_path = "Error from server (NotFound): the server could not find the requested resource\n";

}  // namespace

TEST_CASE("commands that read one thing of the API are requests of it") {
  CHECK(path(pods) == "/api/v1/namespaces/shop/pods");
  CHECK(path("kubectl get namespaces -o json") == "/api/v1/namespaces");
  CHECK(path("kubectl get deployments.apps -n shop -o json") == "/apis/apps/v1/namespaces/shop/deployments");
  CHECK(path("kubectl get endpointslices.discovery.k8s.io -n shop -o json") == "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices");
  CHECK(path("kubectl get virtualservices.networking.istio.io -A -o json") == "/apis/networking.istio.io/v1beta1/virtualservices");
  CHECK(path("kubectl get envoyfilters.networking.istio.io -n a.b -o json") == "/apis/networking.istio.io/v1alpha3/namespaces/a.b/envoyfilters");
  CHECK(path("kubectl get referencegrants.gateway.networking.k8s.io -A -o json") == "/apis/gateway.networking.k8s.io/v1beta1/referencegrants");
  CHECK(path("kubectl get configmap istio-canary -n mesh -o json") == "/api/v1/namespaces/mesh/configmaps/istio-canary");
  CHECK(path(proxy_log) == "/api/v1/namespaces/shop/pods/web-1/log?container=istio-proxy&tailLines=500");
  CHECK(path("kubectl logs web-1 -n shop -c app --tail=50") == "/api/v1/namespaces/shop/pods/web-1/log?container=app&tailLines=50");
}

TEST_CASE("every other command is run: other forms, names that are none, what is no read of the API") {
  for (const char* command : {
           "kubectl get pods -n shop -o yaml", "kubectl get pods -n shop -l app=web -o json", "kubectl get pods web-1 -n shop -o json",
           "kubectl get pods --namespace shop -o json", "kubectl get configmap other -n shop -o json", "kubectl get secrets -n shop -o json",
           "kubectl get pods -n ../x -o json", "kubectl get pods -n Shop -o json", "kubectl get pods -n a/b -o json", "kubectl get pods -n a?b -o json",
           "kubectl logs web-1 -n shop -c istio-proxy", "kubectl logs web-1 -n shop -c istio-proxy --tail=-1", "kubectl logs deploy/web -n shop -c x --tail=5",
           "kubectl logs web-1 -n shop -c istio-proxy --since=5m", "kubectl logs web-1 -n shop -c istio-proxy --tail=5 --previous",
           "kubectl version -o json", "istioctl proxy-status", "istioctl proxy-config clusters a.shop -o json",
           "kubectl exec a -n shop -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6",
       }) {
    CHECK_MESSAGE(path(command).empty(), command);
  }
}

TEST_CASE("a list gets the form that kubectl prints: kind and version on each item, no managedFields") {
  const auto result = from(pods, R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[
    {"metadata":{"name":"a","namespace":"shop","managedFields":[{"manager":"x","fieldsV1":{"f:a":{"]}":{}}}}],"labels":{"managedFields":"mine"}},"spec":{}},
    {"metadata":{"name":"b","managedFields":[]}},{}]})");
  REQUIRE(result);
  CHECK(join(result->argv, " ") == pods);
  CHECK(join(result->together, " ") == "kubectl get --raw /api/v1/namespaces/shop/pods");
  const auto list = parse_json(result->out);
  REQUIRE(list.ok());
  CHECK(*list == *parse_json(R"({"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":""},"items":[
    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"shop","labels":{"managedFields":"mine"}},"spec":{}},
    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}},{"apiVersion":"v1","kind":"Pod"}]})"));
}

TEST_CASE("items that say their kind keep it, and an empty list is one, however Go wrote it") {
  const std::string head = R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRouteList","metadata":{},"items":)";
  const auto one = from(routes, head + R"([{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"a"}}]})");
  REQUIRE(one);
  const auto item = parse_json(one->out)->at("items").at(0);
  CHECK(item.dump() == R"({"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":{"name":"a"}})");
  for (const char* none : {"[]}", "null}"}) {
    const auto empty = from(routes, head + none);
    REQUIRE(empty);
    CHECK(empty->out == "{\n    \"apiVersion\": \"v1\",\n    \"items\": [],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n");
  }
}

TEST_CASE("a ConfigMap loses its managedFields, a log nothing") {
  const auto config = from("kubectl get configmap istio -n istio-system -o json",
                           R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"istio","managedFields":[{}]},"data":{"mesh":"a: 1"}})");
  REQUIRE(config);
  CHECK(config->out == "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"istio\"},\"data\":{\"mesh\":\"a: 1\"}}\n");
  const auto lines = from(proxy_log, "[2026-01-31T12:00:00.000Z] \"GET / HTTP/1.1\" 200\n");
  REQUIRE(lines);
  CHECK(lines->out == "[2026-01-31T12:00:00.000Z] \"GET / HTTP/1.1\" 200\n");
  CHECK(from(proxy_log, "")->out.empty());
}

TEST_CASE("an answer that is not what was asked for settles nothing") {
  for (const char* out : {"", "<html>", "{}", "[]", R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{}})",
                          R"({"kind":"PodList","apiVersion":"v1"})", R"({"kind":"ServiceList","apiVersion":"v1","items":[]})",
                          R"({"kind":"Status","apiVersion":"v1","status":"Failure"})", R"({"kind":"PodList","apiVersion":"v1","items":{}})"}) {
    CHECK_MESSAGE(!from(pods, out), out);
  }
  CHECK_FALSE(from("kubectl get configmap istio -n istio-system -o json", R"({"kind":"Status"})"));
}

TEST_CASE("errors that the API server words are the command's own; others are not") {
  const std::string no = "Error from server (Forbidden): pods is forbidden: User \"me\" cannot list resource \"pods\" in API group \"\" in the namespace \"shop\"\n";
  const auto forbidden = from(pods, "", no);
  REQUIRE(forbidden);
  CHECK(forbidden->err == no);
  CHECK(forbidden->exit_code == 1);
  CHECK(classify(*forbidden).gap == Gap::forbidden);
  CHECK(from(proxy_log, "", "Error from server (NotFound): pods \"web-1\" not found\n"));
  CHECK_FALSE(from(pods, "", no_path));
  CHECK_FALSE(from(pods, "", "error: unknown flag: --raw\n"));
  auto late = answer(proxy_log, "half of a lo");
  late.end = run::End::timed_out;
  late.why = "the API server did not answer";
  const auto timed_out = from_api_read(split(proxy_log, ' '), late);
  REQUIRE(timed_out);
  CHECK(timed_out->end == run::End::timed_out);
  CHECK(timed_out->out == "half of a lo");
  auto refused = answer(pods, "");
  for (const auto end : {run::End::refused, run::End::not_started}) {
    refused.end = end;
    CHECK_FALSE(from_api_read(split(pods, ' '), refused));
  }
}

TEST_CASE("where the API has no such path, its group tells whether kubectl would know the kind") {
  const auto command = split(routes, ' ');
  const auto group = group_read_for(command, answer(routes, "", no_path));
  REQUIRE(group);
  CHECK(join(*group, " ") == "kubectl get --raw /apis/gateway.networking.k8s.io");
  run::CommandResult none;
  none.argv = *group;
  none.err = no_path;
  none.exit_code = 1;
  const auto unknown = from_api_read(command, none);
  REQUIRE(unknown);
  CHECK(classify(*unknown).gap == Gap::no_such_kind);
  CHECK(unknown->err == "error: the server doesn't have a resource type \"httproutes\"\n");
  CHECK_FALSE(group_read_for(command, none));
  // The group is there: another version of the kind may be.
  run::CommandResult there;
  there.argv = *group;
  there.out = R"({"kind":"APIGroup"})";
  CHECK_FALSE(from_api_read(command, there));
  CHECK_FALSE(group_read_for(command, there));
  CHECK_FALSE(group_read_for(split(pods, ' '), answer(pods, "", no_path)));
  CHECK_FALSE(group_read_for(command, answer(routes, "{}")));
}
