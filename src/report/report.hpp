// A verdict as text or JSON (meshdx.report/v1: playbooks/schema/report.v1.json); render.hpp has the other forms.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/verdict.hpp"
#include "fix/fix.hpp"
#include "playbook/execute.hpp"
#include "util/json.hpp"

namespace meshdx::report {

/// What one may do to see more next time: a sentence, the command to paste, and how to take it back.
struct Hint {
  std::string text, command, undo;
};

/// A table of the playbook's, as it came out.
struct Table {
  const facts::AnswerKind* kind = nullptr;
  const facts::Answer* answer = nullptr;
};

/// One pair of caller and target that was examined.
struct Hop {
  std::string from, to;                           ///< "client", "api:8080"; from "" when nobody was found
  std::string why;                                ///< asked, failing, calling, vantage or followed
  std::size_t failed = 0, seen = 0;               ///< its requests in the log window
  struct Pattern {
    std::string by, value, text;                  ///< by: subset, workload, pod, caller-pod, path or time
  };
  std::vector<Pattern> patterns;                  ///< what the failing ones share, when only some fail
  std::optional<std::size_t> next;                ///< the hop whose failures this one's server passed on
  std::string link;                               ///< what ties the two: "request-id" (proof) or "time" (likely)
  std::size_t linked = 0, of = 0;                 ///< so many of the failed requests
  diagnose::Verdict verdict;
  std::vector<std::vector<fix::Fix>> fixes;
  std::string verify;                             ///< the command that asks about this hop alone
};

/// All that a report is made of. `verdict` is that of all hops together; with one hop it is that hop's. `fixes[i]` belongs to `verdict.causes[i]`.
struct Report {
  std::string playbook, title, question;          ///< question: "503 from client to http://web.shop/ (namespace shop)"
  std::string symptom;                            ///< what the causes are causes of: "a 503", "a hop that is not mutual TLS"
  std::vector<std::string> args;                  ///< as typed
  diagnose::Verdict verdict;
  std::vector<std::vector<fix::Fix>> fixes;
  std::vector<Table> answers;
  playbook::Trail trail;
  std::string verify;                             ///< the command that asks again
  std::vector<std::string> context_flags;         ///< --context and the like, which every printed command must carry
  std::vector<Hint> hints;
  std::vector<std::string> remarks;               ///< which caller was chosen and the like
  std::vector<Hop> hops;                          ///< at least one in a report that is printed for a user
  std::vector<std::size_t> found_at;              ///< the hop of verdict.causes[i]
};

struct TextOptions {
  bool color = false;
  bool ascii = false;                             ///< no ✓ ✗ – → on a terminal that cannot show them
  int verbose = 0;                                ///< -v: ruled-out and not-checked causes, all steps
  int width = 100;
};

std::string to_text(const Report& report, const TextOptions& options);
Json json_of(const Report& report);

/// Exit code by design.md 8: 0 healthy, 2 cause, 3 inconclusive, 130 interrupted.
int exit_code(const Report& report);

/// What stands between this verdict and a certain one: why, and the command that would tell ("" when no command would).
struct Missing {
  std::string fact, why;
  run::Argv command;
};

/// Of the facts by which a cause could not be decided.
std::vector<Missing> missing_for(const diagnose::CauseResult& result);
/// Of all causes and checks that are undecided; each command once.
std::vector<Missing> all_missing(const diagnose::Verdict& verdict);

/// A command as a person pastes it: quoted, with the flags that name the cluster.
std::string command_line(const run::Argv& argv, const std::vector<std::string>& context_flags);

/// "12 of 24 requests failed (50 %)".
std::string share_text(const Hop& hop);

/// "confirmed", "likely", "ruled out", "not checked".
const char* state_word(diagnose::State state);
/// "cause", "healthy", "inconclusive".
const char* outcome_word(diagnose::Outcome outcome);

}  // namespace meshdx::report
