#include <ostream>

#include <filesystem>

#include <doctest/doctest.h>

#include "folder.hpp"
#include "run/recorder.hpp"
#include "run/replay.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::run;

namespace {

Recording recorded(const std::vector<std::string>& lines) {
  Recording recording;
  for (const auto& line : lines) {
    RecordedCommand command;
    command.argv = split(line, ' ');
    command.exit_code = static_cast<int>(recording.commands.size()) + 1;  // tells them apart
    recording.commands.push_back(command);
  }
  return recording;
}

CommandResult ask(const Recording& recording, const std::string& line) {
  ReplayRunner runner(recording);
  CHECK(runner.can_start());
  runner.start(5, split(line, ' '), std::chrono::milliseconds(1));
  const auto finished = runner.wait();
  REQUIRE(finished.has_value());
  CHECK(finished->ticket == 5);
  CHECK(finished->result.argv == split(line, ' '));
  CHECK_FALSE(runner.wait().has_value());
  return finished->result;
}

/// Answers from a table, in reverse order of the starts.
class ScriptedRunner : public CommandRunner {
 public:
  [[nodiscard]] bool can_start() const override { return true; }
  void start(std::size_t ticket, Argv argv, std::chrono::milliseconds) override {
    Finished finished;
    finished.ticket = ticket;
    finished.result.argv = std::move(argv);
    finished.result.out = "Authorization: Basic c2VjcmV0OnNlc2FtZQ==\nline " + std::to_string(ticket) + "\n";
    m_stack.push_back(std::move(finished));
  }
  std::optional<Finished> wait() override {
    if (m_stack.empty()) return std::nullopt;
    Finished finished = std::move(m_stack.back());
    m_stack.pop_back();
    return finished;
  }

 private:
  std::vector<Finished> m_stack;
};

}  // namespace

TEST_CASE("replay: the same words and the same meaning find the command") {
  const auto recording = recorded({"kubectl logs web-1 -n shop -c istio-proxy --tail=500",
                                   "istioctl proxy-config clusters web-1.shop -o json",
                                   "kubectl get configmap istio -n istio-system -o json",
                                   "kubectl exec web-1 -n shop -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6",
                                   "kubectl logs web-1 -n shop -c istio-proxy --tail=50",
                                   "istioctl x describe pod web-1.shop",
                                   "kubectl get pods -A -o json", "kubectl get pods -A -o json"});
  const std::vector<std::pair<std::string, int>> table{
      {"kubectl logs web-1 -n shop -c istio-proxy --tail=500", 1},
      {"kubectl logs web-1 -n shop -c istio-proxy --tail=50", 5},
      {"kubectl logs web-1 -n shop -c istio-proxy --tail=2000", 1},
      {"kubectl logs web-1 -n shop -c istio-proxy", 1},
      {"kubectl logs -n shop --container=istio-proxy web-1 --tail 9", 1},
      {"istioctl proxy-config clusters web-1.shop -o json", 2},
      {"istioctl pc cluster web-1.shop -o json", 2},
      {"istioctl pc c -o json web-1 -n shop", 2},
      {"kubectl get configmap/istio --namespace istio-system --output=json", 3},
      {"kubectl exec -c istio-proxy -n shop web-1 -- cat /proc/net/tcp /proc/net/tcp6", 4},
      {"istioctl x describe pod web-1.shop", 6},
      {"kubectl get pods --all-namespaces -o json", 7},
  };
  for (const auto& row : table) {
    const auto result = ask(recording, row.first);
    CHECK_MESSAGE((result.end == End::exited), row.first);
    CHECK_MESSAGE(result.exit_code == row.second, row.first);
  }
}

TEST_CASE("replay: another meaning is a miss that names the nearest") {
  const auto recording = recorded({"kubectl get pods -n shop -o json",
      "istioctl proxy-config clusters web-7f9-abc.shop -o json",
                                   "istioctl proxy-config clusters api-1.shop -o json"});
  const std::vector<std::pair<std::string, std::string>> table{
      {"kubectl get pods -n other -o json", "kubectl get pods -n shop -o json"},
      {"kubectl get pods -n shop -o yaml", "kubectl get pods -n shop -o json"},
      {"istioctl proxy-config clusters web-7f9-xyz.shop -o json",
          "istioctl proxy-config clusters web-7f9-abc.shop -o json"},
      {"istioctl proxy-config clusters web-7f9-abc.shop", "istioctl proxy-config clusters web-7f9-abc.shop -o json"},
  };
  for (const auto& [line, near] : table) {
    const auto result = ask(recording, line);
    CHECK((result.end == End::not_recorded));
    CHECK(result.why == "the recording does not hold `" + line + "`; the nearest it has is `" + near + "`");
  }
  CHECK(ask(recording, "kubectl version").why == "the recording does not hold `kubectl version`");
  CHECK(ask(recorded({}), "kubectl version").why == "the recording does not hold `kubectl version`");
  CHECK((ask(recording, "helm list").end == End::not_recorded));
}

TEST_CASE("replay: no output is read before it is asked for") {
  const test::TempFolder folder;
  std::vector<CommandResult> results(2);
  results[0].argv = {"kubectl", "version"};
  results[0].out = "one";
  results[1].argv = {"istioctl", "version"};
  results[1].out = "two";
  REQUIRE(write_recording(folder.path("r"), {}, results).ok());
  const auto recording = read_recording(folder.path("r"));
  REQUIRE(recording.ok());
  ReplayRunner runner(*recording);
  std::filesystem::remove(folder.path("r/out/002.out"));
  runner.start(1, {"kubectl", "version"}, {});
  runner.start(2, {"istioctl", "version"}, {});
  CHECK(runner.wait()->result.out == "one");
  CHECK((runner.wait()->result.end == End::damaged));
}

TEST_CASE("recorder: passes on what it sees, writes it redacted and in the order of the starts") {
  const test::TempFolder folder;
  ScriptedRunner inner;
  RecordingRunner runner(inner);
  for (std::size_t i = 0; i < 3; ++i) runner.start(i, {"kubectl", "get", "pods", std::to_string(i)}, {});
  for (std::size_t i = 3; i-- > 0;) {
    const auto finished = runner.wait();
    REQUIRE(finished.has_value());
    CHECK(finished->ticket == i);
    CHECK(contains(finished->result.out, "c2VjcmV0OnNlc2FtZQ=="));
  }
  Recording head;
  head.args = {"503", "http://me:pw@web/", "-H", "Authorization: Bearer abcdef123456", "-H",
      "cookie: user=jason; session=x1"};
  const auto written = runner.write(folder.path("r"), head);
  REQUIRE_MESSAGE(written.ok(), written.error());
  CHECK_FALSE(contains(folder.read("r/recording.json"), "abcdef123456"));
  const auto recording = read_recording(folder.path("r"));
  REQUIRE(recording.ok());
  CHECK(recording->time.size() == 20);
  CHECK(recording->args == std::vector<std::string>{"503", "http://REDACTED-1-url@web/", "-H",
      "Authorization: REDACTED-2-header",
                                                    "-H", "cookie: user=jason; session=REDACTED-3-header"});
  ReplayRunner replay(*recording);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(recording->commands[i].argv.back() == std::to_string(i));
    replay.start(i, recording->commands[i].argv, {});
    CHECK(replay.wait()->result.out == "Authorization: REDACTED-4-header\nline " + std::to_string(i) + "\n");
  }
  CHECK(recording->redactions.size() == 5);
}
