#include "cli/diagnosis.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "cli/complaint.hpp"
#include "cli/look.hpp"
#include "cli/survey.hpp"
#include "cli/write.hpp"
#include "diagnose/verdict.hpp"
#include "facts/fact.hpp"
#include "playbook/access.hpp"
#include "playbook/execute.hpp"
#include "playbook/joining.hpp"
#include "playbook/judge.hpp"
#include "playbook/library.hpp"
#include "playbook/versions.hpp"
#include "report/hints.hpp"
#include "report/render.hpp"
#include "run/interrupt.hpp"
#include "run/live.hpp"
#include "run/recorder.hpp"
#include "run/replay.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

/// A question with all that is needed to answer it, whoever runs the commands.
struct Job {
  std::string program;
  std::vector<std::string> args;           ///< as typed, without --record
  const Options& options;
  mesh::Complaint complaint;
  playbook::Playbook playbook;
  std::vector<diagnose::Cause> causes;
};

struct Failure {
  Exit code = k_ok;
  std::string sentence;
};

/// Reads the playbook and its causes. What is wrong with them is bad input; a playbook that does not exist is wrong usage.
Failure load(const std::string& directory, Job& job) {
  const auto library = playbook::Library::open(directory);
  if (!library) return {k_bad_input, library.error()};
  const auto ids = library->playbook_ids();
  const bool known = std::find(ids.begin(), ids.end(), job.complaint.playbook) != ids.end();
  auto playbook = library->playbook(job.complaint.playbook);
  if (!playbook) return {known ? k_bad_input : k_usage, playbook.error()};
  job.playbook = std::move(*playbook);
  auto causes = library->causes_of(job.playbook);
  if (!causes) return {k_bad_input, causes.error()};
  job.causes = std::move(*causes);
  return {};
}

/// Progress on one line of a terminal, wiped when the result comes.
playbook::ExecuteOptions execute_options(const Options& options, const Io& io) {
  playbook::ExecuteOptions execute;
  execute.step_timeout = options.step_timeout;
  execute.probe = options.probe;
  execute.log_lines = options.log_lines;
  if (io.err_terminal) {
    execute.progress = [&io](const std::string& line) {
      const auto room = static_cast<std::size_t>(std::max(io.width - 1, 20));
      io.err("\r\033[K" + printable(line).substr(0, room));
    };
  }
  return execute;
}

/// What the reader must know to weigh the verdict.
std::vector<std::string> remarks(const playbook::Trail& trail, const mesh::Cases& cases, const evidence::Evidence& evidence) {
  std::vector<std::string> lines;
  const bool no_istioctl = std::any_of(trail.ran.begin(), trail.ran.end(), [](const playbook::Ran& ran) {
    return ran.gap == evidence::Gap::no_tool && ran.argv.front() == "istioctl";
  });
  if (no_istioctl) lines.emplace_back("Without istioctl this is what kubectl alone can show: what the proxies hold was not seen.");
  lines.insert(lines.end(), cases.remarks.begin(), cases.remarks.end());
  for (const auto& key : evidence.keys(evidence::Kind::log)) {
    const auto& log = evidence.get<evidence::ProxyLog>(key);
    if (log.ok() && !log.source.why.empty()) lines.push_back("Of the log of " + key.ns + "/" + key.name + " the last " + std::to_string(log.value.lines) + " lines were read: " + log.source.why + ".");
  }
  return lines;
}

std::vector<std::string> without_flag(const std::vector<std::string>& args, std::string_view flag) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == flag) ++i;
    else if (!starts_with(args[i], std::string(flag) + "=")) words.push_back(args[i]);
  }
  return words;
}

