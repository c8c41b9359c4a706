// Configuration from intent, as data: each case of writes/*.yaml says what is asked of which mesh (base.yaml and its own
// objects), and what comes out: `steps` (and the `specs` they lead to, exactly), `warns`, `says` (in the commands), `verify`, or `refused`.
#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "cases.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::intent;
using namespace meshdx::intent::test;

namespace {

std::string ref(const fix::Fix& fix) { return fix.kind + " " + fix.ns + (fix.ns.empty() ? "" : "/") + fix.name; }

bool any_has(const std::vector<std::string>& texts, const std::string& part) {
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return contains(text, part); });
}

/// Pasted once more, nothing is left to paste; and the undo leads back to what was there.
void check_pasting(const Plan& plan, evidence::Evidence evidence, const Wish& asked) {
  for (const auto& step : plan.steps) {
    if (step.fix.patch.is_null() && !step.creates()) continue;   // a restart changes no object
    if (!step.fix.before.is_null()) {
      const auto back = fix::apply_patch(step.fix.after, step.fix.undo_patch);
      REQUIRE(back.ok());
      CHECK(*back == step.fix.before);
      // Guarded: a second paste is refused, but for a label, which is the same twice.
      CHECK(fix::apply_patch(step.fix.after, step.fix.patch).ok() == (asked.kind == Kind::injection && !contains(step.fix.command, "remove")));
    }
    evidence = evidence.with_object(*evidence::Evidence::list_kind(step.fix.kind), step.fix.after);
  }
  const mesh::View view(evidence);
  const auto again = make_plan(view, asked, {});
  REQUIRE(again.ok());
  if (asked.kind == Kind::injection) return;   // its pods are made anew outside of this
  for (const auto& step : again->steps) CHECK_MESSAGE(false, "asked again it would paste: ", step.fix.command);
}

void check(const Json& one) {
  const auto evidence = world(one);
  const auto asked = wish(one);
  const mesh::View view(evidence);
  const auto plan = make_plan(view, asked, {"--context", "x"});
  if (one.contains("refused")) {
    REQUIRE_FALSE(plan.ok());
    CHECK_MESSAGE(contains(plan.error(), text_at(one, "refused")), plan.error());
    return;
  }
  const std::string error = plan ? "" : plan.error();
  REQUIRE_MESSAGE(plan.ok(), error);
  std::vector<std::string> steps, commands;
  std::map<std::string, Json> specs;
  for (const auto& step : plan->steps) {
    const bool restart = step.fix.patch.is_null() && !step.creates();
    steps.push_back((step.creates() ? "create " : restart ? "restart " : "edit ") + ref(step.fix));
    commands.push_back(step.fix.command);
    specs[ref(step.fix)] = at(step.fix.after, "spec");
    CHECK(contains(step.fix.command, "--context x"));
    CHECK((restart || contains(step.fix.undo, "--context x")));
  }
  CHECK(steps == words(at(one, "steps")));
  for (const auto& spec : at(one, "specs").items()) CHECK_MESSAGE(specs[spec.key()] == spec.value(), dump_json(specs[spec.key()]));
  for (const auto& part : words(at(one, "warns"))) CHECK_MESSAGE(any_has(plan->warnings, part), part, " is not in ", join(plan->warnings, "\n"));
  for (const auto& part : words(at(one, "says"))) CHECK_MESSAGE(any_has(commands, part), part, " is not in ", join(commands, "\n"));
  if (one.contains("verify")) CHECK(join(plan->verify, " ") == text_at(one, "verify"));
  if (bool_at(one, "quiet")) CHECK_MESSAGE(plan->warnings.empty(), join(plan->warnings, "\n"));
  check_pasting(*plan, evidence, asked);
}

std::string refused(std::vector<std::string> typed, std::map<std::string, std::string> values = {}, std::vector<std::string> headers = {}) {
  Asked asked;
  asked.words = std::move(typed);
  asked.values = std::move(values);
  asked.headers = std::move(headers);
  const auto made = make_wish(asked);
  return made ? "" : made.error();
}

}  // namespace

TEST_CASE("what is written, case by case") {
  CHECK(for_each_case(check) > 30);
}

