// The command forms that meshdx knows, as data: which verbs, which flags each takes, and how a command line reads by
// them. The allowlist refuses what does not fit; replay compares commands by what they mean, not how they are spelt.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "run/command.hpp"
#include "util/expected.hpp"

namespace meshdx::run {

/// What a flag's value may be.
enum class Takes { nothing, text, number, output };

/// One flag of a verb: its long name (the canonical one), its letter (0: none), and its value.
struct FlagRule {
  std::string name;
  char letter = 0;
  Takes takes = Takes::text;
};

/// One verb of a program, with everything that may follow it.
struct VerbRule {
  std::string program;
  std::vector<std::vector<std::string>> spellings;  ///< words after the program, the canonical spelling first
  std::vector<FlagRule> flags;
  std::size_t min_words = 0;
  std::size_t max_words = 0;
};

/// A command line taken apart by the rule of its verb.
struct ParsedCommand {
  const VerbRule* verb = nullptr;
  std::vector<std::string> words;                          ///< what is neither verb nor flag
  std::vector<std::pair<std::string, std::string>> flags;  ///< canonical name and value ("" for a switch)
  std::vector<std::string> after_dashes;                   ///< what follows `--`
  bool has_dashes = false;

  /// The value of a flag, or "".
  [[nodiscard]] std::string flag(const std::string& name) const;
  [[nodiscard]] bool has_flag(const std::string& name) const;
};

/// "kubectl auth can-i": the program and the canonical verb.
std::string verb_name(const VerbRule& verb);

/// Takes a command line apart. The Error is the bare reason ("kubectl delete is not …"), without the command itself.
Expected<ParsedCommand> parse_command(const Argv& argv);

}  // namespace meshdx::run
