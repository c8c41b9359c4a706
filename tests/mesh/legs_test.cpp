#include "mesh/route_walk.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using State = Leg::State;

namespace {

const std::string name = "outbound|80|v1|web.shop.svc.cluster.local";

std::string host(const std::string& health) {
  return "{'address':{'socketAddress':{'address':'10.0.0.1','portValue':8080}},'healthStatus':{" + health + "}}";
}

Leg leg_of(const std::string& type, const std::vector<std::string>& hosts) {
  static evidence::Clusters clusters;
  static evidence::Endpoints endpoints;
  clusters = read(evidence::parse_clusters, "[{'name':'" + name + "','type':'" + type + "'}]");
  endpoints = read(evidence::parse_endpoints,
                   hosts.empty() ? "[]" : "[{'name':'" + name + "','hostStatuses':[" + join(hosts, ",") + "]}]");
  return resolve_leg({nullptr, nullptr, &clusters, &endpoints}, name, 7);
}

const std::string up = host("'edsHealthStatus':'HEALTHY'"), down = host("'edsHealthStatus':'UNHEALTHY'"),
                  draining = host("'edsHealthStatus':'DRAINING'"), degraded = host("'edsHealthStatus':'DEGRADED'"),
                  bare = host(""), ejected = host("'failedOutlierCheck':true,'edsHealthStatus':'HEALTHY'"),
                  failed = host("'failedActiveHealthCheck':true,'edsHealthStatus':'HEALTHY'"),
                  both = host("'failedOutlierCheck':true,'edsHealthStatus':'UNHEALTHY'");

}  // namespace

TEST_CASE("the state of a cluster by its endpoints") {
  struct Row {
    std::string type;
    std::vector<std::string> hosts;
    State state;
    std::size_t healthy, unhealthy, ejected;
  };
  const Row rows[] = {
      {"EDS", {}, State::empty, 0, 0, 0},
      {"EDS", {up}, State::reachable, 1, 0, 0},
      {"EDS", {up, down}, State::reachable, 1, 1, 0},
      {"EDS", {degraded}, State::reachable, 1, 0, 0},
      {"EDS", {bare}, State::reachable, 1, 0, 0},
      {"EDS", {down, draining}, State::none_healthy, 0, 2, 0},
      {"EDS", {failed}, State::none_healthy, 0, 1, 0},
      {"EDS", {ejected, ejected}, State::all_ejected, 0, 0, 2},
      {"EDS", {ejected, down}, State::all_ejected, 0, 1, 1},
      {"EDS", {both}, State::none_healthy, 0, 1, 0},
      {"EDS", {ejected, up}, State::reachable, 1, 0, 1},
      {"STRICT_DNS", {}, State::empty, 0, 0, 0},
      {"STRICT_DNS", {up}, State::reachable, 1, 0, 0},
      {"STATIC", {up}, State::reachable, 1, 0, 0},
      {"ORIGINAL_DST", {}, State::passthrough, 0, 0, 0},
  };
  for (const auto& row : rows) {
    INFO(row.type << " " << join(row.hosts, " "));
    const Leg leg = leg_of(row.type, row.hosts);
    CHECK(leg.state == row.state);
    CHECK(leg.healthy == row.healthy);
    CHECK(leg.unhealthy == row.unhealthy);
    CHECK(leg.ejected == row.ejected);
    CHECK(leg.weight == 7);
    REQUIRE(leg.name.has_value());
    CHECK(leg.name->subset == "v1");
    CHECK(leg.config != nullptr);
  }
}

TEST_CASE("clusters that stand for no service, and dumps that were not read") {
  const evidence::Clusters none;
  CHECK(resolve_leg({nullptr, nullptr, &none, nullptr}, name, 1).state == State::missing);
  CHECK(resolve_leg({}, name, 1).state == State::unknown);
  CHECK(resolve_leg({}, "PassthroughCluster", 1).state == State::passthrough);
  CHECK(resolve_leg({}, "BlackHoleCluster", 1).state == State::blackhole);
  CHECK_FALSE(resolve_leg({}, "PassthroughCluster", 1).name.has_value());
  CHECK(resolve_leg({nullptr, nullptr, &none, nullptr}, "", 1).state == State::missing);
}
