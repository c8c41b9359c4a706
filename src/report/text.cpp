// The report for a person at 3 a.m.
#include <algorithm>
#include <cctype>

#include "report/checks.hpp"
#include "report/gaps.hpp"
#include "report/page.hpp"
#include "report/report.hpp"
#include "util/json.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::report {

namespace {

using diagnose::CauseResult;
using diagnose::State;

/// So many reasons of gaps and missing commands are shown without -v.
constexpr std::size_t k_few = 8;

class Writer {
 public:
  Writer(const Report& report, const TextOptions& options)
      : m_report(report), m_options(options), m_page({options.color, options.ascii, options.width}) {}

  std::string write();

 private:
  void hops();
  void hop(std::size_t i, bool last_of_chain);
  bool same_as_before(std::size_t i);
  void passed_on(const Hop& hop);
  void share(const Hop& hop);
  void body(const std::string& verify);
  std::string way(const Hop& hop) const { return (hop.from.empty() ? "?" : hop.from) + " " + m_page.arrow() + " " + hop.to; }
  void checks();
  void unknown_check(const diagnose::Check& check);
  void gaps();
  void answers();
  void summary();
  void cause(std::size_t i);
  void proof(const CauseResult& result);
  void fixes(const std::vector<fix::Fix>& fixes);
  void fix(const fix::Fix& fix, const std::string& heading);
  void inconclusive();
  void missing();
  void hints();
  void details();
  void steps();

  std::string line(const run::Argv& argv) const { return command_line(argv, m_report.context_flags); }
  run::Argv command_of(const std::string& fact, const facts::Finding& finding) const;
  void marked(Page::Mark mark, std::string_view text, const run::Argv& command, Page::Overflow overflow, int indent = 0);

  [[nodiscard]] const diagnose::Verdict& verdict() const { return m_shown != nullptr ? m_shown->verdict : m_report.verdict; }
  [[nodiscard]] const std::vector<std::vector<fix::Fix>>& all_fixes() const { return m_shown != nullptr ? m_shown->fixes : m_report.fixes; }

  const Report& m_report;
  const Hop* m_shown = nullptr;          ///< the hop that is told, when there are several
  const TextOptions& m_options;
  Page m_page;
};

/// The command that a finding mostly rests on; none when it rests on no output.
run::Argv Writer::command_of(const std::string& fact, const facts::Finding& finding) const {
  for (const auto& source : facts::main_sources(fact, finding)) {
    if (source.ok() && !source.argv.empty()) return source.argv;
  }
  return {};
}

/// Without `-o json`, which is for machines: the form for a column that is too narrow for the command as it was run.
run::Argv without_format(run::Argv argv) {
  const auto flag = std::find(argv.begin(), argv.end(), "-o");
  if (flag != argv.end() && flag + 1 != argv.end()) argv.erase(flag, flag + 2);
  return argv;
}

void Writer::marked(Page::Mark mark, std::string_view text, const run::Argv& command, Page::Overflow overflow, int indent) {
  // With -v every command is there; without, one that finds no room beside a check that holds is not worth a line.
  const bool optional = overflow == Page::Overflow::leave_out;
  const auto otherwise = m_options.verbose > 0 ? Page::Overflow::next_line : overflow;
  m_page.marked(mark, text, line(command), otherwise, indent, optional ? line(without_format(command)) : "");
}

/// One gap is enough here; MISSING lists them all.
void Writer::unknown_check(const diagnose::Check& check) {
  const auto* known = facts::find_fact(check.fact);
  const std::string what = (known != nullptr ? known->title : check.fact) + std::string(": not known, ");
  const auto& read = check.finding->read;
  const auto gap = std::find_if(read.begin(), read.end(), [](const auto& source) { return !source.ok() && !source.argv.empty(); });
  if (gap == read.end()) {
    marked(Page::Mark::unknown, what + check.finding->why, {}, Page::Overflow::leave_out);
  } else {
    marked(Page::Mark::unknown, what + evidence::gap_word(gap->gap), gap->argv, Page::Overflow::next_line);
  }
}

void Writer::checks() {
  for (const auto& check : checks_in_order(verdict())) {
    if (check.finding == nullptr) continue;
    const auto& finding = *check.finding;
    if (finding.truth == Tri::unknown) unknown_check(check);
    else if (finding.truth == Tri::yes) marked(Page::Mark::yes, finding.text, command_of(check.fact, finding), Page::Overflow::leave_out);
    else marked(Page::Mark::no, finding.text, command_of(check.fact, finding), Page::Overflow::next_line);
  }
}

/// What was asked and gave nothing.
void Writer::gaps() {
  const auto reasons = reasons_of(m_report.trail);
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    const auto& reason = reasons[i];
    if (i == k_few && m_options.verbose == 0) {
      m_page.marked(Page::Mark::unknown, count(reasons.size() - i, "more reason") + " why commands gave nothing (-v shows them)", "", Page::Overflow::leave_out);
      return;
    }
    const auto steps = join(reason.steps, ", ") + (reason.in_part ? " checked only in part: " : " not checked: ");
    const bool told = reason.steps.size() != 1 || contains(reason.why, shell_join(reason.first));
    marked(Page::Mark::unknown, steps + reason.why, told ? run::Argv{} : reason.first, Page::Overflow::next_line);
  }
}

