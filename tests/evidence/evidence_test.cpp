#include <ostream>

#include <doctest/doctest.h>

#include "evidence/evidence.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

run::CommandResult ran(const std::string& line, const std::string& out, int code = 0, const std::string& err = "") {
  run::CommandResult result;
  result.argv = split(line, ' ');
  result.exit_code = code;
  result.out = out;
  result.err = err;
  return result;
}

std::string list_of(const std::string& items) { return R"({"kind":"List","items":[)" + items + "]}"; }

std::string object(const std::string& kind, const std::string& name, const std::string& more = "", const std::string& spec = "{}") {
  return R"({"apiVersion":"v1","kind":")" + kind + R"(","metadata":{"name":")" + name + R"(","namespace":"shop")" + more +
         R"(},"spec":)" + spec + "}";
}

std::string owned_by(const std::string& kind, const std::string& name, const std::string& labels = "{}") {
  return R"(,"labels":)" + labels + R"(,"ownerReferences":[{"controller":true,"kind":")" + kind + R"(","name":")" + name + R"("}])";
}

const std::string pods_command = "kubectl get pods -n shop -o json";
const std::string deployment_spec = R"({"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web","v":"1"}}}})";

}  // namespace

TEST_CASE("evidence is filed under what was asked") {
  Evidence evidence;
  evidence.add(ran(pods_command, list_of(object("Pod", "web-1"))));
  evidence.add(ran("helm list", "x"));
  const auto& pods = evidence.get<Pods>(Key{Kind::pods, "shop", "", ""});
  REQUIRE(pods.ok());
  CHECK(pods.value.size() == 1);
  CHECK(&evidence.get<Kind::pods>("shop") == &pods);
  CHECK(evidence.asked({Kind::pods, "shop", "", ""}));
  CHECK(evidence.keys(Kind::pods).size() == 1);
  CHECK(evidence.gaps().empty());

  const auto& missing = evidence.get<Kind::pods>("legacy");
  CHECK_FALSE(missing.ok());
  CHECK(missing.source.gap == Gap::not_asked);
  CHECK(missing.source.why == "not asked: no step ran `kubectl get pods -n legacy -o json`");
  CHECK(&evidence.get<Kind::pods>("legacy") == &missing);
  CHECK_FALSE(evidence.asked({Kind::pods, "legacy", "", ""}));
  CHECK(evidence.keys(Kind::pods).size() == 1);
}

TEST_CASE("failures and damage are gaps with a sentence") {
  Evidence evidence;
  evidence.add(ran(pods_command, R"({"kind":"List","items":[)"));
  CHECK(evidence.get<Kind::pods>("shop").source.gap == Gap::damaged);
  CHECK(evidence.source({Kind::pods, "shop", "", ""}).why.find("`kubectl get pods -n shop -o json`: cut off or not JSON (") == 0);
  evidence.add(ran("kubectl get sidecars.networking.istio.io -A -o json", "", 1,
                   "error: the server doesn't have a resource type \"sidecars\"\n"));
  CHECK(evidence.get<Kind::sidecars>().source.gap == Gap::no_such_kind);
  CHECK(evidence.gaps().size() == 2);
  // A later success replaces the failure, a later failure nothing.
  evidence.add(ran(pods_command, list_of("")));
  evidence.add(ran(pods_command, "", 1, "error: x\n"));
  CHECK(evidence.get<Kind::pods>("shop").ok());
  CHECK(evidence.gaps().size() == 1);
}

