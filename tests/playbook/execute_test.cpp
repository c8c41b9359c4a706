#include <ostream>

#include <doctest/doctest.h>

#include "playbook/execute.hpp"
#include "playbook/world.hpp"

using namespace meshdx;
using namespace meshdx::playbook;
using namespace meshdx::testing;

namespace {

const std::string pods_step = "  - {id: pods, ask: q, run: [kubectl, get, pods, -n, '{namespace.name}', -o, json]}\n";
const std::string services_step = "  - {id: services, ask: q, run: [kubectl, get, services, -n, '{namespace.name}', -o, json]}\n";
const std::string log_step =
    "  - {id: log, ask: q, needs: [pods, services], run: [kubectl, logs, '{client.pod}', -n, '{client.namespace}', -c, istio-proxy, '--tail={option.log-lines}']}\n";

Trail run_it(const Playbook& playbook, FakeRunner& runner, const ExecuteOptions& options = {}) {
  evidence::Evidence evidence;
  return execute(playbook, complaint(), runner, evidence, options);
}

const Skipped* skipped(const Trail& trail, const std::string& step) {
  for (const auto& s : trail.skipped) {
    if (s.step == step) return &s;
  }
  return nullptr;
}

run::CommandResult forbidden() {
  return failed("Error from server (Forbidden): virtualservices.networking.istio.io is forbidden: User \"me\" cannot list resource "
                "\"virtualservices\" in API group \"networking.istio.io\" at the cluster scope\n");
}

}  // namespace

TEST_CASE("a step waits for its needs and takes its values from them") {
  FakeRunner runner(world);
  const auto trail = run_it(playbook_of(log_step + pods_step + services_step), runner);
  const std::string log = "kubectl logs client-1 -n shop -c istio-proxy --tail=500";
  CHECK(runner.times(log) == 1);
  CHECK(runner.place(log) > runner.place("kubectl get pods -n shop -o json"));
  CHECK(runner.place(log) > runner.place("kubectl get services -n shop -o json"));
  CHECK(trail.skipped.empty());
  CHECK(trail.ran.front().step == "log");   // in the order of the playbook
  CHECK(trail.no_cluster.empty());
}

TEST_CASE("the same command is run once, whoever asks") {
  FakeRunner runner(world);
  const auto again = "  - {id: again, ask: q, needs: [pods], run: [kubectl, get, pods, -n, shop, -o, json]}\n";
  const auto trail = run_it(playbook_of(pods_step + again), runner);
  CHECK(runner.times("kubectl get pods -n shop -o json") == 1);
  CHECK(trail.skipped.empty());
}

TEST_CASE("no more run at once than the runner takes, those first that others wait for") {
  FakeRunner runner(world, 2);
  run_it(playbook_of("  - {id: version, ask: q, run: [kubectl, version, -o, json]}\n" + services_step + pods_step + log_step), runner);
  CHECK(runner.most_at_once == 2);
  CHECK(runner.place("kubectl version -o json") > runner.place("kubectl get pods -n shop -o json"));
}

TEST_CASE("other ways are tried when one is refused, for each value") {
  const auto steps = "  - id: vs\n    ask: q\n    run: [kubectl, get, virtualservices.networking.istio.io, -A, -o, json]\n"
                     "    otherwise:\n      - [kubectl, get, virtualservices.networking.istio.io, -n, '{namespace.name}', -o, json]\n";
  FakeRunner runner([](const std::string& command) { return command.find(" -A ") != std::string::npos ? forbidden() : world(command); });
  const auto trail = run_it(playbook_of(steps), runner);
  CHECK(runner.times("kubectl get virtualservices.networking.istio.io -n shop -o json") == 1);
  CHECK(runner.times("kubectl get virtualservices.networking.istio.io -n istio-system -o json") == 1);
  REQUIRE(trail.ran.size() == 3);
  CHECK(trail.ran.front().gap == evidence::Gap::forbidden);
  FakeRunner fine(world);
  CHECK(run_it(playbook_of(steps), fine).ran.size() == 1);
}

TEST_CASE("damaged output is a reason to ask otherwise, a timeout is not") {
  const auto steps = "  - id: ps\n    ask: q\n    run: [istioctl, proxy-status, -o, json]\n    otherwise:\n      - [istioctl, proxy-status]\n";
  FakeRunner cut([](const std::string& command) { return printed(command == "istioctl proxy-status" ? "NAME CDS\n" : "[{\"proxy\":"); });
  run_it(playbook_of(steps), cut);
  CHECK(cut.times("istioctl proxy-status") == 1);
  FakeRunner slow([](const std::string&) {
    run::CommandResult result;
    result.end = run::End::timed_out;
    return result;
  });
  run_it(playbook_of(steps), slow);
  CHECK(slow.times("istioctl proxy-status") == 0);
}

