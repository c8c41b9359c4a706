#include <doctest/doctest.h>

#include "playbook/fake_runner.hpp"
#include "playbook/joining.hpp"

using namespace meshdx;
using namespace meshdx::playbook;
using namespace meshdx::testing;

namespace {

const std::string pods = "kubectl get pods -n shop -o json";
const std::string pods_read = "kubectl get --raw /api/v1/namespaces/shop/pods";
const std::string clusters = "istioctl proxy-config clusters web-1.shop -o json";
const std::string routes = "istioctl proxy-config routes web-1.shop -o json";
const std::string dump = "istioctl proxy-config all web-1.shop -o json";
const std::string http_routes = "kubectl get httproutes.gateway.networking.k8s.io -A -o json";
const std::string http_routes_read = "kubectl get --raw /apis/gateway.networking.k8s.io/v1/httproutes";
const std::string group_read = "kubectl get --raw /apis/gateway.networking.k8s.io";
const std::string no_path = "Error from server (NotFound): the server could not find the requested resource\n";

const std::string whole_dump =
    R"({"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump"},{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump"}]})";

std::vector<run::CommandResult> ask(FakeRunner& inner, const std::vector<std::string>& asked) {
  JoiningRunner runner(inner);
  for (std::size_t i = 0; i < asked.size(); ++i) runner.start(i, split(asked[i], ' '), std::chrono::seconds(1));
  std::vector<run::CommandResult> results(asked.size());
  while (auto finished = runner.wait()) results[finished->ticket] = finished->result;
  for (std::size_t i = 0; i < asked.size(); ++i) CHECK(join(results[i].argv, " ") == asked[i]);
  return results;
}

}  // namespace

TEST_CASE("what can be read from the API is, and looks as if the command had been run") {
  FakeRunner inner([](const std::string&) { return printed(R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"web-1"}}]})"); });
  const auto results = ask(inner, {pods});
  CHECK(inner.asked == std::vector<std::string>{pods_read});
  CHECK(join(results[0].together, " ") == pods_read);
  CHECK(contains(results[0].out, R"("kind":"Pod")"));
}

TEST_CASE("an answer that settles nothing: the command itself is run") {
  FakeRunner inner([](const std::string& command) { return command == pods ? printed(R"({"items":[]})") : printed("<html>Sign in</html>"); });
  const auto results = ask(inner, {pods});
  CHECK(inner.asked == std::vector<std::string>{pods_read, pods});
  CHECK(results[0].out == R"({"items":[]})");
  CHECK(results[0].together.empty());
}

TEST_CASE("a kind whose group the cluster does not have takes no kubectl") {
  FakeRunner inner([](const std::string&) { return failed(no_path); });
  const auto results = ask(inner, {http_routes});
  CHECK(inner.asked == std::vector<std::string>{http_routes_read, group_read});
  CHECK(results[0].err == "error: the server doesn't have a resource type \"httproutes\"\n");
}

TEST_CASE("a kind whose version alone is another is for kubectl to find") {
  FakeRunner inner([](const std::string& command) { return command == http_routes_read ? failed(no_path) : printed(R"({"kind":"APIGroup","items":[]})"); });
  ask(inner, {http_routes});
  CHECK(inner.asked == std::vector<std::string>{http_routes_read, group_read, http_routes});
}

TEST_CASE("parts of one proxy's dump are one process, and each gets its part") {
  FakeRunner inner([](const std::string&) { return printed(whole_dump); });
  const auto results = ask(inner, {clusters, routes});
  CHECK(inner.asked == std::vector<std::string>{dump});
  for (const auto& result : results) CHECK(join(result.together, " ") == dump);
  CHECK(contains(results[0].out, "ClustersConfigDump"));
  CHECK_FALSE(contains(results[0].out, "RoutesConfigDump"));
}

TEST_CASE("a dump that lacks a part: each part is run by itself") {
  FakeRunner inner([](const std::string& command) { return printed(command == dump ? R"({"configs":[]})" : whole_dump); });
  const auto results = ask(inner, {clusters, routes});
  CHECK(inner.asked == std::vector<std::string>{dump, clusters, routes});
  for (const auto& result : results) CHECK(result.together.empty());
}

TEST_CASE("when there is no cluster to ask, nothing is asked twice") {
  FakeRunner inner([](const std::string&) { return failed("The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?\n"); });
  const auto results = ask(inner, {clusters, routes});
  CHECK(inner.asked == std::vector<std::string>{dump});
  for (const auto& result : results) CHECK(result.exit_code == 1);
}

namespace {

const std::vector<std::string> three_lists = {pods, "kubectl get services -n shop -o json", "kubectl get namespaces -o json"};

/// No kubectl proxy, and this for what is run instead.
FakeRunner without_proxy(const run::CommandResult& instead) {
  return FakeRunner([instead](const std::string& command) {
    auto result = instead;
    if (contains(command, "--raw")) result.end = run::End::not_started;
    return result;
  });
}

}  // namespace

TEST_CASE("where the API cannot be read in this way, one command goes first; without a cluster its answer is that of all") {
  auto inner = without_proxy(failed("error: You must be logged in to the server (Unauthorized)\n"));
  const auto results = ask(inner, three_lists);
  CHECK(inner.asked.size() == 4);   // three requests, one command
  for (const auto& result : results) {
    CHECK(result.err == "error: You must be logged in to the server (Unauthorized)\n");
    CHECK(join(result.argv == split(pods, ' ') ? result.argv : result.together, " ") == pods);
  }
}

TEST_CASE("where the first command finds the cluster, the others are run as well, even if it was refused") {
  for (const auto& instead : {printed(R"({"items":[]})"), failed("Error from server (Forbidden): pods is forbidden: User \"me\" cannot list\n")}) {
    auto inner = without_proxy(instead);
    const auto results = ask(inner, three_lists);
    for (const auto& command : three_lists) CHECK(inner.times(command) == 1);
    for (const auto& result : results) CHECK(result.together.empty());
  }
}

TEST_CASE("a cluster that was not there may come back: the next ones ask again") {
  bool there = false;
  FakeRunner inner([&](const std::string& command) {
    auto result = there ? printed(R"({"items":[]})") : failed("Unable to connect to the server: EOF\n");
    if (contains(command, "--raw")) result.end = run::End::not_started;
    return result;
  });
  JoiningRunner runner(inner);
  for (std::size_t i = 0; i < 2; ++i) {
    runner.start(i, split(three_lists[i], ' '), std::chrono::seconds(1));
    const auto finished = runner.wait();
    REQUIRE(finished);
    CHECK((finished->result.exit_code == 0) == there);
    there = true;
  }
}

TEST_CASE("what the parts of one answer lead to is asked together again") {
  FakeRunner inner([](const std::string&) { return printed(whole_dump); });
  JoiningRunner runner(inner);
  runner.start(0, split(clusters, ' '), std::chrono::seconds(1));
  runner.start(1, split(routes, ' '), std::chrono::seconds(1));
  for (const char* next : {"istioctl proxy-config clusters api-1.shop -o json", "istioctl proxy-config routes api-1.shop -o json"}) {
    REQUIRE(runner.wait());
    runner.start(9, split(next, ' '), std::chrono::seconds(1));
  }
  while (runner.wait()) {}
  CHECK(inner.asked == std::vector<std::string>{dump, "istioctl proxy-config all api-1.shop -o json"});
}
