// How a text is shown: what the flags ask for and the terminal can.
#pragma once

#include "cli/cli.hpp"
#include "cli/options.hpp"
#include "report/report.hpp"

namespace meshdx::cli {

inline report::TextOptions look_of(const Options& options, const Io& io) { return {io.color && !options.no_color, io.ascii, options.verbose, io.width}; }

}  // namespace meshdx::cli
