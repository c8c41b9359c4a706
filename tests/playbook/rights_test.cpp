#include <ostream>

#include <doctest/doctest.h>

#include <set>

#include "playbook/library.hpp"
#include "playbook/preflight.hpp"
#include "playbook/rights.hpp"
#include "playbook/world.hpp"

using namespace meshdx;
using namespace meshdx::playbook;
using namespace meshdx::testing;

namespace {

std::string text_of(const Right& right) {
  static const char* const scopes[] = {"everywhere", "asked", "control plane"};
  const auto& a = right.action;
  return a.verb + " " + evidence::resource_text(a) + (a.name.empty() ? "" : " " + a.name) + " " + scopes[static_cast<int>(right.scope)];
}

std::set<std::string> texts_of(const std::vector<Right>& rights) {
  std::set<std::string> texts;
  for (const auto& right : rights) texts.insert(text_of(right));
  return texts;
}

std::set<std::string> rights_of_line(const std::string& command) { return texts_of(rights_of(split(command, ' '))); }

using Texts = std::set<std::string>;

const std::string steps =
    "  - {id: pods, ask: q, run: [kubectl, get, pods, -n, \"{namespace.name}\", -o, json]}\n"
    "  - id: rules\n    ask: q\n    run: [kubectl, get, virtualservices.networking.istio.io, -A, -o, json]\n"
    "    otherwise:\n      - [kubectl, get, virtualservices.networking.istio.io, -n, \"{namespace.name}\", -o, json]\n";

const std::string head = "Resources   Non-Resource URLs   Resource Names   Verbs\n";
const std::string nothing = head;
const std::string everything = head + "*.*         []                  []               [*]\n";
const std::string pods_and_rules =
    "Resources                             Non-Resource URLs   Resource Names   Verbs\n"
    "pods                                  []                  []               [list]\n"
    "virtualservices.networking.istio.io   []                  []               [list]\n";

const std::string kube_version = R"({"clientVersion":{"gitVersion":"v1.34.4"},"serverVersion":{"gitVersion":"v1.34.4"}})";
const std::string istioctl_version = R"({"clientVersion":{"version":"1.30.1"}})";
std::string istio_version(const std::string& server) {
  return R"({"clientVersion":{"version":"1.30.1"},"meshVersion":[{"Component":"istiod","Info":{"version":")" + server +
         R"("}}],"dataPlaneVersion":[{"ID":"web-1.shop","IstioVersion":")" + server + R"("}]})";
}
const std::string mesh_config = R"({"kind":"ConfigMap","metadata":{"name":"istio"},"data":{"mesh":"accessLogFile: /dev/stdout"}})";

/// A cluster where all is well, but for the answers of `special`.
Preflight look(const std::map<std::string, run::CommandResult>& special, const std::string& what = steps) {
  FakeRunner runner([&](const std::string& command) -> run::CommandResult {
    if (const auto found = special.find(command); found != special.end()) return found->second;
    if (command == "kubectl version -o json") return printed(kube_version);
    if (command == "istioctl version --remote=false -o json") return printed(istioctl_version);
    if (command == "istioctl version -o json") return printed(istio_version("1.30.0"));
    if (command == "kubectl get configmap istio -n istio-system -o json") return printed(mesh_config);
    if (command == "kubectl config view --minify -o json") return printed(R"({"current-context":"prod"})");
    if (starts_with(command, "kubectl auth can-i --list")) return printed(everything);
    FAIL("unexpected command: " << command);
    return {};
  });
  return preflight({playbook_of(what)}, {}, "shop", false, runner, std::chrono::seconds(1));
}

const Prerequisite& of(const Preflight& preflight, const std::string& id) {
  for (const auto& p : preflight.prerequisites) {
    if (p.id == id) return p;
  }
  FAIL("nothing said of " << id);
  return preflight.prerequisites.front();
}

Texts missing(const Preflight& preflight) {
  Texts texts;
  for (const auto& p : preflight.permissions) {
    if (p.granted != Tri::yes && !p.substitute) texts.insert(p.right.action.verb + " " + evidence::resource_text(p.right.action) + (p.ns.empty() ? " -A" : " -n " + p.ns));
  }
  return texts;
}

run::CommandResult no_tool() {
  run::CommandResult result;
  result.end = run::End::not_started;
  result.why = "not on PATH";
  return result;
}

}  // namespace