TEST_CASE("proxy-status is asked in the next way until it tells of sync, by what each version prints") {
  const std::string types = "NAME       CLUSTER      CDS        LDS        EDS        RDS          ECDS         ISTIOD      VERSION\nweb.shop   Kubernetes   SYNCED     SYNCED     SYNCED     NOT SENT     NOT SENT     istiod1     1.24\n";
  const std::string bare = "NAME       CLUSTER        ISTIOD      VERSION     SUBSCRIBED TYPES\nweb.shop   Kubernetes     istiod1     1.28.1      4 (CDS,LDS,EDS,RDS)\n";
  const std::string json = R"({"resources":[],"typeUrl":"istio.io/debug/syncz"})";
  const auto steps = "  - id: ps\n    ask: q\n    run: [istioctl, proxy-status, -o, json]\n    otherwise:\n      - [istioctl, proxy-status, -v, '1']\n      - [istioctl, proxy-status]\n";
  const auto no_flag = [](const std::string& flag) {
    auto result = failed("Error: unknown shorthand flag: '" + flag + "' in -" + flag + "\n");
    result.exit_code = 64;
    return result;
  };
  struct Row {
    const char* version;
    run::CommandResult as_json, verbose, plain;
    std::size_t asked;
    bool says_sync;
  };
  const Row rows[] = {
      {"1.20 to 1.26", no_flag("o"), no_flag("v"), printed(types), 3, true},
      {"1.27 to 1.29", printed(bare), printed(types), printed(bare), 2, true},
      {"1.27 to 1.29 without rights for more", printed(bare), forbidden(), printed(bare), 3, false},
      {"1.30 and later", printed(json), printed(types), printed(bare), 1, true},
  };
  for (const auto& row : rows) {
    INFO(row.version);
    FakeRunner runner([&](const std::string& command) { return ends_with(command, "json") ? row.as_json : ends_with(command, "1") ? row.verbose : row.plain; });
    evidence::Evidence evidence;
    execute(playbook_of(steps), complaint(), runner, evidence, {});
    CHECK(runner.asked.size() == row.asked);
    CHECK(evidence.get<evidence::Kind::proxy_status>().value.says_sync == row.says_sync);
    CHECK(evidence.get<evidence::Kind::proxy_status>().ok());
  }
}

TEST_CASE("a failing step does not stop those that need it") {
  FakeRunner runner([](const std::string& command) {
    return command.find("services") != std::string::npos ? failed("Error from server: boom") : world(command);
  });
  run_it(playbook_of(pods_step + services_step + log_step), runner);
  CHECK(runner.times("kubectl logs client-1 -n shop -c istio-proxy --tail=500") == 1);
}

TEST_CASE("steps that ran nothing say why") {
  const auto probe = "  - {id: sockets, ask: q, needs: [pods], probe: true, run: [kubectl, exec, '{server.pod}', -n, '{server.namespace}', -c, istio-proxy, --, "
                     "cat, /proc/net/tcp, /proc/net/tcp6]}\n";
  FakeRunner runner([](const std::string&) { return printed(empty_list); });
  const auto trail = run_it(playbook_of(pods_step + services_step + log_step + probe), runner);
  REQUIRE(skipped(trail, "log") != nullptr);
  CHECK(skipped(trail, "log")->why == "no value for {client.pod}");
  REQUIRE(skipped(trail, "sockets") != nullptr);
  CHECK(skipped(trail, "sockets")->why == "only with --probe");
}

TEST_CASE("a step whose condition is false is left out, one that is unknown runs") {
  const auto when = [](const std::string& fact) {
    return "  - {id: extra, ask: q, needs: [pods, services], when: " + fact + ", run: [istioctl, version, -o, json]}\n";
  };
  FakeRunner runner(world);
  const auto trail = run_it(playbook_of(pods_step + services_step + when("complaint.is-mtls")), runner);
  CHECK(runner.times("istioctl version -o json") == 0);
  REQUIRE(skipped(trail, "extra") != nullptr);
  CHECK(skipped(trail, "extra")->why == "not needed: complaint.is-mtls is false");
  FakeRunner other(world);
  run_it(playbook_of(pods_step + services_step + when("{not: complaint.is-mtls}")), other);
  CHECK(other.times("istioctl version -o json") == 1);
}

TEST_CASE("Ctrl-C: nothing more is started, what is there is reported") {
  FakeRunner runner(world, 1);
  runner.interrupt_after = 1;
  const auto trail = run_it(playbook_of(pods_step + services_step + log_step), runner);
  CHECK(trail.interrupted);
  CHECK(runner.asked.size() == 1);
  CHECK(skipped(trail, "log")->why == "interrupted");
}

TEST_CASE("without a cluster the run gives up early and says so") {
  FakeRunner runner(
      [](const std::string&) { return failed("The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n"); }, 1);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "  - {id: s" + std::to_string(i) + ", ask: q, run: [kubectl, get, pods, -n, n" + std::to_string(i) + ", -o, json]}\n";
  const auto trail = run_it(playbook_of(many), runner);
  CHECK(runner.asked.size() < 10);
  CHECK_FALSE(trail.no_cluster.empty());
}

TEST_CASE("the plan runs nothing and shows what is known") {
  const auto text = plan(playbook_of(pods_step + services_step + log_step), complaint(), {});
  CHECK(text.find("at once:\n  kubectl get pods -n istio-system -o json\n  kubectl get pods -n shop -o json\n") != std::string::npos);
  CHECK(text.find("after pods, services:\n  kubectl logs {client.pod} -n {client.namespace} -c istio-proxy --tail=500\n") != std::string::npos);
}
