// The hop behind: when an application passed on the error of a request of its own, and when that only looks so.
#include "mesh/cases.hpp"
#include "mesh/lines.hpp"
#include "mesh/passed_on.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string member(const std::string& name, const std::string& ip) {
  PodText text{"shop/" + name + "-1", "app=" + name, ip, "sidecar"};
  text.owner = "StatefulSet/" + name;
  return pod_json(text);
}

/// client calls web, web calls api; what web's and client's proxies logged.
World chain(const std::vector<Line>& client, const std::vector<Line>& web, const std::vector<Line>& api = {}) {
  World world;
  world.in("shop", {member("client", "10.0.0.3"), member("web", "10.0.0.1"), member("api", "10.0.0.2")},
           {service_json("shop/web", "10.96.0.9", "app=web"), service_json("shop/api", "10.96.0.8", "app=api")});
  const auto texts = [](const std::vector<Line>& lines) {
    std::vector<std::string> all;
    for (const auto& line : lines) all.push_back(text(line));
    return all;
  };
  world.log("client-1", "shop", texts(client)).log("web-1", "shop", texts(web)).log("api-1", "shop", texts(api));
  return world;
}

Line at(Line line, int second, int ms = 2) {
  line.start = "2026-11-22T10:00:" + std::string(second < 10 ? "0" : "") + std::to_string(second) + ".000Z";
  line.ms = ms;
  return line;
}

Line inside(Line line, int second) {
  line.start = "2026-11-22T10:00:" + std::string(second < 10 ? "0" : "") + std::to_string(second) + ".005Z";
  return line;
}

/// "client>web =id 2/2> web>api".
std::string told(const World& world, bool follow = true) {
  auto complaint = asking_from("web", "client");
  complaint.follow = follow;
  const auto cases = cases_of(View(world.evidence), complaint);
  std::string text;
  for (std::optional<std::size_t> i = 0; i; i = cases.all[*i].next) {
    const auto& c = cases.all[*i];
    text += (text.empty() ? "" : " ") + c.from + ">" + c.to;
    if (c.next) text += std::string(c.link == Sighting::Link::request_id ? " =id " : " =time ") + std::to_string(c.linked) + "/" + std::to_string(c.of);
  }
  return text;
}

}  // namespace

TEST_CASE("the same request id ties an application's error to its own failed request") {
  const auto world = chain({sent("web", "503", "a"), sent("web", "503", "b")},
                           {sent("api", "503", "a"), taken("10.0.0.1", "10.0.0.3", "503", "a"), sent("api", "503", "b"), taken("10.0.0.1", "10.0.0.3", "503", "b")});
  CHECK(told(world) == "client>web =id 2/2 web>api");
  CHECK(told(world, false) == "client>web");
}

TEST_CASE("a request that was tried again and went well is no reason") {
  const auto world = chain({sent("web", "503", "a")}, {at(sent("api", "503", "a"), 1), at(sent("api", "200", "a"), 2), taken("10.0.0.1", "10.0.0.3", "503", "a")});
  CHECK(told(world) == "client>web");
}

TEST_CASE("a failure that the application also has when it answers well is none of the reasons") {
  const auto world = chain({sent("web", "200", "a"), sent("web", "503", "b")},
                           {sent("api", "503", "a"), taken("10.0.0.1", "10.0.0.3", "200", "a"), sent("api", "503", "b"), taken("10.0.0.1", "10.0.0.3", "503", "b")});
  CHECK(told(world) == "client>web");
}

TEST_CASE("an application that passes ids on, and failed without a request of its own") {
  const auto world = chain({sent("web", "200", "a"), sent("web", "503", "b")},
                           {sent("api", "200", "a"), taken("10.0.0.1", "10.0.0.3", "200", "a"), inside(sent("api", "503", "z"), 2), at(taken("10.0.0.1", "10.0.0.3", "503", "b"), 2, 20)});
  CHECK(told(world) == "client>web");
}

TEST_CASE("without ids time makes it likely, unless it happens beside good answers, too, or by chance") {
  std::vector<Line> client, web, both, rare;
  for (int i = 0; i < 4; ++i) {
    const auto id = std::to_string(i);
    client.push_back(at(sent("web", "503", id), i * 5, 20));
    web.push_back(inside(sent("api", "503", "x" + id), i * 5));
    web.push_back(at(taken("10.0.0.1", "10.0.0.3", "503", id), i * 5, 20));
  }
  CHECK(told(chain(client, web)) == "client>web =time 4/4 web>api");
  both = web;
  for (int i = 0; i < 4; ++i) {
    both.push_back(inside(sent("api", "503", "y" + std::to_string(i)), i * 5 + 2));
    both.push_back(at(taken("10.0.0.1", "10.0.0.3", "200", "g" + std::to_string(i)), i * 5 + 2, 20));
  }
  CHECK(told(chain(client, both)) == "client>web");
  // a poll fails every second, one of them inside a long failing request
  for (int i = 0; i < 10; ++i) rare.push_back(inside(sent("api", "503", "p" + std::to_string(i)), i));
  rare.push_back(at(taken("10.0.0.1", "10.0.0.3", "503", "0"), 0, 9000));
  CHECK(told(chain({at(sent("web", "503", "0"), 0, 9000)}, rare)) == "client>web");
}

TEST_CASE("a chain that goes round ends") {
  auto back = sent("web", "503", "a");
  const auto world = chain({sent("web", "503", "a")}, {sent("api", "503", "a"), taken("10.0.0.1", "10.0.0.3", "503", "a"), taken("10.0.0.1", "10.0.0.2", "503", "a")},
                           {back, taken("10.0.0.2", "10.0.0.1", "503", "a")});
  const auto cases = cases_of(View(world.evidence), asking_from("web", "client"));
  CHECK(cases.all.size() <= k_most_hops);
  CHECK(told(world) == "client>web =id 1/1 web>api =id 1/1 api>web");
  CHECK(contains(join(cases.remarks, " "), "go round"));
}

TEST_CASE("times and chances") {
  CHECK(milliseconds("1970-01-01T00:00:00.001Z") == 1);
  CHECK(milliseconds("2000-03-01T00:00:00Z") == 951868800000);
  CHECK(milliseconds("2026-11-22T10:00:00.5Z") == milliseconds("2026-11-22T10:00:00.500Z"));
  for (const char* bad : {"", "-", "2026-11-22", "2026-11-22T10:00:00.000", "2026-xx-22T10:00:00.000Z"}) CHECK_FALSE(milliseconds(bad).has_value());
  CHECK(chance_of(0, 5, 0.5) == 1);
  CHECK(chance_of(5, 5, 0.5) == doctest::Approx(1.0 / 32));
  CHECK(chance_of(1, 2, 0.5) == doctest::Approx(0.75));
  CHECK(chance_of(1, 2, 0) == 0);
}
