// What became of the processes that a test started.
#pragma once

#include <cerrno>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/wait.h>

#include "folder.hpp"
#include "util/text.hpp"

namespace meshdx::run::test {

inline bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) == 0 || errno != ECHILD; }

/// Whether the process whose number the script left in a file is gone, or becomes so soon.
inline bool dies(const TempFolder& folder, const std::string& file) {
  const auto pid = to_number(trim(folder.read(file)));
  REQUIRE(pid.has_value());
  for (int i = 0; i < 200; ++i) {
    std::ifstream stream("/proc/" + std::to_string(*pid) + "/stat");
    std::string stat;
    std::getline(stream, stat);
    if (stat.empty() || contains(stat, ") Z ")) return true;  // an orphan's zombie is init's business
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return false;
}

}  // namespace meshdx::run::test
