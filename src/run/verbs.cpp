#include "run/verbs.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "util/text.hpp"

namespace meshdx::run {
namespace {

using Spellings = std::vector<std::vector<std::string>>;

const FlagRule namespace_flag{"namespace", 'n', Takes::text};
const FlagRule output_flag{"output", 'o', Takes::output};
const FlagRule all_namespaces_flag{"all-namespaces", 'A', Takes::nothing};
const FlagRule selector_flag{"selector", 'l', Takes::text};
const FlagRule container_flag{"container", 'c', Takes::text};
const FlagRule revision_flag{"revision", 'r', Takes::text};
const FlagRule istio_namespace_flag{"istioNamespace", 'i', Takes::text};

/// `proxy-config clusters` is also `pc cluster` and `proxy-config c`: every pairing of the two words' spellings.
VerbRule proxy_config(const std::vector<std::string>& kinds, const std::vector<FlagRule>& own) {
  Spellings spellings;
  for (const char* head : {"proxy-config", "pc"}) {
    for (const auto& kind : kinds) spellings.push_back({head, kind});
  }
  std::vector<FlagRule> flags{
      namespace_flag, output_flag, istio_namespace_flag, {"proxy-admin-port", 0, Takes::number}};
  flags.insert(flags.end(), own.begin(), own.end());
  return {"istioctl", spellings, flags, 1, 1};
}

std::vector<VerbRule> kubectl_verbs() {
  return {
      {"kubectl", {{"version"}}, {output_flag, {"client", 0, Takes::nothing}}, 0, 0},
      {"kubectl",
       {{"get"}},
       {namespace_flag, output_flag, all_namespaces_flag, selector_flag,
        {"field-selector", 0, Takes::text}, {"ignore-not-found", 0, Takes::nothing},
        {"no-headers", 0, Takes::nothing}, {"show-labels", 0, Takes::nothing},
        {"chunk-size", 0, Takes::number}, {"request-timeout", 0, Takes::text}},
       1, 64},
      {"kubectl",
       {{"logs"}},
       {namespace_flag, container_flag, selector_flag, {"tail", 0, Takes::number}, {"since", 0, Takes::text},
        {"since-time", 0, Takes::text}, {"limit-bytes", 0, Takes::number}, {"timestamps", 0, Takes::nothing},
        {"previous", 'p', Takes::nothing}, {"prefix", 0, Takes::nothing}, {"all-containers", 0, Takes::nothing},
        {"request-timeout", 0, Takes::text}},
       0, 1},
      {"kubectl",
       {{"auth", "can-i"}},
       {namespace_flag, all_namespaces_flag, {"list", 0, Takes::nothing}, {"quiet", 'q', Takes::nothing},
        {"no-headers", 0, Takes::nothing}, {"subresource", 0, Takes::text}},
       0, 3},
      {"kubectl", {{"config", "view"}}, {output_flag, {"minify", 0, Takes::nothing}}, 0, 0},
      {"kubectl", {{"exec"}}, {namespace_flag, container_flag}, 1, 1},
  };
}

std::vector<VerbRule> istioctl_verbs() {
  const FlagRule address{"address", 0, Takes::text};
  const FlagRule port{"port", 0, Takes::number};
  const FlagRule verbose{"verbose", 0, Takes::nothing};
  const std::vector<FlagRule> endpoint{address, port, {"cluster", 0, Takes::text}, {"status", 0, Takes::text}};
  return {
      {"istioctl",
       {{"version"}},
       {output_flag, revision_flag, istio_namespace_flag, {"short", 's', Takes::nothing},
        {"remote", 0, Takes::nothing}},
       0, 0},
      {"istioctl",
       {{"proxy-status"}, {"ps"}},
       {namespace_flag, output_flag, revision_flag, istio_namespace_flag, {"verbosity", 'v', Takes::number}},
       0, 1},
      proxy_config({"clusters", "cluster", "c"},
                   {port, {"fqdn", 0, Takes::text}, {"subset", 0, Takes::text}, {"direction", 0, Takes::text}}),
      proxy_config({"listeners", "listener", "l"}, {address, port, verbose, {"type", 0, Takes::text}}),
      proxy_config({"routes", "route", "r"}, {verbose, {"name", 0, Takes::text}}),
      proxy_config({"endpoints", "endpoint", "ep"}, endpoint),
      proxy_config({"eds"}, endpoint),
      proxy_config({"secret", "secrets", "s"}, {}),
      proxy_config({"ecds", "ec"}, {}),
      proxy_config({"all", "a"}, {}),
      {"istioctl",
       {{"analyze"}},
       {namespace_flag, output_flag, all_namespaces_flag, revision_flag, istio_namespace_flag,
        {"suppress", 'S', Takes::text}, {"timeout", 0, Takes::text}, {"failure-threshold", 0, Takes::text},
        {"output-threshold", 0, Takes::text}},
       0, 0},
  };
}

const std::vector<VerbRule>& verbs() {
  static const std::vector<VerbRule> all = [] {
    auto table = kubectl_verbs();
    const auto more = istioctl_verbs();
    table.insert(table.end(), more.begin(), more.end());
    return table;
  }();
  return all;
}

/// The rule whose verb the command starts with, and how many words the verb takes.
std::pair<const VerbRule*, std::size_t> find_verb(const Argv& argv) {
  for (const auto& verb : verbs()) {
    if (verb.program != argv[0]) continue;
    for (const auto& words : verb.spellings) {
      if (argv.size() > words.size() && std::equal(words.begin(), words.end(), argv.begin() + 1)) {
        return {&verb, words.size()};
      }
    }
  }
  return {nullptr, 0};
}

std::string no_such_verb(const Argv& argv) {
  const auto same_program = [&](const VerbRule& verb) { return verb.program == argv[0]; };
  if (std::none_of(verbs().begin(), verbs().end(), same_program)) {
    return fmt::format("meshdx runs only kubectl and istioctl, not {}", argv[0].empty() ? "an empty word" : argv[0]);
  }
  if (argv.size() < 2) return fmt::format("{} needs a verb", argv[0]);
  if (starts_with(argv[1], "-")) {
    return fmt::format("a flag ({}) stands before the verb: write it after the verb", argv[1]);
  }
  const bool two = argv.size() > 2 && !starts_with(argv[2], "-") &&
                   (argv[1] == "auth" || argv[1] == "config" || argv[1] == "proxy-config" || argv[1] == "pc");
  return fmt::format("`{}{}` is not among the read-only commands that meshdx runs",
                     argv[0] + " " + argv[1], two ? " " + argv[2] : "");
}

/// Flags that choose the cluster or the identity: they come from meshdx's own options only.
bool chooses_cluster(const std::string& name) {
  static constexpr std::array names{"kubeconfig", "context", "as", "as-group", "as-uid", "token", "server", "s",
                                    "user", "username", "password", "cluster", "certificate-authority",
                                    "client-certificate", "client-key", "insecure-skip-tls-verify", "tls-server-name"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool value_fits(Takes takes, const std::string& value) {
  static constexpr std::array outputs{"json", "yaml", "short", "name", "wide"};
  if (takes == Takes::output) return std::find(outputs.begin(), outputs.end(), value) != outputs.end();
  if (takes == Takes::number) return value == "-1" || to_number(value).has_value();
  if (takes == Takes::nothing) return value == "true" || value == "false";
  return !value.empty() && value[0] != '-';
}

Error bad_value(const FlagRule& rule, const std::string& shown, const std::string& value) {
  static constexpr std::array wants{"true or false", "a value that does not start with -", "a number",
                                    "json, yaml, short, name or wide"};
  return {fmt::format("flag {} takes {}, not `{}`", shown, wants[static_cast<std::size_t>(rule.takes)], value)};
}

/// Reads argv words one by one, by the rule of the verb.
class Reader {
 public:
  Reader(const Argv& argv, const VerbRule& verb, std::size_t first) : m_argv(argv), m_at(first) {
    m_command.verb = &verb;
  }

  Expected<ParsedCommand> read() {
    while (m_at < m_argv.size()) {
      const std::string& word = m_argv[m_at++];
      if (word == "--") {
        m_command.has_dashes = true;
        m_command.after_dashes.assign(m_argv.begin() + static_cast<std::ptrdiff_t>(m_at), m_argv.end());
        break;
      }
      if (starts_with(word, "-") && word != "-") {
        const auto done = read_flag(word);
        if (!done.ok()) return Error{done.error()};
      } else {
        m_command.words.push_back(word);
      }
    }
    return m_command;
  }

 private:
  /// `--name`, `--name=value`, `--name value`, `-x`, `-x value`; letters run together (`-nshop`, `-Ao`) are refused.
  Expected<Done> read_flag(const std::string& word) {
    const auto equals = word.find('=');
    const std::string shown = word.substr(0, equals);
    const FlagRule* rule = find_rule(shown);
    if (rule == nullptr) return unknown_flag(shown);
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
      if (!value_fits(rule->takes, value)) return bad_value(*rule, shown, value);
    } else if (rule->takes != Takes::nothing) {
      if (m_at == m_argv.size()) return Error{fmt::format("flag {} has no value", shown)};
      value = m_argv[m_at++];
      if (!value_fits(rule->takes, value)) return bad_value(*rule, shown, value);
    }
    if (rule->takes == Takes::nothing && value == "true") value.clear();
    if (m_command.has_flag(rule->name)) return Error{fmt::format("flag {} is given twice", shown)};
    m_command.flags.emplace_back(rule->name, value);
    return Done{};
  }

  const FlagRule* find_rule(const std::string& shown) const {
    for (const auto& rule : m_command.verb->flags) {
      const bool by_letter = rule.letter != 0 && shown.size() == 2 && shown[1] == rule.letter;
      if (by_letter || shown == "--" + rule.name) return &rule;
    }
    return nullptr;
  }

  Error unknown_flag(const std::string& shown) const {
    const std::string name = shown.substr(std::min(shown.find_first_not_of('-'), shown.size()));
    if (chooses_cluster(name)) {
      return {fmt::format("flag {} chooses the cluster or the identity: give it to meshdx itself", shown)};
    }
    return {fmt::format("flag {} is not among those allowed for `{}`", shown, verb_name(*m_command.verb))};
  }

  const Argv& m_argv;
  std::size_t m_at;
  ParsedCommand m_command;
};

}  // namespace

std::string ParsedCommand::flag(const std::string& name) const {
  for (const auto& [key, value] : flags) {
    if (key == name) return value;
  }
  return "";
}

bool ParsedCommand::has_flag(const std::string& name) const {
  return std::any_of(flags.begin(), flags.end(), [&](const auto& flag) { return flag.first == name; });
}

std::string verb_name(const VerbRule& verb) { return verb.program + " " + join(verb.spellings.front(), " "); }

Expected<ParsedCommand> parse_command(const Argv& argv) {
  if (argv.empty()) return Error{"there is no command"};
  const auto [verb, length] = find_verb(argv);
  if (verb == nullptr) return Error{no_such_verb(argv)};
  return Reader(argv, *verb, length + 1).read();
}

}  // namespace meshdx::run
