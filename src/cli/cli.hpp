// The program: arguments in, text and exit code out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace meshdx::cli {

/// Exit codes (design.md 8). 0, 2, 3 and 130 come from the report.
enum Exit : int { k_ok = 0, k_failed = 1, k_usage = 64, k_bad_input = 65 };

/// Where the output goes and what can be shown there.
struct Io {
  std::function<void(std::string_view)> out, err;
  bool out_terminal = false, err_terminal = false;
  bool color = false;      ///< the terminal and the environment allow colours
  bool ascii = false;      ///< the locale has no UTF-8
  int width = 100;
};

/// Says why meshdx could not do what was asked, in a sentence on stderr; gives the exit code back.
int fail(const Io& io, Exit code, const std::string& sentence);

/// Runs meshdx. `program` is what the user typed to start it ("meshdx", "kubectl meshdx"), `args` what stands after it.
int run(const std::string& program, const std::vector<std::string>& args, const Io& io);

/// main(): the process's own streams and environment, and the one place where exceptions end.
int main(int argc, char** argv);

}  // namespace meshdx::cli
