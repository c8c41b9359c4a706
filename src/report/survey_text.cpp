// A survey for a person: what is wrong, worst first, then what is open, then what was checked and on which grounds.
#include <algorithm>

#include "report/page.hpp"
#include "report/survey.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

using survey::Problem;
using survey::Subject;

/// So many requests, gaps and remarks are shown without -v.
constexpr std::size_t k_few_items = 5;

class SurveyWriter {
 public:
  SurveyWriter(const SurveyReport& report, const TextOptions& options)
      : m_report(report), m_options(options), m_page({options.color, options.ascii, options.width}) {}

  std::string write();

 private:
  std::size_t with_state(Subject::State state) const {
    const auto& all = m_report.survey.subjects;
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const Subject& s) { return s.state == state; }));
  }
  std::string few(const std::vector<std::string>& items) const;
  void problem(std::size_t index);
  void fix(const fix::Fix& fix, const std::string& heading);
  void open();
  void unread();
  void remarks();
  void summary();

  const SurveyReport& m_report;
  const TextOptions& m_options;
  Page m_page;
};

/// "a, b and 3 more".
std::string SurveyWriter::few(const std::vector<std::string>& items) const {
  const auto most = m_options.verbose > 0 ? items.size() : std::min(items.size(), k_few_items);
  const std::vector<std::string> shown(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(most));
  return join(shown, ", ") + (most < items.size() ? " and " + std::to_string(items.size() - most) + " more" : "");
}

void SurveyWriter::fix(const fix::Fix& fix, const std::string& heading) {
  m_page.headed(heading, fix.title.empty() ? fix.advice : fix.title, Page::Style::green);
  if (fix.command.empty()) {
    if (!fix.title.empty()) m_page.paragraph(fix.advice, 2);
    return;
  }
  m_page.paragraph(fix.risk + " risk" + (fix.touches.empty() ? "" : "; affects: " + fix.touches), 2);
  if (m_report.diffs) {
    m_page.command(fix.diff.empty() ? fix.command : fix.diff);
    return;
  }
  m_page.command(fix.command);
  if (fix.undo.empty()) return;
  m_page.headed("UNDO", contains(fix.undo, "\n") ? "" : fix.undo);
  if (contains(fix.undo, "\n")) m_page.command(fix.undo);
}

void SurveyWriter::problem(std::size_t index) {
  const auto& problem = m_report.survey.problems[index];
  const auto place = m_report.places.find(index);
  if (place != m_report.places.end()) m_page.paragraph(place->second.text());
  m_page.headed("CAUSE", problem.code + " " + problem.id + "   " + state_word(problem.state));
  m_page.paragraph(problem.message, 2);
  m_page.marked(Page::Mark::item, "fails for " + few(problem.subjects) + ": " + few(problem.requests), "", Page::Overflow::leave_out, 2);
  for (const auto& explained : problem.explains) m_page.paragraph("It is also the reason of " + explained, 2);
  // One fix is enough here; `meshdx explain` and the diagnosis of the one request tell the others.
  if (!problem.fixes.empty()) fix(problem.fixes.front(), "FIX");
  m_page.blank();
}

void SurveyWriter::open() {
  const auto open = with_state(Subject::State::open);
  if (open == 0) return;
  m_page.headed("NOT DECIDED", count(open, "object"), Page::Style::yellow);
  std::size_t shown = 0;
  for (const auto& subject : m_report.survey.subjects) {
    if (subject.state != Subject::State::open) continue;
    if (shown++ < k_few_items || m_options.verbose > 0) m_page.marked(Page::Mark::unknown, subject.name + ": " + join(subject.open, "; "), "", Page::Overflow::leave_out, 2);
  }
  if (shown > k_few_items && m_options.verbose == 0) m_page.paragraph("and " + std::to_string(shown - k_few_items) + " more (-v shows them)", 2);
  m_page.blank();
}

void SurveyWriter::unread() {
  if (m_report.unread.empty()) return;
  m_page.headed("NOT READ", count(m_report.unread.size(), "command") + " gave nothing", Page::Style::yellow);
  std::size_t shown = 0;
  for (const auto& one : m_report.unread) {
    if (shown++ < k_few_items || m_options.verbose > 0) m_page.marked(Page::Mark::unknown, one.why, command_line(one.argv, m_report.context_flags), Page::Overflow::next_line, 2);
  }
  if (shown > k_few_items && m_options.verbose == 0) m_page.paragraph("and " + std::to_string(shown - k_few_items) + " more (-v shows them)", 2);
  m_page.blank();
}

void SurveyWriter::remarks() {
  for (std::size_t i = 0; i < m_report.remarks.size(); ++i) {
    if (i == k_few_items && m_options.verbose == 0) {
      m_page.paragraph("and " + std::to_string(m_report.remarks.size() - i) + " more of these (-v shows them)");
      return;
    }
    m_page.marked(Page::Mark::item, m_report.remarks[i], "", Page::Overflow::leave_out);
  }
}

void SurveyWriter::summary() {
  const auto& problems = m_report.survey.problems;
  std::size_t requests = 0;
  for (const auto& subject : m_report.survey.subjects) requests += subject.requests;
  m_page.paragraph(m_report.scope + ": " + (m_report.survey.subjects.size() == 1 ? "1 Service or Gateway" : count(m_report.survey.subjects.size(), "Service") + " and Gateways") + ", " + count(requests, "request") + " tried in thought " + m_page.arrow() + " " +
                   (problems.empty() ? "nothing wrong found" : count(problems.size(), "cause")));
  m_page.paragraph(std::to_string(with_state(Subject::State::sound)) + " sound, " + std::to_string(with_state(Subject::State::faulty)) + " faulty, " +
                   std::to_string(with_state(Subject::State::open)) + " not decided. " + m_report.basis);
  if (m_report.interrupted) m_page.paragraph("Interrupted: this is what was checked until then.");
}

std::string SurveyWriter::write() {
  for (std::size_t i = 0; i < m_report.survey.problems.size(); ++i) problem(i);
  open();
  unread();
  remarks();
  summary();
  return m_page.text();
}

}  // namespace

std::string to_text(const SurveyReport& report, const TextOptions& options) { return SurveyWriter(report, options).write(); }

}  // namespace meshdx::report
