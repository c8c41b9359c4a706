// The commands that ask no cluster: list, graph, plan, lint, explain, help, completion.
#pragma once

#include "cli/cli.hpp"
#include "cli/options.hpp"

namespace meshdx::cli {

int list(const Options& options, const Io& io);
int graph(const Options& options, const Io& io);
int plan(const Options& options, const Io& io);
int lint(const Options& options, const Io& io);
int explain(const Options& options, const Io& io);
int help(const Options& options, const Io& io);
int completion(const Options& options, const Io& io);

}  // namespace meshdx::cli