TEST_CASE("of several answers the richest stays") {
  const std::string plain = "NAME     CLUSTER     ISTIOD     VERSION     SUBSCRIBED TYPES\na.b      c           i          1.30        0\n";
  const std::string verbose = "NAME     CLUSTER     CDS        ISTIOD     VERSION\na.b      c           SYNCED     i          1.30\n";
  const std::string json = R"({"resources":[{"node":{"id":"a.b"},"genericXdsConfigs":[{"typeUrl":"x/envoy.config.cluster.v3.Cluster",
    "configStatus":"ERROR","errorState":{"details":"why"}}]}]})";
  Evidence evidence;
  evidence.add(ran("istioctl proxy-status -o json", "", 64, "Error: unknown shorthand flag: 'o' in -o\n"));
  CHECK(evidence.get<Kind::proxy_status>().source.gap == Gap::unsupported);
  evidence.add(ran("istioctl proxy-status", "", 1, "Error: no running Istio pods in \"istio-system\"\n"));
  CHECK(evidence.get<Kind::proxy_status>().source.gap == Gap::unreachable);
  evidence.add(ran("istioctl proxy-status -v 1", verbose));
  evidence.add(ran("istioctl proxy-status", plain));
  CHECK(evidence.get<Kind::proxy_status>().value.says_sync);
  evidence.add(ran("istioctl proxy-status -o json", json));
  evidence.add(ran("istioctl proxy-status -v 1", verbose));
  CHECK(evidence.get<Kind::proxy_status>().value.proxies.front().errors.at("CDS") == "why");
  evidence.add(ran("kubectl logs a -n b -c app --tail=50", "one\ntwo\n"));
  evidence.add(ran("kubectl logs a -n b -c app --tail=1", "two\n"));
  CHECK(evidence.get<Kind::app_log>("b", "a", "app").value == "one\ntwo\n");
}

TEST_CASE("an object is found and replaced in the lists that were read") {
  Evidence evidence;
  const std::string all = "kubectl get virtualservices.networking.istio.io -A -o json";
  const std::string some = "kubectl get virtualservices.networking.istio.io -n shop -o json";
  evidence.add(ran(all, list_of(object("VirtualService", "web", "", R"({"hosts":["a"]})"))));
  evidence.add(ran(some, list_of(object("VirtualService", "web", "", R"({"hosts":["a"]})"))));
  evidence.add(ran("kubectl get services -n shop -o json", list_of(object("Service", "web"))));
  CHECK(Evidence::list_kind("VirtualService") == Kind::virtual_services);
  CHECK_FALSE(Evidence::list_kind("Secret").has_value());
  CHECK_FALSE(Evidence::list_kind("").has_value());
  REQUIRE(evidence.find_object("VirtualService", "shop", "web") != nullptr);
  CHECK(evidence.find_object("VirtualService", "other", "web") == nullptr);
  CHECK(evidence.find_object("Secret", "shop", "web") == nullptr);

  const Json edited = *parse_json(object("VirtualService", "web", "", R"({"hosts":["b"]})"));
  const Evidence changed = evidence.with_object(Kind::virtual_services, edited);
  CHECK(at(changed.get<Kind::virtual_services>().value.front().spec(), "hosts").front() == "b");
  CHECK(at(changed.get<Kind::virtual_services>("shop").value.front().spec(), "hosts").front() == "b");
  CHECK(at(evidence.get<Kind::virtual_services>().value.front().spec(), "hosts").front() == "a");
  CHECK(changed.with_object(Kind::virtual_services, *parse_json(object("VirtualService", "new"))).get<Kind::virtual_services>().value.size() == 2);

  const Json service = *parse_json(object("Service", "web", "", R"({"ports":[{"port":80}]})"));
  CHECK(evidence.with_object(Kind::services, service).get<Kind::services>("shop").value.front().ports.front().target.number == 80);
  // A list nobody read stays unseen, what cannot be read changes nothing.
  CHECK_FALSE(evidence.with_object(Kind::gateways, edited).get<Kind::gateways>().ok());
  CHECK(evidence.with_object(Kind::services, Json(7)).get<Kind::services>("shop").value.size() == 1);
  CHECK(evidence.with_object(Kind::clusters, edited).keys(Kind::clusters).empty());
}

