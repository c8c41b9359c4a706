// JSON pointers (RFC 6901) as lists of tokens. Private to fix.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/json.hpp"

namespace meshdx::fix {

using Tokens = std::vector<std::string>;

/// The tokens of a pointer; nullopt when it is none.
std::optional<Tokens> parse_pointer(std::string_view pointer);
/// The pointer of the first `length` tokens.
std::string to_pointer(const Tokens& tokens, std::size_t length = std::string::npos);

/// The value that the first `length` tokens lead to, or nullptr.
const Json* find(const Json& root, const Tokens& tokens, std::size_t length = std::string::npos);
Json* find(Json& root, const Tokens& tokens, std::size_t length = std::string::npos);

}  // namespace meshdx::fix
