#include "evidence/source.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "run/sink.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

/// A piece of an error text, in lower case, and what it means.
struct Rule {
  const char* needle;
  Gap gap;
};

/// Error texts of kubectl (formats.md 6) and istioctl (5.2). The first rule with a match decides, so the order matters:
/// "error upgrading connection: pods "x" is forbidden" is about rights, not about the connection.
constexpr Rule rules[] = {
    {"unknown flag: ", Gap::unsupported},
    {"unknown shorthand flag: ", Gap::unsupported},
    {"unknown command ", Gap::unsupported},
    {"is forbidden", Gap::forbidden},
    {"(forbidden)", Gap::forbidden},
    {"you must be logged in", Gap::login},
    {"unauthorized", Gap::login},
    {"asked for the client to provide credentials", Gap::login},
    {"getting credentials: ", Gap::login},
    {"authentication required", Gap::login},
    {"token has expired", Gap::login},
    {"token is expired", Gap::login},
    {"failed to refresh token", Gap::login},
    {"tls: expired certificate", Gap::login},
    {"no auth provider found", Gap::login},
    {"executable file not found in $path", Gap::failed},   // exec into an image without cat
    {"context was not found", Gap::no_kubeconfig},
    {"error: stat ", Gap::no_kubeconfig},
    {"error loading config file", Gap::no_kubeconfig},
    {"invalid configuration: ", Gap::no_kubeconfig},
    {"doesn't have a resource type", Gap::no_such_kind},
    {"could not find the requested resource", Gap::no_such_kind},
    {"no matches for kind", Gap::no_such_kind},
    {"pod is not running", Gap::unreachable},
    {"(notfound)", Gap::not_found},
    {"is not valid for pod", Gap::not_found},              // kubectl logs -c
    {"does not refer to a pod", Gap::not_found},
    {"no pods match ", Gap::not_found},
    {"no clusters found", Gap::not_found},                 // istioctl proxy-config of an empty proxy
    {"no listeners found", Gap::not_found},
    {"no routes found", Gap::not_found},
    {"was refused - did you specify", Gap::unreachable},
    {"unable to connect to the server", Gap::unreachable},
    {"connection refused", Gap::unreachable},
    {"no such host", Gap::unreachable},
    {"no route to host", Gap::unreachable},
    {"network is unreachable", Gap::unreachable},
    {"connection reset", Gap::unreachable},
    {"x509: ", Gap::unreachable},
    {"tls: ", Gap::unreachable},
    {"i/o timeout", Gap::unreachable},
    {"tls handshake timeout", Gap::unreachable},
    {"no running istio pods", Gap::unreachable},
    {"no ready istio pods", Gap::unreachable},
    {"unable to find any istiod instances", Gap::unreachable},
    {"could not get xds", Gap::unreachable},
    {"could not contact sidecar", Gap::unreachable},
    {"timeout, still waiting for updates", Gap::timed_out},
    {"context deadline exceeded", Gap::timed_out},
    {"client.timeout exceeded", Gap::timed_out},
    {"return a response in the time allotted", Gap::timed_out},
    {"request timed out", Gap::timed_out},
    {"lost connection to pod", Gap::unreachable},
    {"error upgrading connection", Gap::unreachable},
    {"error dialing backend", Gap::unreachable},
    {"currently unable to handle the request", Gap::unreachable},
    {"not found", Gap::not_found},
};

/// Ends in "EOF": nothing listens on the far end of a port-forward. Too short a word to be looked for anywhere.
bool ends_in_eof(std::string_view line) { return ends_with(line, ": EOF") || ends_with(line, "unexpected EOF"); }

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Lines that stand before an error, or without any, and are none: klog ("E1122 11:28:06.546790 ..."), istioctl's own
/// log ("2023-01-31T11:18:44.134020Z\terror\tklog\t..."), notes and hints (formats.md 0.4, 5.3, 6).
bool is_noise(std::string_view line) {
  const bool klog =
      line.size() > 5 && contains("IWEF", line.substr(0, 1)) && all_digits(line.substr(1, 4)) && line[5] == ' ';
  const bool log = line.size() > 20 && all_digits(line.substr(0, 4)) && line[4] == '-' && line[10] == 'T' &&
                   contains(line, "\t");
  static constexpr std::array<std::string_view, 8> notes{
      "WARNING: ", "Warning: ", "Defaulted container ", "See '", "Run '", "Usage:", "Unable to use a TTY",
      "command terminated with exit code"};
  const bool note = std::any_of(notes.begin(), notes.end(), [&](auto start) { return starts_with(line, start); });
  return klog || log || note || (starts_with(line, "Found ") && contains(line, " pods, using "));
}

