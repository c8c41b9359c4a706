#include "report/render.hpp"

#include <algorithm>

#include "facts/fact.hpp"
#include "report/document.hpp"
#include "report/junit.hpp"
#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::report {

namespace {

using Outcome = JunitCase::Outcome;
using survey::Subject;

JunitCase check_case(const diagnose::Check& check) {
  JunitCase one;
  const auto* fact = facts::find_fact(check.fact);
  one.name = fact != nullptr ? fact->title : check.fact;
  if (check.finding == nullptr) one.outcome = Outcome::skipped;
  else if (check.finding->truth == Tri::unknown) {
    one.outcome = Outcome::skipped;
    one.message = "not known: " + check.finding->why;
  } else if (check.finding->truth == Tri::no) {
    one.outcome = Outcome::failure;
    one.type = "check";
    one.message = check.finding->text;
  }
  return one;
}

/// What to paste, for the text of a failure.
std::string fixes_text(const std::vector<fix::Fix>& fixes, bool diffs) {
  std::string text;
  for (const auto& fix : fixes) {
    if (fix.command.empty()) text += "\n" + fix.advice;
    else text += "\n" + fix.title + ":\n" + (diffs && !fix.diff.empty() ? fix.diff : fix.command);
  }
  return text + "\n";
}

JunitCase problem_case(const std::string& subject, const survey::Problem& problem, bool diffs) {
  JunitCase one;
  one.name = subject;
  one.outcome = Outcome::failure;
  one.type = problem.code + " " + problem.id;
  one.message = std::string(state_word(problem.state)) + ": " + problem.message;
  one.detail = fixes_text(problem.fixes, diffs);
  return one;
}

/// The forms that both kinds of report share. `write` lays it out on a page, `title` is the page's.
template <class Any, class Write>
std::string rendered(const Any& report, const std::string& form, const TextOptions& look, const std::string& version, const std::string& title, Write write) {
  if (form == "json" || form == "yaml") return render(json_of(report), form);
  if (form == "sarif") return to_sarif(report, version);
  if (form == "junit") return to_junit(report);
  if (form != "markdown" && form != "html") return to_text(report, look);
  const auto sheet = form == "html" ? html_sheet("meshdx: " + title) : markdown_sheet();
  write(*sheet);
  return sheet->text();
}

}  // namespace

std::string to_junit(const Report& report) {
  std::vector<JunitCase> cases;
  for (const auto& check : report.verdict.checks) cases.push_back(check_case(check));
  for (std::size_t i = 0; i < report.verdict.causes.size(); ++i) {
    const auto& result = report.verdict.causes[i];
    JunitCase one;
    one.name = one.type = result.cause->code + " " + result.cause->id;
    one.outcome = Outcome::failure;
    one.message = std::string(state_word(result.state)) + ": " + result.message;
    one.detail = i < report.fixes.size() ? fixes_text(report.fixes[i], false) : "";
    cases.push_back(std::move(one));
  }
  if (report.verdict.outcome == diagnose::Outcome::inconclusive || report.trail.interrupted) {
    JunitCase one;
    one.name = "the answer is certain";
    one.outcome = Outcome::error;
    one.type = report.trail.interrupted ? "interrupted" : "inconclusive";
    one.message = count(report.verdict.not_checked.size(), "cause") + " could not be checked";
    for (const auto& missing : all_missing(report.verdict)) {
      one.detail += missing.why + (missing.command.empty() ? "" : "  " + command_line(missing.command, report.context_flags)) + "\n";
    }
    cases.push_back(std::move(one));
  }
  return junit_xml(report.question, cases);
}

std::string to_junit(const SurveyReport& report) {
  std::vector<JunitCase> cases;
  const auto& problems = report.survey.problems;
  for (const auto& subject : report.survey.subjects) {
    bool failed = false;
    for (std::size_t i = 0; i < problems.size(); ++i) {
      const auto& hurt = problems[i].subjects;
      if (std::find(hurt.begin(), hurt.end(), subject.name) == hurt.end()) continue;
      failed = true;
      auto one = problem_case(subject.name + ": " + problems[i].code, problems[i], report.diffs);
      const auto place = report.places.find(i);
      if (place != report.places.end()) {
        one.file = place->second.file;
        one.line = place->second.line;
      }
      cases.push_back(std::move(one));
    }
    if (failed) continue;
    JunitCase one;
    one.name = subject.name;
    if (subject.state == Subject::State::open) {
      one.outcome = report.open_counts ? Outcome::error : Outcome::skipped;
      one.type = "undecided";
      one.message = join(subject.open, "; ");
    }
    cases.push_back(std::move(one));
  }
  for (const auto& unread : report.unread) {
    JunitCase one;
    one.name = command_line(unread.argv, report.context_flags);
    one.outcome = Outcome::error;
    one.type = "unread";
    one.message = unread.why;
    cases.push_back(std::move(one));
  }
  return junit_xml(report.command, cases);
}

const std::vector<std::string>& forms() {
  static const std::vector<std::string> all = {"text", "json", "yaml", "markdown", "html", "sarif", "junit"};
  return all;
}

std::string render(const Json& json, const std::string& form) { return form == "yaml" ? dump_yaml(json) : dump_json(json, 2) + "\n"; }

std::string render(const Report& report, const std::string& form, const TextOptions& look, const std::string& version) {
  return rendered(report, form, look, version, report.question, [&](Sheet& sheet) { write_report(json_of(report), sheet); });
}

std::string render(const SurveyReport& report, const std::string& form, const TextOptions& look, const std::string& version) {
  return rendered(report, form, look, version, report.scope, [&](Sheet& sheet) { write_survey(json_of(report), report.diffs, sheet); });
}

}  // namespace meshdx::report
