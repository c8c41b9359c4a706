// One question from typed options to a printed report: live, or from a recording.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "mesh/complaint.hpp"
#include "run/live.hpp"
#include "run/recording.hpp"

namespace meshdx::cli {

/// `meshdx CODE|mtls|run ...`. `args` are the words as typed, for VERIFY and the recording.
int diagnose_live(const std::string& program, const std::vector<std::string>& args, const Options& options, const Io& io);

/// `meshdx replay DIR [-- ARGS]`.
int replay(const std::string& program, const Options& options, const Io& io);

/// The complaint that the options of a question (or of `plan`) make. The playbook is in it.
Expected<mesh::Complaint> complaint_of(const Options& options);

/// How the options want commands to be run.
run::LiveOptions live_options(const Options& options);

/// The words without --record and its value: what asks the same question again.
std::vector<std::string> without_record(const std::vector<std::string>& args);

}  // namespace meshdx::cli
