// `meshdx write KIND ...`: configuration from intent, printed and never applied.
#pragma once

#include <string>

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "run/command.hpp"

namespace meshdx::cli {

/// Whether the words and flags make a wish, before a cluster is asked. One sentence.
Expected<Done> check_write(const Options& options);

/// Reads through whoever runs the commands and prints what to paste. 0: it is printed, or is so already; 1: it cannot be
/// written (no such Service, what decides could not be read, what is there must be changed by hand).
int write(const std::string& program, const Options& options, run::CommandRunner& runner, const Io& io);

/// The same from the manifests of --filename, without a cluster. 65: they cannot be read.
int write_from_files(const std::string& program, const Options& options, const Io& io);

/// `meshdx write KIND --help`; "" when it is no kind.
std::string write_help(const std::string& kind);
/// The kinds, a line each, for `meshdx write --help`.
std::string write_kinds();

}  // namespace meshdx::cli
