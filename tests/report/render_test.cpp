// Every form of -o: nothing that stands in a name or a message can become markup, and none answers otherwise than the exit code.
#include <ostream>

#include <doctest/doctest.h>

#include "report/junit.hpp"
#include "report/render.hpp"
#include "report/sheet.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::report;

namespace {

SurveyReport faulty_survey() {
  SurveyReport report;
  report.command = "meshdx check m.yaml";
  report.scope = "1 file with 2 objects";
  survey::Problem problem;
  problem.id = "target-port-mismatch";
  problem.code = "MDX0103";
  problem.title = "Target port";
  problem.object = "Service shop/web";
  problem.message = "Port <http> & \"80\"|_x_ leads nowhere";
  problem.subjects = {"Service shop/web"};
  report.survey.problems = {problem};
  survey::Subject web, api;
  web.name = "Service shop/web";
  web.state = survey::Subject::State::faulty;
  api.name = "Service shop/api";
  api.state = survey::Subject::State::open;
  api.open = {"its pods were not read"};
  report.survey.subjects = {api, web};
  report.places[0] = {"a b.yaml", 8, 7};
  return report;
}

}  // namespace

TEST_CASE("markdown: signs are escaped, code is fenced longer than what it holds") {
  const auto sheet = markdown_sheet();
  sheet->heading(2, "a_b <c>\nd");
  sheet->item("✓", "one | two", "x `y`");
  sheet->table({"A"}, {{"p|q"}});
  sheet->code("sh", "echo ```\n");
  CHECK(sheet->text() == "## a\\_b &lt;c&gt; d\n\n- ✓ one \\| two `` x `y` ``\n\n| A |\n| --- |\n| p\\|q |\n\n````sh\necho ```\n````\n");
}

TEST_CASE("html: one whole document, text is escaped, lists are closed") {
  const auto sheet = html_sheet("a<b");
  sheet->item("", "x & <script>", "cmd");
  sheet->paragraph("after");
  const auto text = sheet->text();
  CHECK(contains(text, "<title>a&lt;b</title>"));
  CHECK(contains(text, "<ul>\n<li>x &amp; &lt;script&gt;<br><code>cmd</code></li>\n</ul>\n<p>after</p>"));
  CHECK_FALSE(contains(text, "<script>"));
}

TEST_CASE("junit: a faulty object fails, an undecided one is an error only where it decides the exit code") {
  auto report = faulty_survey();
  const auto swept = to_junit(report);
  CHECK(contains(swept, "tests=\"2\" failures=\"1\" errors=\"1\""));
  CHECK(contains(swept, "message=\"confirmed: Port &lt;http&gt; &amp; &quot;80&quot;|_x_ leads nowhere\""));
  CHECK(contains(swept, "file=\"a b.yaml\" line=\"8\""));
  report.open_counts = false;
  CHECK(contains(to_junit(report), "failures=\"1\" errors=\"0\""));
}

TEST_CASE("sarif: results carry rule, level and place; what is open is a notification") {
  const auto json = parse_json(render(faulty_survey(), "sarif", {}, "1.2.3"));
  REQUIRE(json.ok());
  const auto& run = (*json)["runs"][0];
  const auto& result = run["results"][0];
  CHECK(result["ruleId"] == "MDX0103");
  CHECK(result["level"] == "error");
  CHECK(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.yaml");
  CHECK(result["locations"][0]["physicalLocation"]["region"]["startLine"] == 8);
  CHECK(run["tool"]["driver"]["rules"][0]["id"] == "MDX0103");
  CHECK(run["invocations"][0]["exitCode"] == 2);
  CHECK(run["invocations"][0]["toolExecutionNotifications"].size() == 1);
}

TEST_CASE("every form tells the cause") {
  for (const auto& form : forms()) CHECK_MESSAGE(contains(render(faulty_survey(), form, {}, "1"), "MDX0103"), form);
}
