// Sweeps over a recording of a real mesh with six faults in one namespace and none in the two others.
#include <ostream>

#include <doctest/doctest.h>

#include <deque>
#include <set>

#include "causes.hpp"
#include "evidence/source.hpp"
#include "mesh/istio_config.hpp"
#include "playbook/rights.hpp"
#include "run/replay.hpp"
#include "survey/needs.hpp"
#include "survey/scope.hpp"
#include "survey/sweep.hpp"
#include "util/text.hpp"
#include "util/yaml_stream.hpp"

using namespace meshdx;
using namespace meshdx::survey;
using meshdx::test::causes;

namespace {

const run::Recording& recording() {
  static const auto read = run::read_recording(SOURCE_DIR "/tests/survey/recordings/six-faults");
  REQUIRE(read.ok());
  return *read;
}

/// The recording, as someone sees it who may not run the commands that begin with `forbidden`.
class Runner : public run::CommandRunner {
 public:
  explicit Runner(std::string forbidden = "") : m_replay(recording()), m_forbidden(std::move(forbidden)) {}
  [[nodiscard]] bool can_start() const override { return true; }
  void start(std::size_t ticket, run::Argv argv, std::chrono::milliseconds timeout) override { m_replay.start(ticket, std::move(argv), timeout); }
  std::optional<run::Finished> wait() override {
    auto finished = m_replay.wait();
    if (!finished) return finished;
    auto& result = finished->result;
    asked.insert(join(result.argv, " "));
    if (m_forbidden.empty() || !starts_with(join(result.argv, " "), m_forbidden)) return finished;
    result.exit_code = 1;
    result.out.clear();
    result.err = R"(Error from server (Forbidden): x is forbidden: User "u" cannot list resource "x" in API group "" in the namespace "y")";
    return finished;
  }
  std::set<std::string> asked;

 private:
  run::ReplayRunner m_replay;
  std::string m_forbidden;
};

Sweep swept(const std::string& ns, std::size_t shard = 0, std::size_t shards = 1, const std::string& forbidden = "") {
  Runner runner(forbidden);
  SweepOptions options;
  options.ns = ns;
  options.shard = shard;
  options.shards = shards;
  return sweep(runner, causes(), options);
}

std::vector<std::string> found(const Sweep& sweep) {
  std::vector<std::string> all;
  for (const auto& problem : sweep.survey.problems) all.push_back(problem.id + " " + problem.object + " " + problem.message + " hurts " + join(problem.subjects, ", "));
  return all;
}

std::string states(const Sweep& sweep) {
  std::string text;
  for (const auto& subject : sweep.survey.subjects) {
    const char* word = subject.state == Subject::State::sound ? "sound" : subject.state == Subject::State::faulty ? "faulty" : "open";
    text += subject.name + " " + word + " " + join(subject.open, "; ") + "\n";
  }
  return text;
}

/// Whether the answer is: everything was checked, nothing is wrong.
bool clean(const Sweep& sweep) {
  const auto& subjects = sweep.survey.subjects;
  return sweep.failed.empty() && sweep.survey.problems.empty() && sweep.unread.empty() &&
         std::all_of(subjects.begin(), subjects.end(), [](const Subject& s) { return s.state == Subject::State::sound; });
}

const std::set<std::string> k_six = {"no-endpoints-selector-mismatch", "target-port-mismatch", "destinationrule-tls-disable-vs-strict", "subset-not-defined", "destination-host-not-found", "gateway-selector-mismatch"};

}  // namespace

TEST_CASE("six faults of one namespace are named, each once, and nothing else") {
  for (const char* ns : {"sweep-five", ""}) {
    const auto sweep = swept(ns);
    std::set<std::string> ids;
    for (const auto& problem : sweep.survey.problems) {
      ids.insert(problem.id);
      CHECK(problem.state == diagnose::State::confirmed);
      CHECK(problem.subjects.size() == 1);
      CHECK_MESSAGE(contains(problem.subjects.front(), " sweep-five/"), problem.subjects.front());
    }
    CHECK(sweep.survey.problems.size() == 6);
    CHECK(ids == k_six);
    CHECK(sweep.unread.empty());
  }
}

TEST_CASE("a healthy namespace beside it is clean, though its Gateway shares the ingress with others") {
  const auto sweep = swept("sweep-well");
  CHECK_MESSAGE(clean(sweep), states(sweep));
  CHECK(sweep.survey.subjects.size() == 2);
  Runner runner;
  SweepOptions options;
  options.ns = "sweep-well";
  survey::sweep(runner, causes(), options);
  for (const auto& command : runner.asked) {
    CHECK_MESSAGE(!contains(command, "-n shop"), command);
    CHECK_MESSAGE(!contains(command, "-n sweep-five"), command);
    CHECK_MESSAGE((!contains(command, "get pods -A") || contains(command, " -l ")), command);
  }
}

TEST_CASE("the shards together say what the whole says, none says what another does") {
  for (const std::size_t shards : {2U, 3U, 7U}) {
    const auto whole = swept("");
    std::set<std::string> problems, subjects, namespaces;
    for (std::size_t i = 0; i < shards; ++i) {
      const auto part = swept("", i, shards);
      CHECK(part.left_out == whole.left_out);
      for (const auto& ns : part.namespaces) CHECK_MESSAGE(namespaces.insert(ns).second, ns);
      for (const auto& subject : part.survey.subjects) CHECK_MESSAGE(subjects.insert(subject.name).second, subject.name);
      const auto own = found(part);
      problems.insert(own.begin(), own.end());
      for (const auto& subject : part.survey.subjects) CHECK_MESSAGE(subject.state != Subject::State::open, subject.name << join(subject.open, "; "));
    }
    const auto all = found(whole);
    CHECK(problems == std::set<std::string>(all.begin(), all.end()));
    CHECK(namespaces == std::set<std::string>(whole.namespaces.begin(), whole.namespaces.end()));
    CHECK(subjects.size() == whole.survey.subjects.size());
  }
}

