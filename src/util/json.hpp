// The JSON door: the only place that calls nlohmann's parser and printer (they cost seconds of compile time a file).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "util/expected.hpp"

namespace meshdx {

using Json = nlohmann::json;

/// Parses one JSON text. Any bytes are taken: what is no JSON, or nests deeper than `max_depth`, is an Error with its
/// position. Takes the text; gives the value.
Expected<Json> parse_json(std::string_view text, std::size_t max_depth = 256);

/// Prints a value; broken UTF-8 is replaced, never thrown. `indent` < 0 prints one line.
std::string dump_json(const Json& value, int indent = -1);

/// Reads that never throw: a missing key or another type gives the default.
std::string text_at(const Json& object, const char* key, const std::string& fallback = "");
bool bool_at(const Json& object, const char* key, bool fallback = false);
long long number_at(const Json& object, const char* key, long long fallback = 0);
/// The member, or a null value.
const Json& at(const Json& object, const char* key);
/// The member at a path of keys, or a null value.
const Json& at(const Json& object, std::initializer_list<const char*> path);

// JSON pointers (RFC 6901), token by token.
/// Reads the `~1` and `~0` of one token in place; false when it has another `~`.
bool unescape_token(std::string& token);
/// A list index as it must be written: decimal, without leading zeros. "-" is none.
std::optional<std::size_t> to_index(std::string_view token);
/// The member or element that a token names, or nullptr.
const Json* child(const Json& value, std::string_view token);
/// The value at a pointer, or nullptr.
const Json* at_pointer(const Json& value, std::string_view pointer);

}  // namespace meshdx
