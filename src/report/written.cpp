#include "report/written.hpp"

#include <algorithm>

#include "report/page.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

/// "VirtualService shop/web".
std::string object_of(const fix::Fix& fix) { return fix.kind.substr(0, fix.kind.find('.')) + " " + fix.ns + (fix.ns.empty() ? "" : "/") + fix.name; }

std::string undo_lines(const Written& written) { return join(written.plan.undo(), "\n"); }

void write_step(const Written& written, std::size_t index, Page& page) {
  const auto& steps = written.plan.steps;
  const auto& step = steps[index];
  const auto heading = steps.size() == 1 ? std::string("APPLY") : "APPLY " + std::to_string(index + 1);
  page.headed(heading, (step.creates() ? "new " : "") + object_of(step.fix) + ": " + step.what, Page::Style::green);
  page.command(step.fix.command);
}

}  // namespace

std::string to_text(const Written& written, const TextOptions& options) {
  Page page({options.color, options.ascii, options.width});
  const auto& plan = written.plan;
  page.paragraph(plan.title);
  for (const auto& note : plan.notes) page.marked(Page::Mark::item, note, "", Page::Overflow::leave_out);
  for (const auto& warning : plan.warnings) page.marked(Page::Mark::no, warning, "", Page::Overflow::leave_out);
  for (const auto& gap : plan.unknown) page.marked(Page::Mark::unknown, gap, "", Page::Overflow::leave_out);
  page.blank();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) write_step(written, i, page);
  if (plan.steps.empty()) page.paragraph("There is nothing to paste.");
  const auto undo = undo_lines(written);
  if (!undo.empty()) page.headed("UNDO", contains(undo, "\n") ? "" : undo);
  if (contains(undo, "\n")) page.command(undo);
  page.headed("VERIFY", written.verify);
  if (plan.steps.empty()) return page.text();
  const bool creates = std::any_of(plan.steps.begin(), plan.steps.end(), [](const intent::Step& step) { return step.creates(); });
  const bool edits = std::any_of(plan.steps.begin(), plan.steps.end(), [](const intent::Step& step) { return !step.fix.patch.is_null(); });
  page.blank();
  page.paragraph(std::string("Nothing was changed.") + (creates ? " `create` refuses to overwrite an object." : "") + (edits ? " A patch refuses an object that has changed since." : "") +
                 (creates || edits ? " Add --dry-run=server to try it." : ""));
  return page.text();
}

Json json_of(const Written& written) {
  const auto& plan = written.plan;
  Json steps = Json::array();
  for (const auto& step : plan.steps) {
    const auto& fix = step.fix;
    Json one = {{"action", step.creates() ? "create" : fix.patch.is_null() ? "restart" : "edit"}, {"object", object_of(fix)}, {"what", step.what}, {"command", fix.command}, {"undo", fix.undo}, {"dryRun", fix.dry_run}};
    if (!fix.diff.empty()) one["diff"] = fix.diff;
    if (step.creates()) one["manifest"] = fix.after;
    if (!fix.patch.is_null()) one["patch"] = fix.patch;
    steps.push_back(std::move(one));
  }
  return {{"format", "meshdx.write/v1"}, {"kind", written.kind}, {"object", plan.object}, {"title", plan.title}, {"apply", steps}, {"undo", plan.undo()},
          {"verify", written.verify}, {"warnings", plan.warnings}, {"notes", plan.notes}, {"notKnown", plan.unknown}};
}

}  // namespace meshdx::report
