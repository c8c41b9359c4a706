#include <ostream>

#include <doctest/doctest.h>

#include "evidence/kube.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

std::string list_of(const std::string& items) {
  return R"({"apiVersion":"v1","items":[)" + items + R"(],"kind":"List","metadata":{"resourceVersion":""}})" + "\n";
}

const std::string service = R"({"apiVersion":"v1","kind":"Service",
  "metadata":{"name":"web","namespace":"shop","uid":"u1","creationTimestamp":"2026-11-22T17:12:18Z","labels":{"app":"web"}},
  "spec":{"type":"ClusterIP","clusterIP":"10.96.0.7","clusterIPs":["10.96.0.7","fd00::7"],"selector":{"app":"web"},
  "ports":[{"name":"http","port":80,"targetPort":"web","appProtocol":"http2"},{"name":"grpc","port":7070},
  {"name":"dns","port":53,"protocol":"UDP","targetPort":5353}]}})";

const std::string pod = R"({"apiVersion":"v1","kind":"Pod",
  "metadata":{"name":"web-1","namespace":"shop","labels":{"app":"web"},"deletionTimestamp":"2026-11-22T17:12:18Z",
    "annotations":{"ambient.istio.io/redirection":"enabled"},
    "ownerReferences":[{"kind":"Thing","name":"x"},{"kind":"ReplicaSet","name":"web-abc","controller":true}]},
  "spec":{"serviceAccountName":"web","nodeName":"n1","securityContext":{"runAsUser":1000},
    "initContainers":[{"name":"istio-init"},{"name":"istio-proxy","restartPolicy":"Always","args":["proxy","sidecar"],
      "readinessProbe":{"httpGet":{}},"securityContext":{"runAsUser":1337},
      "env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"fieldRef":{}}},{"name":"C"}]}],
    "containers":[{"name":"app","image":"app:1","ports":[{"containerPort":8080,"name":"http"}]}]},
  "status":{"phase":"Running","podIP":"10.0.0.9","podIPs":[{"ip":"10.0.0.9"},{"ip":"fd00::9"}],
    "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"containers with unready status: [app]"}],
    "initContainerStatuses":[{"name":"istio-proxy","ready":true,"started":true,"restartCount":0}],
    "containerStatuses":[{"name":"app","ready":false,"restartCount":4,
      "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off"}},
      "lastState":{"terminated":{"reason":"OOMKilled","exitCode":137}}}]}})";

std::string proxy_pod(const std::string& word) {
  return R"({"kind":"Pod","metadata":{"name":"p"},"spec":{"containers":[{"name":"istio-proxy","args":["proxy",")" + word +
         R"("]}]}})";
}

}  // namespace

TEST_CASE("a List gives its objects with metadata and raw JSON") {
  const auto objects = parse_objects(list_of(service + "," + pod));
  REQUIRE(objects.ok());
  REQUIRE(objects->size() == 2);
  const auto& first = objects->front();
  CHECK(first.ref() == "Service shop/web");
  CHECK(first.meta.uid == "u1");
  CHECK(first.meta.created == "2026-11-22T17:12:18Z");
  CHECK(first.meta.labels.at("app") == "web");
  CHECK(at(first.spec(), "type") == "ClusterIP");
  CHECK(objects->at(1).meta.owner_kind == "ReplicaSet");
  CHECK(objects->at(1).meta.owner_name == "web-abc");
  CHECK(objects->at(1).meta.deleting);
  const auto cluster_wide = parse_objects(R"({"kind":"Namespace","metadata":{"name":"shop"}})");
  REQUIRE(cluster_wide.ok());
  CHECK(cluster_wide->front().ref() == "Namespace shop");
  REQUIRE(parse_objects(list_of("")).ok());
  CHECK(parse_objects(list_of(""))->empty());
  // The API's own typed list does not repeat the kind.
  const auto typed = parse_pods(R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]})");
  REQUIRE(typed.ok());
  CHECK(typed->front().raw.at("kind") == "Pod");
}

