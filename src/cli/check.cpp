// `meshdx check`: manifests in, problems with their places out. No cluster is asked.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "cli/complaint.hpp"
#include "cli/help.hpp"
#include "cli/look.hpp"
#include "cli/survey.hpp"
#include "report/render.hpp"
#include "survey/check.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

namespace fs = std::filesystem;

/// One file may hold a rendered release of a big system; more is a mistake.
constexpr std::size_t k_most_bytes = 256U << 20U;

struct Source {
  std::string name;
  survey::Strangers strangers = survey::Strangers::refuse;
};

bool looks_like_manifest(const fs::path& path) {
  const auto extension = lower(path.extension().string());
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

/// The manifests of a folder and the folders in it, but not those that begin with a dot.
Expected<std::vector<Source>> files_below(const std::string& folder) {
  std::vector<Source> files;
  std::error_code failure;
  fs::recursive_directory_iterator walk(folder, failure), end;
  for (; !failure && walk != end; walk.increment(failure)) {
    const auto name = walk->path().filename().string();
    std::error_code ignored;
    if (walk->is_directory(ignored) && starts_with(name, ".")) walk.disable_recursion_pending();
    else if (walk->is_regular_file(ignored) && !starts_with(name, ".") && looks_like_manifest(walk->path())) files.push_back({walk->path().string(), survey::Strangers::skip});
  }
  if (failure) return Error{"Cannot read the folder " + folder + ": " + failure.message() + "."};
  std::sort(files.begin(), files.end(), [](const Source& a, const Source& b) { return a.name < b.name; });
  return files;
}

Expected<std::vector<Source>> sources_of(const std::vector<std::string>& words) {
  std::vector<Source> sources;
  for (const auto& word : words) {
    std::error_code ignored;
    if (!fs::is_directory(word, ignored)) {
      sources.push_back({word, survey::Strangers::refuse});
      continue;
    }
    const auto files = files_below(word);
    if (!files) return files;
    sources.insert(sources.end(), files->begin(), files->end());
  }
  return sources;
}

Expected<std::string> text_of(const std::string& name) {
  std::string text;
  std::FILE* file = name == "-" ? stdin : std::fopen(name.c_str(), "rb");
  if (file == nullptr) return Error{"Cannot read " + name + ": there is no such file, or it may not be read."};
  char buffer[65536];
  std::size_t size = 0;
  while (text.size() <= k_most_bytes && (size = std::fread(buffer, 1, sizeof buffer, file)) > 0) text.append(buffer, size);
  const bool failed = std::ferror(file) != 0;
  if (file != stdin) std::fclose(file);
  if (failed) return Error{"Cannot read " + name + " to its end."};
  if (text.size() > k_most_bytes) return Error{name + " is larger than " + std::to_string(k_most_bytes >> 20U) + " MiB."};
  return text;
}

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
  const auto sources = sources_of(options.words);
  if (!sources) return fail(io, k_bad_input, sources.error());
  survey::Manifests manifests;
  bool broken = false;
  for (const auto& source : *sources) {
    const auto text = text_of(source.name);
    const auto done = text ? survey::read_manifests(source.name == "-" ? "stdin" : source.name, *text, options.ns, source.strangers, manifests) : Error{text.error()};
    if (done) continue;
    broken = true;
    io.err(printable(done.error()) + "\n");
  }
  if (broken) return fail(io, k_bad_input, "Not everything could be read; nothing was checked.");
  if (manifests.objects.empty()) return fail(io, k_bad_input, "There is no Kubernetes object in " + join(options.words, ", ") + ".");
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