TEST_CASE("rights: what each command takes") {
  CHECK(rights_of_line("kubectl get pods -n {namespace.name} -o json") == Texts{"list pods asked"});
  CHECK(rights_of_line("kubectl get virtualservices.networking.istio.io -A -o json") == Texts{"list virtualservices.networking.istio.io everywhere"});
  CHECK(rights_of_line("kubectl get services,pods -n shop -o json") == Texts{"list services asked", "list pods asked"});
  CHECK(rights_of_line("kubectl get namespaces -o json") == Texts{"list namespaces everywhere"});
  CHECK(rights_of_line("kubectl get configmap istio -n istio-system -o json") == Texts{"get configmaps istio control plane"});
  CHECK(rights_of_line("kubectl logs {client.pod} -n {client.namespace} -c istio-proxy --tail={option.log-lines}") == Texts{"get pods asked", "get pods/log asked"});
  CHECK(rights_of_line("istioctl proxy-config clusters {client.pod}.{client.namespace} -o json") == Texts{"get pods asked", "create pods/portforward asked"});
  CHECK(rights_of_line("kubectl exec web-1 -n shop -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6") == Texts{"get pods asked", "create pods/exec asked"});
  CHECK(rights_of_line("istioctl proxy-status -o json").count("create serviceaccounts/token default control plane") == 1);
  CHECK(rights_of_line("kubectl version -o json").empty());
  CHECK(rights_of_line("rm -rf /").empty());
}

TEST_CASE("rights: every step of every playbook takes some") {
  const auto library = Library::open("");
  REQUIRE(library.ok());
  for (const auto& id : library->playbook_ids()) {
    const auto playbook = library->playbook(id);
    REQUIRE(playbook.ok());
    for (const auto& step : playbook->steps) {
      CAPTURE(id);
      CAPTURE(step.id);
      const bool free = step.run[0] == "kubectl" && step.run[1] == "version";
      CHECK(rights_of(step.run).empty() == free);
    }
  }
}

TEST_CASE("rights: exec only with --probe, and never anything that changes an object") {
  const auto library = Library::open("");
  REQUIRE(library.ok());
  const std::vector<Playbook> all = {*library->playbook("503"), *library->playbook("404"), *library->playbook("mtls")};
  CHECK(texts_of(rights_of(all, false)).count("create pods/exec asked") == 0);
  CHECK(texts_of(rights_of(all, true)).count("create pods/exec asked") == 1);
  for (const auto& right : rights_of(all, true)) {
    const auto& a = right.action;
    const bool reads = a.verb == "get" || a.verb == "list" || a.verb == "watch";
    const bool connects = a.verb == "create" && (a.subresource == "portforward" || a.subresource == "exec" || a.subresource == "token");
    CHECK((reads || connects));
    CHECK(a.resource != "secrets");
  }
}

TEST_CASE("rights: what is left open is read off steps and causes") {
  const auto library = Library::open("");
  REQUIRE(library.ok());
  const std::vector<Playbook> all = {*library->playbook("503")};
  const auto causes = library->causes_of(all.front());
  REQUIRE(causes.ok());
  const auto without = [&](const std::string& gone) {
    return left_open(all, *causes, false, [&](const Right& right) { return text_of(right) == gone ? Tri::no : Tri::yes; });
  };
  const auto none = without("");
  CHECK(none.lost.empty());
  CHECK(none.causes.empty());
  CHECK_FALSE(none.health);
  const auto logs = without("get pods/log asked");
  CHECK(logs.lost == std::vector<std::string>{"witness-log", "client-log", "server-log", "app-log"});
  CHECK(logs.health);
  CHECK(std::find(logs.causes.begin(), logs.causes.end(), "app-returned-error") != logs.causes.end());
  const auto rules = without("list virtualservices.networking.istio.io everywhere");
  CHECK(rules.lost.empty());
  CHECK(rules.partly == std::vector<std::string>{"virtualservices"});
}

TEST_CASE("preflight: all is well") {
  const auto seen = look({});
  CHECK(exit_code(seen) == 0);
  CHECK(missing(seen).empty());
  CHECK(of(seen, "istiod").text == "istiod 1.30.0");
  CHECK(of(seen, "access-log").works == Tri::yes);
}

TEST_CASE("preflight: a permission that holds in the namespace alone") {
  const auto seen = look({{"kubectl auth can-i --list -n meshdx.none", printed(nothing)}, {"kubectl auth can-i --list -n shop", printed(pods_and_rules)},
                          {"kubectl auth can-i --list -n istio-system", printed(pods_and_rules)}});
  CHECK(exit_code(seen) == 3);
  CHECK(missing(seen) == Texts{"list virtualservices.networking.istio.io -A"});
  CHECK(seen.open.partly == std::vector<std::string>{"rules"});
  CHECK(seen.open.lost.empty());
}

TEST_CASE("preflight: nothing is allowed") {
  const auto no = printed(nothing);
  const auto seen = look({{"kubectl auth can-i --list -n meshdx.none", no}, {"kubectl auth can-i --list -n shop", no}, {"kubectl auth can-i --list -n istio-system", no}});
  CHECK(exit_code(seen) == 3);
  CHECK(missing(seen) == Texts{"list virtualservices.networking.istio.io -A", "list pods -n shop", "list pods -n istio-system"});
  CHECK(seen.open.lost == std::vector<std::string>{"pods", "rules"});
}

