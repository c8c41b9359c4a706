// The one translation unit that includes Boost (with job.hpp). It spawns by posix_spawn and hands the pid to
// Boost.Process: Boost's own launcher leaks descriptors, leaves zombies after a failed start and costs time in
// proportion to our memory.
#include "run/live.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <functional>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/allowlist.hpp"
#include "run/api_proxy.hpp"
#include "run/api_request.hpp"
#include "run/interrupt.hpp"
#include "run/job.hpp"
#include "run/spawn.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

using Clock = std::chrono::steady_clock;

std::string seconds(milliseconds time) {
  return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000) : fmt::format("{} ms", time.count());
}

std::string quoted(const Argv& argv) { return "`" + printable(shell_join(argv)) + "`"; }

}  // namespace

/// What lives on the io thread: the jobs, and those that wait for their turn.
class LiveRunner::Engine {
 public:
  explicit Engine(LiveOptions options);
  ~Engine();

  [[nodiscard]] bool can_start() const {
    const std::lock_guard lock(m_mutex);
    return m_open < m_options.parallel;
  }

  void start(std::size_t ticket, Argv argv, milliseconds timeout) {
    auto task = std::make_shared<Task>();
    task->finished.ticket = ticket;
    task->finished.result.argv = std::move(argv);
    task->timeout = timeout;
    {
      const std::lock_guard lock(m_mutex);
      ++m_open;
      ++m_unanswered;
    }
    asio::post(m_io, [this, task] {
      if (is_api_read(task->finished.result.argv)) return read_api(task);
      m_waiting.push_back(task);
      start_waiting();
    });
  }

  std::optional<Finished> wait() {
    std::unique_lock lock(m_mutex);
    if (m_unanswered == 0) return std::nullopt;
    m_changed.wait(lock, [this] { return !m_done.empty(); });
    Finished finished = std::move(m_done.front());
    m_done.pop_front();
    --m_unanswered;
    return finished;
  }

 private:
  struct Task {
    Finished finished;
    milliseconds timeout{0};
    Clock::time_point began;
    std::shared_ptr<Job> job;
    std::shared_ptr<ApiRequest> request;
  };
  using TaskPtr = std::shared_ptr<Task>;

  void watch_interrupt();
  void watch_deadline();
  void start_waiting();
  void launch(const TaskPtr& task);
  void read_api(const TaskPtr& task);
  void send(const TaskPtr& task);
  bool may_start(const TaskPtr& task);
  void supervise(const TaskPtr& task, const Child& child);
  void give_up(const TaskPtr& task, const Child& child, const ExitWatch& watch);
  void answer_unstarted(const TaskPtr& task, End end, std::string why);
  void kill_all(End end, const std::function<std::string(const Argv&)>& why);
  void answer(const TaskPtr& task);
  Expected<Child> start_kubectl(const Argv& words);
  std::string program_file(const std::string& name);

  LiveOptions m_options;
  Clock::time_point m_began = Clock::now();
  asio::io_context m_io{1};
  asio::executor_work_guard<asio::io_context::executor_type> m_work{m_io.get_executor()};
  std::optional<asio::posix::stream_descriptor> m_interrupt;
  asio::steady_timer m_deadline{m_io};
  std::deque<TaskPtr> m_waiting;              // io thread only, as the next five
  std::list<TaskPtr> m_running;
  std::list<TaskPtr> m_requests;              // read through m_api; they take no process, so no bound counts for them
  std::map<std::string, std::string> m_files;
  std::optional<End> m_stopped;               // why nothing is started any more
  ApiProxy m_api{m_io, [this](const Argv& words) { return start_kubectl(words); }};

  mutable std::mutex m_mutex;                 // guards what follows
  std::condition_variable m_changed;
  std::deque<Finished> m_done;
  std::size_t m_open = 0;                     // started and not ended
  std::size_t m_unanswered = 0;               // started and not handed over by wait()

  std::thread m_thread;
};

