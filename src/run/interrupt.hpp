// Ctrl-C, SIGTERM and SIGHUP as something that can be waited for.
#pragma once

namespace meshdx::run {

/// While it lives, SIGINT, SIGTERM and SIGHUP (unless nohup had it ignored) do not end meshdx: the first one is remembered, and a second one ends it at once.
/// One at a time in a process. The handlers found before are put back at the end.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether a signal has come since the guard that lives was made; false without one.
  [[nodiscard]] static bool interrupted();
  /// Becomes (and stays) readable when a signal comes; -1 when there is no guard.
  [[nodiscard]] static int descriptor();
};

}  // namespace meshdx::run