TEST_CASE("a List cut off anywhere is an error, never a shorter list") {
  const std::string whole = list_of(service + "," + pod);
  for (std::size_t n = 0; n + 1 < whole.size(); ++n) {   // the last byte is the line break
    INFO(n);
    CHECK_FALSE(parse_objects(std::string_view(whole).substr(0, n)).ok());
  }
  CHECK(parse_objects(std::string_view(whole).substr(0, whole.size() - 1)).ok());
}

TEST_CASE("what is no list of the kind is an error") {
  CHECK(parse_objects("").error() == "printed nothing");
  CHECK(parse_objects("No resources found\n").error().find("cut off or not JSON (") == 0);
  CHECK(parse_objects("[]").error() == "not a Kubernetes object or List");
  CHECK(parse_objects(R"({"kind":"List"})").error() == "the List has no items");
  CHECK(parse_objects(R"({"kind":"List","items":{}})").error() == "the List has no items");
  CHECK(parse_objects(R"({"kind":"List","items":null})").ok());
  CHECK(parse_objects(list_of(service + ",7")).error() == "item 1 of the list is not an object");
  CHECK(parse_objects(list_of(R"({"kind":"Pod","metadata":{}})")).error() == "item 0 of the list has no metadata.name");
  CHECK(parse_objects(list_of(R"({"metadata":{"name":"x"}})")).error() == "item 0 of the list has no kind");
  CHECK(parse_pods(list_of(service)).error() == "item 0 of the list is a Service, not a Pod");
  CHECK(parse_objects(std::string(100000, '[')).ok() == false);
}

TEST_CASE("a Service") {
  const auto services = parse_services(service);
  REQUIRE(services.ok());
  const auto& web = services->front();
  CHECK(web.cluster_ips == std::vector<std::string>{"10.96.0.7", "fd00::7"});
  CHECK_FALSE(web.headless());
  REQUIRE(web.ports.size() == 3);
  CHECK(web.ports[0].target.text() == "web");
  CHECK(web.ports[0].app_protocol == "http2");
  CHECK(web.ports[0].protocol == "TCP");
  CHECK(web.ports[1].target.text() == "7070");   // absent: the port itself
  CHECK(web.ports[2].target.number == 5353);
  CHECK(web.ports[2].protocol == "UDP");
  const auto headless = parse_services(R"({"kind":"Service","metadata":{"name":"h"},"spec":{"clusterIP":"None"}})");
  REQUIRE(headless.ok());
  CHECK(headless->front().headless());
  CHECK(headless->front().ports.empty());
}

TEST_CASE("an EndpointSlice") {
  const auto slices = parse_endpointslices(R"({"kind":"EndpointSlice",
    "metadata":{"name":"web-x","namespace":"shop","labels":{"kubernetes.io/service-name":"web"}},
    "ports":[{"name":"http","port":8080},{"name":"named","port":null}],
    "endpoints":[{"addresses":["10.0.0.1"],"targetRef":{"kind":"Pod","name":"web-1"}},
      {"addresses":["10.0.0.2"],"conditions":{"ready":null}},
      {"addresses":["10.0.0.3"],"conditions":{"ready":false,"terminating":true}}]})");
  REQUIRE(slices.ok());
  const auto& slice = slices->front();
  CHECK(slice.service == "web");
  CHECK(slice.ports[0].port == 8080);
  CHECK_FALSE(slice.ports[1].port.has_value());
  REQUIRE(slice.endpoints.size() == 3);
  CHECK(slice.endpoints[0].ready);
  CHECK(slice.endpoints[0].target_name == "web-1");
  CHECK(slice.endpoints[1].ready);
  CHECK_FALSE(slice.endpoints[2].ready);
  CHECK_FALSE(slice.endpoints[2].serving);
  CHECK(slice.endpoints[2].terminating);
  const auto none = parse_endpointslices(R"({"kind":"EndpointSlice","metadata":{"name":"e"},"endpoints":null,"ports":null})");
  REQUIRE(none.ok());
  CHECK(none->front().endpoints.empty());
}

