// Build tool: embed OUT ROOT FILE... writes the table of embedded.hpp. A YAML file with an error stops the build.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "util/text.hpp"
#include "util/yaml.hpp"

namespace {

using namespace meshdx;

/// A C++ string literal. Octal escapes end after three digits, so no neighbour can be drawn into one; a literal is
/// broken at line ends to keep the generated file readable for a compiler that counts.
std::string literal(const std::string& bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += {'\\', c};
    } else if (c == '\n') {
      text += "\\n\"\n    \"";
    } else if (byte < 0x20 || byte > 0x7E) {
      text += {'\\', static_cast<char>('0' + (byte >> 6U)), static_cast<char>('0' + ((byte >> 3U) & 7U)), static_cast<char>('0' + (byte & 7U))};
    } else {
      text += c;
    }
  }
  return text + "\"";
}

/// The beginning of each paragraph. `explain` is three quarters of a cause's text and shown by `meshdx explain` only, which
/// reads the YAML; what every diagnosis parses needs no more of it than its headings.
std::string outline(const std::string& text) {
  constexpr std::size_t longest_heading = 20;
  std::string kept;
  bool begins = true;
  for (const auto& line : split(text, '\n')) {
    const bool blank = trim(line).empty();
    if (begins && !blank) kept += line.substr(0, longest_heading) + "\n-\n";
    begins = blank;
  }
  return kept;
}

Expected<std::string> row(const std::string& root, const std::string& name) {
  std::ifstream stream(root + "/" + name, std::ios::binary);
  if (!stream) return Error{"cannot read " + root + "/" + name};
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  std::string json;
  if (ends_with(name, ".yaml")) {
    auto document = parse_yaml("playbooks/" + name, text);
    if (!document) return Error{document.error()};
    const auto& explain = at(document->value, "explain");
    if (explain.is_string()) document->value["explain"] = outline(explain.get<std::string>());
    json = dump_json(document->value);
  }
  // The lengths are given because a text may hold a NUL.
  const auto view = [](const std::string& bytes) { return "{" + literal(bytes) + ", " + std::to_string(bytes.size()) + "}"; };
  return "    {" + literal(name) + ",\n     " + view(text) + ",\n     " + view(json) + "},\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: embed OUT ROOT FILE...\n", stderr), 64;
  std::string table = "#include \"playbook/embedded.hpp\"\n\nnamespace meshdx::playbook {\n\n"
                      "const std::vector<EmbeddedFile>& embedded_files() {\n  static const std::vector<EmbeddedFile> files = {\n";
  for (int i = 3; i < argc; ++i) {
    const auto text = row(argv[2], argv[i]);
    if (!text) return std::fprintf(stderr, "%s\n", text.error().c_str()), 65;
    table += *text;
  }
  table += "  };\n  return files;\n}\n\n}  // namespace meshdx::playbook\n";
  std::ofstream out(argv[1], std::ios::binary);
  out << table;
  return out.flush() ? 0 : (std::fprintf(stderr, "cannot write %s\n", argv[1]), 1);
}
