// Files of several YAML documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/yaml.hpp"

namespace meshdx {

/// parse_yaml for a text that begins on another line of its file than the first.
Expected<YamlDocument> parse_yaml_at(std::string file, std::string_view text, int first_line);

/// Parses a file of several documents, each as parse_yaml takes it; those that hold nothing are left out.
Expected<std::vector<YamlDocument>> parse_yaml_stream(const std::string& file, std::string_view text);

}  // namespace meshdx
