#include <ostream>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.hpp"
#include "folder.hpp"
#include "run/interrupt.hpp"
#include "run/live.hpp"
#include "run/sink.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::run;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Clock = std::chrono::steady_clock;
const Argv g_version{"kubectl", "version"};

/// A runner whose kubectl is this shell script.
LiveOptions with_kubectl(const test::TempFolder& folder, const std::string& body) {
  folder.script("kubectl", body);
  LiveOptions options;
  options.kubectl = folder.path("kubectl");
  return options;
}

CommandResult run_one(const LiveOptions& options, const Argv& argv = g_version, milliseconds timeout = seconds(60)) {
  LiveRunner runner(options);
  runner.start(7, argv, timeout);
  const auto finished = runner.wait();
  REQUIRE(finished.has_value());
  CHECK(finished->ticket == 7);
  CHECK(finished->result.argv == argv);
  CHECK_FALSE(runner.wait().has_value());
  return finished->result;
}

std::size_t open_descriptors() {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
  return n;
}

}  // namespace

TEST_CASE("live: exit code, stdout, stderr and the words of the command") {
  const test::TempFolder folder;
  auto options = with_kubectl(folder, R"(printf '%s|' "$@"; echo problem >&2; exit 3)");
  const auto result = run_one(options, {"kubectl", "get", "pods", "-l", "a=$HOME;*", "-n", "shop"});
  CHECK(result.end == End::exited);
  CHECK(result.exit_code == 3);
  CHECK(result.out == "get|pods|-l|a=$HOME;*|-n|shop|");
  CHECK(result.err == "problem\n");
  CHECK(result.why.empty());
  CHECK_FALSE(result.truncated);
}

TEST_CASE("live: the cluster's flags go to the program and not into the result") {
  const test::TempFolder folder;
  auto options = with_kubectl(folder, R"(printf '%s|' "$@")");
  options.probe = true;
  options.context = "prod";
  options.kubeconfig = "/k";
  options.as = "me";
  options.as_groups = {"a", "b"};
  const auto result = run_one(options, split("kubectl exec p -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6", ' '));
  CHECK(result.out == "--kubeconfig=/k|--context=prod|--as=me|--as-group=a|--as-group=b|exec|p|-c|istio-proxy|--|cat|"
                      "/proc/net/tcp|/proc/net/tcp6|");
}

TEST_CASE("live: programs are found on PATH") {
  const test::TempFolder folder;
  folder.script("istioctl", "echo found");
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  const auto found = run_one({}, {"istioctl", "version"});
  const auto missing = run_one({}, {"kubectl", "version"});
  ::setenv("PATH", before.c_str(), 1);
  CHECK(found.out == "found\n");
  CHECK(missing.end == End::not_started);
  CHECK(missing.why == "kubectl is not on PATH: install kubectl or add its folder to PATH");
}

TEST_CASE("live: a program that cannot be executed is not started") {
  const test::TempFolder folder;
  folder.write("kubectl", "#!/no/such/interpreter\n");
  std::filesystem::permissions(folder.path("kubectl"), std::filesystem::perms::owner_all);
  LiveOptions options;
  options.kubectl = folder.path("kubectl");
  const auto result = run_one(options);
  CHECK(result.end == End::not_started);
  CHECK(contains(result.why, "could not be started"));
  CHECK_FALSE(test::has_children());
}

TEST_CASE("live: a refused command starts no process") {
  const test::TempFolder folder;
  const auto options = with_kubectl(folder, "touch " + folder.path("ran"));
  const auto result = run_one(options, {"kubectl", "delete", "pods", "--all"});
  CHECK(result.end == End::refused);
  CHECK(contains(result.why, "kubectl delete pods --all"));
  CHECK_FALSE(std::filesystem::exists(folder.path("ran")));
}

TEST_CASE("live: stdin is empty, signals are at their defaults and no descriptor is passed on") {
  const test::TempFolder folder;
  const int leak = ::dup(0);  // not close-on-exec
  const auto result = run_one(with_kubectl(folder,
      "cat; readlink /proc/self/fd/0; ls /proc/self/fd; grep Sig[BI] /proc/self/status"));
  ::close(leak);
  CHECK(starts_with(result.out, "/dev/null\n0\n1\n2\n3\nSigBlk"));  // 3 is ls's own
  CHECK(contains(result.out, "SigBlk:\t0000000000000000"));
}

TEST_CASE("live: much on both pipes at once") {
  const test::TempFolder folder;
  const auto result = run_one(with_kubectl(
      folder, "head -c 3000000 /dev/zero | tr '\\0' e >&2 & head -c 5000000 /dev/zero | tr '\\0' o; wait; exit 0"));
  CHECK(result.end == End::exited);
  CHECK(result.out == std::string(5'000'000, 'o'));
  CHECK(result.err == std::string(3'000'000, 'e'));
}