TEST_CASE("a Deployment's template labels are carried to its pods") {
  const std::string set = object("ReplicaSet", "web-abc", owned_by("Deployment", "web"));
  const std::string labels = R"({"app":"web","v":"1","pod-template-hash":"abc","security.istio.io/tlsMode":"istio"})";
  const std::string pods = list_of(object("Pod", "web-1", owned_by("ReplicaSet", "web-abc", labels)) + "," +
                                   object("Pod", "other-1", owned_by("ReplicaSet", "other-abc", labels)));
  const Json edited = *parse_json(object("Deployment", "web", "", R"({"template":{"metadata":{"labels":{"app":"shop","w":"2"}}}})"));
  for (const bool with_sets : {true, false}) {
    INFO(with_sets);
    Evidence evidence;
    evidence.add(ran(pods_command, pods));
    if (with_sets) evidence.add(ran("kubectl get replicasets.apps -n shop -o json", list_of(set)));
    evidence.add(ran("kubectl get deployments.apps -n shop -o json", list_of(object("Deployment", "web", "", deployment_spec))));
    const Evidence changed = evidence.with_object(Kind::deployments, edited);
    const auto& relabelled = changed.get<Kind::pods>("shop").value;
    const Labels expected{{"app", "shop"}, {"w", "2"}, {"pod-template-hash", "abc"}, {"security.istio.io/tlsMode", "istio"}};
    CHECK(relabelled.at(0).meta.labels == expected);
    CHECK(text_at(at(relabelled.at(0).raw, {"metadata", "labels"}), "app") == "shop");
    CHECK(relabelled.at(1).meta.labels.at("app") == "web");
    CHECK(changed.get<Kind::deployments>("shop").value.front().template_labels.at("w") == "2");
  }
}

TEST_CASE("what was derived is worked out again only after a record it rests on has changed") {
  Evidence evidence;
  const auto pods = [](const std::string& items) { return ran("kubectl get pods -n shop -o json", list_of(items)); };
  evidence.add(pods(""));
  int worked = 0;
  const auto answer = [&](const Evidence& e) {
    return e.derived<int>({Kind::pods}, [&] { return ++worked; });
  };
  CHECK(answer(evidence) == 1);
  CHECK(answer(evidence) == 1);
  evidence.add(ran("kubectl get services -n shop -o json", list_of("")));
  CHECK(answer(evidence) == 1);
  Evidence copy = evidence;
  CHECK(answer(copy) == 1);
  copy.add(pods(object("Pod", "web-1")));
  CHECK(answer(copy) == 2);
  CHECK(answer(evidence) == 1);
  const auto pod = parse_json(object("Pod", "web-1", R"(,"labels":{"app":"web"})"));
  REQUIRE(pod.ok());
  CHECK(answer(copy.with_object(Kind::pods, *pod)) == 3);
  CHECK(answer(copy) == 2);
}

TEST_CASE("an output that is too big to be held is read where it lies; one that cannot be relied on is damaged") {
  const std::string dump = R"([{"name":"a"},{"name":"b"}])";
  const auto add = [](const std::string& argv, const std::string& text, const std::string& error) {
    run::CommandResult result;
    result.argv = split(argv, ' ');
    result.stored = [=] {
      auto at = std::make_shared<std::size_t>(0);
      return Input([=](char* into, std::size_t room) -> Expected<std::size_t> {
        const auto size = std::min(room, text.size() - *at);
        if (size == 0 && !error.empty()) return Error{error};
        text.copy(into, size, *at);
        *at += size;
        return size;
      }, text.size());
    };
    Evidence evidence;
    evidence.add(result);
    return evidence;
  };
  const std::string command = "istioctl proxy-config clusters web-1.shop -o json";
  CHECK(add(command, dump, "").get<Kind::clusters>("shop", "web-1").value.size() == 2);
  const auto damaged = add(command, dump, "it was changed").get<Kind::clusters>("shop", "web-1");
  CHECK(damaged.source.gap == Gap::damaged);
  CHECK(damaged.source.why == "`" + command + "`: it was changed");
  CHECK(damaged.value.empty());
  CHECK(contains(add(command, dump.substr(1), "").get<Kind::clusters>("shop", "web-1").source.why, "clusters dump, byte"));
  // What has no parser for parts is read whole.
  CHECK(add("kubectl get services -n shop -o json", R"({"kind":"List","items":[{"kind":"Service","metadata":{"name":"a","namespace":"shop"}}]})", "").get<Kind::services>("shop").value.size() == 1);
}
