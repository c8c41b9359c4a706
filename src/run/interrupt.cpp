#include "run/interrupt.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

namespace meshdx::run {
namespace {

// A signal handler can reach nothing but globals; these are lock-free atomics, hence safe there.
std::atomic<bool> g_interrupted{false};
std::atomic<int> g_descriptor{-1};

constexpr std::array<int, 3> g_signals{SIGINT, SIGTERM, SIGHUP};
std::array<struct sigaction, 3> g_before{};

extern "C" void on_signal(int) {
  const int before = errno;
  g_interrupted = true;
  const std::uint64_t one = 1;
  const int fd = g_descriptor;
  if (fd >= 0 && ::write(fd, &one, sizeof one) < 0) g_interrupted = true;  // the flag alone must do then
  errno = before;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  g_interrupted = false;
  g_descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < g_signals.size(); ++i) {
    ::sigaction(g_signals[i], nullptr, &g_before[i]);
    const bool nohup = g_signals[i] == SIGHUP && g_before[i].sa_handler == SIG_IGN;   // whoever said so meant it
    if (!nohup) ::sigaction(g_signals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < g_signals.size(); ++i) ::sigaction(g_signals[i], &g_before[i], nullptr);
  ::close(g_descriptor.exchange(-1));
  g_interrupted = false;
}

bool InterruptGuard::interrupted() { return g_interrupted; }

int InterruptGuard::descriptor() { return g_descriptor; }

}  // namespace meshdx::run
