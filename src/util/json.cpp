#include "util/json.hpp"

#include <fmt/core.h>

namespace meshdx {
namespace {

/// Brackets nested deeper than the bound are refused before the parser builds (and later frees) them.
bool too_deep(std::string_view text, std::size_t max_depth) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth) return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

const Json& null_value() {
  static const Json null;
  return null;
}

}  // namespace

Expected<Json> parse_json(std::string_view text, std::size_t max_depth) {
  if (too_deep(text, max_depth)) return Error{fmt::format("JSON nests deeper than {} levels", max_depth)};
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::exception& e) {
    std::string what = e.what();
    const auto colon = what.find("] ");  // drop nlohmann's "[json.exception.parse_error.101] "
    return Error{colon == std::string::npos ? what : what.substr(colon + 2)};
  }
}

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
