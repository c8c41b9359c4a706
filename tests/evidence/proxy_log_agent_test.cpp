// Messages of pilot-agent and Envoy.
#include <ostream>

#include <doctest/doctest.h>

#include "evidence/proxy_log.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

AgentLine one(const std::string& text) {
  const auto log = parse_proxy_log(text + "\n");
  REQUIRE_MESSAGE(log.agent.size() == 1, text);
  return log.agent.front();
}

}  // namespace

TEST_CASE("pilot-agent lines with and without scope and source") {
  const auto scoped = one("2020-06-29T23:37:27.335928Z\terror\txdsproxy\tfailed to connect to upstream istiod:15012: EOF\tid=1");
  CHECK(scoped.time == "2020-06-29T23:37:27.335928Z");
  CHECK(scoped.level == "error");
  CHECK(scoped.scope == "xdsproxy");
  CHECK(scoped.message == "failed to connect to upstream istiod:15012: EOF id=1");
  const auto plain = one("2020-06-29T23:37:27.335928Z\twarn\tEnvoy proxy is NOT ready: config not received");
  CHECK(plain.scope.empty());
  CHECK(plain.message == "Envoy proxy is NOT ready: config not received");
  const auto source = one("2020-06-29T23:37:27.335928Z\twarn\tca\tretry.go:51\tca request failed, starting attempt 1 in 91ms");
  CHECK(source.scope == "ca");
  CHECK(source.message == "ca request failed, starting attempt 1 in 91ms");
  const auto no_scope = one("2020-06-29T23:37:27.335928Z\twarn\tserver.go:12\tfailed\tx=y");
  CHECK(no_scope.scope.empty());
  CHECK(no_scope.message == "failed x=y");
  CHECK(one("2020-06-29T23:37:27.335928Z\twarn\tfailed\tx=y z=1").message == "failed x=y z=1");
}

TEST_CASE("of lines below warning only readiness and xDS connections are kept") {
  const auto log = parse_proxy_log(
      "2026/11/22 16:59:56 INFO GOMEMLIMIT is already set, skipping\n"
      "2026-11-22T16:59:56.000000Z\tinfo\tFLAG: --concurrency=\"0\"\n"
      "2026-11-22T16:59:56.000000Z\tinfo\tEffective config: binaryPath: /usr/local/bin/envoy\n"
      "concurrency: 2\n\n"
      "2026-11-22T16:59:57.000000Z\tinfo\txdsproxy\tconnected to delta upstream XDS server: istiod.istio-system.svc:15012\tid=8\n"
      "2026-11-22T16:59:58.000000Z\tinfo\tReadiness succeeded in 818.351256ms\n"
      "2026-11-22T16:59:58.000000Z\tinfo\tEnvoy proxy is ready\n");
  REQUIRE(log.agent.size() == 3);
  CHECK(log.lines == 8);
  CHECK(log.agent[0].scope == "xdsproxy");
  CHECK(log.agent[0].message == "connected to delta upstream XDS server: istiod.istio-system.svc:15012 id=8");
  CHECK(log.agent[2].message == "Envoy proxy is ready");
}

TEST_CASE("Envoy lines") {
  const auto line = one("2026-11-22T17:07:11.948000Z\twarning\tenvoy config external/envoy/source/common/grpc_stream.h:152\t"
                        "DeltaAggregatedResources gRPC config stream to xds-grpc closed: 14, no\tthread=21");
  CHECK(line.level == "warn");
  CHECK(line.scope == "envoy config");
  CHECK(line.message == "DeltaAggregatedResources gRPC config stream to xds-grpc closed: 14, no");
  const auto early = one("[2024-05-15 01:32:52.262][1][critical][main] [source/server/server.cc:123] error initializing: bad");
  CHECK(early.level == "critical");
  CHECK(early.scope == "envoy main");
  CHECK(early.message == "error initializing: bad");
  CHECK(parse_proxy_log("[2024-05-15 01:32:52.262][1][info][main] [source/server/server.cc:123] starting\n").agent.empty());
}

