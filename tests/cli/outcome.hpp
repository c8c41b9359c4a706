// meshdx run in this process: what it printed, and its exit code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.hpp"

namespace meshdx::testing {

struct Outcome {
  int code = 0;
  std::string out, err;
};

inline Outcome meshdx_with(const std::vector<std::string>& args) {
  Outcome outcome;
  cli::Io io;
  io.out = [&](std::string_view text) { outcome.out += text; };
  io.err = [&](std::string_view text) { outcome.err += text; };
  outcome.code = cli::run("meshdx", args, io);
  return outcome;
}

}  // namespace meshdx::testing