TEST_CASE("live: stdout is cut at its bound and the child still ends by itself") {
  const test::TempFolder folder;
  auto options = with_kubectl(folder, "head -c 1000000 /dev/zero | tr '\\0' o; exit 4");
  options.max_stdout = 100'000;
  const auto result = run_one(options);
  CHECK(result.truncated);
  CHECK(result.out.size() == 100'000);
  CHECK(result.exit_code == 4);
  options.max_stdout = 1'000'000;
  CHECK_FALSE(run_one(options).truncated);
}

TEST_CASE("live: of a log the last lines are kept, however long it is") {
  const test::TempFolder folder;
  const Argv log{"kubectl", "logs", "web-1", "-n", "shop"};
  auto options = with_kubectl(folder, "seq 1 1500000");
  const auto result = run_one(options, log);
  CHECK(result.truncated);
  CHECK(result.out.size() <= g_log_kept);
  CHECK(result.out.size() > g_log_window);
  CHECK(ends_with(result.out, "\n1499999\n1500000\n"));
  const auto first = to_number(result.out.substr(0, result.out.find('\n')));
  REQUIRE(first.has_value());
  CHECK(result.out.size() == (1'500'000 - *first + 1) * 8 - (*first < 1'000'000 ? 1'000'000 - *first : 0));   // none is missing
  options.max_stdout = 20;
  CHECK(run_one(options, log).out == "1499999\n1500000\n");
  options = with_kubectl(folder, "seq 1 100");
  CHECK_FALSE(run_one(options, log).truncated);
}

TEST_CASE("live: death by a foreign signal is 128 plus its number") {
  const test::TempFolder folder;
  const auto result = run_one(with_kubectl(folder, "kill -9 $$"));
  CHECK(result.end == End::exited);
  CHECK(result.exit_code == 137);
}

TEST_CASE("live: a child that watches what it may not list is ended, with what it said") {
  const test::TempFolder folder;
  const std::string line = "error watch error in cluster: failed to list *v1.MutatingWebhookConfiguration: mutatingwebhookconfigurations is forbidden: User \"me\" cannot list";
  const auto result = run_one(with_kubectl(folder, "echo '" + line + "'; sleep 60"));
  CHECK(result.end == End::exited);
  CHECK(result.exit_code != 0);
  CHECK(trim(result.err) == line.substr(line.find("failed")));
  for (const auto* reason : {"Unauthorized", "the server has asked for the client to provide credentials", "Get \"x\": getting credentials: exec: exit code 1",
                             "tls: failed to verify certificate: x509: unknown authority"}) {
    CAPTURE(reason);
    CHECK(run_one(with_kubectl(folder, "echo 'failed to list *v1.X: " + replace_all(reason, "\"", "") + "'; sleep 60")).end == End::exited);
  }
  CHECK(run_one(with_kubectl(folder, "echo 'failed to list pods, trying again' >&2; sleep 0.1; exit 3")).exit_code == 3);
}

TEST_CASE("live: a timeout kills grandchildren, even those deaf to SIGTERM") {
  const test::TempFolder folder;
  const auto options = with_kubectl(folder, "trap '' TERM; echo some; sh -c 'trap \"\" TERM; echo $$ > " +
                                                folder.path("pid") + "; sleep 100' & sleep 100");
  const auto before = Clock::now();
  const auto result = run_one(options, g_version, milliseconds(500));
  CHECK(Clock::now() - before < seconds(20));
  CHECK(result.end == End::timed_out);
  CHECK(result.why == "`kubectl version` did not end within 500 ms, so it was killed");
  CHECK(result.out == "some\n");
  CHECK(test::dies(folder, "pid"));
  CHECK_FALSE(test::has_children());
}

TEST_CASE("live: a grandchild that keeps a pipe open does not hold the run up") {
  const test::TempFolder folder;
  const auto options = with_kubectl(folder, "sleep 100 & echo $! > " + folder.path("pid") + "; echo answer; exit 5");
  const auto before = Clock::now();
  const auto result = run_one(options);
  CHECK(Clock::now() - before < seconds(20));
  CHECK(result.end == End::exited);
  CHECK(result.exit_code == 5);
  CHECK(result.out == "answer\n");
  CHECK(test::dies(folder, "pid"));
}

TEST_CASE("live: a grandchild that left the group with a pipe does not hold the run up either") {
  const test::TempFolder folder;
  const auto options = with_kubectl(folder, "setsid sh -c 'echo $$ > " + folder.path("pid") + "; exec sleep 100' & "
                                            "while ! [ -s " +
                                            folder.path("pid") + " ]; do sleep 0.05; done; echo answer");
  const auto before = Clock::now();
  const auto result = run_one(options);
  CHECK(Clock::now() - before < seconds(20));
  CHECK(result.out == "answer\n");
  ::kill(static_cast<pid_t>(*to_number(trim(folder.read("pid")))), SIGKILL);
}

TEST_CASE("live: a hundred children, no zombie and no descriptor left") {
  const test::TempFolder folder;
  const auto options = with_kubectl(folder, "echo $3; echo e$3 >&2");
  const std::size_t before = open_descriptors();
  {
    LiveRunner runner(options);
    std::set<std::size_t> answered;
    std::size_t started = 0;
    while (answered.size() < 100) {
      while (started < 100 && runner.can_start()) {
        runner.start(started, {"kubectl", "get", "pods", std::to_string(started)}, seconds(60));
        ++started;
      }
      const auto finished = runner.wait();
      REQUIRE(finished.has_value());
      CHECK(answered.insert(finished->ticket).second);
      CHECK(finished->result.out == std::to_string(finished->ticket) + "\n");
      CHECK(finished->result.err == "e" + std::to_string(finished->ticket) + "\n");
    }
    CHECK_FALSE(runner.wait().has_value());
    CHECK_FALSE(test::has_children());
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("live: commands beyond the bound wait for their turn") {
  const test::TempFolder folder;
  auto options = with_kubectl(folder, "mkdir " + folder.path("lock") + " || echo two at once; sleep 0.05; rmdir " +
      folder.path("lock"));
  options.parallel = 1;
  LiveRunner runner(options);
  CHECK(runner.can_start());
  for (std::size_t i = 0; i < 5; ++i) runner.start(i, g_version, seconds(60));
  CHECK_FALSE(runner.can_start());
  for (std::size_t i = 0; i < 5; ++i) {
    const auto finished = runner.wait();
    REQUIRE(finished.has_value());
    CHECK(finished->ticket == i);
    CHECK(finished->result.out.empty());
  }
  CHECK(runner.can_start());
}

TEST_CASE("live: the deadline ends what runs and starts nothing more") {
  const test::TempFolder folder;
  auto options = with_kubectl(folder, "sleep 100");
  options.parallel = 1;
  options.deadline = milliseconds(700);
  LiveRunner runner(options);
  runner.start(0, g_version, seconds(60));
  runner.start(1, g_version, seconds(60));
  const auto first = runner.wait();
  const auto second = runner.wait();
  runner.start(2, {"kubectl", "get", "pods"}, seconds(60));
  const auto third = runner.wait();
  REQUIRE((first && second && third));
  CHECK(first->result.end == End::timed_out);
  CHECK(third->result.end == End::timed_out);
  CHECK(third->result.why == "the run's deadline of 700 ms passed before `kubectl get pods` was started");
  const bool one_ran = contains(first->result.why, "was running, so it was killed") ||
                       contains(second->result.why, "was running, so it was killed");
  CHECK(one_ran);
  CHECK_FALSE(test::has_children());
}

TEST_CASE("live: Ctrl-C ends all groups") {
  const test::TempFolder folder;
  auto options = with_kubectl(folder, "echo started; echo $$ > " + folder.path("pid") + "; sleep 100");
  options.parallel = 1;
  struct sigaction before {};
  ::sigaction(SIGINT, nullptr, &before);
  {
    const InterruptGuard guard;
    LiveRunner runner(options);
    runner.start(0, g_version, seconds(60));
    runner.start(1, g_version, seconds(60));
    for (int i = 0; i < 400 && trim(folder.read("pid")).empty(); ++i) std::this_thread::sleep_for(milliseconds(25));
    CHECK_FALSE(runner.interrupted());
    ::raise(SIGINT);
    CHECK(runner.interrupted());
    for (int i = 0; i < 2; ++i) {
      const auto finished = runner.wait();
      REQUIRE(finished.has_value());
      CHECK(finished->result.end == End::interrupted);
      CHECK(contains(finished->result.why, "interrupted"));
      if (finished->ticket == 0) CHECK(finished->result.out == "started\n");
    }
    runner.start(2, g_version, seconds(60));
    CHECK(runner.wait()->result.end == End::interrupted);
    CHECK_FALSE(test::has_children());
  }
  struct sigaction after {};
  ::sigaction(SIGINT, nullptr, &after);
  CHECK((after.sa_handler == before.sa_handler));
  const InterruptGuard again;
  CHECK_FALSE(InterruptGuard::interrupted());
  CHECK(run_one(with_kubectl(folder, "echo fine")).out == "fine\n");
}

TEST_CASE("live: a runner that goes takes its children with it") {
  const test::TempFolder folder;
  const auto options = with_kubectl(folder, "echo $$ > " + folder.path("pid") + "; sleep 100");
  const std::size_t before = open_descriptors();
  {
    LiveRunner runner(options);
    runner.start(0, g_version, seconds(60));
    for (int i = 0; i < 400 && trim(folder.read("pid")).empty(); ++i) std::this_thread::sleep_for(milliseconds(25));
  }
  CHECK(test::dies(folder, "pid"));
  CHECK_FALSE(test::has_children());
  CHECK(open_descriptors() == before);
}
