// What text and JSON of a survey share, and the JSON itself.
#include "report/survey.hpp"

#include <algorithm>

#include "util/json.hpp"

namespace meshdx::report {

using survey::Problem;
using survey::Subject;

int exit_code(const SurveyReport& report) {
  if (report.interrupted) return 130;
  const auto& problems = report.survey.problems;
  if (std::any_of(problems.begin(), problems.end(), [](const Problem& p) { return p.state == diagnose::State::confirmed; })) return 2;
  const auto& subjects = report.survey.subjects;
  const bool open = std::any_of(subjects.begin(), subjects.end(), [](const Subject& s) { return s.state == Subject::State::open; });
  const bool inconclusive = !problems.empty() || !report.unread.empty() || (report.open_counts && open);
  return inconclusive ? 3 : 0;
}

namespace {

const char* subject_word(Subject::State state) {
  return state == Subject::State::sound ? "sound" : state == Subject::State::faulty ? "faulty" : "undecided";
}

Json fix_json(const fix::Fix& fix) {
  Json json = {{"title", fix.title}, {"risk", fix.risk}, {"effect", fix.effect}, {"touches", fix.touches}};
  if (!fix.advice.empty()) json["advice"] = fix.advice;
  if (fix.command.empty()) return json;
  json["command"] = fix.command;
  json["undo"] = fix.undo;
  json["diff"] = fix.diff;
  return json;
}

Json problem_json(const Problem& problem, const SurveyReport& report, std::size_t index) {
  Json fixes = Json::array();
  for (const auto& fix : problem.fixes) fixes.push_back(fix_json(fix));
  Json json = {{"id", problem.id}, {"code", problem.code}, {"title", problem.title}, {"state", state_word(problem.state)}, {"object", problem.object},
               {"message", problem.message}, {"hurts", problem.subjects}, {"requests", problem.requests}, {"explains", problem.explains}, {"fixes", fixes}};
  const auto place = report.places.find(index);
  if (place != report.places.end()) json["place"] = {{"file", place->second.file}, {"line", place->second.line}, {"column", place->second.column}};
  return json;
}

}  // namespace

Json json_of(const SurveyReport& report) {
  Json problems = Json::array(), checked = Json::array(), unread = Json::array();
  for (std::size_t i = 0; i < report.survey.problems.size(); ++i) problems.push_back(problem_json(report.survey.problems[i], report, i));
  for (const auto& subject : report.survey.subjects) {
    checked.push_back({{"object", subject.name}, {"state", subject_word(subject.state)}, {"requests", subject.requests}, {"undecided", subject.open}});
  }
  for (const auto& one : report.unread) unread.push_back({{"command", command_line(one.argv, report.context_flags)}, {"why", one.why}});
  const int code = exit_code(report);
  const char* outcome = code == 2 ? "cause" : code == 0 ? "healthy" : "inconclusive";
  return {{"format", "meshdx.survey/v1"}, {"args", report.args}, {"scope", report.scope}, {"outcome", outcome}, {"exitCode", code}, {"basis", report.basis},
                    {"interrupted", report.interrupted}, {"problems", problems}, {"checked", checked}, {"unread", unread}, {"remarks", report.remarks}};
}

}  // namespace meshdx::report
