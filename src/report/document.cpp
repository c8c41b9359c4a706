// What a page shows is what the JSON of the report holds, so the pages are made of that: nothing is told in one form only.
#include "report/document.hpp"

#include <set>

#include "util/text.hpp"

namespace meshdx::report {

namespace {

const char* mark_of(const std::string& truth) { return truth == "yes" ? "✓" : truth == "no" ? "✗" : "–"; }

std::string first_of(const Json& list) { return list.is_array() && !list.empty() && list.front().is_string() ? list.front().get<std::string>() : ""; }

std::string cell_text(const Json& value) {
  if (value.is_null()) return "?";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

void add_checks(const Json& checks, Sheet& sheet) {
  for (const auto& check : checks) {
    const auto truth = text_at(check, "truth");
    sheet.item(mark_of(truth), (truth == "unknown" ? "not known: " : "") + text_at(check, "text"), first_of(at(check, "commands")));
  }
}

void add_fix(const Json& fix, const std::string& heading, bool diffs, Sheet& sheet) {
  const auto title = text_at(fix, "title");
  sheet.heading(4, heading + (title.empty() ? "" : ": " + title));
  if (!text_at(fix, "advice").empty()) sheet.paragraph(text_at(fix, "advice"));
  const auto command = text_at(fix, "command");
  if (command.empty()) return;
  std::string about = text_at(fix, "risk") + " risk";
  if (!text_at(fix, "touches").empty()) about += "; affects: " + text_at(fix, "touches");
  if (!text_at(fix, "takesEffectAfter").empty()) about += "; takes effect after " + text_at(fix, "takesEffectAfter");
  if (text_at(fix, "check") == "holds") about += "; checked offline: the cause is gone after it";
  sheet.paragraph(about);
  const auto diff = text_at(fix, "diff");
  if (diffs && !diff.empty()) {
    sheet.code("diff", diff);
    return;
  }
  sheet.code("sh", command);
  if (text_at(fix, "undo").empty()) return;
  sheet.paragraph("Undo:");
  sheet.code("sh", text_at(fix, "undo"));
}

void add_fixes(const Json& fixes, bool diffs, Sheet& sheet) {
  for (std::size_t i = 0; i < fixes.size(); ++i) add_fix(fixes[i], fixes.size() == 1 ? "Fix" : "Fix " + std::to_string(i + 1), diffs, sheet);
}

void add_cause(const Json& cause, Sheet& sheet) {
  sheet.heading(3, text_at(cause, "code") + " " + text_at(cause, "id") + " (" + text_at(cause, "state") + ")");
  sheet.paragraph(text_at(cause, "message"));
  for (const auto& proof : at(cause, "evidence")) {
    if (text_at(proof, "truth") == "yes") sheet.item("", text_at(proof, "text").empty() ? text_at(proof, "fact") : text_at(proof, "text"), first_of(at(proof, "commands")));
  }
  for (const auto& other : at(cause, "explains")) sheet.item("", "It is also the reason of " + text_at(other, "code") + " " + text_at(other, "id") + ": " + text_at(other, "message"), "");
  add_fixes(at(cause, "fixes"), false, sheet);
}

void add_answer(const Json& answer, Sheet& sheet) {
  const auto missing = text_at(answer, "missing");
  sheet.heading(3, text_at(answer, "title"));
  const auto says = missing.empty() ? text_at(answer, "says") : "not known: " + missing;
  if (!says.empty()) sheet.paragraph(says);
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
  for (const auto& column : at(answer, "columns")) titles.push_back(text_at(column, "title"));
  for (const auto& row : at(answer, "rows")) {
    rows.emplace_back();
    for (const auto& column : at(answer, "columns")) rows.back().push_back(cell_text(at(row, text_at(column, "id").c_str())));
  }
  if (!rows.empty()) sheet.table(titles, rows);
  for (const auto& remark : at(answer, "remarks")) sheet.item("", cell_text(remark), "");
  if (answer.contains("manifest")) sheet.code("json", dump_json(answer["manifest"], 2));
}

/// What could not be decided, each command once.
void add_open(const Json& report, Sheet& sheet) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& open : at(report, "notChecked")) {
    for (const auto& missing : at(open, "missing")) {
      const auto command = text_at(missing, "command"), why = text_at(missing, "why");
      const bool first = seen.empty();
      if (!seen.insert({command, why}).second) continue;
      if (first) sheet.heading(3, "What would decide it");
      sheet.item("", why, command);
    }
  }
}

void add_verdict(const Json& verdict, Sheet& sheet) {
  if (!at(verdict, "checks").empty()) sheet.heading(3, "Checks");
  add_checks(at(verdict, "checks"), sheet);
  for (const auto& cause : at(verdict, "causes")) add_cause(cause, sheet);
  if (text_at(verdict, "outcome") == "inconclusive") add_open(verdict, sheet);
  const auto& notes = at(verdict, "notes");
  if (notes.is_array() && !notes.empty()) sheet.heading(3, "Odd, but not the reason");
  for (const auto& note : notes) sheet.item("", cell_text(note), "");
  if (text_at(verdict, "outcome") == "healthy" || text_at(verdict, "verify").empty()) return;
  sheet.heading(3, "Verify");
  sheet.code("sh", text_at(verdict, "verify"));
}

}  // namespace

