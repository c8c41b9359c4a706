// A log of requests that neither succeeded nor failed as it was asked is not an empty one.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

std::string line(const std::string& result, const std::string& id) {
  return "[2026-11-22T10:00:00.000Z] \"GET / HTTP/1.1\" " + result + " - via_upstream - \"-\" 0 1 2 1 \"-\" \"curl\" \"" + id +
         "\" \"web.shop\" \"10.0.0.1:8080\" outbound|80||web.shop.svc.cluster.local 10.0.0.3:5000 10.96.0.1:80 10.0.0.3:4000 - default";
}

}  // namespace

TEST_CASE("what a log without a success and without such a failure says") {
  struct Row {
    const char* what;
    std::vector<std::string> lines;
    const char* says;
  };
  const Row rows[] = {
      {"the application answered otherwise", {line("404", "r1"), line("404", "r2")}, "of 2 requests in the log none succeeded and none failed as it was asked; the last was answered 404 - via_upstream"},
      {"no request", {}, "the log holds no request of this kind"},
  };
  for (const auto& row : rows) {
    World world;
    world.in("shop", {pod_json({"shop/web-1", "app=web", "10.0.0.1"}), pod_json({"shop/client", "app=client", "10.0.0.3"})}, {service_json("shop/web", "10.96.0.1", "app=web")});
    // A request of another Service shows that the log is on.
    auto lines = row.lines;
    lines.push_back(replace_all(replace_all(line("200", "other"), "web.shop", "api.shop"), "10.96.0.1", "10.96.0.7"));
    world.log("client", "shop", lines);
    auto ask = asking_from("web.shop", "client");
    ask.code = 502;
    const facts::FactBase base(world.evidence, ask);
    const auto& finding = base["requests.none-failed"];
    INFO(std::string(row.what) << ": " << finding.text << finding.why);
    CHECK((finding.truth == Tri::unknown));
    CHECK(contains(finding.why, row.says));
  }
}