TEST_CASE("bad wishes name the flag and an example") {
  const auto is = [](const std::string& error, const char* flag, const char* example) {
    CHECK_MESSAGE(contains(error, flag), error);
    CHECK_MESSAGE(contains(error, example), error);
  };
  is(refused({}), "canary, header-routing", "meshdx write canary web");
  is(refused({"canari", "web"}), "canari", "did you mean canary?");
  is(refused({"canary"}, {{"--split", "v1=1"}}), "lacks its Service", "meshdx write canary web");
  is(refused({"canary", "web"}), "lacks --split", "--split v1=90,v2=10");
  is(refused({"canary", "web"}, {{"--split", "v1"}}), "--split v1", "--split v1=90,v2=10");
  is(refused({"canary", "web"}, {{"--split", "v1=0"}}), "all weights are 0", "--split v1=90,v2=10");
  is(refused({"canary", "web"}, {{"--split", "v1=1,v1=2"}}), "--split", "v1 twice");
  is(refused({"canary", "http://web/"}, {{"--split", "v1=1"}}), "http://web/", "svc/web");
  is(refused({"canary", "web"}, {{"--split", "v1=1"}, {"--attempts", "3"}}), "takes no --attempts", "--split");
  is(refused({"header-routing", "web"}, {{"--to", "v2"}}), "lacks --header", "--header x-user=tester");
  is(refused({"header-routing", "web"}, {{"--to", "v2"}}, {"x user=1"}), "--header", "x-user=tester");
  is(refused({"header-routing", "web"}, {{"--to", "v2"}, {"--match", "glob"}}, {"x-user=1"}), "--match glob", "exact, prefix or regex");
  is(refused({"header-routing", "web"}, {{"--to", "v2"}, {"--match", "regex"}}, {"x-user=("}), "regular expression", "--match regex");
  is(refused({"header-routing", "web"}, {{"--to", "V.2"}}, {"x-user=1"}), "--to V.2", "like v2");
  is(refused({"circuit-breaker", "web"}), "lacks a limit", "--max-requests 100");
  is(refused({"circuit-breaker", "web"}, {{"--max-ejection", "50%"}}), "--consecutive-5xx N", "--max-ejection");
  is(refused({"circuit-breaker", "web"}, {{"--max-requests", "0"}}), "--max-requests 0", "from 1 to");
  is(refused({"circuit-breaker", "web"}, {{"--consecutive-5xx", "1"}, {"--interval", "soon"}}), "--interval soon", "2s");
  is(refused({"fault-injection", "web"}), "--abort CODE=SHARE", "--abort 503=10%");
  is(refused({"fault-injection", "web"}, {{"--abort", "503"}}), "--abort 503", "--abort 503=10%");
  is(refused({"fault-injection", "web"}, {{"--abort", "99=10%"}}), "--abort", "200 to 599");
  is(refused({"fault-injection", "web"}, {{"--delay", "2s=101%"}}), "101%", "--delay 2s=50%");
  is(refused({"retries", "web"}, {{"--attempts", "3"}, {"--on", "5x"}}), "--on '5x'", "did you mean 5xx?");
  is(refused({"retries", "web"}, {{"--attempts", "0"}, {"--on", "5xx"}}), "--attempts 0", "--on");
  is(refused({"isolation"}, {{"--allow", "./*"}}), "-n NAMESPACE", "meshdx write isolation");
  is(refused({"isolation", "client"}, {{"--allow", "api"}}), "--allow 'api'", "./*");
  is(refused({"isolation", "client"}, {{"--allow", "shop/api"}}), "--allow", "shop/api.shop.svc.cluster.local");
  is(refused({"mtls", "web"}), "--strict and --permissive", "meshdx write mtls -n shop --strict");
  is(refused({"mtls", "web"}, {{"--strict", "yes"}, {"--permissive", "yes"}}), "--strict and --permissive", "meshdx write mtls");
  is(refused({"injection"}), "-n NAMESPACE", "meshdx write injection -n shop");
  is(refused({"injection", "web"}), "'web' is one word too many", "-n");
}