/// A cell as people read it: null is what nobody knows.
std::string cell(const Json& value) {
  if (value.is_null()) return "?";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

void Writer::answers() {
  for (const auto& [kind, answer] : m_report.answers) {
    m_page.blank();
    m_page.headed(kind->title, answer->why.empty() ? answer->says : "not known: " + answer->why);
    std::vector<std::string> titles;
    for (const auto& column : kind->columns) titles.emplace_back(column.title);
    std::vector<std::vector<std::string>> rows;
    for (const auto& cells : answer->rows) {
      rows.emplace_back();
      for (const auto& value : cells) rows.back().push_back(cell(value));
    }
    if (!rows.empty()) m_page.table(titles, rows);
    for (const auto& remark : answer->remarks) m_page.marked(Page::Mark::item, remark, "", Page::Overflow::leave_out, 2);
    if (answer->manifest.is_null()) continue;
    m_page.command("kubectl apply -f - <<'EOF'\n" + dump_yaml(answer->manifest) + "EOF");
  }
}

void Writer::summary() {
  const auto& verdict = this->verdict();
  const auto found = verdict.causes.empty() ? "none" : std::to_string(verdict.causes.size());
  m_page.blank();
  m_page.paragraph(count(verdict.considered, "cause") + " of " + m_report.symptom + " " + m_page.arrow() + " " + found);
  if (m_report.trail.interrupted) m_page.paragraph("Interrupted: this is what was gathered until then.");
  if (verdict.outcome == diagnose::Outcome::healthy) {
    const auto holding = verdict.checks.size();
    const auto open = verdict.not_checked.size();
    std::string text = "Nothing wrong: " + (holding == 1 ? std::string("the check above holds") : "all " + count(holding, "check") + " above hold");
    text += open == 0 ? ", and none of these causes does." : "; " + std::to_string(open) + " of these causes could not be checked, none of the others holds.";
    if (open == 0 && !reasons_of(m_report.trail).empty()) text += " What was not checked is not needed for that.";
    m_page.paragraph(text);
  }
  const auto confirmed = std::count_if(verdict.causes.begin(), verdict.causes.end(), [](const CauseResult& r) { return r.state == State::confirmed; });
  if (confirmed > 1) m_page.paragraph("The one nearest to the hop that failed comes first: repair it first, then ask again.");
}

/// The facts that decided, each with the commands it was read from.
void Writer::proof(const CauseResult& result) {
  for (const auto& decision : result.decided_by) {
    if (decision.finding == nullptr) continue;
    const auto& finding = *decision.finding;
    // What a `not` asked for says nothing of its own: it only rules a look-alike out.
    if (finding.truth == Tri::no && m_options.verbose == 0) continue;
    marked(Page::Mark::item, finding.text.empty() ? decision.fact : finding.text, command_of(decision.fact, finding), Page::Overflow::next_line, 2);
  }
}

void Writer::cause(std::size_t i) {
  const auto& result = verdict().causes[i];
  const auto& known = *result.cause;
  m_page.headed("CAUSE", known.code + " " + known.id + "   " + state_word(result.state));
  m_page.paragraph(result.message, 2);
  proof(result);
  for (const auto& explained : result.explains) {
    m_page.paragraph("It is also the reason of " + explained.cause->code + " " + explained.cause->id + ": " + explained.message, 2);
  }
  if (i < all_fixes().size()) fixes(all_fixes()[i]);
}

void Writer::fixes(const std::vector<fix::Fix>& fixes) {
  for (std::size_t i = 0; i < fixes.size(); ++i) {
    fix(fixes[i], fixes.size() == 1 ? "FIX" : "FIX " + std::to_string(i + 1));
  }
}

void Writer::fix(const fix::Fix& fix, const std::string& heading) {
  m_page.headed(heading, fix.title.empty() ? fix.advice : fix.title, Page::Style::green);
  if (fix.command.empty()) {
    if (!fix.title.empty()) m_page.paragraph(fix.advice, 2);
    return;
  }
  std::string about = fix.risk + " risk, " + (fix.effect == "mitigation" ? "a mitigation until the reason is repaired" : "permanent");
  if (!fix.touches.empty()) about += "; affects: " + fix.touches;
  if (!fix.takes.empty()) about += "; takes effect after " + fix.takes;
  if (fix.checked == fix::Fix::Check::holds) about += "; checked offline: the cause is gone after it";
  if (fix.checked == fix::Fix::Check::fails) about += "; checked offline: it alone does not remove the cause (" + fix.check_note + ")";
  if (!fix.dry_run.empty()) about += "; add --dry-run=server to try it";
  m_page.paragraph(about, 2);
  m_page.command(fix.command);
  if (fix.undo.empty()) return;
  if (contains(fix.undo, "\n")) {
    m_page.headed("UNDO", "");
    m_page.command(fix.undo);
  } else {
    m_page.headed("UNDO", fix.undo);
  }
}

/// Commands that lack one thing stand under it together.
void Writer::missing() {
  auto all = all_missing(verdict());
  if (all.empty()) return;
  m_page.headed("MISSING", "what would decide it:", Page::Style::yellow);
  std::size_t shown = 0;
  for (auto item = all.begin(); item != all.end(); ++shown) {
    if (shown == k_few && m_options.verbose == 0) {
      m_page.paragraph("and " + std::to_string(all.end() - item) + " more (-v shows them)", 2);
      return;
    }
    const auto why = item->why;
    const auto same = std::stable_partition(item, all.end(), [&](const Missing& other) { return other.why == why; });
    m_page.marked(Page::Mark::item, why.empty() ? item->fact : why, item->command.empty() ? "" : line(item->command), Page::Overflow::next_line, 2);
    while (++item != same) {
      if (!item->command.empty()) m_page.command(line(item->command), 6);
    }
  }
}

void Writer::inconclusive() {
  const auto& verdict = this->verdict();
  const auto open = verdict.not_checked.size();
  const bool failing = std::any_of(verdict.checks.begin(), verdict.checks.end(),
                                   [](const auto& check) { return check.finding != nullptr && check.finding->truth == Tri::no; });
  const bool likely = !verdict.causes.empty();
  const std::string others = likely ? "the other known causes" : "all known causes";
  std::string text = likely ? "likely, but not proven; " : "nothing confirmed; ";
  if (open > 0) {
    text += std::to_string(open) + " of " + count(verdict.considered, "cause") + " could not be checked";
  } else if (failing) {
    text += others + " are ruled out, but not every check above holds: look there";
  } else {
    text += others + " are ruled out, but not every check above could be made";
  }
  m_page.headed("INCONCLUSIVE", text, Page::Style::yellow);
  missing();
}

void Writer::steps() {
  m_page.blank();
  m_page.headed("STEPS", "");
  for (const auto& ran : m_report.trail.ran) {
    const bool ok = ran.gap == evidence::Gap::none;
    m_page.marked(ok ? Page::Mark::yes : Page::Mark::unknown, line(ran.argv) + "  " + std::to_string(ran.took.count()) + " ms" +
                  (ok ? "" : std::string("  ") + evidence::gap_word(ran.gap)), "", Page::Overflow::leave_out, 2);
  }
  for (const auto& skipped : m_report.trail.skipped) m_page.marked(Page::Mark::item, skipped.step + ": " + skipped.why, "", Page::Overflow::leave_out, 2);
}

void Writer::details() {
  const auto list = [&](const char* heading, const std::vector<CauseResult>& results) {
    if (results.empty()) return;
    m_page.blank();
    m_page.headed(heading, "");
    for (const auto& result : results) {
      std::vector<std::string> reasons;
      for (const auto& decision : result.decided_by) {
        if (decision.finding == nullptr) continue;
        const auto& finding = *decision.finding;
        const auto& seen = finding.truth == Tri::unknown ? finding.why : finding.text;
        const auto& reason = seen.empty() ? decision.fact : seen;   // several facts may say the same
        if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
      }
      m_page.marked(Page::Mark::item, result.cause->code + " " + result.cause->id + ": " + join(reasons, "; "), "", Page::Overflow::leave_out, 2);
    }
  };
  list("RULED OUT", m_report.verdict.ruled_out);
  list("NOT CHECKED", m_report.verdict.not_checked);
  steps();
}

/// Only some requests fail: how many, and what those share.
void Writer::share(const Hop& hop) {
  if (hop.failed == 0 || hop.failed == hop.seen) return;
  std::vector<std::string> parts;
  if (m_shown == nullptr) parts.push_back(share_text(hop));   // of several hops each has its share in its heading
  for (const auto& pattern : hop.patterns) parts.push_back(pattern.text);
  if (parts.empty()) return;
  auto text = join(parts, "; ");
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  m_page.paragraph(text + ".");
}

/// The verdict on one hop, or on the only one.
void Writer::body(const std::string& verify) {
  checks();
  if (m_shown == nullptr) gaps();
  if (m_shown == nullptr) answers();
  summary();
  const auto* shown = m_shown != nullptr ? m_shown : m_report.hops.empty() ? nullptr : &m_report.hops.front();
  if (shown != nullptr) share(*shown);
  for (std::size_t i = 0; i < verdict().causes.size(); ++i) {
    if (i > 0) m_page.blank();
    cause(i);
  }
  if (verdict().outcome == diagnose::Outcome::inconclusive) inconclusive();
  if (verdict().outcome != diagnose::Outcome::healthy && !verify.empty()) m_page.headed("VERIFY", verify);
  if (verdict().notes.empty()) return;
  m_page.blank();
  m_page.headed("NOTES", "odd, but not the reason:");
  for (const auto& note : verdict().notes) m_page.marked(Page::Mark::item, note, "", Page::Overflow::leave_out, 2);
}

/// Whether an earlier hop has the same first cause.
bool Writer::same_as_before(std::size_t i) {
  const auto& causes = m_report.hops[i].verdict.causes;
  if (causes.empty() || m_options.verbose > 0) return false;
  for (std::size_t before = 0; before < i; ++before) {
    const auto& hop = m_report.hops[before];
    if (hop.next || hop.verdict.causes.size() != causes.size()) continue;
    const auto same = [](const CauseResult& a, const CauseResult& b) { return a.cause == b.cause && a.object == b.object && a.state == b.state; };
    if (!std::equal(causes.begin(), causes.end(), hop.verdict.causes.begin(), same)) continue;
    m_page.paragraph("The same as " + way(hop) + ": " + causes.front().cause->code + " " + causes.front().cause->id + ".", 2);
    return true;
  }
  return false;
}

void Writer::passed_on(const Hop& hop) {
  const auto& behind = m_report.hops[*hop.next];
  const std::string tie = hop.link == "request-id" ? "with the same x-request-id" : "at the same time: likely, but no proof, as the application does not pass x-request-id on";
  m_page.paragraph(behind.from + " answered so after its own request to " + behind.to + " had failed (" + std::to_string(hop.linked) + " of " + std::to_string(hop.of) + ", " + tie + ").", 2);
}

/// One hop of several. What only leads on to the next is said in a sentence.
void Writer::hop(std::size_t i, bool last_of_chain) {
  const auto& shown = m_report.hops[i];
  m_page.blank();
  m_page.headed(way(shown), shown.seen == 0 ? "" : share_text(shown));
  if (shown.next) passed_on(shown);
  const bool leads_on = shown.next && shown.link == "request-id" && !m_report.hops[*shown.next].verdict.causes.empty();
  if (leads_on && m_options.verbose == 0) return;
  if (same_as_before(i)) return;
  m_shown = &shown;
  body(last_of_chain ? shown.verify : "");
  m_shown = nullptr;
}

/// The hops of each caller in the order of the requests; a hop that several callers lead to is told once.
void Writer::hops() {
  gaps();
  std::vector<bool> told(m_report.hops.size());
  for (std::size_t root = 0; root < m_report.hops.size(); ++root) {
    if (m_report.hops[root].why == "followed") continue;
    for (std::optional<std::size_t> i = root; i; i = m_report.hops[*i].next) {
      if (told[*i]) break;
      told[*i] = true;
      hop(*i, !m_report.hops[*i].next);
    }
  }
}

void Writer::hints() {
  for (const auto& hint : m_report.hints) {
    m_page.blank();
    m_page.headed("HINT", hint.text);
    m_page.command(hint.command);
    if (!hint.undo.empty()) m_page.headed("UNDO", hint.undo);
  }
}

std::string Writer::write() {
  for (const auto& remark : m_report.remarks) m_page.paragraph(remark);
  const bool several = m_report.hops.size() > 1;
  if (several) hops();
  else body(m_report.verify);
  hints();
  if (m_options.verbose > 0) details();
  return m_page.text();
}

}  // namespace

std::string to_text(const Report& report, const TextOptions& options) { return Writer(report, options).write(); }

}  // namespace meshdx::report
