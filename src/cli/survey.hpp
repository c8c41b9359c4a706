// The commands that ask about many things at once: sweep (a live mesh, or a recording of one) and check (manifests).
#pragma once

#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "diagnose/cause.hpp"
#include "run/command.hpp"

namespace meshdx::cli {

/// The causes of failing requests: those that the playbooks for codes list.
Expected<std::vector<diagnose::Cause>> causes_of_failures(const std::string& directory);

/// Checks manifests. 0: nothing wrong in them; 2: a cause; 3: a likely one; 65: they cannot be read.
int check(const Options& options, const Io& io);

/// Wrong values of a sweep's flags, one sentence; Done when there are none. `$JOB_COMPLETION_INDEX` was filled in by then.
Expected<Done> check_sweep(const Options& options);

/// Sweeps through whoever runs the commands and prints what it came to.
int sweep(const std::string& program, const std::vector<std::string>& args, const Options& options, run::CommandRunner& runner, const Io& io);

/// Prints the manifest of the Job that sweeps in pods.
int print_job(const Options& options, const Io& io);

}  // namespace meshdx::cli
