// Unified diffs of small texts, and objects as a person writes them.
#pragma once

#include <string>

#include "util/json.hpp"

namespace meshdx::fix {

/// A unified diff with three lines of context; "" when the texts are the same. Both end with a newline.
std::string unified_diff(const std::string& before, const std::string& after, const std::string& label);

/// The object as YAML, without status and the metadata that the API server keeps for itself.
std::string readable_yaml(Json object);

}  // namespace meshdx::fix
