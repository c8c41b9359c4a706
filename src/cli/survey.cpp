#include "cli/survey.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>

#include "cli/complaint.hpp"
#include "cli/look.hpp"
#include "playbook/library.hpp"
#include "report/render.hpp"
#include "survey/sweep.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

/// "3/10": the fourth of ten; "10": how many there are, no more.
struct Shard {
  std::size_t index = 0, count = 1;
};

Expected<Shard> read_shard(const std::string& text) {
  Shard shard;
  if (text.empty()) return shard;
  const auto slash = text.find('/');
  const auto index = slash == std::string::npos ? std::optional<std::uint64_t>(0) : to_number(std::string_view(text).substr(0, slash));
  const auto number = to_number(std::string_view(text).substr(slash == std::string::npos ? 0 : slash + 1));
  if (!index || !number || *number == 0 || *number > 10'000 || *index >= *number) {
    return Error{"--shard " + text + " is no share: 0/10 to 9/10 are the ten of ten."};
  }
  return Shard{static_cast<std::size_t>(*index), static_cast<std::size_t>(*number)};
}

constexpr const char* k_sweep_basis =
    "Told from configuration, pods and endpoints, for any caller with a sidecar in the Service's own namespace and at the gateways. Not looked at: what "
    "proxies hold and log, whether applications answer, callers elsewhere.";

std::string scope_of(const Options& options, const survey::Sweep& swept) {
  if (options.given.count("--all-namespaces") == 0) return "Namespace " + options.ns;
  std::string text = count(swept.namespaces.size(), "namespace") + " of the mesh";
  if (!options.shard.empty()) text += " (shard " + options.shard + ")";
  if (swept.left_out > 0) text += ", " + std::to_string(swept.left_out) + " without proxies and Istio objects left out";
  return text;
}

}  // namespace

Expected<std::vector<diagnose::Cause>> causes_of_failures(const std::string& directory) {
  const auto library = playbook::Library::open(directory);
  if (!library) return Error{library.error()};
  std::vector<diagnose::Cause> causes;
  for (const char* id : {"503", "404"}) {
    const auto playbook = library->playbook(id);
    if (!playbook) return Error{playbook.error()};
    auto listed = library->causes_of(*playbook);
    if (!listed) return Error{listed.error()};
    for (auto& cause : *listed) {
      const bool known = std::any_of(causes.begin(), causes.end(), [&](const auto& other) { return other.id == cause.id; });
      if (!known) causes.push_back(std::move(cause));
    }
  }
  return causes;
}

Expected<Done> check_sweep(const Options& options) {
  const auto given = [&](const char* flag) { return options.given.count(flag) > 0; };
  if (given("--all-namespaces") && given("--namespace")) return Error{"-A means all namespaces and -n one of them: give one of the two."};
  if (!options.shard.empty() && !given("--all-namespaces") && !options.job) return Error{"--shard shares out namespaces: it goes with -A."};
  if (!is_namespace_name(options.ns)) return Error{"-n '" + options.ns + "' can be no namespace's name."};
  const auto shard = read_shard(options.shard);
  if (!shard) return Error{shard.error()};
  if (!options.shard.empty() && !contains(options.shard, "/") && !options.job) {
    return Error{"--shard " + options.shard + " says how many there are, not which one: give I/N, or run in an Indexed Job, which sets JOB_COMPLETION_INDEX."};
  }
  if (!options.image.empty() && !options.job) return Error{"--image goes with --job."};
  if (options.job && options.image.empty()) return Error{"--job needs --image: one that holds meshdx, kubectl and istioctl."};
  return Done{};
}

int print_job(const Options& options, const Io& io) {
  const auto shards = read_shard(options.shard);
  const bool safe = std::all_of(options.image.begin(), options.image.end(), [](unsigned char c) { return std::isalnum(c) != 0 || contains("./:@_-", std::string(1, static_cast<char>(c))); });
  if (!safe) return fail(io, k_usage, "--image " + options.image + " is no image's name.");
  io.out(survey::job_manifest(options.image, options.shard.empty() ? 10 : shards->count, options.ns));
  return k_ok;
}

int sweep(const std::string& program, const std::vector<std::string>& args, const Options& options, run::CommandRunner& runner, const Io& io) {
  const auto causes = causes_of_failures(options.playbooks);
  if (!causes) return fail(io, k_bad_input, causes.error());
  const auto shard = read_shard(options.shard);
  survey::SweepOptions how;
  how.ns = options.given.count("--all-namespaces") > 0 ? "" : options.ns;
  how.shard = shard->index;
  how.shards = shard->count;
  how.step_timeout = options.step_timeout;
  how.context_flags = context_flags(options);
  if (io.err_terminal) how.progress = [&io](const std::string& line) { io.err("\r\033[K" + printable(line)); };
  auto swept = survey::sweep(runner, *causes, how);
  if (io.err_terminal) io.err("\r\033[K");
  const auto& first = swept.unread;
  const bool nothing = !first.empty() && first.size() >= swept.commands;
  if (nothing && !swept.interrupted) return fail(io, k_failed, "Nothing could be read from a cluster: " + first.front().why);
  if (!swept.failed.empty()) return fail(io, k_failed, swept.failed);
  report::SurveyReport report;
  report.args = args;
  report.command = program + " " + shell_join(args);
  report.scope = scope_of(options, swept);
  report.basis = k_sweep_basis;
  report.survey = std::move(swept.survey);
  report.unread = std::move(swept.unread);
  report.remarks = std::move(swept.remarks);
  report.interrupted = swept.interrupted;
  report.context_flags = how.context_flags;
  io.out(report::render(report, options.output, look_of(options, io), k_version));
  return report::exit_code(report);
}

}  // namespace meshdx::cli