TEST_CASE("a Pod joins containers with their statuses by name") {
  const auto pods = parse_pods(pod);
  REQUIRE(pods.ok());
  const auto& web = pods->front();
  CHECK(web.ip == "10.0.0.9");
  CHECK(web.ips.size() == 2);
  CHECK(web.service_account == "web");
  CHECK(web.run_as_user == 1000);
  CHECK_FALSE(web.ready);
  CHECK(web.not_ready_reason == "ContainersNotReady: containers with unready status: [app]");
  CHECK(web.meshed());
  CHECK_FALSE(web.router());
  CHECK(web.ambient());
  REQUIRE(web.proxy() != nullptr);
  CHECK(web.proxy()->init);
  CHECK(web.proxy()->restart_always);
  CHECK(web.proxy()->ready);
  CHECK(web.proxy()->run_as_user == 1337);
  CHECK(web.proxy()->has_readiness_probe);
  CHECK(web.proxy()->env.size() == 2);
  CHECK_FALSE(web.container("istio-init")->has_status);
  const auto* app = web.container("app");
  REQUIRE(app != nullptr);
  CHECK(app->restarts == 4);
  CHECK(app->waiting_reason == "CrashLoopBackOff");
  CHECK(app->last_terminated_reason == "OOMKilled");
  CHECK(app->last_exit_code == 137);
  CHECK(app->ports.front().port == 8080);
}

TEST_CASE("gateways and waypoints are routers and ztunnel is no mesh proxy") {
  CHECK(parse_pods(proxy_pod("router"))->front().router());
  CHECK(parse_pods(proxy_pod("waypoint"))->front().router());
  CHECK(parse_pods(proxy_pod("router"))->front().meshed());
  CHECK_FALSE(parse_pods(proxy_pod("ztunnel"))->front().meshed());
}

TEST_CASE("Deployments, ReplicaSets and Events") {
  const auto deployment = parse_deployments(R"({"kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":0,
    "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web","v":"1"},"annotations":{"a":"b"}}}},
    "status":{"readyReplicas":2,"availableReplicas":1}})");
  REQUIRE(deployment.ok());
  CHECK(deployment->front().replicas == 0);
  CHECK(deployment->front().template_labels.size() == 2);
  CHECK(deployment->front().template_annotations.at("a") == "b");
  CHECK(deployment->front().ready_replicas == 2);
  CHECK(deployment->front().available_replicas == 1);
  const auto set = parse_replicasets(R"({"kind":"ReplicaSet","metadata":{"name":"web-1"},"spec":{}})");
  REQUIRE(set.ok());
  CHECK(set->front().replicas == 1);
  const auto events = parse_events(list_of(R"({"kind":"Event","metadata":{"name":"a"},"eventTime":"2026-11-22T17:12:18.8Z",
    "lastTimestamp":null,"reason":"Scheduled","involvedObject":{"kind":"Pod","name":"web-1"},"message":"m","type":"Normal"},
    {"kind":"Event","metadata":{"name":"b"},"eventTime":null,"lastTimestamp":"2026-11-22T17:12:19Z","count":3}
    ,{"kind":"Event","metadata":{"name":"c"},"regarding":{"kind":"Pod","name":"x"},"note":"n"})"));
  REQUIRE(events.ok());
  CHECK(events->at(0).time == "2026-11-22T17:12:18.8Z");
  CHECK(events->at(0).involved_name == "web-1");
  CHECK(events->at(1).time == "2026-11-22T17:12:19Z");
  CHECK(events->at(1).count == 3);
  CHECK(events->at(2).message == "n");
  CHECK(events->at(2).involved_name == "x");
}

