// Lines for a terminal: nothing to paste is ever cut, and tables stay readable where they are wide.
#include <ostream>

#include <doctest/doctest.h>

#include "report/checks.hpp"
#include "report/page.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::report;

TEST_CASE("a command that finds no room is on its own line or left out, never cut") {
  const std::string command = "kubectl get pods -n shop -o json", text(60, 'x');
  for (int width = 20; width < 140; width += 7) {
    Page page({false, false, width});
    page.marked(Page::Mark::no, text, command, Page::Overflow::next_line);
    page.marked(Page::Mark::yes, text, command, Page::Overflow::leave_out);
    CHECK(contains(page.text(), command));
    CHECK_FALSE(contains(page.text(), "…"));
  }
  Page narrow({false, false, 80});
  narrow.marked(Page::Mark::no, text, command, Page::Overflow::next_line);
  narrow.marked(Page::Mark::yes, text, command, Page::Overflow::leave_out, 0, "kubectl x");
  CHECK(narrow.text() == "✗ " + text + "\n    " + command + "\n✓ " + text + "   kubectl x\n");
}

TEST_CASE("wide columns are wrapped at words and commas, each in its own column") {
  Page page({false, false, 60});
  page.table({"SETTING", "IN ENVOY", "MEANS"}, {{"retryOn", "connect-failure,refused-stream,unavailable", "no status code is retried"}, {"timeout", "none", "no limit"}});
  CHECK(page.text() ==
        "  SETTING  IN ENVOY                         MEANS\n"
        "  retryOn  connect-failure,refused-stream,  no status code\n"
        "           unavailable                      is retried\n"
        "  timeout  none                             no limit\n");
}

TEST_CASE("last columns without room stand below their row, and nothing where there is nothing to tell") {
  Page page({false, false, 40});
  page.table({"POD", "CREATED", "WHY NONE"}, {{"web-8f9b78f69-6m9jb", "2026-11-22", "namespace shop is not labelled"}, {"api", "2026-11-23", "-"}});
  CHECK(page.text() ==
        "  POD                  CREATED\n"
        "  web-8f9b78f69-6m9jb  2026-11-22\n"
        "    WHY NONE: namespace shop is not\n"
        "    labelled\n"
        "  api                  2026-11-23\n");
}

TEST_CASE("a table that has room looks as before") {
  Page page({false, false, 100});
  page.table({"A", "B"}, {{"one", "two words"}, {"three", ""}});
  CHECK(page.text() == "  A      B\n  one    two words\n  three\n");
}

TEST_CASE("a failing check that has nothing to do with the confirmed cause comes last") {
  const auto reads = [](Tri truth, const char* command) { return facts::Finding{truth, command, "", {{split(command, ' '), evidence::Gap::none, ""}}, {}}; };
  const auto sync = reads(Tri::no, "istioctl proxy-status"), pods = reads(Tri::no, "kubectl get pods"), service = reads(Tri::yes, "kubectl get services"), proof = reads(Tri::yes, "kubectl get pods");
  diagnose::Cause cause;
  diagnose::CauseResult result;
  result.cause = &cause;
  result.state = diagnose::State::confirmed;
  result.decided_by = {{"pods", &proof}};
  diagnose::Verdict verdict;
  verdict.checks = {{"sync", &sync}, {"service", &service}, {"pods", &pods}};
  const auto order = [&] {
    std::vector<std::string> names;
    for (const auto& check : checks_in_order(verdict)) names.push_back(check.fact);
    return names;
  };
  CHECK(order() == std::vector<std::string>{"sync", "service", "pods"});
  verdict.causes = {result};
  CHECK(order() == std::vector<std::string>{"service", "pods", "sync"});
  verdict.causes.front().state = diagnose::State::likely;
  CHECK(order() == std::vector<std::string>{"sync", "service", "pods"});
  verdict.causes.front().state = diagnose::State::confirmed;
  verdict.causes.front().decided_by.push_back({"sync", &sync});
  CHECK(order() == std::vector<std::string>{"sync", "service", "pods"});
}
