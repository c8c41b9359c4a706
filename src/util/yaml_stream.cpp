// Several YAML documents in one file. Cut apart before parsing: `---` at a line's begin is a marker wherever it stands, even
// in a quoted text (YAML 1.2.2, 9.1.2), and so one broken document cannot hide the places of the others.
#include "util/yaml_stream.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx {

namespace {

bool is_marker(std::string_view line, std::string_view marker) {
  return starts_with(line, marker) && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

struct Part {
  std::string_view text;
  int first_line = 1;
};

std::vector<Part> parts_of(std::string_view text) {
  std::vector<Part> parts;
  std::size_t begin = 0, at = 0;
  int line = 1, first = 1;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto current = text.substr(at, end - at);
    const auto next = std::min(end + 1, text.size());
    const bool ends = is_marker(current, "...");
    if (ends || is_marker(current, "---")) {
      if (at > begin) parts.push_back({text.substr(begin, at - begin), first});
      begin = ends ? next : at;
      first = ends ? line + 1 : line;
    }
    at = next;
    ++line;
  }
  if (at > begin) parts.push_back({text.substr(begin, at - begin), first});
  return parts;
}

}  // namespace

Expected<std::vector<YamlDocument>> parse_yaml_stream(const std::string& file, std::string_view text) {
  std::vector<YamlDocument> documents;
  for (const auto& part : parts_of(text)) {
    auto document = parse_yaml_at(file, part.text, part.first_line);
    if (!document) return Error{document.error()};
    if (!document->value.is_null()) documents.push_back(std::move(*document));
  }
  return documents;
}

}  // namespace meshdx
