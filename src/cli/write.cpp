#include "cli/write.hpp"

#include <algorithm>

#include "cli/help.hpp"
#include "cli/look.hpp"
#include "cli/manifests.hpp"
#include "evidence/evidence.hpp"
#include "intent/gather.hpp"
#include "intent/plan.hpp"
#include "report/render.hpp"
#include "report/written.hpp"
#include "survey/world.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

Expected<intent::Wish> wish_of(const Options& options) {
  intent::Asked asked;
  asked.words = options.words;
  asked.ns = options.ns;
  asked.ns_given = options.given.count("--namespace") > 0;
  asked.values = options.wishes;
  if (options.given.count("--revision") > 0) asked.values["--revision"] = options.revision;   // preflight has it, too
  asked.headers = options.headers;
  return intent::make_wish(asked);
}

/// Why nothing at all came from a cluster, "" when something did.
std::string no_cluster(const evidence::Evidence& evidence) {
  for (const auto kind : evidence::all_kinds()) {
    for (const auto& key : evidence.keys(kind)) {
      if (evidence.source(key).ok() || evidence.source(key).gap == evidence::Gap::no_such_kind) return "";
    }
  }
  const auto gaps = evidence.gaps();
  return gaps.empty() ? "no command ended." : gaps.front().why;
}

/// What files cannot tell.
const std::vector<std::string> k_from_files = {
    "Told from the files alone: what the cluster holds besides them is not seen, such as another rule for the same host, of this namespace or the root namespace; asked without -f, meshdx looks there.",
    "Pods are those that the workloads of the files would make: whether they run, and what they log, no file says."};

int print_plan(const std::string& program, const Options& options, const intent::Wish& wish, const evidence::Evidence& evidence, const std::vector<std::string>& unknown, const Io& io) {
  const mesh::View view(evidence, wish.ns);
  auto plan = intent::make_plan(view, wish, context_flags(options));
  if (!plan) return fail(io, k_failed, plan.error());
  plan->unknown.insert(plan->unknown.begin(), unknown.begin(), unknown.end());
  report::Written written;
  written.kind = intent::row_of(wish.kind).name;
  written.verify = program + " " + shell_join(plan->verify);
  written.plan = std::move(*plan);
  if (options.output == "text") io.out(report::to_text(written, look_of(options, io)));
  else io.out(report::render(report::json_of(written), options.output));
  return k_ok;
}

}  // namespace

Expected<Done> check_write(const Options& options) {
  const auto wish = wish_of(options);
  if (!wish) return Error{wish.error()};
  if (options.files.empty()) return Done{};
  if (!options.record.empty()) return Error{"--record keeps what a cluster says; with -f none is asked."};
  if (wish->kind == intent::Kind::injection) return Error{"Injection hangs on the webhooks and the pods of a cluster: meshdx write injection takes no -f."};
  return Done{};
}

int write(const std::string& program, const Options& options, run::CommandRunner& runner, const Io& io) {
  const auto wish = wish_of(options);
  if (!wish) return fail(io, k_usage, wish.error());
  if (!options.files.empty()) return fail(io, k_usage, "-f reads manifests, a replay its recording: only one of them can be asked.");
  const auto evidence = intent::gather(runner, *wish, options.step_timeout);
  if (runner.interrupted()) return 130;
  const auto nothing = no_cluster(evidence);
  if (!nothing.empty()) return fail(io, k_failed, "Nothing could be read from a cluster: " + nothing);
  return print_plan(program, options, *wish, evidence, {}, io);
}

int write_from_files(const std::string& program, const Options& options, const Io& io) {
  const auto wish = wish_of(options);
  if (!wish) return fail(io, k_usage, wish.error());
  const auto manifests = manifests_of(options.files, options.ns, "nothing was written", io);
  if (!manifests) return fail(io, k_bad_input, manifests.error());
  const auto world = survey::world_of(*manifests, survey::Outside::nothing_here);
  if (world.namespaces.count(wish->ns) == 0) return fail(io, k_failed, "The files hold nothing in namespace " + wish->ns + "; objects without a namespace are taken to be in " + options.ns + " (-n).");
  return print_plan(program, options, *wish, world.evidence, k_from_files, io);
}

std::string write_kinds() {
  std::string text;
  for (const auto& row : intent::kind_rows()) text += "  " + std::string(row.name) + " " + row.words + "\n      " + row.help + "\n";
  return text;
}

std::string write_help(const std::string& kind) {
  const auto* row = intent::find_kind(kind);
  if (row == nullptr) return "";
  std::string text = std::string("meshdx write ") + row->name + " " + row->words + "\n  Print the configuration to " + row->help + "; nothing is applied.\n\n  " + row->example + "\n\nFlags:\n";
  auto names = row->needs;
  names.insert(names.end(), row->takes.begin(), row->takes.end());
  if (row->scope != intent::Scope::namespace_only) names.push_back("--filename");
  names.insert(names.end(), {"--namespace", "--output", "--context", "--kubeconfig", "--as", "--as-group", "--step-timeout", "--record", "--no-color"});
  for (const auto& name : names) {
    const auto& table = flags();
    const auto flag = std::find_if(table.begin(), table.end(), [&](const Flag& f) { return f.name == name; });
    if (flag != table.end()) text += flag_line(*flag);
  }
  return text;
}

}  // namespace meshdx::cli
