// Runs a playbook: all steps whose needs are met at once, each for every value of its placeholders, until nothing new
// can be started. A step that fails, is forbidden or times out does not sink the run.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "evidence/evidence.hpp"
#include "mesh/bind.hpp"
#include "mesh/complaint.hpp"
#include "playbook/playbook.hpp"
#include "run/command.hpp"

namespace meshdx::playbook {

/// One command that a step ran. A command that several steps ask for runs once, under the first one's name.
struct Ran {
  std::string step;
  run::Argv argv;
  evidence::Gap gap = evidence::Gap::none;
  std::string why;
  std::chrono::milliseconds took{0};
  bool needless = false;   ///< it failed, and what it asks for is of no proxy that was read
};

/// A step that ran nothing, and why: "not needed: <fact> is false", "no value for {server.pod}", "only with --probe".
struct Skipped {
  std::string step, why;
};

/// What a run did. In the order of the playbook's steps, so that two runs of the same commands read the same.
struct Trail {
  std::vector<Ran> ran;
  std::vector<Skipped> skipped;
  bool interrupted = false;
  /// Why nothing more was tried: no command could reach a cluster at all (one sentence); "" otherwise.
  std::string no_cluster;
  evidence::Gap no_cluster_gap = evidence::Gap::none;
};

struct ExecuteOptions {
  std::chrono::milliseconds step_timeout{15000};
  bool probe = false;
  int log_lines = 500;
  std::function<void(const std::string& line)> progress;   ///< may be empty
};

/// Gathers evidence into `evidence`. `needs` decides what a step's placeholders are bound from: they are bound when the
/// needs have ended, and once more whenever nothing is left to wait for, until nothing new turns up. So a step should need
/// every step that decides its values; then a live run and its replay run the same commands.
Trail execute(const Playbook& playbook, const mesh::Complaint& complaint, run::CommandRunner& runner,
              evidence::Evidence& evidence, const ExecuteOptions& options);

/// The commands that a run would start, without running any: those known from the complaint with real names, the others
/// with their placeholders. One line a command, grouped by what they wait for.
std::string plan(const Playbook& playbook, const mesh::Complaint& complaint, const ExecuteOptions& options);

/// What mesh::bind gives, and the options as placeholders.
mesh::Values values_now(const evidence::Evidence& evidence, const mesh::Complaint& complaint, const ExecuteOptions& options);

}  // namespace meshdx::playbook
