#include "util/shell.hpp"

#include "util/text.hpp"

namespace meshdx {

std::string shell_quote(std::string_view word) {
  static constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-";
  // A leading `=` is expanded by zsh, a leading `~` by all of them; the latter is not in the safe set anyway.
  const bool plain = !word.empty() && word.find_first_not_of(safe) == std::string_view::npos && word.front() != '=';
  if (plain) return std::string(word);
  return "'" + replace_all(std::string(word), "'", "'\\''") + "'";
}

std::string shell_join(const std::vector<std::string>& argv) {
  std::string line;
  for (const auto& word : argv) {
    if (!line.empty()) line += ' ';
    line += shell_quote(word);
  }
  return line;
}

}  // namespace meshdx
