#include <ostream>

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "outcome.hpp"
#include "run/recording.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::testing;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "meshdx-cli-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    m_path = name;
  }
  ~Folder() { fs::remove_all(m_path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (m_path / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((m_path / name).parent_path());
    std::ofstream(m_path / name, std::ios::binary) << text;
    return *this / name;
  }

 private:
  fs::path m_path;
};

/// A recording of one command that asks `args`.
std::string record(const Folder& folder, const std::vector<std::string>& args) {
  run::Recording head;
  head.args = args;
  run::CommandResult result;
  result.argv = {"kubectl", "get", "namespaces", "-o", "json"};
  result.out = R"({"kind":"List","items":[]})";
  const auto path = folder / "recording";
  REQUIRE(run::write_recording(path, head, {result}).ok());
  return path;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Wrong usage and bad input: one sentence on stderr, nothing on stdout.
void check_sentence(const Outcome& outcome, int code, const std::string& part) {
  CAPTURE(outcome.err);
  CHECK(outcome.code == code);
  CHECK(outcome.out.empty());
  CHECK(has(outcome.err, part));
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
}

/// No programs on PATH while it lives.
class EmptyPath {
 public:
  EmptyPath() : m_before(getenv("PATH")) { setenv("PATH", "/nonexistent", 1); }
  ~EmptyPath() { setenv("PATH", m_before.c_str(), 1); }

 private:
  std::string m_before;
};

}  // namespace

TEST_CASE("meshdx tells about itself") {
  CHECK(meshdx_with({"--version"}).out == "meshdx 0.1.0\n");
  CHECK(has(meshdx_with({"-h"}).out, "Usage:"));
  CHECK(has(meshdx_with({"--help"}).out, "Exit codes"));
  CHECK(has(meshdx_with({"help", "503"}).out, "--from"));
  CHECK(has(meshdx_with({"help", "graph"}).out, "--format"));
  CHECK(has(meshdx_with({"replay", "--help"}).out, "meshdx replay DIR"));
  for (const auto* flag : {"--help", "-h"}) {
    CHECK(meshdx_with({"503", flag}).out == meshdx_with({"help", "503"}).out);
    CHECK(meshdx_with({"sweep", flag}).out == meshdx_with({"help", "sweep"}).out);
  }
  CHECK(parse_json(meshdx_with({"help", "schema"}).out).ok());
}

TEST_CASE("wrong usage: one sentence and 64") {
  check_sentence(meshdx_with({}), 64, "What is to be diagnosed?");
  check_sentence(meshdx_with({"503", "web", "--form", "x"}), 64, "did you mean --from?");
  check_sentence(meshdx_with({"503", "ftp://web/"}), 64, "scheme");
  check_sentence(meshdx_with({"run", "no-such", "web"}), 64, "no playbook 'no-such'");
  check_sentence(meshdx_with({"graph", "504"}), 64, "no playbook '504'; did you mean");
  check_sentence(meshdx_with({"help", "nothing"}), 64, "no command");
  check_sentence(meshdx_with({"record", "dir", "--", "list"}), 64, "takes a diagnosis");
  check_sentence(meshdx_with({"record", "dir", "--", "503", "web", "--record", "x"}), 64, "takes a diagnosis");
}

TEST_CASE("plan and graph run nothing") {
  const auto plan = meshdx_with({"plan", "503", "http://web.shop/", "-n", "shop", "--from", "client"});
  CHECK(plan.code == 0);
  CHECK(has(plan.out, "  kubectl get pods -n shop -o json\n"));
  CHECK(has(plan.out, "kubectl logs {client.pod} -n {client.namespace} -c istio-proxy --tail=500\n"));
  CHECK(has(meshdx_with({"plan", "mtls", "web"}).out, "kubectl get pods -n default -o json"));
  CHECK(has(meshdx_with({"graph", "404"}).out, "flowchart TD"));
  CHECK(has(meshdx_with({"graph", "404", "--format", "dot"}).out, "digraph"));
}

TEST_CASE("a recording that cannot be read: 65") {
  const Folder folder;
  check_sentence(meshdx_with({"replay", folder / "none"}), 65, "none");
  folder.write("bad/recording.json", "{");
  check_sentence(meshdx_with({"replay", folder / "bad"}), 65, "recording.json");
  folder.write("up/recording.json",
               R"({"format":"meshdx.recording/v1","args":["503","web"],"commands":[{"argv":["kubectl","version","-o","json"],"exit":0,"ms":1,)"
               R"("stdout":{"file":"../../etc/passwd","bytes":1,"sha256":"00"}}]})");
  check_sentence(meshdx_with({"replay", folder / "up"}), 65, "../../etc/passwd");
}

TEST_CASE("a recording may only ask a question") {
  for (const auto& args : std::vector<std::vector<std::string>>{{"replay", "/"}, {"record", "x", "--", "503", "web"}, {"list"}, {"--bad"}, {}, {"503", "ftp://x"}}) {
    const Folder folder;
    const auto outcome = meshdx_with({"replay", record(folder, args)});
    CAPTURE(outcome.err);
    CHECK(outcome.code == 65);
    CHECK(has(outcome.err, "holds no question that meshdx can ask"));
  }
}

TEST_CASE("replay asks the recorded question, or another one; outer output flags win") {
  const Folder folder;
  const auto path = record(folder, {"503", "web", "-n", "shop", "--record", "/somewhere", "--playbooks", "/nowhere"});
  const auto own = meshdx_with({"replay", path});
  CHECK(own.code == 3);
  CHECK(has(own.out, "VERIFY meshdx 503 web -n shop"));
  CHECK_FALSE(has(own.out, "/somewhere"));
  const auto json = parse_json(meshdx_with({"replay", path, "-o", "json"}).out);
  REQUIRE(json.ok());
  CHECK(text_at(*json, "playbook") == "503");
  CHECK(number_at(*json, "exitCode") == 3);
  const auto other = parse_json(meshdx_with({"replay", path, "-o", "json", "--", "404", "web", "-n", "other"}).out);
  REQUIRE(other.ok());
  CHECK(text_at(*other, "playbook") == "404");
  check_sentence(meshdx_with({"replay", path, "--", "list"}), 64, "asks no question");
}

TEST_CASE("VERIFY asks about the latest requests alone: what failed before the repair stays in the log") {
  const std::string fixtures = SOURCE_DIR "/fixtures/";
  CHECK(has(meshdx_with({"replay", fixtures + "selector-mismatch"}).out, "--from client --since 10s\n"));
  // whoever asked about a window of their own gets this one
  const auto narrowed = meshdx_with({"replay", fixtures + "selector-mismatch", "--", "503", "web", "-n", "shop", "--from", "client", "--since", "2020-01-31T12:00:00Z"});
  CHECK(has(narrowed.out, "VERIFY meshdx 503 web -n shop --from client --since 10s\n"));
  // plaintext, but nothing failed
  CHECK_FALSE(has(meshdx_with({"replay", fixtures + "permissive-plaintext-hop"}).out, "--since"));
}

TEST_CASE("without kubectl: one sentence and 1") {
  const EmptyPath none;
  check_sentence(meshdx_with({"503", "web", "-n", "shop", "--from", "client"}), 1, "kubectl");
}

TEST_CASE("--record refuses a folder that is in use before anything runs") {
  const Folder folder;
  folder.write("full/file", "x");
  const EmptyPath none;
  check_sentence(meshdx_with({"503", "web", "--record", folder / "full"}), 64, "full");
}

TEST_CASE("--playbooks replaces and adds files") {
  const Folder folder;
  folder.write("p/canary.yaml",
               "playbook: canary\ntitle: A canary\nabout: x\nsteps:\n  - {id: v, ask: q, run: [kubectl, version, -o, json]}\ncauses: []\n");
  CHECK(has(meshdx_with({"list", "--playbooks", folder / "p"}).out, "A canary"));
  CHECK(has(meshdx_with({"plan", "canary", "web", "--playbooks", folder / "p"}).out, "kubectl version -o json"));
  const auto cycle = folder.write("p/bad.yaml", "playbook: bad\ntitle: T\nabout: x\nsteps:\n  - {id: v, ask: q, needs: [v], run: [kubectl, version, -o, json]}\n");
  check_sentence(meshdx_with({"run", "bad", "web", "--playbooks", folder / "p"}), 65, cycle + ":5:");
  const auto lint = meshdx_with({"lint", cycle});
  CHECK(lint.code == 65);
  CHECK(has(lint.out, "cycle"));
  check_sentence(meshdx_with({"list", "--playbooks", folder / "none"}), 65, "no directory");
}

TEST_CASE("all that meshdx brings along lints clean") {
  const auto outcome = meshdx_with({"lint"});
  CAPTURE(outcome.out);
  CHECK(outcome.code == 0);
}

TEST_CASE("explain knows causes by name and code, and near misses") {
  const auto list = parse_json(meshdx_with({"list", "-o", "json"}).out);
  REQUIRE(list.ok());
  for (const auto& cause : at(*list, "causes")) {
    const auto by_id = meshdx_with({"explain", text_at(cause, "id")});
    CHECK(by_id.code == 0);
    CHECK(by_id.out == meshdx_with({"explain", lower(text_at(cause, "code"))}).out);
  }
  check_sentence(meshdx_with({"explain", "no-endpoints-selector-mismatchh"}), 64, "did you mean no-endpoints-selector-mismatch?");
  check_sentence(meshdx_with({"explain", "selector"}), 64, "did you mean no-endpoints-selector-mismatch or gateway-selector-mismatch?");
}

TEST_CASE("preflight prints roles without a cluster, and says when there is none") {
  const EmptyPath none;
  const auto roles = meshdx_with({"preflight", "--rbac", "-n", "shop", "--service-account", "ops/dx"});
  CHECK(roles.code == 0);
  for (const auto* part : {"kind: ClusterRole\n", "kind: Role\n", "namespace: shop\n", "- pods/portforward\n", "name: dx\n", "namespace: ops\n"}) {
    CAPTURE(part);
    CHECK(has(roles.out, part));
  }
  CHECK_FALSE(has(roles.out, "pods/exec"));
  CHECK(has(meshdx_with({"preflight", "--rbac", "--probe"}).out, "pods/exec"));
  const auto seen = meshdx_with({"preflight", "-n", "shop"});
  CHECK(seen.code == 1);
  CHECK(has(seen.out, "kubectl is not on PATH"));
  check_sentence(meshdx_with({"preflight", "--playbook", "5O3"}), 64, "no playbook '5O3'");
  check_sentence(meshdx_with({"preflight", "-n", "No_Name"}), 64, "No_Name");
}

TEST_CASE("write prints configuration out of a recording, or says why it cannot") {
  const auto written = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"replay", SOURCE_DIR "/fixtures/selector-mismatch", "--", "write"});
    return meshdx_with(words);
  };
  const auto told = written({"canary", "web", "-n", "shop", "--split", "v1=90,v2=10", "-o", "json"});
  CHECK(told.code == 0);
  const auto json = parse_json(told.out);
  REQUIRE(json.ok());
  CHECK(text_at(*json, "format") == "meshdx.write/v1");
  CHECK(at(*json, "apply").size() == 2);
  CHECK(at(*json, "undo").size() == 2);
  CHECK(text_at(*json, "verify") == "meshdx canary web -n shop --since 30s");
  const auto text = written({"canary", "web", "-n", "shop", "--split", "v1=90,v2=10"}).out;
  for (const auto& step : at(*json, "apply")) CHECK(has(text, text_at(step, "command")));
  CHECK(text.find("kind: DestinationRule") < text.find("kind: VirtualService"));
  CHECK(text.find("delete virtualservice") < text.find("delete destinationrule"));
  check_sentence(written({"canary", "wep", "-n", "shop", "--split", "v1=1"}), 1, "did you mean web?");
  check_sentence(written({"canary", "web", "-n", "shop"}), 64, "lacks --split");
}

TEST_CASE("write reads its wish before a cluster, and tells about its kinds") {
  const EmptyPath nothing;
  check_sentence(meshdx_with({"write", "canary", "web"}), 64, "--split v1=90,v2=10");
  check_sentence(meshdx_with({"write"}), 64, "header-routing");
  check_sentence(meshdx_with({"write", "canary", "web", "--split", "v1=1", "-o", "sarif"}), 64, "text, json or yaml");
  check_sentence(meshdx_with({"503", "web", "--strict"}), 64, "takes no --strict");
  check_sentence(meshdx_with({"write", "mtls", "-n", "shop", "--strict"}), 1, "Nothing could be read");
  CHECK(has(meshdx_with({"write", "--help"}).out, "header-routing SERVICE"));
  const auto help = meshdx_with({"write", "retries", "--help"}).out;
  CHECK(has(help, "--per-try"));
  CHECK_FALSE(has(help, "--split"));
  CHECK(has(meshdx_with({"completion", "bash"}).out, "circuit-breaker fault-injection"));
}
