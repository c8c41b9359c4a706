// The Kubernetes API read through one `kubectl proxy`. kubectl is a script here, its proxy a little server in Python.
#include <ostream>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.hpp"
#include "folder.hpp"
#include "run/interrupt.hpp"
#include "run/live.hpp"
#include "run/spawn.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::run;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Answers by path; what has no row is 404 as the API server says it of paths it does not have.
const std::string g_server = R"(
import http.server, os, socketserver, sys, time
path = [w for w in sys.argv if w.startswith("--unix-socket=")][0].split("=", 1)[1]
here = os.path.dirname(os.path.abspath(__file__))
open(here + "/proxies", "a").write(" ".join(sys.argv[1:]) + "\n")
open(here + "/pid", "w").write(str(os.getpid()))
open(here + "/mode", "w").write(oct(os.stat(os.path.dirname(path)).st_mode))
STATUS = '{"kind":"Status","reason":"%s","message":"%s"}'
ROWS = {
    "/api/v1/pods": (200, '{"kind":"PodList"}'),
    "/api/v1/big": (200, "x" * 5000000),
    "/api/v1/namespaces/a/pods/b/log?tailLines=5": (200, "old line\n" + "new line\n" * 600000),
    "/api/v1/forbidden": (403, STATUS % ("Forbidden", "pods is forbidden: User me cannot list")),
    "/api/v1/gone": (404, STATUS % ("NotFound", "pods x not found")),
    "/api/v1/login": (401, STATUS % ("Unauthorized", "Unauthorized")),
    "/api/v1/gateway": (502, "dial tcp: refused"),
    "/api/v1/page": (403, "<html>who are you</html>"),
}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        open(here + "/asked", "a").write(self.headers["Host"] + " " + self.path + "\n")
        if self.path == "/api/v1/slow": time.sleep(30)
        if self.path == "/api/v1/dies":
            open(here + "/died", "w").close()
            os._exit(1)
        code, body = ROWS.get(self.path, (404, "404 page not found"))
        self.send_response(code)
        if self.path == "/api/v1/half": pass
        self.send_header("Content-Length", str(len(body) + (10 if self.path == "/api/v1/half" else 0)))
        self.end_headers()
        self.wfile.write(body.encode())
        self.close_connection = True
    def log_message(self, *words): pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64
ROWS["/api/v1/half"] = (200, "half of it")
server = Server(path, Handler)
print("Starting to serve on " + path, flush=True)
server.serve_forever()
)";

/// A kubectl with such a proxy; run in any other way it tells how.
LiveOptions with_proxy(const test::TempFolder& folder, const std::string& proxy = "") {
  folder.write("server.py", g_server);
  const std::string serve = "exec /usr/bin/env python3 " + folder.path("server.py") + " \"$@\"";
  folder.script("kubectl", "case \"$*\" in *proxy*) " + (proxy.empty() ? serve : proxy) + " ;; esac\necho \"$*\" >> " + folder.path("ran") + "\necho \"as a process: $*\"");
  LiveOptions options;
  options.kubectl = folder.path("kubectl");
  return options;
}

Argv read_of(const std::string& path) { return {"kubectl", "get", "--raw", path}; }

std::vector<CommandResult> read_all(const LiveOptions& options, const std::vector<std::string>& paths, milliseconds timeout = seconds(60)) {
  LiveRunner runner(options);
  for (std::size_t i = 0; i < paths.size(); ++i) runner.start(i, read_of(paths[i]), timeout);
  std::vector<CommandResult> results(paths.size());
  while (auto finished = runner.wait()) results[finished->ticket] = std::move(finished->result);
  for (std::size_t i = 0; i < paths.size(); ++i) CHECK(results[i].argv == read_of(paths[i]));
  return results;
}

/// What stands between two marks.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const auto start = text.find(from) + from.size();
  return text.substr(start, text.find(to, start) - start);
}

std::size_t lines_in(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

}  // namespace

TEST_CASE("api: many reads, one process, which is gone at the end with its socket") {
  const test::TempFolder folder;
  auto options = with_proxy(folder);
  options.context = "prod";
  options.as = "me";
  options.parallel = 1;   // they take no process: no bound counts
  const auto results = read_all(options, std::vector<std::string>(20, "/api/v1/pods"));
  for (const auto& result : results) {
    CHECK(result.end == End::exited);
    CHECK(result.exit_code == 0);
    CHECK(result.out == R"({"kind":"PodList"})");
    CHECK(result.err.empty());
  }
  CHECK_FALSE(std::filesystem::exists(folder.path("ran")));
  const auto started = folder.read("proxies");
  CHECK(lines_in(started) == 1);
  CHECK(starts_with(started, "--context=prod --as=me proxy --unix-socket="));
  CHECK(contains(started, "--reject-methods=^[^G],^.[^E],^..[^T],^...."));
  CHECK(folder.read("mode") == "0o40700");
  CHECK(starts_with(folder.read("asked"), "localhost /api/v1/pods\n"));
  CHECK(test::dies(folder, "pid"));
  const auto socket = between(started, "--unix-socket=", " ");
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(socket).parent_path()));
  CHECK_FALSE(test::has_children());
}