TEST_CASE("with any one command forbidden a sweep ends, tells so, finds nothing that is not there, and is not clean") {
  std::set<std::string> commands;
  for (const char* ns : {"sweep-five", "sweep-well"}) {
    Runner runner;
    SweepOptions options;
    options.ns = ns;
    survey::sweep(runner, causes(), options);
    commands.insert(runner.asked.begin(), runner.asked.end());
  }
  CHECK(commands.size() > 20);
  const auto whole = found(swept("sweep-five"));
  for (const auto& command : commands) {
    const auto faulty = swept("sweep-five", 0, 1, command), well = swept("sweep-well", 0, 1, command);
    for (const auto& problem : faulty.survey.problems) CHECK_MESSAGE(k_six.count(problem.id) > 0, command << ": " << problem.message);
    CHECK_MESSAGE(well.survey.problems.empty(), command << ": " << join(found(well), "\n"));
    Runner runner(command);
    SweepOptions options;
    options.ns = "sweep-well";
    survey::sweep(runner, causes(), options);
    // Where gateways' pods run is told by proxy-status as well.
    const bool needed = runner.asked.count(command) > 0 && !contains(command, " -l ");
    if (needed) CHECK_MESSAGE(!clean(well), command);
  }
}

TEST_CASE("the Job may do what the commands of a sweep take, and no more") {
  Runner runner;
  survey::sweep(runner, causes(), {});
  const auto manifest = job_manifest("registry/meshdx:1", 20, "ops");
  const auto documents = parse_yaml_stream("job", manifest);
  REQUIRE(documents.ok());
  std::set<std::string> granted, needed;
  const auto text = [](const std::string& verb, const std::string& resource, const std::string& group, const std::string& where) { return verb + " " + resource + " " + group + " " + where; };
  for (const auto& document : *documents) {
    const bool everywhere = text_at(document.value, "kind") == "ClusterRole";
    for (const auto& rule : at(document.value, "rules")) {
      for (const auto& verb : mesh::strings_at(rule, "verbs")) {
        for (const auto& resource : mesh::strings_at(rule, "resources")) {
          for (const auto& group : mesh::strings_at(rule, "apiGroups")) granted.insert(text(verb, resource, group, everywhere ? "everywhere" : "control plane"));
        }
      }
    }
  }
  for (const auto& command : runner.asked) {
    for (const auto& right : playbook::rights_of(split(command, ' '))) {
      const auto& action = right.action;
      const bool istio = contains(action.group, "istio.io");
      const auto resource = istio ? "*" : action.resource + (action.subresource.empty() ? "" : "/" + action.subresource);
      const auto everywhere = text(action.verb, resource, action.group, "everywhere");
      const bool here = right.scope == playbook::Scope::control_plane && granted.count(everywhere) == 0;
      needed.insert(here ? text(action.verb, resource, action.group, "control plane") : everywhere);
    }
  }
  CHECK(granted == needed);
}

TEST_CASE("what one question is held against shrinks with its hosts, and keeps what could be meant") {
  const auto list = [](const std::string& kind, const std::string& items) {
    run::CommandResult result;
    result.argv = {"kubectl", "get", kind, "-A", "-o", "json"};
    result.out = R"({"kind":"List","items":[)" + items + "]}";
    return result;
  };
  const auto object = [](const char* kind, const std::string& ns, const std::string& name, const std::string& spec) {
    return std::string(R"({"apiVersion":"networking.istio.io/v1","kind":")") + kind + R"(","metadata":{"name":")" + name + R"(","namespace":")" + ns + R"("},"spec":)" + spec + "}";
  };
  std::string services, rules;
  for (int i = 0; i < 100; ++i) {
    const auto name = "app-" + std::to_string(i);
    services += object("VirtualService", "a", name, R"({"hosts":[")" + name + R"("],"http":[{"route":[{"destination":{"host":"to-)" + name + R"("}}]}]})") + ",";
    rules += object("DestinationRule", "a", name, R"({"host":")" + name + R"("})") + "," + object("DestinationRule", "a", "to-" + name, R"({"host":"to-)" + name + R"("})") + ",";
  }
  services += object("VirtualService", "b", "short", R"({"hosts":["app-7"]})") + "," + object("VirtualService", "b", "all", R"({"hosts":["*.local"]})") + "," +
              object("VirtualService", "b", "delegate", R"({"http":[]})");
  rules += object("DestinationRule", "b", "all", R"({"host":"*"})");
  evidence::Evidence evidence;
  evidence.add(list("virtualservices.networking.istio.io", services));
  evidence.add(list("destinationrules.networking.istio.io", rules));
  Question question;
  question.ask.host = "app-7.a.svc.cluster.local";
  question.ask.from = mesh::Complaint::From::workload;
  const auto names = [](const evidence::Evidence& e, evidence::Kind kind) {
    std::set<std::string> all;
    for (const auto& o : e.get<evidence::Objects>({kind, "", "", ""}).value) all.insert(o.full_name());
    return all;
  };
  const Scope scope(evidence);
  const auto& scoped = scope.of(question);
  CHECK(names(scoped, evidence::Kind::virtual_services) == std::set<std::string>{"a/app-7", "b/short", "b/all", "b/delegate"});
  CHECK(names(scoped, evidence::Kind::destination_rules) == std::set<std::string>{"a/app-7", "a/to-app-7", "b/all"});
  question.ask.from = mesh::Complaint::From::gateway;
  CHECK(names(scope.of(question), evidence::Kind::virtual_services).size() == 103);
}
