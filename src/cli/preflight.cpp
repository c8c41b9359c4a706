#include "cli/preflight.hpp"

#include <algorithm>

#include "cli/complaint.hpp"
#include "cli/diagnosis.hpp"
#include "cli/look.hpp"
#include "playbook/library.hpp"
#include "playbook/preflight.hpp"
#include "report/preflight.hpp"
#include "report/render.hpp"
#include "run/interrupt.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

/// What is to be looked at: the playbooks named, else all, and the causes they list.
struct Subject {
  std::vector<playbook::Playbook> playbooks;
  std::vector<diagnose::Cause> causes;
};

Expected<Subject> read(const playbook::Library& library, const std::vector<std::string>& ids) {
  Subject subject;
  std::vector<std::string> seen;
  for (const auto& id : ids) {
    auto playbook = library.playbook(id);
    if (!playbook) return Error{playbook.error()};
    for (const auto& cause : playbook->causes) {
      if (std::find(seen.begin(), seen.end(), cause) != seen.end()) continue;
      seen.push_back(cause);
      auto read = library.cause(cause);
      if (!read) return Error{playbook->file + ": " + read.error()};
      subject.causes.push_back(std::move(*read));
    }
    subject.playbooks.push_back(std::move(*playbook));
  }
  return subject;
}

}  // namespace

int preflight(const Options& options, const Io& io) {
  if (!is_namespace_name(options.ns)) return fail(io, k_usage, "-n " + options.ns + " is no name that a namespace can have.");
  if (!options.record.empty()) return fail(io, k_usage, "'meshdx preflight' takes no --record: it asks no question that could be replayed.");
  for (const auto& name : {options.istio_namespace, options.revision}) {
    if (!is_namespace_name(name)) return fail(io, k_usage, name + " is no name that a namespace or a revision can have.");
  }
  const mesh::ControlPlane plane{options.istio_namespace, options.revision};
  const auto library = playbook::Library::open(options.playbooks);
  if (!library) return fail(io, k_bad_input, library.error());
  const auto known = library->playbook_ids();
  for (const auto& id : options.chosen) {
    if (std::find(known.begin(), known.end(), id) == known.end()) return fail(io, k_usage, library->playbook(id).error());
  }
  const auto subject = read(*library, options.chosen.empty() ? known : options.chosen);
  if (!subject) return fail(io, k_bad_input, subject.error());
  if (options.rbac) {
    const auto& ns = options.account_namespace.empty() ? options.ns : options.account_namespace;
    io.out(report::rbac_manifest(playbook::rights_of(subject->playbooks, options.probe), {options.account, ns, options.ns}, plane));
    return k_ok;
  }
  const run::InterruptGuard guard;
  run::LiveRunner runner(live_options(options));
  const auto result = playbook::preflight(subject->playbooks, subject->causes, options.ns, options.probe, runner, options.step_timeout, plane);
  io.out(options.output == "text" ? report::to_text(result, look_of(options, io)) : report::render(report::json_of(result), options.output));
  return playbook::exit_code(result);
}

}  // namespace meshdx::cli