LiveRunner::Engine::Engine(LiveOptions options) : m_options(std::move(options)) {
  m_options.parallel = std::max<std::size_t>(1, m_options.parallel);
  struct sigaction child {};
  // Inherited as ignored, SIGCHLD would make the kernel reap our children and lose their exit codes.
  if (::sigaction(SIGCHLD, nullptr, &child) == 0 && child.sa_handler == SIG_IGN) ::signal(SIGCHLD, SIG_DFL);
  watch_interrupt();
  watch_deadline();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the threads that were there before
  m_thread = std::thread([this] { m_io.run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LiveRunner::Engine::~Engine() {
  asio::post(m_io, [this] {
    m_stopped = End::interrupted;
    for (const auto& task : std::exchange(m_waiting, {})) answer_unstarted(task, End::interrupted, "meshdx is ending");
    kill_all(End::interrupted, [](const Argv&) { return std::string("meshdx is ending"); });
    m_deadline.cancel();
    m_interrupt.reset();
    m_work.reset();  // the thread ends when the last child has
  });
  m_thread.join();
}

void LiveRunner::Engine::watch_interrupt() {
  const int fd = InterruptGuard::descriptor();
  if (fd < 0) return;
  m_interrupt.emplace(m_io, ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  m_interrupt->async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code failed) {
    if (failed) return;
    m_stopped = End::interrupted;
    kill_all(End::interrupted,
             [](const Argv& argv) { return fmt::format("interrupted while {} was running", quoted(argv)); });
    start_waiting();
  });
}

void LiveRunner::Engine::watch_deadline() {
  if (!m_options.deadline) return;
  m_deadline.expires_at(m_began + *m_options.deadline);
  m_deadline.async_wait([this](error_code failed) {
    if (failed || m_stopped) return;
    m_stopped = End::timed_out;
    kill_all(End::timed_out, [this](const Argv& argv) {
      return fmt::format("the run's deadline of {} passed while {} was running, so it was killed",
                         seconds(*m_options.deadline), quoted(argv));
    });
    start_waiting();
  });
}

void LiveRunner::Engine::kill_all(End end, const std::function<std::string(const Argv&)>& why) {
  for (const auto& task : m_running) task->job->kill(end, why(task->finished.result.argv));
  for (const auto& task : std::list<TaskPtr>(m_requests)) {   // each leaves the list when it ends
    task->request->stop(end, why(task->finished.result.argv));
  }
  m_api.close();
}

void LiveRunner::Engine::start_waiting() {
  while (!m_waiting.empty() && (m_stopped || m_running.size() < m_options.parallel)) {
    const TaskPtr task = m_waiting.front();
    m_waiting.pop_front();
    launch(task);
  }
}

/// Answers a task that may not be started (any more).
bool LiveRunner::Engine::may_start(const TaskPtr& task) {
  const Argv& argv = task->finished.result.argv;
  task->began = Clock::now();
  const auto allowed = is_api_read(argv) ? check_api_read(argv) : check_allowed(argv, m_options.probe);
  if (!allowed.ok()) {
    answer_unstarted(task, End::refused, allowed.error());
  } else if (m_stopped == End::interrupted || InterruptGuard::interrupted()) {
    answer_unstarted(task, End::interrupted, fmt::format("interrupted before {} was started", quoted(argv)));
  } else if (m_stopped || (m_options.deadline && task->began >= m_began + *m_options.deadline)) {
    answer_unstarted(task, End::timed_out,
                     fmt::format("the run's deadline of {} passed before {} was started", seconds(*m_options.deadline), quoted(argv)));
  } else {
    return true;
  }
  return false;
}

void LiveRunner::Engine::launch(const TaskPtr& task) {
  if (!may_start(task)) return;
  const Argv& argv = task->finished.result.argv;
  const std::string file = program_file(argv[0]);
  if (file.empty()) {
    return answer_unstarted(task, End::not_started,
                            fmt::format("{0} is not on PATH: install {0} or add its folder to PATH", argv[0]));
  }
  const auto child = spawn(file, with_cluster(argv, m_options));
  if (!child.ok()) return answer_unstarted(task, End::not_started, child.error());
  supervise(task, *child);
}

/// One that waits for the proxy is not among m_requests: the end of the waiting is its end as well, and may_start() tells it
/// of an interruption or of the deadline.
void LiveRunner::Engine::read_api(const TaskPtr& task) {
  if (!may_start(task)) return;
  m_api.when_up([this, task](bool up) {
    if (!may_start(task)) return;
    if (up) send(task);
    else answer_unstarted(task, End::not_started, "there is no `kubectl proxy` to read the API through");
  });
}

void LiveRunner::Engine::send(const TaskPtr& task) {
  task->request = std::make_shared<ApiRequest>(m_io, task->finished.result, m_options.max_stdout);
  const auto place = m_requests.insert(m_requests.end(), task);
  const auto on_end = [this, task, place](bool answered) {
    m_requests.erase(place);
    task->request.reset();
    if (answered) return answer(task);
    answer_unstarted(task, End::not_started, fmt::format("`kubectl proxy` has no answer to {}", quoted(task->finished.result.argv)));
  };
  const auto on_timeout = [task = task.get(), timeout = task->timeout] {
    task->request->stop(End::timed_out, fmt::format("the API server did not answer {} within {}", quoted(task->finished.result.argv), seconds(timeout)));
  };
  task->request->send(m_api.socket(), task->timeout, on_end, on_timeout);
}

void LiveRunner::Engine::supervise(const TaskPtr& task, const Child& child) {
  const ExitWatch watch(child.pid);
  if (watch.for_waiting < 0) return give_up(task, child, watch);
  task->job = std::make_shared<Job>(m_io, task->finished.result, child, watch, m_options.max_stdout);
  const auto place = m_running.insert(m_running.end(), task);
  const auto on_end = [this, task, place] {
    m_running.erase(place);
    task->job.reset();
    answer(task);
    start_waiting();
  };
  const auto on_timeout = [task = task.get(), timeout = task->timeout] {
    const Argv& argv = task->finished.result.argv;
    task->job->kill(End::timed_out,
                    fmt::format("{} did not end within {}, so it was killed", quoted(argv), seconds(timeout)));
  };
  task->job->watch(task->timeout, on_end, on_timeout);
}

void LiveRunner::Engine::give_up(const TaskPtr& task, const Child& child, const ExitWatch& watch) {
  const std::string why =
      fmt::format("{} could not be watched: {}", quoted(task->finished.result.argv), std::strerror(errno));
  abandon(child, watch);
  answer_unstarted(task, End::not_started, why);
}

void LiveRunner::Engine::answer_unstarted(const TaskPtr& task, End end, std::string why) {
  if (task->began == Clock::time_point{}) task->began = Clock::now();
  task->finished.result.end = end;
  task->finished.result.why = std::move(why);
  answer(task);
}

void LiveRunner::Engine::answer(const TaskPtr& task) {
  task->finished.result.took = std::chrono::duration_cast<milliseconds>(Clock::now() - task->began);
  const std::lock_guard lock(m_mutex);
  m_done.push_back(std::move(task->finished));
  --m_open;
  m_changed.notify_all();
}

Expected<Child> LiveRunner::Engine::start_kubectl(const Argv& words) {
  const std::string file = program_file("kubectl");
  if (file.empty()) return Error{"kubectl is not on PATH"};
  return spawn_bound(file, with_cluster(words, m_options));
}

std::string LiveRunner::Engine::program_file(const std::string& name) {
  const std::string& chosen = name == "kubectl" ? m_options.kubectl : m_options.istioctl;
  auto [place, is_new] = m_files.try_emplace(name);
  if (is_new) place->second = find_on_path(chosen.empty() ? name : chosen);
  return place->second;
}

Argv with_cluster(const Argv& argv, const LiveOptions& options) {
  Argv words{argv.at(0)};
  if (!options.kubeconfig.empty()) words.push_back("--kubeconfig=" + options.kubeconfig);
  if (!options.context.empty()) words.push_back("--context=" + options.context);
  if (!options.as.empty()) words.push_back("--as=" + options.as);
  for (const auto& group : options.as_groups) words.push_back("--as-group=" + group);
  words.insert(words.end(), argv.begin() + 1, argv.end());
  return words;
}

LiveRunner::LiveRunner(LiveOptions options) : m_engine(std::make_unique<Engine>(std::move(options))) {}
LiveRunner::~LiveRunner() = default;

bool LiveRunner::can_start() const { return m_engine->can_start(); }

void LiveRunner::start(std::size_t ticket, Argv argv, milliseconds timeout) {
  m_engine->start(ticket, std::move(argv), timeout);
}

std::optional<Finished> LiveRunner::wait() { return m_engine->wait(); }

bool LiveRunner::interrupted() const { return InterruptGuard::interrupted(); }

}  // namespace meshdx::run
