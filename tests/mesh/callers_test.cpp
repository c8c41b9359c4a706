// Who calls when nobody said, by the logs.
#include "mesh/callers.hpp"

#include "mesh/cases.hpp"
#include "mesh/lines.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string member(const std::string& name, const std::string& ip, const std::string& owner, const std::string& proxy = "sidecar") {
  PodText text{name, "app=" + owner, ip, proxy};
  text.owner = "StatefulSet/" + owner;
  return pod_json(text);
}

/// web is called; client, batch and bare (without a sidecar) may be who calls.
World shop() {
  World world;
  world.in("shop",
           {member("shop/web-1", "10.0.0.1", "web"), member("shop/bare-1", "10.0.0.2", "bare", ""), member("shop/client-1", "10.0.0.3", "client"),
            member("shop/client-2", "10.0.0.4", "client"), member("shop/batch-1", "10.0.0.5", "batch")},
           {service_json("shop/web", "10.96.0.9", "app=web")});
  return world;
}

void logs(World& world, const std::vector<std::string>& web, const std::vector<std::string>& client, const std::vector<std::string>& batch) {
  world.log("web-1", "shop", web).log("client-1", "shop", client).log("batch-1", "shop", batch);
}

std::string told(const std::vector<CallerSeen>& callers) {
  std::vector<std::string> items;
  for (const auto& caller : callers) {
    const auto& ask = caller.complaint;
    items.push_back(ask.from_name + (ask.from_pod.empty() ? "" : "/" + ask.from_pod) + " " + std::to_string(caller.failed) + "/" + std::to_string(caller.failed + caller.ok));
  }
  return join(items, ", ");
}

Callers found(const World& world) { return callers_of(View(world.evidence), asking("web")); }

}  // namespace

TEST_CASE("the logs to read: the target's, and one pod of each other workload with a sidecar") {
  const World world = shop();
  std::vector<std::string> names;
  const View view(world.evidence);
  for (const auto* pod : witnesses(view, asking("web"))) names.push_back(pod->meta.name);
  CHECK(join(names, " ") == "web-1 batch-1 client-1");
  CHECK_FALSE(found(world).settled);
}

TEST_CASE("those whose requests fail are examined, worst first; the others are named") {
  World world = shop();
  logs(world, {text(taken("10.0.0.1", "10.0.0.4", "503")), text(taken("10.0.0.1", "10.0.0.2", "503")), text(taken("10.0.0.1", "10.0.0.2", "503"))}, {}, {text(sent("web", "200"))});
  const auto callers = found(world);
  CHECK(callers.settled);
  CHECK(told(callers.examined) == "bare/bare-1 2/2, client/client-2 1/1");
  CHECK(told(callers.others) == "batch 0/1");
  CHECK(callers.strangers.empty());
}

TEST_CASE("what never arrived at the target stands in the caller's own log") {
  World world = shop();
  auto lost = sent("web", "503");
  lost.flags = "UH";
  lost.details = "no_healthy_upstream";
  auto elsewhere = sent("api", "503");
  elsewhere.local = "10.96.0.8:80";
  logs(world, {}, {text(elsewhere), text(elsewhere)}, {text(lost)});
  CHECK(told(found(world).examined) == "batch/batch-1 1/1");
}

TEST_CASE("nobody fails: who calls; nobody calls: a vantage") {
  World world = shop();
  logs(world, {text(taken("10.0.0.1", "10.0.0.3", "200"))}, {}, {});
  CHECK(told(found(world).examined) == "client 0/1");
  World silent = shop();
  logs(silent, {}, {}, {});
  CHECK(told(found(silent).examined) == "batch 0/0");
  const auto cases = cases_of(View(silent.evidence), asking("web"));
  REQUIRE(cases.all.size() == 1);
  CHECK(cases.all.front().why == Case::Why::vantage);
  CHECK(contains(cases.remarks.front(), "nobody calling"));
}

TEST_CASE("an address that is nobody's is told, and nothing is called complete") {
  World world = shop();
  logs(world, {text(taken("10.0.0.1", "10.9.9.9", "503")), text(taken("10.0.0.1", "10.0.0.3", "200"))}, {}, {});
  CHECK(found(world).strangers == std::vector<std::string>{"10.9.9.9"});
  const auto cases = cases_of(View(world.evidence), asking("web"));
  CHECK_FALSE(cases.complete);
  CHECK(contains(join(cases.remarks, " "), "10.9.9.9"));
}

TEST_CASE("a log that is forbidden was asked for: the others decide") {
  World world = shop();
  world.log("client-1", "shop", {}).log("batch-1", "shop", {text(sent("web", "503"))});
  world.failed("kubectl logs web-1 -n shop -c istio-proxy --tail=500", "Error from server (Forbidden): pods is forbidden\n");
  CHECK(found(world).settled);
  CHECK(told(found(world).examined) == "batch/batch-1 1/1");
}
