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
    for (std::size_t i = 0; (i = token.find('~', i)) != std::string::npos; ++i) {
      if (i + 1 == token.size() || (token[i + 1] != '0' && token[i + 1] != '1')) return std::nullopt;
    }
    token = replace_all(replace_all(token, "~1", "/"), "~0", "~");
  }
  return tokens;
}

std::string to_pointer(const Tokens& tokens, std::size_t length) {
  std::string pointer;
  for (std::size_t i = 0; i < std::min(length, tokens.size()); ++i) pointer += "/" + escape_pointer(tokens[i]);
  return pointer;
}

std::optional<std::size_t> to_index(std::string_view token) {
  if (token.size() > 1 && token.front() == '0') return std::nullopt;
  return to_number(token);
}

const Json* child(const Json& value, const std::string& token) {
  if (value.is_object()) {
    const auto member = value.find(token);
    return member == value.end() ? nullptr : &*member;
  }
  const auto index = value.is_array() ? to_index(token) : std::nullopt;
  return index && *index < value.size() ? &value[*index] : nullptr;
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
