// README's console blocks are run as they stand: each `$ command` must print exactly the lines below it. A line that is
// only `...` stands for any number of lines. `./dev run` is the built binary.
#include <ostream>

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "util/text.hpp"

using namespace meshdx;

namespace {

struct Example {
  int line = 0;
  std::string command;
  std::vector<std::string> expected;
};

std::vector<Example> read_examples(const std::string& path) {
  std::ifstream readme(path);
  std::vector<Example> examples;
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(readme, line);) {
    ++number;
    if (starts_with(line, "```")) {
      inside = line == "```console";
    } else if (inside && starts_with(line, "$ ")) {
      examples.push_back({number, line.substr(2), {}});
    } else if (inside && !examples.empty()) {
      examples.back().expected.push_back(line);
    }
  }
  return examples;
}

std::vector<std::string> output_of(const std::string& command) {
  const auto shell = "cd '" SOURCE_DIR "' && env -u LC_ALL -u NO_COLOR LANG=C.UTF-8 " + replace_all(command, "./dev run", MESHDX_BINARY) + " 2>&1";
  std::FILE* pipe = popen(shell.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> chunk{};
  for (std::size_t n = 0; (n = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) text.append(chunk.data(), n);
  pclose(pipe);
  auto lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

bool matches(const std::vector<std::string>& expected, std::size_t e, const std::vector<std::string>& lines, std::size_t l) {
  if (e == expected.size()) return l == lines.size();
  if (expected[e] == "...") {
    for (std::size_t skip = l; skip <= lines.size(); ++skip) {
      if (matches(expected, e + 1, lines, skip)) return true;
    }
    return false;
  }
  return l < lines.size() && expected[e] == lines[l] && matches(expected, e + 1, lines, l + 1);
}

}  // namespace

TEST_CASE("README's console blocks print what they say") {
  for (const auto& example : read_examples(SOURCE_DIR "/README.md")) {
    const auto lines = output_of(example.command);
    const auto shown = "README.md:" + std::to_string(example.line) + ": $ " + example.command + "\n----- printed\n" + join(lines, "\n") +
                       "\n----- README says\n" + join(example.expected, "\n") + "\n-----";
    CHECK_MESSAGE(matches(example.expected, 0, lines, 0), shown);
  }
}