void write_report(const Json& report, Sheet& sheet) {
  sheet.heading(1, text_at(report, "question"));
  sheet.paragraph("Outcome: " + text_at(report, "outcome") + "; " + count(static_cast<std::size_t>(number_at(report, "considered", 0)), "cause") + " considered, " +
                  std::to_string(at(report, "causes").size()) + " found." + (bool_at(report, "interrupted") ? " Interrupted: this is what was gathered until then." : ""));
  for (const auto& remark : at(report, "remarks")) sheet.item("", cell_text(remark), "");
  for (const auto& answer : at(report, "answers")) add_answer(answer, sheet);
  const auto& hops = at(report, "hops");
  if (!hops.is_array() || hops.size() < 2) {
    add_verdict(report, sheet);
  } else {
    for (const auto& hop : hops) {
      sheet.heading(2, (text_at(hop, "from").empty() ? "?" : text_at(hop, "from")) + " → " + text_at(hop, "to") + ": " + text_at(hop, "outcome"));
      add_verdict(hop, sheet);
    }
  }
  bool any = false;
  for (const auto& step : at(report, "steps")) {
    if (text_at(step, "result") == "ok") continue;
    if (!any) sheet.heading(2, "Commands that gave nothing");
    any = true;
    sheet.item("–", text_at(step, "why", text_at(step, "result")), text_at(step, "command"));
  }
}

void write_survey(const Json& survey, bool diffs, Sheet& sheet) {
  const auto& problems = at(survey, "problems");
  sheet.heading(1, text_at(survey, "scope") + ": " + (problems.empty() ? "nothing wrong found" : count(problems.size(), "cause")));
  sheet.paragraph(text_at(survey, "basis"));
  for (const auto& problem : problems) {
    sheet.heading(2, text_at(problem, "code") + " " + text_at(problem, "id") + " (" + text_at(problem, "state") + ")");
    const auto& place = at(problem, "place");
    if (place.is_object()) sheet.paragraph("In " + text_at(place, "file") + ", line " + std::to_string(number_at(place, "line", 1)));
    sheet.paragraph(text_at(problem, "message"));
    for (const auto& hurt : at(problem, "hurts")) sheet.item("", "fails for " + cell_text(hurt), "");
    add_fixes(at(problem, "fixes"), diffs, sheet);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& subject : at(survey, "checked")) {
    std::vector<std::string> open;
    for (const auto& why : at(subject, "undecided")) open.push_back(cell_text(why));
    rows.push_back({text_at(subject, "object"), text_at(subject, "state"), std::to_string(number_at(subject, "requests", 0)), join(open, "; ")});
  }
  if (!rows.empty()) {
    sheet.heading(2, "What was checked");
    sheet.table({"Object", "State", "Requests tried in thought", "Not decided"}, rows);
  }
  if (!at(survey, "unread").empty()) sheet.heading(2, "Commands that gave nothing");
  for (const auto& unread : at(survey, "unread")) sheet.item("–", text_at(unread, "why"), text_at(unread, "command"));
  if (!at(survey, "remarks").empty()) sheet.heading(2, "Remarks");
  for (const auto& remark : at(survey, "remarks")) sheet.item("", cell_text(remark), "");
}

}  // namespace meshdx::report
