// One `kubectl proxy` through which the Kubernetes API is read, instead of a kubectl process for every read: a process costs
// its start, the reading of the kubeconfig, perhaps a credential plugin's run, and a TLS handshake. Internal to live.cpp.
#pragma once

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "run/job.hpp"

namespace meshdx::run {

/// A folder that only this user can enter, gone at the end; path() is "" when there can be none.
class PrivateFolder {
 public:
  PrivateFolder() {
    for (const char* variable : {"XDG_RUNTIME_DIR", "TMPDIR", ""}) {
      const char* const value = *variable == '\0' ? "/tmp" : std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): never changed
      if (value == nullptr || *value == '\0') continue;
      std::string name = std::string(value) + "/meshdx-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) continue;
      m_path = name;
      return;
    }
  }
  ~PrivateFolder() {
    std::error_code ignored;
    if (!m_path.empty()) std::filesystem::remove_all(m_path, ignored);
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return m_path; }

 private:
  std::string m_path;
};

/// `kubectl proxy` on a socket in a folder of our own. It lets through nothing but GET, no Secret, and no subresource by
/// which a GET does more than read, whoever should get hold of the socket; and it dies with us.
class ApiProxy {
 public:
  /// Starts kubectl with these words.
  using Start = std::function<Expected<Child>(const Argv& words)>;

  ApiProxy(asio::io_context& io, Start start) : m_io(io), m_start(std::move(start)) {}

  /// Calls back once the proxy answers (true), or once it is clear that it will not. Starts it when nobody has yet.
  void when_up(std::function<void(bool)> then) {
    if (m_state == State::off) start();
    if (m_state == State::starting) m_waiting.push_back(std::move(then));
    else then(m_state == State::up);
  }

  [[nodiscard]] std::string socket() const { return m_folder->path() + "/api"; }

  /// Ends the process, if there is one, and who waits for it is told.
  void close() {
    become(State::failed);
    if (m_job) m_job->kill(End::interrupted, "");
  }

 private:
  enum class State { off, starting, up, failed };

  /// kubectl prints a line once it listens; it has not talked to the cluster then.
  static constexpr std::string_view k_up = "Starting to serve on ";
  static constexpr milliseconds k_patience{3000};
  static constexpr std::size_t k_longest_socket = 107;   ///< sockaddr_un

  void start() {
    m_state = State::starting;
    m_folder = std::make_unique<PrivateFolder>();
    if (m_folder->path().empty() || socket().size() > k_longest_socket) return become(State::failed);
    const Argv words{"kubectl", "proxy", "--unix-socket=" + socket(), "--reject-methods=^[^G],^.[^E],^..[^T],^....",
                     "--reject-paths=^/api/v1/(.*/)?secrets(/.*)?$,^/api/v1/.*/(exec|attach|portforward|proxy)(/.*)?$"};
    const auto child = m_start(words);
    if (!child.ok()) return become(State::failed);
    const ExitWatch watch(child->pid);
    if (watch.for_waiting < 0) {
      abandon(*child, watch);
      return become(State::failed);
    }
    m_printed.argv = words;
    m_job = std::make_shared<Job>(m_io, m_printed, *child, watch, k_most_printed);
    m_job->on_output([this](std::string_view printed) {
      if (contains(printed, k_up)) become(State::up);
    });
    m_job->watch(k_patience, [this] { ended(); }, [this] {
      if (m_state == State::starting) m_job->kill(End::timed_out, "");
    });
  }

  void ended() {
    become(State::failed);
    m_job.reset();
  }

  /// From up it can still fail; failed it stays.
  void become(State state) {
    if (m_state == state || m_state == State::failed) return;
    m_state = state;
    for (auto& then : std::exchange(m_waiting, {})) then(state == State::up);
  }

  static constexpr std::size_t k_most_printed = 65536;

  asio::io_context& m_io;
  Start m_start;
  State m_state = State::off;
  std::unique_ptr<PrivateFolder> m_folder;
  CommandResult m_printed;
  std::shared_ptr<Job> m_job;
  std::deque<std::function<void(bool)>> m_waiting;
};

}  // namespace meshdx::run
