#include "run/allowlist.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "run/verbs.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

/// The reason to refuse, or "".
using Reason = std::string;

/// Whether a resource argument of `kubectl get` names Secrets: `secret`, `Secrets.v1.`, `pods,secrets`, `secret/x`.
bool names_secrets(const std::string& word) {
  for (const auto& part : split(word, ',')) {
    const std::string type = lower(part.substr(0, part.find_first_of("./")));
    if (type == "secret" || type == "secrets") return true;
  }
  return false;
}

Reason check_get(const ParsedCommand& command) {
  // Names after the type may be anything; a type stands in the first word, and in every word of the TYPE/NAME form.
  for (std::size_t i = 0; i < command.words.size(); ++i) {
    const std::string& word = command.words[i];
    if ((i == 0 || contains(word, "/")) && names_secrets(word)) return "meshdx never reads Secrets";
  }
  return "";
}

Reason check_logs(const ParsedCommand& command) {
  const bool by_selector = command.has_flag("selector");
  if (command.words.empty() && !by_selector) return "it names no pod";
  return "";
}

Reason check_can_i(const ParsedCommand& command) {
  const bool list = command.has_flag("list");
  if (!list && command.words.size() < 2) return "`kubectl auth can-i` needs a verb and a resource";
  return "";
}

Reason check_config(const ParsedCommand& command) {
  if (!command.has_flag("minify") || command.flag("minify") == "false") {
    return "`kubectl config view` is allowed only with --minify";
  }
  return "";
}

Reason check_exec(const ParsedCommand& command, bool probe) {
  static const std::vector<std::string> socket_table{"cat", "/proc/net/tcp", "/proc/net/tcp6"};
  if (!probe) return "`kubectl exec` is allowed only with --probe";
  if (command.flag("container") != "istio-proxy" || command.after_dashes != socket_table) {
    return "the only command allowed in a pod is `kubectl exec POD -n NS -c istio-proxy -- cat /proc/net/tcp "
           "/proc/net/tcp6`";
  }
  return "";
}

Reason check_words(const ParsedCommand& command) {
  const VerbRule& verb = *command.verb;
  if (command.words.size() < verb.min_words) return fmt::format("`{}` needs an object's name", verb_name(verb));
  if (command.words.size() > verb.max_words) {
    return fmt::format("`{}` takes no word like `{}`", verb_name(verb), command.words[verb.max_words]);
  }
  for (const auto& word : command.words) {
    if (word.empty() || word == "-") return "a word is empty or `-`";
  }
  return "";
}

Reason check_verb(const ParsedCommand& command, bool probe) {
  if (auto reason = check_words(command); !reason.empty()) return reason;
  const std::string verb = verb_name(*command.verb);
  if (verb == "kubectl exec") return check_exec(command, probe);
  if (command.has_dashes) return "`--` is not allowed here";
  if (verb == "kubectl get") return check_get(command);
  if (verb == "kubectl logs") return check_logs(command);
  if (verb == "kubectl auth can-i") return check_can_i(command);
  if (verb == "kubectl config view") return check_config(command);
  return "";
}

bool has_control_character(const std::string& word) {
  return std::any_of(word.begin(), word.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

Error refusal(const Argv& argv, const std::string& reason) {
  return {printable(fmt::format("refused `{}`: {}", shell_join(argv), reason))};
}

/// A path of the Kubernetes API whose GET reads objects or a log. Some subresources do more, even when they are only read.
Reason check_path(const std::string& path) {
  if (!starts_with(path, "/api/") && !starts_with(path, "/apis/")) return "its path is none of the Kubernetes API";
  for (const auto& part : split(path.substr(0, path.find('?')), '/')) {
    if (part == "secrets") return "meshdx never reads Secrets";
    for (const char* odd : {"..", "exec", "attach", "portforward", "proxy", "watch"}) {
      if (part == odd) return fmt::format("`{}` has no place in a path that is only read", part);
    }
  }
  return contains(path, "watch=") ? "it would never end" : "";
}

}  // namespace

Expected<Done> check_api_read(const Argv& argv) {
  if (std::any_of(argv.begin(), argv.end(), has_control_character)) return refusal(argv, "a word holds a control character");
  const Reason reason = is_api_read(argv) ? check_path(argv.back()) : "it is no request of the Kubernetes API";
  if (!reason.empty()) return refusal(argv, reason);
  return Done{};
}

Expected<Done> check_allowed(const Argv& argv, bool probe) {
  if (argv.empty()) return Error{"refused an empty command: a step must name a program and a verb"};
  if (std::any_of(argv.begin(), argv.end(), has_control_character)) {
    return refusal(argv, "a word holds a control character");
  }
  const auto command = parse_command(argv);
  if (!command.ok()) return refusal(argv, command.error());
  const Reason reason = check_verb(*command, probe);
  if (!reason.empty()) return refusal(argv, reason);
  return Done{};
}

}  // namespace meshdx::run