/// Reports are pasted into tickets: what a header of the question keeps secret is not printed again.
std::vector<std::string> without_secrets(std::vector<std::string> args) {
  static const std::vector<std::string> secret = {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"};
  for (auto& word : args) {
    const auto colon = word.find(':');
    const auto start = word.rfind("=", colon) == std::string::npos || !starts_with(word, "-") ? 0 : word.find('=') + 1;
    if (colon == std::string::npos || colon < start) continue;
    const auto name = lower(trim(std::string_view(word).substr(start, colon - start)));
    const bool short_form = starts_with(name, "-h") && std::find(secret.begin(), secret.end(), name.substr(2)) != secret.end();
    if (short_form || std::find(secret.begin(), secret.end(), name) != secret.end()) word = word.substr(0, colon) + ": (as typed)";
  }
  return args;
}

/// A repair takes some seconds to reach the proxies, and until then requests go on failing; what failed before stays in the log.
/// So VERIFY looks at the last few seconds before it is pasted, and may be pasted again.
constexpr const char* k_verify_window = "10s";

/// The same question; where requests failed, about the latest ones alone.
std::vector<std::string> about_latest(const std::vector<std::string>& args, bool failed) {
  if (!failed) return args;
  auto words = without_flag(args, "--since");
  words.insert(words.end(), {"--since", k_verify_window});
  return words;
}

/// Whether requests of a pair failed, or calls of the workload were blocked.
bool has_failures(const playbook::Judged& judged) {
  const auto& facts = *judged.facts;
  const bool of_workload = judged.pair->complaint.of_workload;
  return of_workload ? facts["isolation.none-blocked"].truth == Tri::no : facts["requests.some-failed"].truth == Tri::yes;
}

const char* why_word(mesh::Case::Why why) {
  switch (why) {
    case mesh::Case::Why::asked: return "asked";
    case mesh::Case::Why::failing: return "failing";
    case mesh::Case::Why::calling: return "calling";
    case mesh::Case::Why::vantage: return "vantage";
    case mesh::Case::Why::followed: break;
  }
  return "followed";
}

/// The question about one pair alone: with its caller in place of none, or about the hop behind.
std::vector<std::string> question_of(const Job& job, const std::vector<std::string>& args, const mesh::Case& pair) {
  const auto& ask = pair.complaint;
  if (pair.why == mesh::Case::Why::asked) return args;
  const std::string caller = ask.from == mesh::Complaint::From::gateway ? "gateway/" + ask.from_name : ask.from_name + "." + ask.from_ns;
  if (pair.why != mesh::Case::Why::followed) {
    auto words = args;
    words.insert(words.end(), {"--from", caller});
    return words;
  }
  const auto& options = job.options;
  std::vector<std::string> words = {job.args.front(), ask.target, "-n", ask.ns, "--from", caller};
  const auto flags = context_flags(options);
  words.insert(words.end(), flags.begin(), flags.end());
  return words;
}

std::vector<report::Hop::Pattern> patterns_of(const facts::FactBase& facts) {
  std::vector<report::Hop::Pattern> patterns;
  for (const char* id : {"requests.gather", "requests.turn"}) {
    const auto& finding = facts[id];
    if (finding.truth != Tri::yes) continue;
    patterns.push_back({finding.bindings.at("pattern.by").get<std::string>(), finding.bindings.at("pattern.value").get<std::string>(), finding.text});
  }
  return patterns;
}

report::Hop hop_of(const Job& job, const std::vector<std::string>& args, playbook::Judged& judged) {
  const auto& pair = *judged.pair;
  report::Hop hop;
  hop.from = pair.from;
  hop.to = pair.to;
  hop.why = why_word(pair.why);
  const auto& counts = (*judged.facts)["requests.none-failed"].bindings;
  if (counts.count("requests.seen") > 0) {
    hop.seen = counts.at("requests.seen").get<std::size_t>();
    hop.failed = counts.at("requests.failed").get<std::size_t>();
  }
  hop.patterns = patterns_of(*judged.facts);
  hop.next = pair.next;
  if (pair.next) hop.link = pair.link == mesh::Sighting::Link::request_id ? "request-id" : "time";
  hop.linked = pair.linked;
  hop.of = pair.of;
  hop.verdict = std::move(judged.verdict);
  hop.fixes = std::move(judged.fixes);
  hop.verify = job.program + " " + shell_join(about_latest(question_of(job, args, pair), has_failures(judged)));
  return hop;
}

/// "5m" as the time it means, so that a recording asks the same again.
std::string absolute(const std::string& since) {
  const auto back = read_duration(since);
  if (since.empty() || is_timestamp(since) || !back) return since;
  const auto then = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - *back);
  std::tm utc{};
  gmtime_r(&then, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

/// Runs the playbook and prints the verdict.
int answer(const Job& job, run::CommandRunner& runner, evidence::Evidence& evidence, const Io& io) {
  const auto& options = job.options;
  report::Report report;
  report.trail = playbook::execute(job.playbook, job.complaint, runner, evidence, execute_options(options, io));
  if (io.err_terminal) io.err("\r\033[K");
  if (!report.trail.no_cluster.empty() && !report.trail.interrupted) {
    return fail(io, k_failed, playbook::no_access(report.trail.no_cluster_gap, report.trail.no_cluster, runner));
  }
  auto judgement = playbook::judge(job.playbook, job.causes, job.complaint, evidence, context_flags(options));
  for (const auto& id : job.playbook.answers) report.answers.push_back({facts::find_answer(id), &judgement.pairs.front().facts->answer(id)});
  report.playbook = job.playbook.id;
  report.title = job.playbook.title;
  report.question = question_text(job.complaint, options.from);
  const auto symptom = symptom_text(job.complaint);
  report.symptom = symptom.empty() ? "'" + job.playbook.title + "'" : symptom;
  report.args = without_secrets(job.args);
  report.verify = job.program + " " + shell_join(about_latest(report.args, std::any_of(judgement.pairs.begin(), judgement.pairs.end(), has_failures)));
  report.context_flags = context_flags(options);
  report.remarks = remarks(report.trail, *judgement.cases, evidence);
  for (auto& judged : judgement.pairs) report.hops.push_back(hop_of(job, report.args, judged));
  report.verdict = std::move(judgement.overall);
  report.fixes = std::move(judgement.fixes);
  report.found_at = std::move(judgement.found_at);
  report.hints = report::hints(evidence, judgement.pairs.front().pair->complaint, report.context_flags);
  io.out(report::render(report, options.output, look_of(options, io), k_version));
  return report::exit_code(report);
}

/// The question a recording holds, with the outer command's flags for the output in place of its own.
Expected<Options> recorded_question(const std::vector<std::string>& args, const Options& outer) {
  auto question = parse(args);
  if (!question) return question;
  if (!question->command->diagnoses) {
    return Error{"'meshdx " + std::string(question->command->name) + "' asks no question that a recording can answer."};
  }
  question->record.clear();
  question->playbooks = outer.playbooks;
  if (outer.given.count("--output") != 0) question->output = outer.output;
  question->verbose = std::max(question->verbose, outer.verbose);
  question->no_color = question->no_color || outer.no_color;
  return question;
}

}  // namespace

run::LiveOptions live_options(const Options& options) {
  run::LiveOptions live;
  live.parallel = static_cast<std::size_t>(options.parallel);
  live.deadline = options.deadline;
  live.probe = options.probe;
  live.context = options.context;
  live.kubeconfig = options.kubeconfig;
  live.as = options.as;
  live.as_groups = options.as_groups;
  return live;
}

std::vector<std::string> without_record(const std::vector<std::string>& args) { return without_flag(args, "--record"); }

namespace {
/// `meshdx mtls TARGET`, `meshdx canary TARGET`: the command's own name is the playbook's.
bool names_playbook(const Command& command) { return command.diagnoses && command.name != "CODE" && command.name != "run" && command.name != "write"; }
}  // namespace

Expected<mesh::Complaint> complaint_of(const Options& options) {
  Asked asked;
  const auto& words = options.words;
  const bool by_name = names_playbook(*options.command);
  const auto name = by_name ? std::string(options.command->name) : words.front();
  asked.code = by_name ? std::nullopt : read_code(name);
  const bool by_code = asked.code.has_value() && options.command->name != "run";
  asked.playbook = !by_code ? name : *asked.code == 404 ? "404" : "503";
  asked.target = words.back();
  asked.ns = options.ns;
  asked.from = options.from;
  asked.method = options.method;
  asked.headers = options.headers;
  auto complaint = make_complaint(asked);
  if (complaint && !options.since.empty() && !is_timestamp(options.since)) {
    return Error{"--since " + options.since + " counts back from now, and neither a plan nor a recording has one: give a time like 2026-01-31T12:00:00Z."};
  }
  if (complaint) complaint->since = options.since;
  if (complaint) complaint->follow = !options.no_follow;
  return complaint;
}

namespace {

/// The share of a pod of an Indexed Job: its index is in its environment.
Options with_job_index(Options options) {
  const char* index = std::getenv("JOB_COMPLETION_INDEX");
  if (!options.shard.empty() && !contains(options.shard, "/") && index != nullptr) options.shard = std::string(index) + "/" + options.shard;
  return options;
}

/// sweep and write: what follows no playbook. Both read a cluster, or a recording of it.
int work(const std::string& program, const std::vector<std::string>& args, const Options& options, run::CommandRunner& runner, const Io& io) {
  return options.command->name == "write" ? write(program, options, runner, io) : sweep(program, args, options, runner, io);
}

Expected<Done> check_work(const Options& options) { return options.command->name == "write" ? check_write(options) : check_sweep(options); }

bool follows_no_playbook(const Command& command) { return command.name == "sweep" || command.name == "write"; }

int work_live(const std::string& program, const std::vector<std::string>& args, const Options& typed, const Io& io) {
  const auto options = with_job_index(typed);
  const auto right = check_work(options);
  if (!right) return fail(io, k_usage, right.error());
  if (options.job) return print_job(options, io);
  if (!options.files.empty()) return write_from_files(program, options, io);
  if (!options.record.empty()) {
    const auto free = run::check_recording_target(options.record);
    if (!free) return fail(io, k_usage, free.error());
  }
  const run::InterruptGuard guard;
  auto how = live_options(options);
  if (options.given.count("--deadline") == 0 && options.command->name == "sweep") how.deadline.reset();   // a mesh takes as long as it is big
  run::LiveRunner live(how);
  playbook::JoiningRunner joining(live);
  run::RecordingRunner recorder(joining);
  const auto own = without_record(args);
  if (options.record.empty()) return work(program, own, options, joining, io);
  const int code = work(program, own, options, recorder, io);
  run::Recording head;
  head.args = own;
  head.versions = playbook::read_versions(recorder, options.step_timeout);
  const auto written = recorder.write(options.record, head);
  return written ? code : fail(io, k_failed, written.error());
}

}  // namespace

int diagnose_live(const std::string& program, const std::vector<std::string>& args, const Options& typed, const Io& io) {
  if (follows_no_playbook(*typed.command)) return work_live(program, args, typed, io);
  Options options = typed;
  Job job{program, without_record(args), options, {}, {}, {}};
  if (!typed.since.empty()) {
    options.since = absolute(typed.since);
    job.args = without_flag(job.args, "--since");
    job.args.insert(job.args.end(), {"--since", options.since});
  }
  auto complaint = complaint_of(options);
  if (!complaint) return fail(io, k_usage, complaint.error());
  job.complaint = std::move(*complaint);
  if (const auto failure = load(options.playbooks, job); failure.code != k_ok) return fail(io, failure.code, failure.sentence);
  if (!options.record.empty()) {
    const auto free = run::check_recording_target(options.record);
    if (!free) return fail(io, k_usage, free.error());
  }
  const run::InterruptGuard guard;
  run::LiveRunner live(live_options(options));
  playbook::JoiningRunner joining(live);
  run::RecordingRunner recorder(joining);
  evidence::Evidence evidence;
  const bool recording = !options.record.empty();
  const int code = answer(job, recording ? static_cast<run::CommandRunner&>(recorder) : joining, evidence, io);
  if (!recording) return code;
  run::Recording head;
  head.args = job.args;
  head.versions = playbook::read_versions(recorder, options.step_timeout);
  const auto written = recorder.write(options.record, head);
  if (!written) return fail(io, k_failed, written.error());
  if (io.err_terminal) io.err("Recorded to " + printable(options.record) + "\n");
  return code;
}

int replay(const std::string& program, const Options& options, const Io& io) {
  const auto& path = options.words.front();
  const auto recording = run::read_recording(path);
  if (!recording) return fail(io, k_bad_input, recording.error());
  const auto& args = options.has_dashes ? options.after_dashes : recording->args;
  const Exit wrong = options.has_dashes ? k_usage : k_bad_input;
  const auto whose = options.has_dashes ? std::string() : path + " holds no question that meshdx can ask: ";
  const auto question = recorded_question(without_record(args), options);
  if (!question) return fail(io, wrong, whose + question.error());
  if (follows_no_playbook(*question->command)) {
    const auto right = check_work(*question);
    if (!right) return fail(io, wrong, whose + right.error());
    run::ReplayRunner runner(*recording);
    return work(program, without_record(args), *question, runner, io);
  }
  Job job{program, without_record(args), *question, {}, {}, {}};
  auto complaint = complaint_of(*question);
  if (!complaint) return fail(io, wrong, whose + complaint.error());
  job.complaint = std::move(*complaint);
  if (const auto failure = load(options.playbooks, job); failure.code != k_ok) return fail(io, failure.code, failure.sentence);
  run::ReplayRunner runner(*recording);
  evidence::Evidence evidence;
  return answer(job, runner, evidence, io);
}

}  // namespace meshdx::cli
