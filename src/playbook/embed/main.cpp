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

Expected<std::string> row(const std::string& root, const std::string& name) {
  std::ifstream stream(root + "/" + name, std::ios::binary);
  if (!stream) return Error{"cannot read " + root + "/" + name};
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  std::string json;
  if (ends_with(name, ".yaml")) {
    const auto document = parse_yaml("playbooks/" + name, text);
    if (!document) return Error{document.error()};
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
