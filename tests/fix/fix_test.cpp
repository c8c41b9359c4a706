#include <ostream>

#include <doctest/doctest.h>

#include "fix/command.hpp"
#include "fix/diff.hpp"
#include "fix/fix.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::fix;

namespace {

const char* service =
    R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"shop","resourceVersion":"7",
  "uid":"u"},"spec":{"clusterIP":"10.0.0.1","ports":[{"name":"http-web","port":80,"targetPort":8080}],"selector":{"app":"webapp"}}})";

evidence::Evidence evidence_of(const std::string& plural, const std::string& ns, const std::string& object) {
  run::CommandResult result;
  result.argv = {"kubectl", "get", plural};
  if (ns.empty()) result.argv.emplace_back("-A");
  else result.argv.insert(result.argv.end(), {"-n", ns});
  result.argv.insert(result.argv.end(), {"-o", "json"});
  result.out = R"({"apiVersion":"v1","kind":"List","items":[)" + object + "]}";
  evidence::Evidence made;
  made.add(result);
  return made;
}

/// A cause with one fix that edits Service shop/web.
struct Case {
  diagnose::Cause cause;
  diagnose::CauseResult result;
  facts::Bindings bindings;
  std::vector<std::string> flags;
  Tri holds = Tri::no;

  Case() {
    diagnose::FixTemplate fix;
    fix.title = "Point the selector at {app}";
    fix.kind = "Service";
    fix.ns = "{ns}";
    fix.name = "{name}";
    fix.patch = *parse_json(R"([{"op":"replace","path":"/spec/selector/{key}","value":"{app}"}])");
    fix.touches = "requests to {name}";
    fix.takes = "some 5 s";
    cause.fixes.push_back(fix);
    bindings = {{"ns", "shop"}, {"name", "web"}, {"app", "web"}, {"key", "app"}};
  }
  diagnose::FixTemplate& fix() { return cause.fixes[0]; }
  std::vector<Fix> make(const evidence::Evidence& evidence) {
    result.cause = &cause;
    result.offers.clear();
    for (const auto& fix : cause.fixes) result.offers.push_back(diagnose::Offer{&fix, bindings});
    return make_fixes(result, evidence, flags, [this](const evidence::Evidence&) { return holds; });
  }
  std::vector<Fix> make() { return make(evidence_of("services", "shop", service)); }
};

}  // namespace

TEST_CASE("a fix is a command, its dry run, its undo and its diff") {
  Case c;
  const auto fixes = c.make();
  REQUIRE(fixes.size() == 1);
  const Fix& fix = fixes[0];
  CHECK(fix.title == "Point the selector at web");
  CHECK(fix.touches == "requests to web");
  CHECK(fix.takes == "some 5 s");
  CHECK(fix.risk == "low");
  CHECK(fix.command ==
        "kubectl patch service web -n shop --type=json -p "
        "'[{\"op\":\"test\",\"path\":\"/spec/selector/app\",\"value\":\"webapp\"},"
        "{\"op\":\"replace\",\"path\":\"/spec/selector/app\",\"value\":\"web\"}]'");
  CHECK(fix.dry_run == fix.command + " --dry-run=server");
  CHECK(fix.undo ==
        "kubectl patch service web -n shop --type=json -p "
        "'[{\"op\":\"test\",\"path\":\"/spec/selector/app\",\"value\":\"web\"},"
        "{\"op\":\"replace\",\"path\":\"/spec/selector/app\",\"value\":\"webapp\"}]'");
  CHECK(fix.diff ==
        "--- Service shop/web (captured)\n+++ Service shop/web (fixed)\n@@ -10,4 +10,4 @@\n     port: 80\n     "
        "targetPort: 8080\n"
        "   selector:\n-    app: webapp\n+    app: web\n");
  CHECK(fix.checked == Fix::Check::holds);
  CHECK(fix.before["spec"]["selector"]["app"] == "webapp");
  CHECK(fix.after["spec"]["selector"]["app"] == "web");
}

