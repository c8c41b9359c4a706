// `meshdx check`: manifests in, problems with their places out. No cluster is asked.
#include "cli/complaint.hpp"
#include "cli/help.hpp"
#include "cli/look.hpp"
#include "cli/manifests.hpp"
#include "cli/survey.hpp"
#include "report/render.hpp"
#include "survey/check.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

constexpr const char* k_check_basis =
    "Told from the manifests alone, for any caller with a sidecar in the Service's own namespace and at the Gateways; what they refer to elsewhere is taken for right. "
    "Not looked at: images, probes, whether the application listens, and everything that only a running mesh shows.";

report::SurveyReport report_of(const survey::Manifests& manifests, survey::Checked checked) {
  report::SurveyReport report;
  report.scope = count(manifests.files, "file") + " with " + count(manifests.objects.size(), "object");
  report.basis = k_check_basis;
  report.survey = std::move(checked.survey);
  for (const auto& [index, place] : checked.places) {
    const auto mark = place.first->place(place.second);
    report.places[index] = {place.first->document->file, mark.line, mark.column};
  }
  for (const auto& what : checked.assumed) report.remarks.push_back("Not in the files, taken for right: " + what + ".");
  for (const auto& skipped : manifests.skipped) report.remarks.push_back("Left out: " + skipped + ".");
  report.open_counts = false;
  report.diffs = true;
  return report;
}

}  // namespace

int check(const Options& options, const Io& io) {
  if (!is_namespace_name(options.ns)) return fail(io, k_usage, "-n '" + options.ns + "' can be no namespace's name.");
  const auto read = manifests_of(options.words, options.ns, "nothing was checked", io);
  if (!read) return fail(io, k_bad_input, read.error());
  const auto& manifests = *read;
  const auto causes = causes_of_failures(options.playbooks);
  if (!causes) return fail(io, k_bad_input, causes.error());
  auto report = report_of(manifests, survey::check(manifests, *causes, options.complete));
  report.args = {"check"};
  report.args.insert(report.args.end(), options.words.begin(), options.words.end());
  report.command = "meshdx " + shell_join(report.args);
  io.out(report::render(report, options.output, look_of(options, io), k_version));
  return report::exit_code(report);
}

}  // namespace meshdx::cli