TEST_CASE("continuation lines belong to the message before") {
  const auto log = parse_proxy_log(
      "2026-11-22T17:07:11.948000Z\terror\tprobes\tRequest to probe app failed: connection refused\n"
      "app URL path = /\n"
      "[2026-11-22T17:07:12Z] \"GET / HTTP/1.1\" 200 - via_upstream - \"-\" 0 0 0 0 \"-\" \"-\" \"-\" \"-\" \"10.0.0.1:80\" outbound|80||web - - - - -\n"
      "2026-11-22T17:07:13.948000Z\tinfo\tdropped\nof the dropped one\n");
  REQUIRE(log.agent.size() == 1);
  CHECK(log.agent[0].message == "Request to probe app failed: connection refused\napp URL path = /");
  CHECK(log.access.size() == 1);
}

TEST_CASE("a rejected configuration keeps its head and the reason at its end") {
  std::string text = "2026-11-22T17:07:11.948000Z\twarning\tenvoy config source/delta_subscription_state.cc:282\t"
                     "delta config for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: goo.gle/debugproto  \n";
  for (int i = 0; i < 2000; ++i) text += "transport_socket_matches {\n  name: \"x\"\n}\n\n";
  text += ": Proto constraint validation failed (ClusterValidationError)\tthread=14\nnot of it\n";
  text += "2026-11-22T17:07:11.949000Z\twarning\tenvoy config source/grpc_subscription_impl.cc:160\t"
          "gRPC config for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: short\tthread=14\n";
  const auto log = parse_proxy_log(text);
  REQUIRE(log.agent.size() == 2);
  const auto& message = log.agent[0].message;
  CHECK(starts_with(message, "delta config for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: "));
  CHECK(ends_with(message, "\n...\n: Proto constraint validation failed (ClusterValidationError)"));
  CHECK(message.size() < 17000);
  CHECK(log.agent[1].message == "gRPC config for type.googleapis.com/envoy.config.cluster.v3.Cluster rejected: short");
}

TEST_CASE("JSON messages of agent and Envoy") {
  const auto agent = one(R"({"level":"warn","time":"2026-11-22T17:07:11.948000Z","scope":"ca","msg":"failed","id":"1"})");
  CHECK(agent.level == "warn");
  CHECK(agent.scope == "ca");
  CHECK(agent.message == "failed id=1");
  const auto stackdriver = one(R"({"severity":"ERROR","timestamp":"t","logger":"sds","message":"no"})");
  CHECK(stackdriver.level == "error");
  CHECK(stackdriver.scope == "sds");
  CHECK(stackdriver.time == "t");
  const auto envoy = one(R"({"level":"warning","time":"t","scope":"envoy config","msg":"rejected","caller":"a.cc:1","thread":14})");
  CHECK(envoy.level == "warn");
  CHECK(envoy.message == "rejected");
  CHECK(parse_proxy_log(R"({"level":"info","msg":"x"})").agent.empty());
  CHECK(parse_proxy_log(R"({"level":"warn","msg":)").agent.empty());
  CHECK(parse_proxy_log(R"({"a":1})").agent.empty());
}

TEST_CASE("bytes that only look like messages") {
  const std::string text = "2026-11-22T17:07:11.948000Z\twarning\tenvoy config a/b.cc:1\tmsg\tthread=14";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    (void)parse_proxy_log(text.substr(0, size));
    (void)parse_proxy_log(text.substr(size));
  }
  for (const char* line : {"2026", "2026-11-22T17:07:11Z\tnolevel\tx", "1234567890123456789012345", "2026/11/22 16:59:56 WHAT x",
                           "[2024-05-15 01:32:52.262]", "[2024-05-15 01:32:52.262][", "[2024-05-15 01:32:52.262][1][",
                           "\tthread=1", "[", "{"}) {
    CHECK(parse_proxy_log(line).agent.empty());
  }
}
