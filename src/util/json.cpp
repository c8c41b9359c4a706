#include "util/json.hpp"

#include "util/text.hpp"

namespace meshdx {
namespace {

const Json& null_value() {
  static const Json null;
  return null;
}

}  // namespace

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

const Json& at(const Json& object, const char* key) {
  if (!object.is_object()) return null_value();
  const auto found = object.find(key);
  return found == object.end() ? null_value() : *found;
}

const Json& at(const Json& object, std::initializer_list<const char*> path) {
  const Json* value = &object;
  for (const char* key : path) value = &at(*value, key);
  return *value;
}

bool unescape_token(std::string& token) {
  for (std::size_t i = 0; (i = token.find('~', i)) != std::string::npos; ++i) {
    if (i + 1 == token.size() || (token[i + 1] != '0' && token[i + 1] != '1')) return false;
  }
  token = replace_all(replace_all(std::move(token), "~1", "/"), "~0", "~");
  return true;
}

std::optional<std::size_t> to_index(std::string_view token) {
  if (token.size() > 1 && token.front() == '0') return std::nullopt;
  return to_number(token);
}

const Json* child(const Json& value, std::string_view token) {
  if (value.is_object()) {
    const auto member = value.find(token);
    return member == value.end() ? nullptr : &*member;
  }
  const auto index = value.is_array() ? to_index(token) : std::nullopt;
  return index && *index < value.size() ? &value[*index] : nullptr;
}

const Json* at_pointer(const Json& value, std::string_view pointer) {
  const Json* found = &value;
  while (found != nullptr && !pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const auto token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    if (token.find('~') == std::string_view::npos) {
      found = child(*found, token);
      continue;
    }
    std::string plain(token);
    found = unescape_token(plain) ? child(*found, plain) : nullptr;
  }
  return found;
}

std::string text_at(const Json& object, const char* key, const std::string& fallback) {
  const Json& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : fallback;
}

bool bool_at(const Json& object, const char* key, bool fallback) {
  const Json& value = at(object, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

long long number_at(const Json& object, const char* key, long long fallback) {
  const Json& value = at(object, key);
  return value.is_number_integer() ? value.get<long long>() : fallback;
}

}  // namespace meshdx