TEST_CASE("wrong types never crash") {
  for (const char* wrong : {"1", "\"x\"", "null", "[]", "[1]", "{}", "true", "-1.5e300", "18446744073709551615", "[{}]", "[null]"}) {
    INFO(wrong);
    const std::string w = wrong;
    const std::string body = R"("metadata":{"name":"x","namespace":)" + w + R"(,"labels":)" + w + R"(,"ownerReferences":)" + w +
      R"(},"spec":{"ports":)" + w + R"(,"replicas":)" + w + R"(,"selector":)" + w + R"(,"containers":)" + w + R"(,"template":)" + w +
      R"(,"securityContext":{"runAsUser":)" + w + R"(}},"status":)" + w + R"(,"endpoints":)" + w + R"(,"ports":)" + w +
      R"(,"data":{"mesh":)" + w + "}}";
    CHECK(parse_services(R"({"kind":"Service",)" + body).ok());
    CHECK(parse_pods(R"({"kind":"Pod",)" + body).ok());
    CHECK(parse_deployments(R"({"kind":"Deployment",)" + body).ok());
    CHECK(parse_replicasets(R"({"kind":"ReplicaSet",)" + body).ok());
    CHECK(parse_endpointslices(R"({"kind":"EndpointSlice",)" + body).ok());
    CHECK(parse_events(R"({"kind":"Event",)" + body).ok());
    CHECK_FALSE(parse_mesh_config(R"({"kind":"ConfigMap",)" + body).ok());
    const Json port = parse_json(R"({"metadata":{"name":"x"},"spec":{"ports":[{"port":)" + w + R"(,"targetPort":)" + w + "}]}}").ok()
                          ? *parse_json(R"({"metadata":{"name":"x"},"spec":{"ports":[{"port":)" + w + R"(,"targetPort":)" + w + "}]}}")
                          : Json();
    CHECK(to_service(port).ok());
  }
}

TEST_CASE("the mesh configuration is YAML inside a ConfigMap") {
  const auto config = [](const std::string& yaml) {
    Json map = {{"kind", "ConfigMap"}, {"metadata", {{"name", "istio"}}}, {"data", {{"mesh", yaml}}}};
    return parse_mesh_config(dump_json(map));
  };
  const auto full = config("rootNamespace: mesh\ntrustDomain: td\ntrustDomainAliases: [a, b]\nenableAutoMtls: false\n"
                           "outboundTrafficPolicy:\n  mode: REGISTRY_ONLY\naccessLogFile: /dev/stdout\naccessLogEncoding: JSON\n"
                           "defaultServiceExportTo: ['.']\ndefaultConfig:\n  discoveryAddress: x:15012\n");
  REQUIRE(full.ok());
  CHECK(full->root_namespace == "mesh");
  CHECK(full->trust_domain == "td");
  CHECK(full->trust_domain_aliases.size() == 2);
  CHECK_FALSE(full->auto_mtls);
  CHECK(full->outbound_mode == "REGISTRY_ONLY");
  CHECK(full->access_log_file == "/dev/stdout");
  CHECK(full->access_log_encoding == "JSON");
  CHECK(full->default_service_export_to == std::vector<std::string>{"."});
  for (const char* empty : {"", "{}", "# nothing\n", "trustDomain: [x]\nenableAutoMtls: {a: b}\noutboundTrafficPolicy: 1\n"}) {
    INFO(empty);
    const auto defaults = config(empty);
    REQUIRE(defaults.ok());
    CHECK(defaults->root_namespace == "istio-system");
    CHECK(defaults->trust_domain == "cluster.local");
    CHECK(defaults->auto_mtls);
    CHECK(defaults->outbound_mode == "ALLOW_ANY");
  }
  CHECK_FALSE(config("a: b: c: [").ok());
  CHECK_FALSE(config("just text").ok());
  CHECK_FALSE(config(std::string(10000, '[')).ok());
  CHECK_FALSE(config(std::string(3000000, ' ')).ok());
  CHECK(parse_mesh_config(R"({"kind":"ConfigMap","metadata":{"name":"istio"}})").error() == "the ConfigMap has no data.mesh");
}

TEST_CASE("a selector selects when all of it matches and an empty one nothing") {
  CHECK(selects({{"app", "web"}}, {{"app", "web"}, {"v", "1"}}));
  CHECK_FALSE(selects({{"app", "web"}, {"v", "2"}}, {{"app", "web"}, {"v", "1"}}));
  CHECK_FALSE(selects({{"app", "web"}}, {}));
  CHECK_FALSE(selects({}, {{"app", "web"}}));
}
