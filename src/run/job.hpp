// One running child on an asio loop. Internal to live.cpp, and included by nothing else: it includes Boost.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/process/v2/process.hpp>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/command.hpp"
#include "run/hopeless.hpp"
#include "run/sink.hpp"
#include "run/spawn.hpp"

namespace meshdx::run {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds g_term_grace{400};  ///< between SIGTERM and SIGKILL
constexpr milliseconds g_pipe_grace{500};  ///< how long a grandchild may hold a pipe of a child that is gone
constexpr milliseconds g_poll{10};         ///< how often an exit is looked for where there is no pidfd
constexpr std::size_t g_max_stderr = 4U << 20U;

/// What tells a child's exit: a pidfd, or an event that never comes where the kernel (or a sandbox) has no pidfd, and
/// the job polls. Two descriptors, one for Boost.Process and one to wait on.
struct ExitWatch {
  int for_process = -1;
  int for_waiting = -1;
  bool polls = false;

  explicit ExitWatch(pid_t pid) : for_process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    polls = for_process < 0;
    if (polls) for_process = ::eventfd(0, EFD_CLOEXEC);
    for_waiting = ::fcntl(for_process, F_DUPFD_CLOEXEC, 0);
  }
};

/// Out of descriptors just after the start: the child cannot be watched, so it must not live.
inline void abandon(const Child& child, const ExitWatch& watch) {
  ::kill(-child.pid, SIGKILL);
  ::waitpid(child.pid, nullptr, 0);
  for (const int fd : {child.out, child.err, watch.for_process}) {
    if (fd >= 0) ::close(fd);
  }
}

/// One of a child's two pipes, drained to its end.
struct Stream {
  Stream(asio::io_context& io, int fd, Sink sink_) : pipe(io, fd), sink(sink_) {}
  asio::readable_pipe pipe;
  Sink sink;
  bool ended = false;
  std::array<char, 65536> buffer{};
};

/// A child process from start to end. It ends when it has exited and both pipes are at their end. It stays unreaped
/// until then, so that its process group's number cannot be taken by a stranger while we may still signal it.
class Job : public std::enable_shared_from_this<Job> {
 public:
  /// Takes over the pid and all descriptors.
  Job(asio::io_context& io, CommandResult& result, const Child& child, const ExitWatch& watch, std::size_t max_stdout)
      : m_result(result),
        m_process(io.get_executor(), child.pid, watch.for_process),
        m_exit_watch(io, watch.for_waiting),
        m_polls(watch.polls),
        m_out(io, child.out, sink_for(result.argv, result.out, max_stdout)),
        m_err(io, child.err, Sink(result.err, g_max_stderr, Sink::Keeps::first)),
        m_timeout(io),
        m_grace(io) {}

  /// Begins to drain and to watch. `on_end` is called once, from the io thread.
  void watch(milliseconds timeout, std::function<void()> on_end, std::function<void()> on_timeout) {
    m_on_end = std::move(on_end);
    read(m_out);
    read(m_err);
    watch_exit();
    m_timeout.expires_after(timeout);
    m_timeout.async_wait([self = shared_from_this(), on_timeout = std::move(on_timeout)](error_code failed) {
      if (!failed && !self->m_over) on_timeout();
    });
  }

  /// Tells what stdout or stderr hold so far whenever more has come.
  void on_output(std::function<void(std::string_view)> tell) { m_on_output = std::move(tell); }

  /// Ends the whole process group for this reason: SIGTERM, after a grace SIGKILL, after another one without the pipes.
  void kill(End reason, std::string why) {
    if (m_killed || m_exited || m_over) return;
    m_killed = true;
    m_result.end = reason;
    m_result.why = std::move(why);
    signal_group(SIGTERM);
    after(g_term_grace, [this] { kill_hard(); });
  }

 private:
  void read(Stream& stream) {
    stream.pipe.async_read_some(asio::buffer(stream.buffer), [this, self = shared_from_this(), &stream](
                                                             error_code failed, std::size_t size) {
      if (m_over) return;
      const std::size_t before = stream.sink.kept().size();
      stream.sink.add({stream.buffer.data(), size});
      if (!m_killed && before < 4096) end_in_vain(stream.sink.kept());
      if (m_on_output) m_on_output(stream.sink.kept());
      if (failed) {
        stream.ended = true;
        proceed();
      } else {
        read(stream);
      }
    });
  }

  /// Ends a child that will never have what it waits for; the reason goes to stderr, where reasons are looked for.
  void end_in_vain(std::string_view printed) {
    const std::string line(vain_line(printed));
    if (line.empty()) return;
    kill(End::exited, "");
    if (m_killed && !contains(m_result.err, line)) m_result.err += line + "\n";
  }

  /// Waits for the exit without reaping (Boost's async_wait reaps, and blocks after a spurious wake-up).
  void watch_exit() {
    const auto look = [this, self = shared_from_this()](error_code) {
      if (m_over) return;
      siginfo_t info{};
      const int answer = ::waitid(P_PID, static_cast<id_t>(m_process.id()), &info, WEXITED | WNOHANG | WNOWAIT);
      m_exited = (answer == 0 && info.si_pid != 0) || (answer != 0 && errno == ECHILD);
      if (m_exited) proceed();
      else watch_exit();
    };
    if (m_polls) {
      if (!m_poll_timer) m_poll_timer.emplace(m_timeout.get_executor());
      m_poll_timer->expires_after(g_poll);
      m_poll_timer->async_wait(look);
    } else {
      m_exit_watch.async_wait(asio::posix::stream_descriptor::wait_read, look);
    }
  }

  void proceed() {
    if (!m_exited) return;
    if (m_out.ended && m_err.ended) return finish();
    // A grandchild holds a pipe. When the group is being killed already, that takes care of it.
    if (!m_killed) after(g_pipe_grace, [this] { kill_hard(); });
  }

  void kill_hard() {
    signal_group(SIGKILL);
    // Who left the group keeps the pipe for as long as he likes: what was read until now is the output.
    after(g_pipe_grace, [this] {
      if (m_exited) finish();
      else kill_hard();
    });
  }

  void after(milliseconds time, std::function<void()> action) {
    m_grace.expires_after(time);
    m_grace.async_wait([self = shared_from_this(), action = std::move(action)](error_code failed) {
      if (!failed && !self->m_over) action();
    });
  }

  void signal_group(int signal) { ::kill(-m_process.id(), signal); }

  void finish() {
    if (m_killed) signal_group(SIGKILL);  // whoever of the group ignored SIGTERM and holds no pipe
    error_code failed;
    m_process.wait(failed);
    const int status = m_process.native_exit_code();
    m_process.detach();
    m_result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    m_out.sink.end();
    m_result.truncated = m_out.sink.over();
    close();
    std::exchange(m_on_end, nullptr)();
  }

  /// Ends all waiting; the handlers still queued keep the job alive and see m_over.
  void close() {
    m_over = true;
    error_code ignored;
    m_out.pipe.close(ignored);
    m_err.pipe.close(ignored);
    m_exit_watch.close(ignored);
    m_timeout.cancel();
    m_grace.cancel();
  }

  CommandResult& m_result;
  boost::process::v2::process m_process;
  asio::posix::stream_descriptor m_exit_watch;
  bool m_polls;
  Stream m_out;
  Stream m_err;
  asio::steady_timer m_timeout;
  asio::steady_timer m_grace;
  std::optional<asio::steady_timer> m_poll_timer;
  std::function<void()> m_on_end;
  std::function<void(std::string_view)> m_on_output;
  bool m_exited = false;
  bool m_killed = false;
  bool m_over = false;
};

}  // namespace meshdx::run
