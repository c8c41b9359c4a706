// The one file that pays for CLI11 (seconds of compile time). It parses flags only: commands and words are what is left
// over, because CLI11 2.1 takes a positional `[::1]` apart and runs sub-command callbacks twice in some orders.
#include <CLI/CLI.hpp>

#include <algorithm>

#include "cli/complaint.hpp"
#include "cli/options.hpp"
#include "report/render.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

/// Texts of flags whose values still need reading.
struct Raw {
  std::string parallel, log_lines, step_timeout, deadline, service_account;
};

using Adder = std::function<CLI::Option*(CLI::App&, const std::string& names, const std::string& help)>;

CLI::Option* add_flag(CLI::App& app, const std::string& names, const std::string& help, bool& variable) {
  return app.add_flag(names, variable, help);
}
CLI::Option* add_flag(CLI::App& app, const std::string& names, const std::string& help, int& variable) {
  return app.add_flag(names, variable, help);
}
CLI::Option* add_flag(CLI::App& app, const std::string& names, const std::string& help, std::string& variable) {
  return app.add_option(names, variable, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}
CLI::Option* add_flag(CLI::App& app, const std::string& names, const std::string& help, std::vector<std::string>& variable) {
  return app.add_option(names, variable, help)->type_size(1)->expected(1)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// The variable of each flag, by long name. A row of flags() without one here is a programming error.
std::map<std::string_view, Adder> adders(Options& o, Raw& raw) {
  const auto to = [](auto& variable) -> Adder {
    auto* target = &variable;
    return [target](CLI::App& app, const std::string& names, const std::string& help) { return add_flag(app, names, help, *target); };
  };
  return {{"--namespace", to(o.ns)},        {"--from", to(o.from)},           {"--method", to(o.method)},
          {"--header", to(o.headers)},      {"--no-follow", to(o.no_follow)}, {"--probe", to(o.probe)},         {"--log-lines", to(raw.log_lines)}, {"--since", to(o.since)},
          {"--context", to(o.context)},     {"--kubeconfig", to(o.kubeconfig)}, {"--as", to(o.as)},
          {"--as-group", to(o.as_groups)},  {"--parallel", to(raw.parallel)}, {"--step-timeout", to(raw.step_timeout)},
          {"--deadline", to(raw.deadline)}, {"--record", to(o.record)},       {"--output", to(o.output)},
          {"--verbose", to(o.verbose)},     {"--no-color", to(o.no_color)},   {"--playbooks", to(o.playbooks)},
          {"--playbook", to(o.chosen)},       {"--rbac", to(o.rbac)}, {"--istio-namespace", to(o.istio_namespace)}, {"--revision", to(o.revision)},
          {"--service-account", to(raw.service_account)},           {"--format", to(o.format)},       {"--all-namespaces", to(o.all_namespaces)}, {"--shard", to(o.shard)}, {"--complete", to(o.complete)}, {"--filename", to(o.files)},
          {"--job", to(o.job)},             {"--image", to(o.image)}};
}

/// The flags of `write` are many, and read where its kinds are: as text by name.
CLI::Option* add_wish(CLI::App& app, const Flag& flag, std::map<std::string, std::string>& wishes) {
  auto& value = wishes[std::string(flag.name)];
  if (!flag.value.empty()) return add_flag(app, std::string(flag.name), std::string(flag.help), value);
  return app.add_flag_callback(std::string(flag.name), [&value] { value = "yes"; }, std::string(flag.help));
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const auto close = nearest(word, known);
  return close.empty() ? "; see meshdx --help." : "; did you mean " + close + "?";
}

Expected<Done> read_choice(const char* flag, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return Done{};
  return Error{std::string(flag) + " " + value + " is not known; it takes " + (choices.size() > 2 ? join(std::vector<std::string>(choices.begin(), choices.end() - 1), ", ") + " or " + choices.back() : join(choices, " or ")) + "."};
}

Expected<Done> read_number(const char* flag, const std::string& value, int most, int& number) {
  if (value.empty()) return Done{};
  const auto read = to_number(value);
  if (!read || *read == 0 || *read > static_cast<std::uint64_t>(most)) {
    return Error{std::string(flag) + " " + value + " is not a number from 1 to " + std::to_string(most) + "."};
  }
  number = static_cast<int>(*read);
  return Done{};
}

Expected<Done> read_time(const char* flag, const std::string& value, std::chrono::milliseconds& time) {
  if (value.empty()) return Done{};
  const auto read = read_duration(value);
  if (!read) return Error{std::string(flag) + ": " + read.error() + "."};
  time = *read;
  return Done{};
}

Expected<Done> read_since(const std::string& value) {
  if (value.empty() || is_timestamp(value) || read_duration(value)) return Done{};
  return Error{"--since " + value + " is no time: give one like 2026-01-31T12:00:00Z, or 5m for the last five minutes."};
}

/// "NS/NAME", or "NAME" in the namespace of -n.
Expected<Done> read_account(const std::string& value, Options& o) {
  if (value.empty()) return Done{};
  const auto slash = value.find('/');
  const auto ns = slash == value.npos ? "" : value.substr(0, slash);
  const auto name = slash == value.npos ? value : value.substr(slash + 1);
  if (!is_namespace_name(name) || (slash != value.npos && !is_namespace_name(ns))) {
    return Error{"--service-account " + value + " names no ServiceAccount: give NAMESPACE/NAME, for example ops/meshdx."};
  }
  o.account = name;
  o.account_namespace = ns;
  return Done{};
}

/// What -o takes: a page or a list of results needs a verdict.
std::vector<std::string> forms_of(const Command& command) {
  const bool verdict = (command.diagnoses && command.name != "write") || command.name == "check" || command.name == "replay";
  return verdict ? report::forms() : std::vector<std::string>{"text", "json", "yaml"};
}

Expected<Done> read_values(const Raw& raw, Options& o) {
  for (const auto& done :
       {read_number("--parallel", raw.parallel, 64, o.parallel), read_number("--log-lines", raw.log_lines, 1'000'000, o.log_lines),
        read_time("--step-timeout", raw.step_timeout, o.step_timeout), read_time("--deadline", raw.deadline, o.deadline),
        read_since(o.since), read_account(raw.service_account, o), read_choice("-o", o.output, forms_of(*o.command)), read_choice("--format", o.format, {"mermaid", "dot"})}) {
    if (!done) return done;
  }
  return Done{};
}

/// Finds the command among the words that are left when the flags are gone.
Expected<Done> read_command(std::vector<std::string> words, Options& o) {
  if (words.empty()) return Error{"What is to be diagnosed? For example: meshdx 503 http://web.shop/ -n shop --from client (see meshdx --help)."};
  const auto name = words.front();
  o.command = command_of(name);
  if (!read_code(name)) words.erase(words.begin());   // a code is what is asked, not only the command
  if (o.command == nullptr) {
    std::vector<std::string> known;
    for (const auto& command : commands()) known.emplace_back(command.name);
    const bool number = to_number(name).has_value();
    return Error{number ? name + " is no code that a caller can see: 000 (no answer) or 100 to 599."
                        : "There is no command '" + name + "'" + did_you_mean(name, known)};
  }
  o.words = std::move(words);
  return Done{};
}

Expected<Done> check_words(const Options& o) {
  const auto& command = *o.command;
  const std::string name = command.name == "CODE" ? o.words.front() : std::string(command.name);
  const auto synopsis = "meshdx " + (command.name == "CODE" ? name : std::string(command.name)) + " " + std::string(command.words);
  if (o.words.size() < command.min_words) return Error{"'meshdx " + name + "' lacks something: " + synopsis + "."};
  if (o.words.size() > command.max_words) {
    return Error{"'" + o.words[command.max_words] + "' is one word too many: " + (command.max_words == 0 ? "meshdx " + name : synopsis) + "."};
  }
  const bool takes_dashes = name == "replay" || name == "record";
  if (o.has_dashes && !takes_dashes) return Error{"'meshdx " + name + "' takes nothing after --."};
  if (name == "record" && o.after_dashes.empty()) return Error{"'meshdx record' lacks the question: " + synopsis + "."};
  for (const auto& flag : flags()) {
    if (o.given.count(std::string(flag.name)) == 0 || (command.groups & flag.group) != 0) continue;
    const bool after = takes_dashes && (flag.group & (k_question | k_cluster)) != 0;
    return Error{"'meshdx " + name + "' takes no " + std::string(flag.name) + (after ? " before --; put it into the question after that." : ".")};
  }
  return Done{};
}

/// Flags that CLI11 did not know begin with a dash; the other words are ours.
Expected<std::vector<std::string>> only_words(const std::vector<std::string>& rest) {
  std::vector<std::string> known;
  for (const auto& flag : flags()) {
    known.emplace_back(flag.name);
    if (!flag.letter.empty()) known.emplace_back(flag.letter);
  }
  for (const auto& word : rest) {
    if (word.size() < 2 || word.front() != '-') continue;
    const auto name = word.substr(0, word.find('='));
    return Error{"There is no flag " + name + (starts_with(name, "--") ? did_you_mean(name, known) : "; see meshdx --help.")};
  }
  return rest;
}

/// CLI11 says "--from: 1 required TEXT missing".
Error lacks_value(const std::string& said) {
  const auto name = said.substr(0, said.find(':'));
  const auto& table = flags();
  const auto flag = std::find_if(table.begin(), table.end(), [&](const Flag& f) { return f.name == name; });
  if (flag == table.end() || flag->value.empty()) return Error{said + "; see meshdx --help."};
  return Error{std::string(flag->name) + " lacks its value: " + std::string(flag->name) + " " + std::string(flag->value) + "."};
}

/// CLI11 says "Could not convert: --probe = maybe". All flags with a value take any text, so it is a switch.
Error takes_no_value(const std::string& said) {
  const auto start = said.find("--"), end = said.find(' ', start);
  if (start == said.npos || end == said.npos) return Error{said + "; see meshdx --help."};
  return Error{said.substr(start, end - start) + " is a switch: it takes no value."};
}

}  // namespace

Expected<Options> parse(const std::vector<std::string>& args) {
  Options options;
  Raw raw;
  const auto dashes = std::find(args.begin(), args.end(), "--");
  options.has_dashes = dashes != args.end();
  if (options.has_dashes) options.after_dashes.assign(dashes + 1, args.end());

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  auto variables = adders(options, raw);
  std::map<std::string, CLI::Option*> added;
  for (const auto& flag : flags()) {
    const auto names = (flag.letter.empty() ? "" : std::string(flag.letter) + ",") + std::string(flag.name);
    const bool wish = flag.group == k_write && variables.count(flag.name) == 0;
    added[std::string(flag.name)] = wish ? add_wish(app, flag, options.wishes) : variables.at(flag.name)(app, names, std::string(flag.help));
  }
  try {
    app.parse(std::vector<std::string>(std::make_reverse_iterator(dashes), args.rend()));
  } catch (const CLI::ArgumentMismatch& error) {
    return lacks_value(error.what());
  } catch (const CLI::ConversionError& error) {
    return takes_no_value(error.what());
  } catch (const CLI::ParseError& error) {
    return Error{std::string(error.what()) + "; see meshdx --help."};
  }
  for (const auto& [name, option] : added) {
    if (option->count() == 0) continue;
    options.given.insert(name);
    if (option->results().back().empty()) return Error{name + " was given an empty value."};
  }
  const auto words = only_words(app.remaining());
  if (!words) return Error{words.error()};
  auto done = read_command(*words, options);
  if (done) done = check_words(options);
  if (done) done = read_values(raw, options);
  if (!done) return Error{done.error()};
  return options;
}

}  // namespace meshdx::cli
