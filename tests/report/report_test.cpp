#include <ostream>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "report/page.hpp"
#include "report/render.hpp"
#include "report/report.hpp"
#include "report/schema.hpp"

using namespace meshdx;
using namespace meshdx::report;
using diagnose::Outcome;
using diagnose::State;

namespace {

evidence::Source source(const std::string& command, evidence::Gap gap = evidence::Gap::none, const std::string& why = "") {
  return {split(command, ' '), gap, why};
}

/// Owns what a verdict points to.
struct Example {
  diagnose::Cause cause, other;
  facts::Finding yes, no, proof, unknown;
  Report report;

  Example() {
    cause.id = "no-endpoints-selector-mismatch";
    cause.code = "MDX0101";
    cause.title = "Selector matches no pod";
    other.id = "target-port-mismatch";
    other.code = "MDX0103";
    yes = {Tri::yes, "Service web exists: port 80 (http-web) → 8080", "", {source("kubectl get services -n shop -o json")}, {}};
    no = {Tri::no, "Its selector app=webapp matches no pod in shop", "", {source("kubectl get pods -n shop -o json")}, {}};
    proof = no;
    proof.truth = Tri::yes;
    unknown = {Tri::unknown, "", "the log was not read",
               {source("kubectl logs client-1 -n shop -c istio-proxy --tail=500", evidence::Gap::forbidden, "forbidden: user me cannot get pods/log")}, {}};
    report.playbook = "503";
    report.title = "Requests answer 503";
    report.symptom = "a 503";
    report.question = "503 from client to web (namespace shop)";
    report.args = {"503", "web", "-n", "shop"};
    report.verify = "meshdx 503 web -n shop";
    report.verdict.considered = 34;
    report.trail.ran = {{"services", split("kubectl get services -n shop -o json", ' '), evidence::Gap::none, "", std::chrono::milliseconds(5)},
                        {"client-log", unknown.read[0].argv, evidence::Gap::forbidden, unknown.read[0].why, std::chrono::milliseconds(7)}};
    report.trail.skipped = {{"sockets", "only with --probe"}};
  }

  void found(State state = State::confirmed) {
    report.verdict.outcome = state == State::confirmed ? Outcome::cause : Outcome::inconclusive;
    report.verdict.checks = {{"service.exists", &yes}, {"service.selects", &no}};
    diagnose::CauseResult result;
    result.cause = &cause;
    result.state = state;
    result.object = "Service shop/web";
    result.message = "Service shop/web selects app=webapp. Deployment web's pods carry app=web.";
    result.decided_by = {{"service.selects-no-pod", &proof}};
    report.verdict.causes.push_back(std::move(result));
    fix::Fix fix;
    fix.title = "Point the selector at web's pods";
    fix.risk = "low";
    fix.effect = "permanent";
    fix.touches = "requests to web";
    fix.command = "kubectl patch service web -n shop --type=json -p '[]'";
    fix.dry_run = fix.command + " --dry-run=server";
    fix.undo = "kubectl patch service web -n shop --type=json -p '[1]'";
    fix.checked = fix::Fix::Check::holds;
    report.fixes = {{fix}};
  }

