#include "fix/diff.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <fmt/core.h>

#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::fix {
namespace {

constexpr std::size_t context = 3;
/// Above this many pairs of lines the changed middle is shown as removed and added whole.
constexpr std::size_t most_pairs = 4U << 20U;

struct Line {
  char mark;   ///< ' ', '-' or '+'
  std::string text;
};

std::vector<std::string> lines_of(const std::string& text) {
  auto lines = split(text, '\n');
  lines.pop_back();  // what follows the last newline
  return lines;
}

using Lines = std::vector<std::string>;

/// The middle of two lists of lines as one script of marked lines, by their longest common subsequence.
std::vector<Line> compare(const Lines& a, const Lines& b) {
  const std::size_t width = b.size() + 1;
  const bool too_many = (a.size() + 1) * width > most_pairs;
  std::vector<unsigned> longest(too_many ? 0 : (a.size() + 1) * width, 0);
  for (std::size_t i = a.size(); !too_many && i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      longest[i * width + j] = a[i] == b[j] ? longest[(i + 1) * width + j + 1] + 1
                                            : std::max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  std::vector<Line> script;
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (!too_many && i < a.size() && j < b.size() && a[i] == b[j]) {
      script.push_back(Line{' ', a[i++]});
      ++j;
    } else if (i < a.size() &&
               (j == b.size() || too_many || longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      script.push_back(Line{'-', a[i++]});
    } else {
      script.push_back(Line{'+', b[j++]});
    }
  }
  return script;
}

/// The whole of two texts as one script. What is the same at both ends needs no comparing.
std::vector<Line> script_of(const Lines& a, const Lines& b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t head = 0, tail = 0;
  while (head < shorter && a[head] == b[head]) ++head;
  while (tail < shorter - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<std::ptrdiff_t>(head), lines.end() - static_cast<std::ptrdiff_t>(tail));
  };
  std::vector<Line> script;
  for (std::size_t i = 0; i < head; ++i) script.push_back(Line{' ', a[i]});
  for (auto& line : compare(middle(a), middle(b))) script.push_back(std::move(line));
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) script.push_back(Line{' ', a[i]});
  return script;
}

/// Prints script[begin, end) as one hunk; `a` and `b` are the lines of each text that stand before it.
std::string hunk(const std::vector<Line>& script, std::size_t begin, std::size_t end, std::size_t a, std::size_t b) {
  std::string text;
  std::size_t in_a = 0, in_b = 0;
  for (std::size_t i = begin; i < end; ++i) {
    in_a += script[i].mark != '+' ? 1 : 0;
    in_b += script[i].mark != '-' ? 1 : 0;
    text += script[i].mark + script[i].text + "\n";
  }
  // An empty range is named by the line before it.
  return fmt::format("@@ -{},{} +{},{} @@\n{}", a + (in_a > 0 ? 1 : 0), in_a, b + (in_b > 0 ? 1 : 0), in_b, text);
}

/// The index of the first changed line at or after `i`.
std::size_t next_change(const std::vector<Line>& script, std::size_t i) {
  while (i < script.size() && script[i].mark == ' ') ++i;
  return i;
}

}  // namespace

std::string unified_diff(const std::string& before, const std::string& after, const std::string& label) {
  if (before == after) return "";
  const auto script = script_of(lines_of(before), lines_of(after));
  std::string text = fmt::format("--- {} (captured)\n+++ {} (fixed)\n", label, label);
  std::size_t done = 0, a = 0, b = 0;
  for (std::size_t change = next_change(script, 0); change < script.size();) {
    const std::size_t begin = std::max(done, change - std::min(change, context));
    std::size_t end = change;
    // Changes whose contexts touch share a hunk.
    while (change < script.size() && change <= end + 2 * context) {
      while (change < script.size() && script[change].mark != ' ') ++change;
      end = change;
      change = next_change(script, change);
    }
    end = std::min(end + context, script.size());
    for (; done < begin; ++done, ++a, ++b) {}
    text += hunk(script, begin, end, a, b);
    for (; done < end; ++done) {
      a += script[done].mark != '+' ? 1 : 0;
      b += script[done].mark != '-' ? 1 : 0;
    }
  }
  return text;
}

std::string readable_yaml(Json object) {
  if (!object.is_object()) return dump_yaml(object);
  object.erase("status");
  const auto metadata = object.find("metadata");
  if (metadata != object.end() && metadata->is_object()) {
    for (const char* noise :
         {"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}) {
      metadata->erase(noise);
    }
    const auto annotations = metadata->find("annotations");
    if (annotations != metadata->end() && annotations->is_object()) {
      annotations->erase("kubectl.kubernetes.io/last-applied-configuration");
    }
  }
  return dump_yaml(object);
}

}  // namespace meshdx::fix
