#include <doctest/doctest.h>

#include "playbook/fake_runner.hpp"
#include "playbook/joining.hpp"

using namespace meshdx;
using namespace meshdx::playbook;
using namespace meshdx::testing;

namespace {

const std::vector<std::string> asked = {"kubectl get services -n shop -o json", "kubectl get pods -n shop -o json"};
const std::string together = "kubectl get services,pods -n shop -o json";

std::vector<run::CommandResult> run_all(FakeRunner& inner) {
  JoiningRunner runner(inner);
  for (std::size_t i = 0; i < asked.size(); ++i) runner.start(i, split(asked[i], ' '), std::chrono::seconds(1));
  std::vector<run::CommandResult> results(asked.size());
  while (auto finished = runner.wait()) results[finished->ticket] = finished->result;
  return results;
}

}  // namespace

TEST_CASE("commands that can be answered together are one process, and each gets its answer") {
  FakeRunner inner([](const std::string&) {
    return printed(R"({"items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-1"}}]})");
  });
  const auto results = run_all(inner);
  CHECK(inner.asked == std::vector<std::string>{together});
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CHECK(join(results[i].argv, " ") == asked[i]);
    CHECK(join(results[i].together, " ") == together);
  }
  CHECK(results[0].out.find("web-1") == std::string::npos);
  CHECK(results[1].out.find("web-1") != std::string::npos);
}

TEST_CASE("when the joined command fails for a reason of one part, each part is run by itself") {
  FakeRunner inner([](const std::string& command) {
    return command == together ? failed("error: the server doesn't have a resource type \"pods\"\n") : printed(R"({"items":[]})");
  });
  const auto results = run_all(inner);
  CHECK(inner.asked.size() == 3);
  for (const auto& result : results) {
    CHECK(result.exit_code == 0);
    CHECK(result.together.empty());
  }
}

TEST_CASE("when there is no cluster to ask, nothing is asked twice") {
  FakeRunner inner([](const std::string&) { return failed("The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?\n"); });
  const auto results = run_all(inner);
  CHECK(inner.asked.size() == 1);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CHECK(results[i].exit_code == 1);
    CHECK(join(results[i].argv, " ") == asked[i]);
  }
}

TEST_CASE("what the parts of one answer lead to is asked together again") {
  FakeRunner inner([](const std::string&) { return printed(R"({"items":[]})"); });
  JoiningRunner runner(inner);
  for (std::size_t i = 0; i < asked.size(); ++i) runner.start(i, split(asked[i], ' '), std::chrono::seconds(1));
  for (const char* next : {"kubectl get services -n legacy -o json", "kubectl get pods -n legacy -o json"}) {
    REQUIRE(runner.wait());
    runner.start(9, split(next, ' '), std::chrono::seconds(1));
  }
  while (runner.wait()) {}
  CHECK(inner.asked == std::vector<std::string>{together, "kubectl get services,pods -n legacy -o json"});
}
