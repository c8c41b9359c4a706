#include "fix/pointer.hpp"

#include <algorithm>

#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::fix {

std::optional<Tokens> parse_pointer(std::string_view pointer) {
  if (pointer.empty()) return Tokens();
  if (pointer.front() != '/') return std::nullopt;
  Tokens tokens = split(pointer.substr(1), '/');
  for (std::string& token : tokens) {
    if (!unescape_token(token)) return std::nullopt;
  }
  return tokens;
}

std::string to_pointer(const Tokens& tokens, std::size_t length) {
  std::string pointer;
  for (std::size_t i = 0; i < std::min(length, tokens.size()); ++i) pointer += "/" + escape_pointer(tokens[i]);
  return pointer;
}

const Json* find(const Json& root, const Tokens& tokens, std::size_t length) {
  const Json* value = &root;
  for (std::size_t i = 0; i < std::min(length, tokens.size()) && value != nullptr; ++i)
    value = child(*value, tokens[i]);
  return value;
}

Json* find(Json& root, const Tokens& tokens, std::size_t length) {
  return const_cast<Json*>(find(static_cast<const Json&>(root), tokens, length));  // NOLINT: `root` itself is not const
}

}  // namespace meshdx::fix