TEST_CASE("flags and following commands") {
  Case c;
  c.flags = {"--context", "my prod"};
  c.fix().then = {{"kubectl", "rollout", "restart", "deploy/{name}", "-n", "{ns}"}};
  const auto fixes = c.make();
  REQUIRE(fixes.size() == 1);
  const std::string then = " && kubectl --context 'my prod' rollout restart deploy/web -n shop";
  CHECK(starts_with(fixes[0].command, "kubectl --context 'my prod' patch service web -n shop --type=json -p '["));
  CHECK(ends_with(fixes[0].command, "]'" + then));
  CHECK(ends_with(fixes[0].undo, "]'" + then));
  CHECK(ends_with(fixes[0].dry_run, "]' --dry-run=server"));
}

TEST_CASE("what the offline check says decides whether a fix is offered") {
  Case c;
  c.holds = Tri::yes;
  CHECK(c.make().empty());
  c.holds = Tri::unknown;
  const auto unknown = c.make();
  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].checked == Fix::Check::impossible);
  CHECK(unknown[0].check_note == "the evidence does not tell whether the cause would still hold");
}

TEST_CASE("the check sees the fixed object") {
  Case c;
  c.make();
  std::string seen;
  const auto fixes =
      make_fixes(c.result, evidence_of("services", "shop", service), {}, [&](const evidence::Evidence& edited) {
        seen = dump_json(at(*edited.find_object("Service", "shop", "web"), {"spec", "selector"}));
        return Tri::no;
      });
  CHECK(fixes.size() == 1);
  CHECK(seen == R"({"app":"web"})");
}

TEST_CASE("no fix rather than a doubtful one") {
  const auto count_with = [](const std::function<void(Case&)>& change) {
    Case c;
    change(c);
    return c.make().size();
  };
  CHECK(count_with([](Case&) {}) == 1);
  CHECK(count_with([](Case& c) { c.bindings.erase("app"); }) == 0);
  CHECK(count_with([](Case& c) { c.bindings["name"] = "gone"; }) == 0);
  CHECK(count_with([](Case& c) { c.bindings["app"] = "webapp"; }) == 0);        // changes nothing
  CHECK(count_with([](Case& c) { c.bindings["key"] = "gone"; }) == 0);          // does not apply
  CHECK(count_with([](Case& c) { c.bindings["app"] = "REDACTED-1-jwt"; }) == 0);
  CHECK(count_with([](Case& c) { c.bindings["app"] = "a\x7F" "b"; }) == 0);
  CHECK(count_with([](Case& c) { c.bindings["app"] = std::string(200000, 'x'); }) == 0);
  CHECK(count_with([](Case& c) { c.fix().touches = "{gone}"; }) == 0);
  CHECK(count_with([](Case& c) { c.fix().patch = "{app}"; }) == 0);
  CHECK(count_with([](Case& c) { c.fix().then = {{"kubectl", "rollout", "restart", "{gone}"}}; }) == 0);
  CHECK(count_with([](Case& c) {
          c.bindings["app"] = "--all";
          c.fix().then = {{"kubectl", "rollout", "restart", "{app}"}};
        }) == 0);
}

TEST_CASE("advice needs no object and no check") {
  Case c;
  c.fix() = diagnose::FixTemplate();
  c.fix().title = "Mend {name}";
  c.fix().advice = "Make {name} listen on its port.";
  c.holds = Tri::yes;
  const auto fixes = c.make();
  REQUIRE(fixes.size() == 1);
  CHECK(fixes[0].title == "Mend web");
  CHECK(fixes[0].advice == "Make web listen on its port.");
  CHECK(fixes[0].command.empty());
}