/// The error lines of stderr; when all of it is noise, the noise.
std::vector<std::string> error_lines(const std::string& err) {
  std::vector<std::string> lines, noise;
  for (const auto& text : split(err, '\n')) {
    const auto line = trim(text);
    if (!line.empty()) (is_noise(line) ? noise : lines).emplace_back(line);
  }
  return lines.empty() ? noise : lines;
}

/// The text between two marks, "" when one of them is missing.
std::string between(std::string_view text, std::string_view from, std::string_view to) {
  const auto start = text.find(from);
  if (start == std::string_view::npos) return "";
  const auto end = text.find(to, start + from.size());
  return end == std::string_view::npos ? "" : std::string(text.substr(start + from.size(), end - start - from.size()));
}

/// An error line without what says nothing: "Error: ", "Error from server (NotFound): ", istioctl's chain of wrappings.
std::string bare(std::string line) {
  static constexpr std::array<std::string_view, 6> prefixes{"Error: ", "error: ", "Error from server: ",
                                                            "failure running port forward process: ",
                                                            "building port forwarded: ", "failed retrieving: "};
  bool again = true;
  while (again) {
    again = false;
    std::size_t drop = 0;
    for (const auto prefix : prefixes) {
      if (starts_with(line, prefix)) drop = prefix.size();
    }
    const bool wrapped =
        starts_with(lower(line), "error from server (") || starts_with(line, "failed to execute command on ");
    if (wrapped && contains(line, ": ")) drop = line.find(": ") + 2;
    line.erase(0, drop);
    again = drop > 0;
  }
  constexpr std::size_t longest = 300;
  if (line.size() > longest) line = line.substr(0, longest) + "...";
  return printable(line);
}

/// `User "dev" cannot list resource "pods" in API group "" in the namespace "default"` (apiserver
/// responsewriters/errors.go) as "user dev cannot list pods in namespace default".
std::string forbidden_sentence(const std::string& line) {
  const std::string user = between(line, "User \"", "\"");
  const std::string verb = between(line, " cannot ", " ");
  const std::string resource = between(line, " resource \"", "\"");
  const std::string group = between(line, " API group \"", "\"");
  const std::string ns = between(line, " in the namespace \"", "\"");
  if (verb.empty() || resource.empty()) return "forbidden: " + bare(line);
  const std::string where = ns.empty() ? " cluster-wide" : " in namespace " + ns;
  const std::string suffix = group.empty() ? "" : "." + group;
  return printable(fmt::format("forbidden: user {} cannot {} {}{}{}", user, verb, resource, suffix, where));
}

/// `deployments.apps "web" not found` as "no deployment web"; the namespace where the text has it.
std::string not_found_sentence(const std::string& line) {
  const std::string text = bare(line);
  const auto quote = text.find(" \"");
  const auto close = quote == std::string::npos ? quote : text.find('"', quote + 2);
  if (close == std::string::npos || text.compare(close, 11, "\" not found") != 0) return "not found: " + text;
  std::string resource = text.substr(0, std::min(text.find('.'), quote));
  if (ends_with(resource, "s")) resource.pop_back();
  const std::string name = text.substr(quote + 2, close - quote - 2);
  const std::string rest = text.substr(close + 11);
  std::string ns = between(rest, "namespace \"", "\"");
  if (ns.empty()) ns = between(rest, "in the \"", "\" namespace");
  return fmt::format("not found: there is no {} {}{}", resource, name, ns.empty() ? "" : " in namespace " + ns);
}

std::string no_kind_sentence(const std::string& line) {
  const std::string kind = between(line, "resource type \"", "\"");
  return kind.empty() ? "no such kind: " + bare(line)
                      : printable(fmt::format("no such kind: the cluster does not know {} (CRD not installed)", kind));
}

