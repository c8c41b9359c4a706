#include <doctest/doctest.h>

#include "evidence/evidence.hpp"
#include "evidence/joined.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

std::vector<run::Argv> commands(const std::vector<std::string>& lines) {
  std::vector<run::Argv> list;
  for (const auto& line : lines) list.push_back(split(line, ' '));
  return list;
}

std::vector<std::string> joined(const std::vector<std::string>& lines) {
  std::vector<std::string> list;
  for (const auto& one : joins_of(commands(lines))) list.push_back(join(one.argv, " "));
  return list;
}

run::CommandResult answer(const std::string& argv, const std::string& out) {
  run::CommandResult result;
  result.argv = split(argv, ' ');
  result.out = out;
  return result;
}

}  // namespace

TEST_CASE("four parts of one proxy's dump are asked for together; its endpoints and one part alone are not") {
  CHECK(joined({"istioctl proxy-config clusters a.shop -o json", "istioctl proxy-config routes b.shop -o json",
                "istioctl proxy-config endpoints a.shop -o json", "istioctl proxy-config secret a.shop -o json"}) ==
        std::vector<std::string>{"istioctl proxy-config all a.shop -o json"});
}

TEST_CASE("what is not in its canonical form, and no part of a dump, is run as it is") {
  CHECK(joined({"istioctl proxy-config clusters a.shop -o json --port=80", "istioctl proxy-config routes a -n shop -o json",
                "istioctl proxy-config secret a.shop", "kubectl get pods -n shop -o json", "kubectl get services -n shop -o json"})
            .empty());
}

TEST_CASE("a whole dump is taken apart by its sections; one that lacks a section is not") {
  const auto members = commands({"istioctl proxy-config clusters a.shop -o json", "istioctl proxy-config routes a.shop -o json"});
  const auto dump = [](const std::string& routes) {
    return answer("istioctl proxy-config all a.shop -o json",
                  R"({"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"cluster":{"name":"x","connect_timeout":"10s"}}]},)"
                  R"({"@type":"type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump"})" + routes + "]}");
  };
  const auto parts = take_apart(members, dump(R"(,{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump"})"));
  REQUIRE(parts);
  Evidence evidence;
  for (const auto& part : *parts) evidence.add(part);
  REQUIRE(evidence.get<Kind::clusters>("shop", "a").ok());
  CHECK(evidence.get<Kind::clusters>("shop", "a").value.front().name == "x");
  CHECK(evidence.get<Kind::routes>("shop", "a").ok());
  CHECK_FALSE(take_apart(members, dump("")));
  auto cut = dump(R"(,{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump"})");
  cut.truncated = true;
  CHECK_FALSE(take_apart(members, cut));
  auto failed = dump(R"(,{"@type":"type.googleapis.com/envoy.admin.v3.RoutesConfigDump"})");
  failed.exit_code = 1;
  CHECK_FALSE(take_apart(members, failed));
}