TEST_CASE("api: errors in kubectl's words; what the proxy cannot tell is left to a kubectl") {
  const test::TempFolder folder;
  const auto options = with_proxy(folder);
  const auto results = read_all(options, {"/api/v1/forbidden", "/api/v1/gone", "/api/v1/nowhere", "/api/v1/login", "/api/v1/gateway", "/api/v1/page", "/api/v1/half"});
  CHECK(results[0].err == "Error from server (Forbidden): pods is forbidden: User me cannot list\n");
  CHECK(results[1].err == "Error from server (NotFound): pods x not found\n");
  CHECK(results[2].err == "Error from server (NotFound): the server could not find the requested resource\n");
  for (int i = 0; i < 3; ++i) {
    CHECK(results[i].exit_code == 1);
    CHECK(results[i].out.empty());
  }
  for (int i = 3; i < 7; ++i) {
    CHECK(results[i].end == End::not_started);
    CHECK(results[i].out.empty());
    CHECK(results[i].why == "`kubectl proxy` has no answer to `kubectl get --raw " + results[i].argv[3] + "`");
  }
  CHECK_FALSE(std::filesystem::exists(folder.path("ran")));
}

TEST_CASE("api: an answer is cut at its bound, of a log the last lines are kept") {
  const test::TempFolder folder;
  auto options = with_proxy(folder);
  options.max_stdout = 1000000;
  const auto results = read_all(options, {"/api/v1/big", "/api/v1/namespaces/a/pods/b/log?tailLines=5"});
  CHECK(results[0].truncated);
  CHECK(results[0].out.size() == 1000000);
  CHECK(results[1].truncated);
  CHECK(ends_with(results[1].out, "new line\n"));
  CHECK(starts_with(results[1].out, "new line\n"));
}

TEST_CASE("api: without a proxy nothing is read, and no process started for it") {
  for (const std::string proxy : {"echo 'unknown command proxy' >&2; exit 1", "exit 0", "kill -9 $$"}) {
    CAPTURE(proxy);
    const test::TempFolder folder;
    for (const auto& result : read_all(with_proxy(folder, proxy), {"/api/v1/pods", "/api/v1/forbidden"})) {
      CHECK(result.end == End::not_started);
      CHECK(result.why == "there is no `kubectl proxy` to read the API through");
    }
    CHECK_FALSE(std::filesystem::exists(folder.path("ran")));
    CHECK_FALSE(test::has_children());
  }
  const test::TempFolder folder;
  LiveOptions options;
  options.kubectl = folder.path("missing");
  CHECK(read_all(options, {"/api/v1/pods"})[0].end == End::not_started);
}

TEST_CASE("api: a proxy that goes in mid-run is done without") {
  const test::TempFolder folder;
  LiveRunner runner(with_proxy(folder));
  for (const char* path : {"/api/v1/pods", "/api/v1/dies", "/api/v1/pods"}) {
    runner.start(1, read_of(path), seconds(60));
    const auto finished = runner.wait();
    REQUIRE(finished);
    CHECK((finished->result.end == End::exited) == !std::filesystem::exists(folder.path("died")));
  }
}

TEST_CASE("api: a path that may not be read is refused, not asked for") {
  const test::TempFolder folder;
  const auto results = read_all(with_proxy(folder), {"/api/v1/secrets", "/api/v1/namespaces/a/pods/b/exec?command=ls"});
  for (const auto& result : results) CHECK(result.end == End::refused);
  CHECK_FALSE(std::filesystem::exists(folder.path("asked")));
  CHECK_FALSE(std::filesystem::exists(folder.path("ran")));
}

TEST_CASE("api: timeout, deadline and the runner's end stop a read") {
  const test::TempFolder folder;
  auto options = with_proxy(folder);
  const auto late = read_all(options, {"/api/v1/slow", "/api/v1/pods"}, milliseconds(700));
  CHECK(late[0].end == End::timed_out);
  CHECK(late[0].why == "the API server did not answer `kubectl get --raw /api/v1/slow` within 700 ms");
  CHECK(late[1].out == R"({"kind":"PodList"})");
  options.deadline = milliseconds(1500);
  const auto over = read_all(options, {"/api/v1/slow", "/api/v1/slow"});
  for (const auto& result : over) {
    CHECK(result.end == End::timed_out);
    CHECK(contains(result.why, "deadline of 1500 ms"));
  }
  {
    LiveRunner runner(with_proxy(folder));
    runner.start(1, read_of("/api/v1/slow"), seconds(60));
    std::this_thread::sleep_for(milliseconds(300));
  }
  CHECK(test::dies(folder, "pid"));
  CHECK_FALSE(test::has_children());
}

TEST_CASE("api: a proxy that never comes up holds nothing up for ever, Ctrl-C ends the waiting at once") {
  const test::TempFolder folder;
  const InterruptGuard guard;
  LiveRunner runner(with_proxy(folder, "exec sleep 1000"));
  runner.start(1, read_of("/api/v1/pods"), seconds(60));
  std::this_thread::sleep_for(milliseconds(200));
  std::raise(SIGINT);
  const auto finished = runner.wait();
  REQUIRE(finished);
  CHECK(finished->result.end == End::interrupted);
}

TEST_CASE("spawn: a bound child dies with whoever started it, however that ended") {
  const test::TempFolder folder;
  folder.script("sleeper", "echo $$ > " + folder.path("pid.new") + "; mv " + folder.path("pid.new") + " " + folder.path("pid") + "; exec sleep 1000");
  const pid_t middle = ::fork();
  if (middle == 0) {
    const auto child = spawn_bound(folder.path("sleeper"), {"sleeper"});
    while (child.ok() && !std::filesystem::exists(folder.path("pid"))) std::this_thread::sleep_for(milliseconds(5));
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(middle, nullptr, 0);
  CHECK(test::dies(folder, "pid"));
}