std::string sentence(Gap gap, const std::string& line) {
  if (gap == Gap::forbidden) return forbidden_sentence(line);
  if (gap == Gap::not_found) return not_found_sentence(line);
  if (gap == Gap::no_such_kind) return no_kind_sentence(line);
  return fmt::format("{}: {}", gap_word(gap), bare(line));
}

/// A command that failed, by what it wrote on stderr.
Source read_failure(const run::CommandResult& result) {
  const auto lines = error_lines(result.err);
  for (const auto& rule : rules) {
    for (const auto& line : lines) {
      if (contains(lower(line), rule.needle)) return Source{result.argv, rule.gap, sentence(rule.gap, line)};
    }
  }
  const auto eof = std::find_if(lines.begin(), lines.end(), ends_in_eof);
  if (eof != lines.end()) {
    const std::string why = fmt::format("unreachable: the proxy's admin port does not answer ({})", bare(*eof));
    return Source{result.argv, Gap::unreachable, why};
  }
  // formats.md 0.5: istioctl's code for a bad flag or sub-command.
  const bool usage = result.exit_code == 64 && !result.argv.empty() && result.argv[0] == "istioctl";
  const Gap gap = usage ? Gap::unsupported : Gap::failed;
  if (!lines.empty()) return Source{result.argv, gap, sentence(gap, lines.back())};
  return Source{result.argv, gap, fmt::format("{}: exit code {} without a message", gap_word(gap), result.exit_code)};
}

/// Exit codes other than 0 that leave a whole result behind.
bool succeeded(const run::CommandResult& result) {
  if (result.exit_code == 0) return true;
  const auto& argv = result.argv;
  // formats.md 0.5: analyze found something.
  if (argv.size() > 1 && argv[0] == "istioctl" && argv[1] == "analyze" && result.exit_code == 79) return true;
  // A kernel without IPv6 has no tcp6; cat still printed the other table.
  return argv.size() > 1 && argv[1] == "exec" && contains(result.err, "/proc/net/tcp6: No such file");
}

/// The gap of a command that left no exit code of its own.
Gap gap_of(run::End end) {
  switch (end) {
    case run::End::timed_out: return Gap::timed_out;
    case run::End::interrupted: return Gap::interrupted;
    case run::End::not_started: return Gap::no_tool;
    case run::End::not_recorded: return Gap::not_recorded;
    case run::End::damaged: return Gap::damaged;
    case run::End::refused:
    case run::End::exited: break;
  }
  return Gap::failed;
}

}  // namespace

const char* gap_word(Gap gap) {
  switch (gap) {
    case Gap::none: return "";
    case Gap::not_asked: return "not asked";
    case Gap::not_found: return "not found";
    case Gap::forbidden: return "forbidden";
    case Gap::no_such_kind: return "no such kind";
    case Gap::unreachable: return "unreachable";
    case Gap::no_kubeconfig: return "no kubeconfig";
    case Gap::login: return "not logged in";
    case Gap::timed_out: return "timed out";
    case Gap::interrupted: return "interrupted";
    case Gap::no_tool: return "not installed";
    case Gap::not_recorded: return "not recorded";
    case Gap::damaged: return "damaged";
    case Gap::unsupported: return "not supported";
    case Gap::failed: return "failed";
  }
  return "failed";
}

Source classify(const run::CommandResult& result) {
  if (result.end != run::End::exited) {
    const Gap gap = gap_of(result.end);
    if (!result.why.empty()) return Source{result.argv, gap, result.why};
    return Source{result.argv, gap, fmt::format("{}: `{}`", gap_word(gap), shell_join(result.argv))};
  }
  if (!succeeded(result)) return read_failure(result);
  if (run::is_log(result.argv)) return Source{result.argv, Gap::none, run::lacks_oldest(result) ? "its oldest lines were left out" : ""};
  if (result.truncated) {
    return Source{result.argv, Gap::damaged, fmt::format("`{}`: cut off at the size bound", shell_join(result.argv))};
  }
  return Source{result.argv, Gap::none, ""};
}

}  // namespace meshdx::evidence
