#include "run/spawn.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "util/text.hpp"

extern "C" char** environ;  // NOLINT: POSIX asks for this declaration

namespace meshdx::run {
namespace {

void close_if_open(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

/// One pipe; both ends close on exec and lie above stdio, so that the child's dup2 never meets its own source.
struct Pipe {
  int read = -1;
  int write = -1;

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_if_open(read);
    close_if_open(write);
  }

  bool open() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = above_stdio(ends[0]);
    write = above_stdio(ends[1]);
    return read >= 0 && write >= 0;
  }

 private:
  static int above_stdio(int fd) {
    if (fd > STDERR_FILENO) return fd;
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ::close(fd);
    return moved;
  }
};

/// Signals that we may have set to something that a child must not inherit.
constexpr std::array<int, 5> g_ours{SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGCHLD};

/// posix_spawn's two parameter objects, freed together.
struct SpawnSettings {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  SpawnSettings(int out, int err) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);

    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (const int signal : g_ours) sigaddset(&defaults, signal);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

/// Our environment, with what makes short Go programs cheaper unless the user has set it: kubectl and istioctl end before
/// collecting garbage pays (a fifth of their CPU time); the limit keeps a big answer from taking all memory.
std::vector<std::string> child_environment() {
  std::vector<std::string> variables;
  bool tuned = false;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    variables.emplace_back(*entry);
    tuned = tuned || starts_with(variables.back(), "GOGC=") || starts_with(variables.back(), "GOMEMLIMIT=");
  }
  if (!tuned) variables.insert(variables.end(), {"GOGC=off", "GOMEMLIMIT=256MiB"});
  return variables;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (const auto& word : words) list.push_back(const_cast<char*>(word.c_str()));  // NOLINT: posix_spawn's signature
  list.push_back(nullptr);
  return list;
}

/// In the fork's child, where only what POSIX calls async-signal-safe may be done: as SpawnSettings would have it, and dead
/// when `parent` is.
[[noreturn]] void become(const char* file, char* const* argv, char* const* environment, int out, int err, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::closefrom(STDERR_FILENO + 1);
  for (const int signal : g_ours) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(file, argv, environment);
  ::_exit(127);
}

/// Pipes, words and environment for a child, which `run` makes: it gives the child's number, or an errno.
template <class Run>
Expected<Child> start(const std::string& file, const std::vector<std::string>& argv, Run run) {
  Pipe out;
  Pipe err;
  if (!out.open() || !err.open()) return Error{fmt::format("no pipe for {}: {}", file, std::strerror(errno))};
  const auto environment = child_environment();
  const auto words = pointers(argv);
  const auto variables = pointers(environment);
  Child child;
  const int failed = run(child.pid, words.data(), variables.data(), out.write, err.write);
  if (failed != 0) return Error{fmt::format("{} could not be started: {}", file, std::strerror(failed))};
  std::swap(child.out, out.read);
  std::swap(child.err, err.read);
  return child;
}

bool is_program(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(file.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_on_path(const std::string& program) {
  if (contains(program, "/")) return is_program(program) ? program : "";
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): meshdx never changes its environment
  for (const auto& folder : split(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path, ':')) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + program;
    if (is_program(file)) return file;
  }
  return "";
}

Expected<Child> spawn(const std::string& file, const std::vector<std::string>& argv) {
  return start(file, argv, [&](pid_t& pid, char* const* words, char* const* environment, int out, int err) {
    const SpawnSettings settings(out, err);
    return ::posix_spawn(&pid, file.c_str(), &settings.actions, &settings.attributes, words, environment);
  });
}

Expected<Child> spawn_bound(const std::string& file, const std::vector<std::string>& argv) {
  const pid_t parent = ::getpid();
  return start(file, argv, [&](pid_t& pid, char* const* words, char* const* environment, int out, int err) {
    pid = ::fork();
    if (pid == 0) become(file.c_str(), words, environment, out, err, parent);
    if (pid < 0) return errno;
    ::setpgid(pid, pid);   // whoever is first: it may be killed before it has come to that
    return 0;
  });
}

}  // namespace meshdx::run
