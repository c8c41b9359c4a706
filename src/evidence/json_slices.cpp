#include "evidence/json_slices.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

enum class Mark : unsigned char { plain, quote, open, close };

constexpr std::array<Mark, 256> marks() {
  std::array<Mark, 256> table{};
  table['"'] = Mark::quote;
  table['['] = table['{'] = Mark::open;
  table[']'] = table['}'] = Mark::close;
  return table;
}

}  // namespace

char JsonScanner::peek() {
  while (m_at < m_end && (*m_at == ' ' || *m_at == '\n' || *m_at == '\t' || *m_at == '\r')) ++m_at;
  return m_at < m_end ? *m_at : '\0';
}

bool JsonScanner::take(char c) {
  if (peek() != c) return false;
  ++m_at;
  return true;
}

std::string_view JsonScanner::value() {
  const char first = peek();
  const char* const start = m_at;
  if (first == '{' || first == '[') return container() ? slice(start) : std::string_view();
  if (first == '"') return string() ? slice(start) : std::string_view();
  while (m_at < m_end && !std::strchr(" \n\t\r,:]}[{\"", *m_at)) ++m_at;
  return m_at < m_end ? slice(start) : std::string_view();
}

std::string_view JsonScanner::laid_out_object() const {
  if (m_end - m_at < 2 || m_at[0] != '{' || m_at[1] != '\n') return {};
  const char* line = m_at;
  while (line > m_begin && line[-1] == ' ') --line;
  if (line > m_begin && line[-1] != '\n') return {};
  const std::string_view indent(line, static_cast<std::size_t>(m_at - line));
  for (const char* at = m_at + 1; const auto* end = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(m_end - at)));) {
    at = end + 1;
    if (static_cast<std::size_t>(m_end - at) <= indent.size()) return {};
    const char* const close = at + indent.size();
    if (*close == '}' && std::string_view(at, indent.size()) == indent) return {m_at, static_cast<std::size_t>(close + 1 - m_at)};
  }
  return {};
}

std::string_view JsonScanner::name(bool& ok) {
  const auto key = peek() == '"' ? value() : std::string_view();
  ok = key.size() >= 2 && take(':');
  return ok ? key.substr(1, key.size() - 2) : std::string_view();
}

/// At an opening quote; moves behind the closing one.
bool JsonScanner::string() {
  const char* from = m_at + 1;
  while (const auto* end = static_cast<const char*>(std::memchr(from, '"', static_cast<std::size_t>(m_end - from)))) {
    const char* before = end;
    while (before > from && before[-1] == '\\') --before;
    from = end + 1;
    if ((end - before) % 2 != 0) continue;
    m_at = from;
    return true;
  }
  m_at = m_end;
  return false;
}

/// At an opening bracket; moves behind the one that closes it.
bool JsonScanner::container() {
  static constexpr auto table = marks();
  std::size_t depth = 0;
  for (; m_at < m_end; ++m_at) {
    skip_indent();
    if (m_at == m_end) break;
    const auto mark = table[static_cast<unsigned char>(*m_at)];
    if (mark == Mark::open) ++depth;
    if (mark == Mark::close && --depth == 0) {
      ++m_at;
      return true;
    }
    if (mark != Mark::quote) continue;
    if (!string()) return false;
    --m_at;   // string() stands behind the quote, the loop steps on
  }
  return false;
}

/// Half of a pretty-printed dump is indentation: eight blanks at a step.
void JsonScanner::skip_indent() {
  constexpr std::uint64_t blanks = 0x2020202020202020U;
  std::uint64_t word = blanks;
  while (m_end - m_at >= 8 && (std::memcpy(&word, m_at, sizeof word), word == blanks)) m_at += 8;
}

std::size_t json_start(std::string_view text) {
  const std::size_t bom = starts_with(text, "\xEF\xBB\xBF") ? 3 : 0;
  const auto first = text.find_first_not_of(" \t\r\n", bom);
  if (first != std::string_view::npos && (text[first] == '[' || text[first] == '{')) return first;
  for (std::size_t at = bom; at < text.size();) {
    if (text[at] == '[' || text[at] == '{') return at;
    const auto end = text.find('\n', at);
    at = end == std::string_view::npos ? text.size() : end + 1;
  }
  return text.size();
}

std::optional<std::vector<std::string_view>> element_slices(std::string_view list) {
  JsonScanner scan(list, 0);
  std::vector<std::string_view> elements;
  if (!scan.take('[')) return std::nullopt;
  if (scan.take(']')) return elements;
  do {
    elements.push_back(scan.value());
    if (elements.back().empty()) return std::nullopt;
  } while (scan.take(','));
  return scan.take(']') ? std::optional(elements) : std::nullopt;
}

std::string_view member_slice(std::string_view object, std::string_view name) {
  JsonScanner scan(object, 0);
  if (!scan.take('{') || scan.take('}')) return {};
  do {
    bool ok = false;
    const auto key = scan.name(ok);
    const auto value = ok ? scan.value() : std::string_view();
    if (value.empty() || key == name) return value;
  } while (scan.take(','));
  return {};
}

}  // namespace meshdx::evidence
