// A bad day: tools that are missing, hang, break off or talk too much, a cluster that goes away, a login that has expired.
// kubectl and istioctl are shims (tests/cli/shims) that answer from a fixture's recording. Whatever happens: the run ends, no
// child is left, what was gathered is reported, and nothing is said that was not seen.
#include <ostream>

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "cli/cli.hpp"
#include "run/interrupt.hpp"
#include "run/recording.hpp"
#include "util/json.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

using namespace meshdx;
namespace fs = std::filesystem;

namespace {

/// One bad thing, and what has to become of a question whose cause is known.
struct Row {
  const char* what;
  const char* bad;                          ///< BAD of the shims
  int exit_code;
  const char* cause;                        ///< id of the confirmed cause; "": none
  std::vector<std::string> says;            ///< in the text of stdout or stderr, each once at least
  std::vector<std::string> flags = {};
  int after = 0;                            ///< commands that go well before it
  bool istioctl = true;
};

const std::string k_cause = "no-endpoints-selector-mismatch";

const Row rows[] = {
    {"nothing is wrong with the tools", "nothing", 2, k_cause.c_str(), {"CAUSE  MDX0101"}},
    {"nothing is wrong, and the API is read through kubectl proxy", "proxied", 2, k_cause.c_str(), {"CAUSE  MDX0101"}},
    {"the API server goes behind kubectl proxy", "proxied-api-stops", 3, "", {"was refused"}, {}, 14},
    {"it is gone from the start", "proxied-api-stops", 1, "", {"the API server of kubeconfig context prod (https://10.244.255.1:6443) does not answer"}},
    {"istioctl is missing", "nothing", 3, "", {"what kubectl alone can show", "install istioctl or add its folder to PATH", "5 of 5 requests in the log failed"}, {}, 0, false},
    {"istioctl hangs", "hangs", 3, "", {"did not end within 300 ms", "5 of 5 requests in the log failed"}, {"--step-timeout", "300ms"}},
    {"the deadline passes", "hangs", 3, "", {"deadline"}, {"--deadline", "1500ms"}},
    {"istioctl prints half of its JSON", "half", 3, "", {"breaks off", "5 of 5 requests in the log failed"}},
    {"istioctl warns before its JSON", "warns", 2, k_cause.c_str(), {"CAUSE  MDX0101", "in sync with istiod"}},
    {"istioctl prints 200 MB of nothing", "huge", 3, "", {"breaks off"}},
    {"port-forwards are forbidden", "no-forward", 3, "", {"forbidden: user dev cannot create pods/portforward in namespace shop"}},
    {"the API server is gone from the start", "api-stops", 1, "", {"the API server of kubeconfig context prod (https://10.244.255.1:6443) does not answer", "--context"}},
    {"the API server goes between two steps", "api-stops", 3, "", {"was refused"}, {}, 14},
    {"the login has expired", "login", 1, "", {"the login in kubeconfig context prod is missing, wrong or has expired: log in again"}},
    {"the credential plugin fails", "plugin", 1, "", {"the login in kubeconfig context prod", "executable aws failed"}},
    {"the credential plugin wants a terminal", "tty", 1, "", {"the login in kubeconfig context prod", "no input"}},
    {"Ctrl-C", "interrupted", 130, "", {"Interrupted: this is what was gathered until then.", "the caller is pod"}},
};

/// A folder with the shims, the recording as their index, and the environment that they read; all is put back at the end.
class Shims {
 public:
  Shims(const Row& row, const std::string& fixture) {
    std::string name = (fs::temp_directory_path() / "meshdx-bad-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    m_folder = name;
    const auto shim = fs::path(SOURCE_DIR) / "tests/cli/shims/kubectl";
    fs::create_symlink(shim, m_folder / "kubectl");
    if (row.istioctl) fs::create_symlink(shim, m_folder / "istioctl");
    write_index(fs::path(SOURCE_DIR) / "fixtures" / fixture);
    const char* path = getenv("PATH");
    m_path = path == nullptr ? "" : path;
    setenv("PATH", (m_folder.string() + ":/usr/bin:/bin").c_str(), 1);
    setenv("BAD", row.bad, 1);
    setenv("AFTER", std::to_string(row.after).c_str(), 1);
    setenv("MESHDX_TEST_INDEX", (m_folder / "index").c_str(), 1);
  }
  ~Shims() {
    setenv("PATH", m_path.c_str(), 1);
    fs::remove_all(m_folder);
  }
  Shims(const Shims&) = delete;
  Shims& operator=(const Shims&) = delete;

 private:
  void write_index(const fs::path& fixture) const {
    const auto recording = run::read_recording(fixture.string());
    REQUIRE(recording.ok());
    std::ofstream index(m_folder / "index");
    const auto file = [&](const std::optional<run::RecordedOutput>& output) { return output ? (fixture / output->file).string() : "/dev/null"; };
    for (const auto& command : recording->commands) {
      index << join(command.argv, " ") << '\t' << file(command.out) << '\t' << file(command.err) << '\t' << command.exit_code << '\n';
    }
  }

  fs::path m_folder;
  std::string m_path;
};

struct Outcome {
  int code = 0;
  std::string text;
};

Outcome ask(std::vector<std::string> flags, const std::string& format) {
  std::vector<std::string> args = {"503", "http://web.shop/", "-n", "shop", "--from", "client", "-o", format};
  args.insert(args.end(), flags.begin(), flags.end());
  Outcome outcome;
  cli::Io io;
  io.width = 400;
  io.out = [&](std::string_view text) { outcome.text += text; };
  io.err = [&](std::string_view text) { outcome.text += text; };
  outcome.code = cli::run("meshdx", args, io);
  return outcome;
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

std::string confirmed_in(const std::string& json) {
  const auto report = parse_json(json);
  if (!report) return "";
  for (const auto& cause : at(*report, "causes")) {
    if (text_at(cause, "state") == "confirmed") return text_at(cause, "id");
  }
  return "";
}

}  // namespace

TEST_CASE("a bad day: the run ends, says what it saw, and nothing else") {
  for (const auto& row : rows) {
    CAPTURE(row.what);
    {
      const Shims shims(row, "selector-mismatch");
      const auto seen = ask(row.flags, "text");
      CAPTURE(seen.text);
      CHECK(seen.code == row.exit_code);
      for (const auto& part : row.says) {
        CAPTURE(part);
        CHECK(contains(seen.text, part));
      }
    }
    {
      const Shims shims(row, "selector-mismatch");
      const auto seen = ask(row.flags, "json");
      CHECK(seen.code == row.exit_code);
      CHECK(confirmed_in(seen.text) == row.cause);
    }
    CHECK_FALSE(has_children());
  }
}

TEST_CASE("a bad day: through kubectl proxy nothing of the API takes a process of its own") {
  const Row row{"", "proxied", 2, "", {}};
  const Shims shims(row, "selector-mismatch");
  CHECK(ask({}, "text").code == 2);
  const char* index = getenv("MESHDX_TEST_INDEX");
  REQUIRE(index != nullptr);
  std::ifstream processes(std::string(index) + ".processes");
  for (std::string line; std::getline(processes, line);) CHECK(line == "kubectl config view --minify -o json");
}

TEST_CASE("a bad day: nothing is healthy that was not looked at") {
  for (const auto& row : rows) {
    CAPTURE(row.what);
    const Shims shims(row, "healthy-baseline");
    const auto seen = ask(row.flags, "text");
    CAPTURE(seen.text);
    const bool well = std::string(row.cause) == k_cause;   // the tools told all
    CHECK((seen.code == 0) == well);
    CHECK(seen.code != 2);
    CHECK_FALSE(has_children());
  }
}

TEST_CASE("a bad day: what is missing is said once") {
  const Row row{"istioctl is missing", "nothing", 3, "", {}, {}, 0, false};
  const Shims shims(row, "selector-mismatch");
  const auto text = ask({}, "text").text;
  std::size_t times = 0;
  for (auto place = text.find("install istioctl"); place != text.npos; place = text.find("install istioctl", place + 1)) ++times;
  CHECK(times == 2);   // once among what was not checked, once over the commands that would tell
}
