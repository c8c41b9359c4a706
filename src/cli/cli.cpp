#include "cli/cli.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "cli/commands.hpp"
#include "cli/diagnosis.hpp"
#include "cli/help.hpp"
#include "cli/options.hpp"
#include "cli/preflight.hpp"
#include "cli/survey.hpp"
#include "cli/write.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

bool has_word(const std::vector<std::string>& args, std::string_view a, std::string_view b = "") {
  const auto end = std::find(args.begin(), args.end(), "--");
  return std::any_of(args.begin(), end, [&](const std::string& arg) { return arg == a || (!b.empty() && arg == b); });
}

/// `record DIR -- ARGS` is ARGS with --record DIR.
int record(const std::string& program, const Options& options, const Io& io) {
  auto question = parse(options.after_dashes);
  if (question && (!question->command->diagnoses || !question->record.empty())) {
    question = Error{"'meshdx record' takes a diagnosis after --, for example: meshdx record DIR -- 503 web.shop -n shop --from client."};
  }
  if (!question) return fail(io, k_usage, question.error());
  question->record = options.words.front();
  return diagnose_live(program, options.after_dashes, *question, io);
}

using Runner = int (*)(const Options&, const Io&);

/// What each command that asks no cluster does.
Runner local_runner(std::string_view name) {
  if (name == "list") return list;
  if (name == "graph") return graph;
  if (name == "plan") return plan;
  if (name == "lint") return lint;
  if (name == "explain") return explain;
  if (name == "help") return help;
  if (name == "completion") return completion;
  if (name == "check") return check;
  return nullptr;
}

bool utf8_locale() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const auto locale = lower(value);
    return locale != "c" && locale != "posix";
  }
  return true;
}

bool color_wanted() {
  const char* off = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  if (off != nullptr && *off != '\0') return false;
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

int terminal_width() {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;
  return known ? static_cast<int>(size.ws_col) : 100;
}

/// A full disk must not look like success. A reader that went away ends meshdx by SIGPIPE, quietly.
bool g_write_failed = false;

void write_all(std::FILE* stream, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size() || std::fflush(stream) != 0) g_write_failed = true;
}

Io process_io() {
  Io io;
  io.out = [](std::string_view text) { write_all(stdout, text); };
  io.err = [](std::string_view text) { write_all(stderr, text); };
  io.out_terminal = isatty(STDOUT_FILENO) == 1;
  io.err_terminal = isatty(STDERR_FILENO) == 1;
  io.color = io.out_terminal && color_wanted();
  io.ascii = !utf8_locale();
  if (io.out_terminal) io.width = terminal_width();
  return io;
}

std::string program_name(const char* typed) {
  const std::string path = typed == nullptr ? "" : typed;
  const auto name = path.substr(path.rfind('/') + 1);
  return name == "kubectl-meshdx" || name == "kubectl_meshdx" ? "kubectl meshdx" : "meshdx";
}

/// What `--help` or `-h` among these words asks for: about the command they begin with, else about meshdx, `-h` in brief.
std::string help_wanted(const std::vector<std::string>& args) {
  const auto* command = command_of(args.front());
  if (command == nullptr) return has_word(args, "--help") ? long_help() : short_help();
  const auto of_kind = command->name == "write" && args.size() > 1 ? write_help(args[1]) : "";
  return of_kind.empty() ? command_help(*command) : of_kind;
}

}  // namespace

int fail(const Io& io, Exit code, const std::string& sentence) {
  io.err("meshdx: " + printable(sentence) + "\n");
  return code;
}

int run(const std::string& program, const std::vector<std::string>& args, const Io& io) {
  if (has_word(args, "--version")) {
    io.out("meshdx " + std::string(k_version) + "\n");
    return k_ok;
  }
  if (has_word(args, "--help") || has_word(args, "-h")) {
    io.out(help_wanted(args));
    return k_ok;
  }
  const auto options = parse(args);
  if (!options) return fail(io, k_usage, options.error());
  const auto name = options->command->name;
  if (const auto local = local_runner(name)) return local(*options, io);
  if (name == "replay") return replay(program, *options, io);
  if (name == "record") return record(program, *options, io);
  if (name == "preflight") return preflight(*options, io);
  return diagnose_live(program, args, *options, io);
}

int main(int argc, char** argv) {
  const auto io = process_io();
  try {
    const int code = run(program_name(argc > 0 ? argv[0] : nullptr), std::vector<std::string>(argv + std::min(argc, 1), argv + argc), io);
    if (!g_write_failed) return code;
    io.err("meshdx: The output could not be written in full.\n");
  } catch (const std::exception& error) {
    io.err("meshdx: Something unexpected went wrong: " + printable(error.what()) + "\n");
  }
  return k_failed;
}

}  // namespace meshdx::cli
