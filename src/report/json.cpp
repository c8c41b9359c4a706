// meshdx.report/v1. playbooks/schema/report.v1.json says what each key means; change both together.
#include "report/report.hpp"
#include "util/json.hpp"

namespace meshdx::report {

namespace {

using diagnose::CauseResult;

const char* truth_word(Tri truth) { return truth == Tri::yes ? "yes" : truth == Tri::no ? "no" : "unknown"; }

class JsonWriter {
 public:
  explicit JsonWriter(const Report& report) : m_report(report) {}

  Json write() const;

 private:
  std::string line(const run::Argv& argv) const { return command_line(argv, m_report.context_flags); }
  Json finding(const std::string& fact, const facts::Finding* finding) const;
  Json findings(const std::vector<diagnose::Decision>& decisions) const;
  Json cause(const CauseResult& result, const std::vector<fix::Fix>& fixes) const;
  Json fix(const fix::Fix& fix) const;
  Json not_checked(const CauseResult& result) const;
  Json verdict(const diagnose::Verdict& verdict, const std::vector<std::vector<fix::Fix>>& fixes) const;
  Json traffic(const Hop& hop) const;
  Json hop(const Hop& hop) const;
  Json steps() const;
  Json skipped() const;
  Json answer(const Table& table) const;

  const Report& m_report;
};

Json JsonWriter::finding(const std::string& fact, const facts::Finding* finding) const {
  Json commands = Json::array();
  if (finding == nullptr) return {{"fact", fact}, {"truth", "unknown"}, {"text", ""}, {"commands", commands}};
  for (const auto& source : facts::main_sources(fact, *finding)) {
    if (!source.argv.empty()) commands.push_back(line(source.argv));
  }
  const auto& text = finding->truth == Tri::unknown ? finding->why : finding->text;
  return {{"fact", fact}, {"truth", truth_word(finding->truth)}, {"text", text}, {"commands", commands}};
}

Json JsonWriter::findings(const std::vector<diagnose::Decision>& decisions) const {
  Json list = Json::array();
  for (const auto& decision : decisions) list.push_back(finding(decision.fact, decision.finding));
  return list;
}

Json JsonWriter::fix(const fix::Fix& fix) const {
  Json json = {{"title", fix.title}, {"risk", fix.risk}, {"effect", fix.effect}, {"touches", fix.touches}};
  if (!fix.takes.empty()) json["takesEffectAfter"] = fix.takes;
  if (!fix.advice.empty()) json["advice"] = fix.advice;
  if (fix.command.empty()) return json;
  json["command"] = fix.command;
  json["dryRun"] = fix.dry_run;
  json["undo"] = fix.undo;
  json["diff"] = fix.diff;
  switch (fix.checked) {
    case fix::Fix::Check::holds: json["check"] = "holds"; break;
    case fix::Fix::Check::fails: json["check"] = "fails"; break;
    case fix::Fix::Check::impossible: json["check"] = "impossible"; break;
  }
  if (!fix.check_note.empty()) json["checkNote"] = fix.check_note;
  return json;
}

Json JsonWriter::cause(const CauseResult& result, const std::vector<fix::Fix>& fixes) const {
  Json explains = Json::array();
  for (const auto& explained : result.explains) explains.push_back(cause(explained, {}));
  Json all_fixes = Json::array();
  for (const auto& each : fixes) all_fixes.push_back(fix(each));
  return {{"id", result.cause->id},     {"code", result.cause->code},  {"title", result.cause->title},
          {"state", state_word(result.state)}, {"object", result.object}, {"message", result.message},
          {"evidence", findings(result.decided_by)}, {"fixes", all_fixes}, {"explains", explains}};
}

Json JsonWriter::not_checked(const CauseResult& result) const {
  Json missing = Json::array();
  for (const auto& item : missing_for(result)) {
    missing.push_back({{"fact", item.fact}, {"why", item.why}, {"command", item.command.empty() ? "" : line(item.command)}});
  }
  return {{"id", result.cause->id}, {"code", result.cause->code}, {"missing", missing}};
}

Json JsonWriter::steps() const {
  Json list = Json::array();
  for (const auto& ran : m_report.trail.ran) {
    const bool ok = ran.gap == evidence::Gap::none;
    Json step = {{"step", ran.step}, {"command", line(ran.argv)}, {"result", ok ? "ok" : evidence::gap_word(ran.gap)}, {"ms", ran.took.count()}};
    if (!ok) step["why"] = ran.why;
    list.push_back(step);
  }
  return list;
}

Json JsonWriter::skipped() const {
  Json list = Json::array();
  for (const auto& skipped : m_report.trail.skipped) list.push_back({{"step", skipped.step}, {"why", skipped.why}});
  return list;
}

Json JsonWriter::answer(const Table& table) const {
  Json columns = Json::array(), rows = Json::array(), commands = Json::array();
  for (const auto& column : table.kind->columns) columns.push_back({{"id", column.id}, {"title", column.title}});
  for (const auto& cells : table.answer->rows) {
    Json row = Json::object();
    for (std::size_t i = 0; i < table.kind->columns.size() && i < cells.size(); ++i) row[table.kind->columns[i].id] = cells[i];
    rows.push_back(row);
  }
  for (const auto& source : table.answer->read) {
    if (source.ok() && !source.argv.empty()) commands.push_back(line(source.argv));
  }
  Json json = {{"id", table.kind->id}, {"title", table.kind->title}, {"says", table.answer->says}, {"columns", columns}, {"rows", rows},
               {"remarks", table.answer->remarks}, {"commands", commands}, {"missing", table.answer->why}};
  if (!table.answer->manifest.is_null()) json["manifest"] = table.answer->manifest;
  return json;
}

/// What one hop and the whole have in common.
Json JsonWriter::verdict(const diagnose::Verdict& verdict, const std::vector<std::vector<fix::Fix>>& fixes) const {
  Json causes = Json::array(), ruled_out = Json::array(), open = Json::array(), checks = Json::array();
  for (std::size_t i = 0; i < verdict.causes.size(); ++i) {
    causes.push_back(cause(verdict.causes[i], i < fixes.size() ? fixes[i] : std::vector<fix::Fix>{}));
  }
  for (const auto& result : verdict.ruled_out) {
    ruled_out.push_back({{"id", result.cause->id}, {"code", result.cause->code}, {"by", findings(result.decided_by)}});
  }
  for (const auto& result : verdict.not_checked) open.push_back(not_checked(result));
  for (const auto& check : verdict.checks) checks.push_back(finding(check.fact, check.finding));
  return {{"outcome", outcome_word(verdict.outcome)}, {"causes", causes}, {"ruledOut", ruled_out}, {"notChecked", open}, {"checks", checks}, {"notes", verdict.notes}};
}

Json JsonWriter::traffic(const Hop& hop) const {
  Json patterns = Json::array();
  for (const auto& pattern : hop.patterns) patterns.push_back({{"by", pattern.by}, {"value", pattern.value}, {"text", pattern.text}});
  return {{"seen", hop.seen}, {"failed", hop.failed}, {"patterns", patterns}};
}

Json JsonWriter::hop(const Hop& hop) const {
  Json json = verdict(hop.verdict, hop.fixes);
  json["from"] = hop.from;
  json["to"] = hop.to;
  json["why"] = hop.why;
  json["traffic"] = traffic(hop);
  json["verify"] = hop.verify;
  if (hop.next) json["next"] = {{"hop", *hop.next}, {"link", hop.link}, {"linked", hop.linked}, {"of", hop.of}};
  return json;
}

Json JsonWriter::write() const {
  Json hops = Json::array(), answers = Json::array();
  for (const auto& table : m_report.answers) answers.push_back(answer(table));
  for (const auto& each : m_report.hops) hops.push_back(hop(each));
  Json hints = Json::array();
  for (const auto& hint : m_report.hints) hints.push_back({{"text", hint.text}, {"command", hint.command}, {"undo", hint.undo}});
  Json json = verdict(m_report.verdict, m_report.fixes);
  for (std::size_t i = 0; i < m_report.found_at.size(); ++i) json["causes"][i]["hop"] = m_report.found_at[i];
  json.update(Json{{"format", "meshdx.report/v1"}, {"playbook", m_report.playbook}, {"title", m_report.title},
          {"question", m_report.question}, {"args", m_report.args},
          {"exitCode", exit_code(m_report)}, {"interrupted", m_report.trail.interrupted}, {"considered", m_report.verdict.considered},
          {"answers", answers}, {"remarks", m_report.remarks}, {"hints", hints}, {"hops", hops}, {"steps", steps()}, {"skipped", skipped()},
          {"verify", m_report.verify}});
  return json;
}

}  // namespace

Json json_of(const Report& report) { return JsonWriter(report).write(); }

}  // namespace meshdx::report
