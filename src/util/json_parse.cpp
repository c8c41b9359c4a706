// Reading JSON: simdjson takes the text apart, which is what reading costs. What it refuses is read once more by nlohmann's
// parser, whose errors tell the place, and which takes numbers beyond 64 bits.
#include "util/json.hpp"

#include <string>

#include <fmt/core.h>
#include <simdjson.h>

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

Expected<Json> parse_slowly(std::string_view text, std::size_t max_depth) {
  if (too_deep(text, max_depth)) return Error{fmt::format("JSON nests deeper than {} levels", max_depth)};
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::exception& e) {
    std::string what = e.what();
    const auto colon = what.find("] ");  // drop nlohmann's "[json.exception.parse_error.101] "
    return Error{colon == std::string::npos ? what : what.substr(colon + 2)};
  }
}

/// Builds the value that `from` is. False when it nests too deep.
bool build(simdjson::dom::element from, std::size_t depth_left, Json& into);

bool build_list(const simdjson::dom::array& from, std::size_t depth_left, Json& into) {
  into = Json::array();
  auto& list = into.get_ref<Json::array_t&>();
  list.reserve(from.size());
  for (const auto element : from) {
    if (!build(element, depth_left, list.emplace_back())) return false;
  }
  return true;
}

/// Kubernetes and Envoy print most maps sorted, so the end is the place to look first. Of two equal keys the last holds.
bool build_map(const simdjson::dom::object& from, std::size_t depth_left, Json& into) {
  into = Json::object();
  auto& map = into.get_ref<Json::object_t&>();
  for (const auto& member : from) {
    const auto place = map.emplace_hint(map.end(), std::string(member.key), nullptr);
    if (!build(member.value, depth_left, place->second)) return false;
  }
  return true;
}

bool build(simdjson::dom::element from, std::size_t depth_left, Json& into) {
  using Type = simdjson::dom::element_type;
  const auto type = from.type();
  if ((type == Type::ARRAY || type == Type::OBJECT) && depth_left == 0) return false;
  switch (type) {
    case Type::ARRAY: return build_list(from.get_array().value_unsafe(), depth_left - 1, into);
    case Type::OBJECT: return build_map(from.get_object().value_unsafe(), depth_left - 1, into);
    case Type::STRING: into = std::string(from.get_string().value_unsafe()); break;
    case Type::BOOL: into = from.get_bool().value_unsafe(); break;
    case Type::DOUBLE: into = from.get_double().value_unsafe(); break;
    case Type::UINT64: into = from.get_uint64().value_unsafe(); break;
    case Type::INT64: {
      const std::int64_t number = from.get_int64().value_unsafe();
      if (number < 0) into = number;
      else into = static_cast<std::uint64_t>(number);   // nlohmann's parser tells the two apart by the sign
      break;
    }
    case Type::NULL_VALUE: into = nullptr; break;
  }
  return true;
}

}  // namespace

Expected<Json> parse_json(std::string_view text, std::size_t max_depth) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size(), true).get(root) != simdjson::SUCCESS) return parse_slowly(text, max_depth);
  Json value;
  if (!build(root, max_depth, value)) return Error{fmt::format("JSON nests deeper than {} levels", max_depth)};
  return value;
}

}  // namespace meshdx
