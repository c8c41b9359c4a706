// Starts one child process the clean way: no shell, no inherited descriptors, its own process group. Knows no Boost.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "util/expected.hpp"

namespace meshdx::run {

/// A child that runs, and the two ends of its pipes that are ours (close-on-exec). Whoever takes it closes and reaps.
struct Child {
  pid_t pid = -1;
  int out = -1;
  int err = -1;
};

/// The file that a shell would run for `program`, looked up on PATH; "" when there is none.
std::string find_on_path(const std::string& program);

/// Runs `file` with `argv`: stdin is /dev/null, stdout and stderr are pipes, all other descriptors are closed, signals
/// are unblocked and at their defaults, and the child leads a process group of its own. The Error says why it could not
/// be started; nothing is left behind then.
Expected<Child> spawn(const std::string& file, const std::vector<std::string>& argv);

/// The same for a child that does not end by itself: the kernel kills it when the calling thread is gone, however that
/// came about. It forks, which costs time in proportion to our memory.
Expected<Child> spawn_bound(const std::string& file, const std::vector<std::string>& argv);

}  // namespace meshdx::run