TEST_CASE("values of any kind, whole lists of operations, and pointers with bindings") {
  Case c;
  c.bindings["op"] = *parse_json(R"({"op":"replace","path":"/spec/ports/0/targetPort","value":9090})");
  c.bindings["ops"] = Json::array({c.bindings["op"]});
  c.bindings["key"] = "a/b~{app}";
  c.bindings["object"] = *parse_json(R"({"x":[1,"{app}"]})");
  c.fix().patch = *parse_json(R"(["{op}", {"op":"add","path":"/metadata/annotations/{key}","value":"{object}"},
                                  {"op":"add","path":"/spec/list","value":[{"{name}-{app}":"<{app}>", "n":"{object}"}]}])");
  auto fixes = c.make();
  REQUIRE(fixes.size() == 1);
  CHECK(fixes[0].after["spec"]["ports"][0]["targetPort"] == 9090);
  CHECK(dump_json(fixes[0].after["metadata"]["annotations"]) == R"({"a/b~{app}":{"x":[1,"{app}"]}})");
  CHECK(dump_json(fixes[0].after["spec"]["list"]) == R"([{"n":{"x":[1,"{app}"]},"web-web":"<web>"}])");
  CHECK(dump_json(*apply_patch(fixes[0].after, fixes[0].undo_patch)) == dump_json(fixes[0].before));

  c.fix().patch = "{ops}";
  fixes = c.make();
  REQUIRE(fixes.size() == 1);
  CHECK(contains(fixes[0].command, R"({"op":"test","path":"/spec/ports/0/name","value":"http-web"})"));
}

TEST_CASE("hostile names end in no fix, hostile values inside one quoted word") {
  for (const std::string name : {"a'b", "a b", "a\nb", "$(id)", "-A", "--all", "a;b", "a`b`", "A", "", "a/b", ".a"}) {
    CAPTURE(name);
    CHECK_FALSE(is_name(name));
    Json object = *parse_json(service);
    object["metadata"]["name"] = name;
    Case c;
    c.bindings["name"] = name;
    CHECK(c.make(evidence_of("services", "shop", dump_json(object))).empty());
  }
  Json object = *parse_json(service);
  object["spec"]["selector"]["app"] = "x'; rm -rf / #\n$(id)";
  Case c;
  c.bindings["app"] = "'\"'`id`\n";
  const auto fixes = c.make(evidence_of("services", "shop", dump_json(object)));
  REQUIRE(fixes.size() == 1);
  CHECK(fixes[0].command ==
        "kubectl patch service web -n shop --type=json -p "
        "'[{\"op\":\"test\",\"path\":\"/spec/selector/app\",\"value\":\"x'\\''; rm -rf / #\\n$(id)\"},"
        "{\"op\":\"replace\",\"path\":\"/spec/selector/app\",\"value\":\"'\\''\\\"'\\''`id`\\n\"}]'");
  for (const std::string flag : {"a b", "$(id)", "'"}) {
    c.flags = {"--as", flag};
    CHECK(starts_with(c.make()[0].command,
                      flag == "'" ? "kubectl --as ''\\''' patch" : "kubectl --as '" + flag + "' patch"));
  }
}

TEST_CASE("objects without a namespace, and kinds that other APIs have too") {
  Case c;
  c.fix().kind = "Namespace";
  c.fix().ns = "";
  c.fix().name = "shop";
  c.fix().patch = *parse_json(R"([{"op":"add","path":"/metadata/labels/istio-injection","value":"enabled"}])");
  run::CommandResult result;
  result.argv = {"kubectl", "get", "namespaces", "-o", "json"};
  result.out =
      R"({"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}]})";
  evidence::Evidence evidence;
  evidence.add(result);
  const auto fixes = c.make(evidence);
  REQUIRE(fixes.size() == 1);
  CHECK(starts_with(
      fixes[0].command,
      "kubectl patch namespace shop --type=json -p '[{\"op\":\"add\",\"path\":\"/metadata/labels\",\"value\":{}},"));
  CHECK(contains(fixes[0].diff, "--- Namespace shop (captured)"));

  CHECK(resource_of("v1", "Service") == "service");
  CHECK(resource_of("apps/v1", "Deployment") == "deployment");
  CHECK(resource_of("networking.k8s.io/v1", "NetworkPolicy") == "networkpolicy");
  CHECK(resource_of("networking.istio.io/v1", "Gateway") == "gateway.networking.istio.io");
  CHECK(resource_of("gateway.networking.k8s.io/v1", "Gateway") == "gateway.gateway.networking.k8s.io");
  CHECK(resource_of("security.istio.io/v1beta1", "PeerAuthentication") == "peerauthentication.security.istio.io");
}

