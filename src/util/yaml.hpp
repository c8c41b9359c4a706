// The YAML door: playbooks and causes are read through yaml-cpp's event interface into JSON with source marks, so that
// duplicate keys, aliases, anchors, tags and several documents are errors with file:line:column (style.md B7 says why).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "util/expected.hpp"
#include "util/json.hpp"

namespace meshdx {

struct Mark {
  int line = 0, column = 0;   ///< from 1
};

/// A YAML document as JSON, with the place of every value and of every key by its JSON pointer ("/steps/0/id").
struct YamlDocument {
  std::string file;
  Json value;
  std::map<std::string, Mark> marks;   ///< where values begin
  std::map<std::string, Mark> keys;    ///< where the keys of map members begin

  /// "playbooks/503.yaml:12:5: message" for the value at a pointer (the nearest known parent's place when it has none).
  [[nodiscard]] std::string at(const std::string& pointer, std::string_view message) const;
  /// The same for the key of the member at a pointer: an unknown key is wrong where it stands, not where its value
  /// does.
  [[nodiscard]] std::string at_key(const std::string& pointer, std::string_view message) const;
};

/// Parses one YAML document of at most 4 MiB and 64 levels. Plain null, true/false and numbers in JSON's own notation
/// that fit 64 bits become JSON values; all else (yes, on, 010, 0x1f, quoted and block scalars) is text. Refused:
/// duplicate and structured keys, anchors, aliases, tags, several documents, tabs in the indentation, control
/// characters, broken UTF-8. Errors are "file:line:column: reason", columns in characters. Never throws.
Expected<YamlDocument> parse_yaml(std::string file, std::string_view text);

/// Prints a value as YAML that YAML 1.1 and 1.2 readers (kubectl's is 1.1) take for the same value: text that could be
/// read as anything else is put in JSON's double quotes, so a scalar never spans lines. Ends with a newline.
std::string dump_yaml(const Json& value);

/// A key as one token of a JSON pointer (RFC 6901: `~` is `~0`, `/` is `~1`).
std::string escape_pointer(std::string_view key);

}  // namespace meshdx
