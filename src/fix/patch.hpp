// One RFC 6902 operation at a time. Private to fix.
#pragma once

#include <string>

#include "fix/pointer.hpp"
#include "util/expected.hpp"
#include "util/json.hpp"

namespace meshdx::fix {

/// An operation whose members are known to be what RFC 6902 asks for.
struct Operation {
  std::string op;
  Tokens path, from;
  Json value;
};

/// Checks one operation's form. Errors are half a sentence: "has no path".
Expected<Operation> parse_operation(const Json& json);
/// Applies it in place. On an error ("there is no /spec/x") the value may have been changed in part.
Expected<Done> apply_operation(Json& root, const Operation& operation);
/// "operation 2 (replace /spec/x): reason".
Error operation_error(std::size_t index, const Json& json, const std::string& reason);

/// {"op": op, "path": path, "value": value}
Json make_operation(const char* op, const Tokens& path, Json value);
/// {"op": "remove", "path": path}
Json make_remove(const Tokens& path);

}  // namespace meshdx::fix
