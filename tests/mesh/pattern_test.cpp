// What failing requests share, and when chance is enough to explain it.
#include "mesh/pattern.hpp"

#include "mesh/lines.hpp"
#include "mesh/path.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

/// Requests of client to three pods of web: "1+" went well at the first pod, "2-" failed at the second.
struct Case {
  World world;
  Traffic traffic;
  explicit Case(const std::string& requests, const std::string& subsets = "") {
    std::vector<std::string> pods, lines;
    for (const std::string n : {"1", "2", "3"}) pods.push_back(pod_json({"shop/web-" + n, "app=web", "10.0.0." + n, "sidecar"}));
    pods.push_back(pod_json({"shop/client", "app=client", "10.0.0.9", "sidecar"}));
    world.in("shop", pods, {service_json("shop/web", "10.96.0.9", "app=web")});
    int second = 10;
    for (const auto& request : split(requests, ' ')) {
      auto line = sent("web", request[1] == '+' ? "200" : "503", std::to_string(second));
      line.start = "2026-11-22T10:00:" + std::to_string(second++) + ".000Z";
      line.upstream = "10.0.0." + request.substr(0, 1) + ":8080";
      if (!subsets.empty()) line.cluster = "outbound|80|" + std::string(1, subsets[static_cast<std::size_t>(request[0] - '1')]) + "|web.shop.svc.cluster.local";
      lines.push_back(text(line));
    }
    world.log("client", "shop", lines);
    const View view(world.evidence);
    const auto complaint = asking_from("web", "client");
    const auto path = follow(view, complaint);
    traffic = observe(view, complaint, path.caller, path.to, path.servers);
  }
  [[nodiscard]] std::string gathered() const {
    const auto found = gathering_of(View(world.evidence), traffic);
    return found ? found->value + " " + std::to_string(found->failed) + "/" + std::to_string(found->seen) + " " + std::to_string(found->other_failed) + "/" + std::to_string(found->other_seen) : "";
  }
};

}  // namespace

TEST_CASE("failures at one pod of three") {
  CHECK(Case("1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3-").gathered() == "workload shop/web-3 5/5 0/10");
  CHECK(Case("1+ 2+ 3- 1+ 2+ 3-").gathered().empty());                                          // too few to tell
  CHECK(Case("1- 2+ 3- 1+ 2- 3+ 1- 2+ 3- 1+ 2- 3+ 1- 2- 3+").gathered().empty());              // everywhere
  CHECK(Case("1- 2- 3-").gathered().empty());
  CHECK(Case("1+ 2+ 3+").gathered().empty());
}

TEST_CASE("a subset is told before the pods in it") {
  CHECK(Case("1+ 2- 3- 1+ 2- 3- 1+ 2- 3- 1+ 2- 1+ 1+ 1+", "abb").gathered() == "subset b of web.shop.svc.cluster.local 7/7 0/7");
  // one pod of a subset of two: the pod says more
  CHECK(Case("1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3- 1+ 2+ 3-", "abb").gathered() == "workload shop/web-3 6/6 0/12");
}

TEST_CASE("since a moment, or until one") {
  const auto began = turn_of(Case("1+ 1+ 1+ 1+ 1+ 2- 2- 2- 2- 2-").traffic);
  REQUIRE(began.has_value());
  CHECK(began->began);
  CHECK(began->time == "2026-11-22T10:00:15.000Z");
  CHECK(began->before == 5);
  const auto ended = turn_of(Case("1- 1- 1- 1- 1- 1+ 1+ 1+ 1+ 1+").traffic);
  REQUIRE(ended.has_value());
  CHECK_FALSE(ended->began);
  CHECK(ended->time == "2026-11-22T10:00:14.000Z");
  CHECK_FALSE(turn_of(Case("1+ 1+ 1-").traffic).has_value());
  CHECK_FALSE(turn_of(Case("1+ 1- 1+ 1- 1+ 1- 1+ 1- 1+ 1-").traffic).has_value());
}

TEST_CASE("the chance of a gathering") {
  CHECK(chance_of_gathering(4, 4, 4, 12) == doctest::Approx(1.0 / 495));
  CHECK(chance_of_gathering(0, 4, 4, 12) == doctest::Approx(1.0));
  CHECK(chance_of_gathering(1, 1, 6, 12) == doctest::Approx(0.5));
  CHECK(chance_of_gathering(1, 13, 4, 12) == 1);
}