TEST_CASE("a new object is created, never applied over another") {
  Case c;
  c.fix().patch = Json();
  c.fix().create = *parse_json(
      R"({"apiVersion":"networking.istio.io/v1","kind":"DestinationRule","metadata":{"name":"{name}","namespace":"{ns}"},
                                   "spec":{"host":"{host}","trafficPolicy":{"tls":{"mode":"ISTIO_MUTUAL"}}}})");
  c.fix().then = {{"kubectl", "get", "pods", "-n", "{ns}"}};
  c.bindings["host"] = "web.shop\nEOF\nid";
  c.flags = {"--context", "c"};
  auto fixes = c.make();
  REQUIRE(fixes.size() == 1);
  CHECK(fixes[0].command ==
        "kubectl --context c create -f - <<'EOF' && kubectl --context c get pods -n shop\n"
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: web\n  namespace: shop\n"
        "spec:\n  host: \"web.shop\\nEOF\\nid\"\n  trafficPolicy:\n    tls:\n      mode: ISTIO_MUTUAL\nEOF");
  CHECK(starts_with(fixes[0].dry_run, "kubectl --context c create -f - --dry-run=server <<'EOF'\napiVersion"));
  CHECK(fixes[0].undo ==
        "kubectl --context c delete destinationrule.networking.istio.io web -n shop && kubectl --context c get pods -n "
        "shop");
  CHECK(fixes[0].before.is_null());
  CHECK(fixes[0].checked == Fix::Check::impossible);
  CHECK(fixes[0].check_note == "destination_rules of shop were not captured");

  const std::string existing =
      R"({"apiVersion":"networking.istio.io/v1","kind":"DestinationRule","metadata":{"name":"web","namespace":"shop"}})";
  CHECK(c.make(evidence_of("destinationrules.networking.istio.io", "", existing)).empty());
  fixes =
      c.make(evidence_of("destinationrules.networking.istio.io", "", replace_all(existing, "\"web\"", "\"other\"")));
  REQUIRE(fixes.size() == 1);
  CHECK(fixes[0].checked == Fix::Check::holds);
  c.bindings["ns"] = "";
  CHECK(c.make().empty());
}

TEST_CASE("unified_diff") {
  const auto numbers = [](const std::vector<int>& values) {
    std::string text;
    for (const int value : values) text += std::to_string(value) + "\n";
    return text;
  };
  CHECK(unified_diff("a\n", "a\n", "x") == "");
  CHECK(unified_diff("a\n", "b\n", "x") == "--- x (captured)\n+++ x (fixed)\n@@ -1,1 +1,1 @@\n-a\n+b\n");
  CHECK(unified_diff("", "b\n", "x") == "--- x (captured)\n+++ x (fixed)\n@@ -0,0 +1,1 @@\n+b\n");
  const auto far = unified_diff(numbers({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
                                numbers({1, 20, 3, 4, 5, 6, 7, 8, 9, 10, 12}), "x");
  CHECK(far ==
        "--- x (captured)\n+++ x (fixed)\n@@ -1,5 +1,5 @@\n 1\n-2\n+20\n 3\n 4\n 5\n@@ -8,5 +8,4 @@\n 8\n 9\n "
        "10\n-11\n 12\n");
  const auto near = unified_diff(numbers({1, 2, 3, 4, 5, 6, 7}), numbers({2, 3, 4, 5, 6, 8, 7}), "x");
  CHECK(near == "--- x (captured)\n+++ x (fixed)\n@@ -1,7 +1,7 @@\n-1\n 2\n 3\n 4\n 5\n 6\n+8\n 7\n");
  std::string big_a, big_b;
  for (int i = 0; i < 4000; ++i) big_a += "a" + std::to_string(i) + "\n", big_b += "b" + std::to_string(i) + "\n";
  CHECK(starts_with(unified_diff(big_a, big_b, "x"),
                    "--- x (captured)\n+++ x (fixed)\n@@ -1,4000 +1,4000 @@\n-a0\n-a1\n"));
}

TEST_CASE("readable_yaml leaves out what the API server keeps for itself") {
  const auto object =
      parse_json(R"({"kind":"Service","metadata":{"name":"web","uid":"u","resourceVersion":"1","managedFields":[{}],
    "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","a":"b"}},"status":{"x":1}})");
  CHECK(readable_yaml(*object) == "kind: Service\nmetadata:\n  annotations:\n    a: b\n  name: web\n");
}