  void open() {
    report.verdict.outcome = Outcome::inconclusive;
    report.verdict.checks = {{"service.exists", &yes}, {"requests.uh", &unknown}};
    diagnose::CauseResult result;
    result.cause = &other;
    result.state = State::not_checked;
    result.decided_by = {{"requests.uh", &unknown}};
    report.verdict.not_checked.push_back(std::move(result));
  }
};

void check_schema(const Report& report) {
  std::ifstream file(SOURCE_DIR "/playbooks/schema/report.v1.json");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto schema = parse_json(text);
  REQUIRE(schema.ok());
  const auto json = parse_json(render(json_of(report), "json"));
  REQUIRE(json.ok());
  std::vector<std::string> wrong;
  testing::validate(*schema, *schema, *json, "", wrong);
  for (const auto& message : wrong) CHECK_MESSAGE(false, message);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a cause reads as it should at 3 a.m.") {
  Example e;
  e.found();
  CHECK(to_text(e.report, {}) ==
        "✓ Service web exists: port 80 (http-web) → 8080               kubectl get services -n shop -o json\n"
        "✗ Its selector app=webapp matches no pod in shop              kubectl get pods -n shop -o json\n"
        "– client-log not checked: forbidden: user me cannot get pods/log\n"
        "    kubectl logs client-1 -n shop -c istio-proxy --tail=500\n"
        "\n"
        "34 causes of a 503 → 1\n"
        "CAUSE  MDX0101 no-endpoints-selector-mismatch   confirmed\n"
        "  Service shop/web selects app=webapp. Deployment web's pods carry app=web.\n"
        "  · Its selector app=webapp matches no pod in shop            kubectl get pods -n shop -o json\n"
        "FIX    Point the selector at web's pods\n"
        "  low risk, permanent; affects: requests to web; checked offline: the cause is gone after it; add\n"
        "  --dry-run=server to try it\n"
        "  kubectl patch service web -n shop --type=json -p '[]'\n"
        "UNDO   kubectl patch service web -n shop --type=json -p '[1]'\n"
        "VERIFY meshdx 503 web -n shop\n");
  CHECK(exit_code(e.report) == 2);
  check_schema(e.report);
}

TEST_CASE("inconclusive names what is missing and the command") {
  Example e;
  e.open();
  e.report.context_flags = {"--context", "prod eu"};
  const auto text = to_text(e.report, {});
  CHECK(has(text, "INCONCLUSIVE nothing confirmed; 1 of 34 causes could not be checked"));
  CHECK(has(text, "MISSING"));
  CHECK(has(text, "kubectl --context 'prod eu' logs client-1 -n shop -c istio-proxy --tail=500\n"));
  CHECK(all_missing(e.report.verdict).size() == 1);
  CHECK(exit_code(e.report) == 3);
  check_schema(e.report);
}

TEST_CASE("a likely cause is shown, but as not proven") {
  Example e;
  e.found(State::likely);
  const auto text = to_text(e.report, {});
  CHECK(has(text, "selector-mismatch   likely"));
  CHECK(has(text, "INCONCLUSIVE likely, but not proven"));
  CHECK(exit_code(e.report) == 3);
  check_schema(e.report);
}

TEST_CASE("healthy is said, and an interrupt changes the exit code") {
  Example e;
  e.report.verdict.outcome = Outcome::healthy;
  e.report.verdict.checks = {{"a", &e.yes}, {"b", &e.yes}};
  e.report.verdict.notes = {"port 80 has no protocol prefix"};
  const auto text = to_text(e.report, {});
  CHECK(has(text, "Nothing wrong: all 2 checks above hold, and none of these causes does. What was not checked is not\nneeded for that.\n"));
  CHECK(has(text, "NOTES  odd, but not the reason:\n  · port 80 has no protocol prefix\n"));
  CHECK_FALSE(has(text, "VERIFY"));
  CHECK(exit_code(e.report) == 0);
  check_schema(e.report);
  e.report.trail.interrupted = true;
  CHECK(exit_code(e.report) == 130);
  check_schema(e.report);
}

TEST_CASE("healthy says no more than was checked") {
  Example e;
  e.report.verdict.outcome = Outcome::healthy;
  e.report.verdict.checks = {{"a", &e.yes}};
  e.report.trail.ran.pop_back();
  CHECK(has(to_text(e.report, {}), "Nothing wrong: the check above holds, and none of these causes does.\n"));
  diagnose::CauseResult open;
  open.cause = &e.other;
  e.report.verdict.not_checked.push_back(std::move(open));
  CHECK(has(to_text(e.report, {}), "Nothing wrong: the check above holds; 1 of these causes could not be checked, none of the others\nholds.\n"));
}

TEST_CASE("advice, several fixes, explained causes") {
  Example e;
  e.found();
  fix::Fix advice;
  advice.risk = "low";
  advice.effect = "permanent";
  advice.advice = "Ask the team that owns web.";
  e.report.fixes[0].push_back(advice);
  diagnose::CauseResult under;
  under.cause = &e.other;
  under.state = State::confirmed;
  under.message = "Port 80 leads nowhere.";
  e.report.verdict.causes[0].explains.push_back(std::move(under));
  const auto text = to_text(e.report, {});
  CHECK(has(text, "FIX 1  Point the selector"));
  CHECK(has(text, "FIX 2  Ask the team that owns web.\n"));
  CHECK(has(text, "It is also the reason of MDX0103 target-port-mismatch: Port 80 leads nowhere."));
  check_schema(e.report);
}

TEST_CASE("several lines to paste stand at the margin") {
  Example e;
  e.found();
  e.report.fixes[0][0].command = "kubectl create -f - <<'EOF'\nkind: X\nEOF";
  CHECK(has(to_text(e.report, {}), "\nkubectl create -f - <<'EOF'\nkind: X\nEOF\n"));
}

TEST_CASE("a fix that does not heal at once says so") {
  Example e;
  e.found();
  e.report.fixes[0][0].takes = "some 5 s";
  CHECK(has(to_text(e.report, {}), "affects: requests to web; takes effect after some 5 s; checked"));
  const auto json = parse_json(render(json_of(e.report), "json"));
  REQUIRE(json.ok());
  CHECK((*json)["causes"][0]["fixes"][0]["takesEffectAfter"] == "some 5 s");
}

TEST_CASE("-v shows what was ruled out and every command") {
  Example e;
  e.found();
  diagnose::CauseResult out;
  out.cause = &e.other;
  out.state = State::ruled_out;
  out.decided_by = {{"x", &e.yes}};
  e.report.verdict.ruled_out.push_back(std::move(out));
  TextOptions options;
  options.verbose = 1;
  const auto text = to_text(e.report, options);
  CHECK(has(text, "RULED OUT\n  · MDX0103 target-port-mismatch: Service web exists"));
  CHECK(has(text, "  ✓ kubectl get services -n shop -o json  5 ms\n"));
  CHECK(has(text, "  · sockets: only with --probe\n"));
}

TEST_CASE("nothing from outside can move the cursor or fake a line") {
  Example e;
  e.found();
  e.proof.text = e.no.text = "evil\x1b[2J\nFIX    curl x | sh";
  const auto text = to_text(e.report, {});
  CHECK_FALSE(has(text, "\x1b"));
  CHECK_FALSE(has(text, "\nFIX    curl"));
}

TEST_CASE("without UTF-8 all signs are ASCII; colours only when asked") {
  Example e;
  e.found();
  TextOptions options;
  options.ascii = true;
  const auto text = to_text(e.report, options);
  CHECK(std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  CHECK(has(text, "ok Service web exists: port 80 (http-web) -> 8080"));
  options.color = true;
  CHECK(has(to_text(e.report, options), "\033[1mCAUSE\033[0m"));
}

TEST_CASE("several hops: each its own verdict; what only leads on is a sentence") {
  Example e;
  e.found();
  Hop first, behind;
  first.from = "client";
  first.to = "web";
  first.why = "asked";
  first.failed = 4;
  first.seen = 8;
  first.patterns = {{"pod", "pod shop/web-1", "the failures gather at pod shop/web-1"}};
  first.next = 1;
  first.link = "request-id";
  first.linked = first.of = 4;
  first.verdict = behind.verdict = e.report.verdict;
  first.verify = behind.verify = "meshdx 503 api -n shop --from web";
  behind.from = "web";
  behind.to = "api";
  behind.why = "followed";
  behind.fixes = e.report.fixes;
  e.report.hops = {first, behind};
  e.report.found_at = {1};
  check_schema(e.report);
  const auto text = to_text(e.report, {});
  CHECK(has(text, "client → web 4 of 8 requests failed (50 %)\n"));
  CHECK(has(text, "web answered so after its own request to api had failed (4 of 4, with the same x-request-id)."));
  const auto place = text.find("web → api\n");
  REQUIRE(place != std::string::npos);
  CHECK(text.find("CAUSE") > place);
  CHECK(text.find("CAUSE") == text.rfind("CAUSE"));
  CHECK(has(text, "VERIFY meshdx 503 api -n shop --from web\n"));
  e.report.hops[0].link = "time";
  CHECK(has(to_text(e.report, {}), "at the same time: likely"));
  // two callers with one cause: it is told once
  e.report.hops[0].next.reset();
  e.report.hops[1].why = "failing";
  const auto both = to_text(e.report, {});
  CHECK(has(both, "The failures gather at pod shop/web-1."));
  CHECK(has(both, "The same as client → web: MDX0101 no-endpoints-selector-mismatch."));
}
