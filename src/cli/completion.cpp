// `meshdx completion SHELL`: what a shell completes comes from the tables of commands and flags, and from the playbooks.
#include <algorithm>

#include "cli/commands.hpp"
#include "intent/wish.hpp"
#include "playbook/library.hpp"
#include "report/render.hpp"
#include "util/text.hpp"

namespace meshdx::cli {

namespace {

/// What a word can be, with a line about it.
struct Choice {
  std::string word, help;
};

/// Names that arguments can have.
struct Names {
  std::vector<std::string> playbooks, causes, written;
};

/// Codes that stand for the command CODE.
constexpr const char* k_codes[] = {"503", "404", "000", "403", "502", "504"};

/// The values a flag can have, where there are only so many.
std::vector<std::string> values_of(const Flag& flag) {
  if (flag.name == "--output") return report::forms();
  return contains(flag.value, "|") ? split(flag.value, '|') : std::vector<std::string>{};
}

/// Flags whose value is a file or a folder.
bool takes_file(const Flag& flag) { return flag.value == "DIR" || flag.value == "FILE"; }

std::vector<Choice> first_words() {
  std::vector<Choice> words;
  for (const auto& command : commands()) {
    if (command.name != "CODE") words.push_back({std::string(command.name), std::string(command.help)});
    else for (const char* code : k_codes) words.push_back({code, std::string(command.help)});
  }
  return words;
}

std::vector<Choice> flags_of(const Command& command) {
  std::vector<Choice> words;
  for (const auto& flag : flags()) {
    if ((flag.group & command.groups) != 0) words.push_back({std::string(flag.name), std::string(flag.help)});
  }
  return words;
}

/// What the first argument of a command can be, where that is known.
std::vector<std::string> arguments_of(const Command& command, const Names& names) {
  if (command.name == "explain") return names.causes;
  if (command.name == "graph" || command.name == "run" || command.name == "plan") return names.playbooks;
  if (command.name == "completion") return {"bash", "zsh", "fish"};
  if (command.name == "write") return names.written;
  std::vector<std::string> words;
  if (command.name == "help") for (const auto& choice : first_words()) words.push_back(choice.word);
  return words;
}

bool takes_files(const Command& command) { return command.name == "check" || command.name == "lint" || command.name == "replay" || command.name == "record"; }

/// The pattern by which a shell's `case` knows a command.
std::string pattern_of(const Command& command) { return command.name == "CODE" ? "[0-9][0-9][0-9]" : std::string(command.name); }

std::string words_of(const std::vector<Choice>& choices) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(choice.word);
  return join(words, " ");
}

/// "-n|--namespace|-X|--method": flags that take the next word.
std::string with_values() {
  std::vector<std::string> names;
  for (const auto& flag : flags()) {
    if (flag.value.empty()) continue;
    if (!flag.letter.empty()) names.emplace_back(flag.letter);
    names.emplace_back(flag.name);
  }
  return join(names, "|");
}

std::string case_of(const Flag& flag) { return (flag.letter.empty() ? "" : std::string(flag.letter) + "|") + std::string(flag.name); }

std::string bash(const Names& names) {
  std::string text =
      "# bash completion for meshdx: source <(meshdx completion bash)\n"
      "_meshdx() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words= files= i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case ${COMP_WORDS[i]} in\n"
      "      " + with_values() + ") ((i++)) ;;\n"
      "      -*) ;;\n"
      "      *) command=${COMP_WORDS[i]}; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case $prev in\n";
  for (const auto& flag : flags()) {
    if (flag.value.empty()) continue;
    const auto values = values_of(flag);
    const std::string found = !values.empty() ? "compgen -W '" + join(values, " ") + "' -- \"$cur\"" : takes_file(flag) ? "compgen -f -- \"$cur\"" : "";
    text += "    " + case_of(flag) + ") COMPREPLY=(" + (found.empty() ? "" : "$(" + found + ")") + "); return ;;\n";
  }
  text += "  esac\n  case $command in\n    '') words='" + words_of(first_words()) + " --help --version' ;;\n";
  for (const auto& command : commands()) {
    const auto own = words_of(flags_of(command)), first = join(arguments_of(command, names), " ");
    text += "    " + pattern_of(command) + ") words='" + own + (own.empty() || first.empty() ? "" : " ") + first + "'" + (takes_files(command) ? " files=1" : "") + " ;;\n";
  }
  return text +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  if [[ -n $files && $cur != -* ]]; then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n"
         "}\n"
         "complete -o filenames -F _meshdx meshdx kubectl-meshdx\n";
}

/// A word and its help for zsh's _describe, in single quotes.
std::string described(const Choice& choice) {
  std::string text;
  for (const char c : choice.word + ":" + choice.help) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return "'" + text + "'";
}

std::string described(const std::vector<Choice>& choices, const std::vector<std::string>& bare = {}) {
  std::vector<std::string> words;
  for (const auto& choice : choices) words.push_back(described(choice));
  for (const auto& word : bare) words.push_back("'" + word + "'");
  return join(words, " ");
}

std::string zsh(const Names& names) {
  std::string text =
      "#compdef meshdx kubectl-meshdx\n"
      "# zsh completion for meshdx: source <(meshdx completion zsh), or keep it as _meshdx in a folder of $fpath\n"
      "_meshdx() {\n"
      "  local command= i\n"
      "  local -a choices\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case ${words[i]} in\n"
      "      (" + with_values() + ") ((i++)) ;;\n"
      "      (-*) ;;\n"
      "      (*) command=${words[i]}; break ;;\n"
      "    esac\n"
      "  done\n"
      "  case ${words[CURRENT-1]} in\n";
  for (const auto& flag : flags()) {
    if (flag.value.empty()) continue;
    const auto values = values_of(flag);
    text += "    (" + case_of(flag) + ") " + (!values.empty() ? "compadd " + join(values, " ") + "; " : takes_file(flag) ? "_files; " : "") + "return ;;\n";
  }
  text += "  esac\n  case $command in\n    ('') choices=(" + described(first_words()) + ") ;;\n";
  for (const auto& command : commands()) {
    text += "    (" + pattern_of(command) + ") choices=(" + described(flags_of(command), arguments_of(command, names)) + ")" + (takes_files(command) ? "; _files" : "") + " ;;\n";
  }
  return text +
         "  esac\n"
         "  _describe meshdx choices\n"
         "}\n"
         "(( $+functions[compdef] )) && compdef _meshdx meshdx kubectl-meshdx\n";
}

/// A text in fish's single quotes.
std::string fish_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

/// The condition under which fish is in a command.
std::string inside(const Command& command) {
  return fish_word("__fish_seen_subcommand_from " + (command.name == "CODE" ? join(std::vector<std::string>(std::begin(k_codes), std::end(k_codes)), " ") : std::string(command.name)));
}

std::string fish(const Names& names) {
  std::string text = "# fish completion for meshdx: meshdx completion fish | source\ncomplete -c meshdx -f\n";
  for (const auto& choice : first_words()) text += "complete -c meshdx -n __fish_use_subcommand -a " + fish_word(choice.word) + " -d " + fish_word(choice.help) + "\n";
  for (const auto& command : commands()) {
    for (const auto& flag : flags()) {
      if ((flag.group & command.groups) == 0) continue;
      const auto values = join(values_of(flag), " ");
      text += "complete -c meshdx -n " + inside(command) + (flag.letter.empty() ? "" : " -s " + std::string(flag.letter.substr(1))) + " -l " + std::string(flag.name.substr(2)) +
              (flag.value.empty() ? "" : takes_file(flag) ? " -r -F" : " -x") + (values.empty() ? "" : " -a " + fish_word(values)) + " -d " + fish_word(flag.help) + "\n";
    }
    const auto first = join(arguments_of(command, names), " ");
    if (!first.empty()) text += "complete -c meshdx -n " + inside(command) + " -a " + fish_word(first) + "\n";
    if (takes_files(command)) text += "complete -c meshdx -n " + inside(command) + " -F\n";
  }
  return text;
}

}  // namespace

int completion(const Options& options, const Io& io) {
  const auto library = playbook::Library::open(options.playbooks);
  const auto causes = library ? library->causes() : Error{library.error()};
  if (!causes) return fail(io, k_bad_input, causes.error());
  Names names;
  names.playbooks = library->playbook_ids();
  for (const auto& cause : *causes) names.causes.push_back(cause.id);
  for (const auto& row : intent::kind_rows()) names.written.emplace_back(row.name);
  const auto& shell = options.words.front();
  if (shell == "bash") io.out(bash(names));
  else if (shell == "zsh") io.out(zsh(names));
  else if (shell == "fish") io.out(fish(names));
  else return fail(io, k_usage, "There is no completion for '" + shell + "'; there is for bash, zsh and fish.");
  return k_ok;
}

}  // namespace meshdx::cli