TEST_CASE("preflight: a list that is not complete proves what it holds; the rest is asked one by one") {
  auto part = printed(pods_and_rules);
  part.err = "warning: the list may be incomplete: webhook authorizer does not support user rule resolution\n";
  auto refused = failed("");
  refused.out = "no\n";
  const auto seen = look({{"kubectl auth can-i --list -n meshdx.none", failed("Error from server (Forbidden): x is forbidden")},
                          {"kubectl auth can-i --list -n shop", part}, {"kubectl auth can-i --list -n istio-system", part},
                          {"kubectl auth can-i list virtualservices.networking.istio.io -A", refused}});
  CHECK(missing(seen) == Texts{"list virtualservices.networking.istio.io -A"});
  const auto all = look({{"kubectl auth can-i --list -n meshdx.none", printed("no table")}, {"kubectl auth can-i list virtualservices.networking.istio.io -A", printed("yes\n")}});
  CHECK(exit_code(all) == 0);
}

TEST_CASE("preflight: versions too far apart") {
  const auto seen = look({{"istioctl version -o json", printed(istio_version("1.27.3"))}});
  CHECK(of(seen, "istiod").works == Tri::no);
  CHECK(exit_code(seen) == 3);
  CHECK(of(look({{"istioctl version -o json", printed(istio_version("1.29.3"))}}), "istiod").works == Tri::yes);
}

TEST_CASE("preflight: no istioctl, no istiod, no access log") {
  const auto no_istioctl = look({{"istioctl version --remote=false -o json", no_tool()}});
  CHECK(of(no_istioctl, "istioctl").works == Tri::no);
  CHECK(exit_code(no_istioctl) == 3);
  const auto no_istiod = look({{"istioctl version -o json", printed(istioctl_version)}});
  CHECK(of(no_istiod, "istiod").works == Tri::no);
  const std::string off = R"({"kind":"ConfigMap","metadata":{"name":"istio"},"data":{"mesh":"enableAutoMtls: true"}})";
  const std::string telemetry = "kubectl get telemetries.telemetry.istio.io -A -o json";
  const std::string config = "kubectl get configmap istio -n istio-system -o json";
  CHECK(of(look({{config, printed(off)}, {telemetry, printed(empty_list)}}), "access-log").works == Tri::no);
  const std::string on = R"({"kind":"List","items":[{"kind":"Telemetry","metadata":{"name":"mesh","namespace":"istio-system"},"spec":{"accessLogging":[{"providers":[{"name":"envoy"}]}]}}]})";
  CHECK(of(look({{config, printed(off)}, {telemetry, printed(on)}}), "access-log").works == Tri::yes);
}

TEST_CASE("preflight: istioctl is not let wait for what it may not list") {
  const std::string status = "  - {id: status, ask: q, run: [istioctl, proxy-status, -o, json]}\n";
  const auto no = printed(nothing);
  auto hangs = failed("");
  hangs.end = run::End::timed_out;
  const auto seen = look({{"kubectl auth can-i --list -n meshdx.none", no}, {"istioctl version -o json", hangs}}, status);
  CHECK(of(seen, "istiod").works == Tri::unknown);
  CHECK(of(seen, "istiod").text.find("list mutatingwebhookconfigurations.admissionregistration.k8s.io") != std::string::npos);
}

TEST_CASE("preflight: no cluster") {
  auto refused = failed("The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?\n");
  refused.out = R"({"clientVersion":{"gitVersion":"v1.34.4"}})";
  const auto seen = look({{"kubectl version -o json", refused}});
  CHECK(exit_code(seen) == 1);
  CHECK(of(seen, "kubectl").works == Tri::yes);
  CHECK(of(seen, "cluster").works == Tri::no);
  CHECK(of(seen, "cluster").text.find("kubeconfig context prod") != std::string::npos);
  CHECK(exit_code(look({{"kubectl version -o json", no_tool()}})) == 1);
}

TEST_CASE("the rights at a control plane of another name") {
  const mesh::ControlPlane usual, other{"mesh-control", "1-28"};
  const Right config{{"get", "configmaps", "", "", "istio"}, Scope::control_plane};
  const Right pods{{"list", "pods", "", "", ""}, Scope::control_plane};
  CHECK(at_control_plane(config, usual) == config);
  CHECK(at_control_plane(config, other).action.name == "istio-1-28");
  CHECK(at_control_plane(pods, other) == pods);
  // A step for what the proxies' own control plane is called takes the same rights as the one for the usual names.
  const auto named = rights_of({"kubectl", "get", "configmap", "{control.config-map}", "-n", "{control.namespace}", "-o", "json"});
  REQUIRE(named.size() == 1);
  CHECK(named.front() == config);
}
