#include "evidence/dump.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "util/text.hpp"

namespace meshdx::evidence::dump {

namespace {

enum Kind : unsigned char { plain, quote, open, close };

constexpr std::array<unsigned char, 256> kinds() {
  std::array<unsigned char, 256> table{};
  table['"'] = quote;
  table['['] = table['{'] = open;
  table[']'] = table['}'] = close;
  return table;
}

/// Finds where JSON values end without parsing them. It only pairs brackets outside strings; simdjson judges the rest.
class Scanner {
 public:
  Scanner(std::string_view text, std::size_t at)
      : m_begin(text.data()), m_at(text.data() + at), m_end(text.data() + text.size()) {}

  [[nodiscard]] std::size_t at() const { return static_cast<std::size_t>(m_at - m_begin); }

  /// The next character that is no blank, '\0' at the end.
  char peek() {
    while (m_at < m_end && (*m_at == ' ' || *m_at == '\n' || *m_at == '\t' || *m_at == '\r')) ++m_at;
    return m_at < m_end ? *m_at : '\0';
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++m_at;
    return true;
  }

  /// Takes one value whole; "" when the text ends in it or no value stands here.
  std::string_view value() {
    const char first = peek();
    const char* const start = m_at;
    if (first == '{' || first == '[') return container() ? slice(start) : std::string_view();
    if (first == '"') return string() ? slice(start) : std::string_view();
    while (m_at < m_end && !std::strchr(" \n\t\r,:]}[{\"", *m_at)) ++m_at;
    return m_at < m_end ? slice(start) : std::string_view();
  }

 private:
  [[nodiscard]] std::string_view slice(const char* start) const {
    return {start, static_cast<std::size_t>(m_at - start)};
  }

  /// At an opening quote; moves behind the closing one.
  bool string() {
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
  bool container() {
    static constexpr auto table = kinds();
    std::size_t depth = 0;
    for (; m_at < m_end; ++m_at) {
      skip_indent();
      if (m_at == m_end) break;
      const auto kind = table[static_cast<unsigned char>(*m_at)];
      if (kind == open) ++depth;
      if (kind == close && --depth == 0) {
        ++m_at;
        return true;
      }
      if (kind != quote) continue;
      if (!string()) return false;
      --m_at;   // string() stands behind the quote, the loop steps on
    }
    return false;
  }

  /// Half of a pretty-printed dump is indentation: eight blanks at a step.
  void skip_indent() {
    constexpr std::uint64_t blanks = 0x2020202020202020U;
    std::uint64_t word = blanks;
    while (m_end - m_at >= 8 && (std::memcpy(&word, m_at, sizeof word), word == blanks)) m_at += 8;
  }

  const char* m_begin;
  const char* m_at;
  const char* m_end;
};

/// Where the JSON begins: at the first line that begins with a bracket.
std::size_t json_start(std::string_view text) {
  if (starts_with(text, "\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '[' || text[first] == '{')) return first;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '[' || text[at] == '{') return at;
    const auto end = text.find('\n', at);
    at = end == std::string_view::npos ? text.size() : end + 1;
  }
  return text.size();
}

/// One run over a dump. Methods give false once m_error is set.
class Walk {
 public:
  Walk(std::string_view text, const Shape& shape, const Reader& reader)
      : m_bom(starts_with(text, "\xEF\xBB\xBF") ? 3 : 0), m_shape(shape), m_reader(reader), m_text(text),
        m_scan(text, m_bom + json_start(text)) {}

  Expected<Done> run() {
    if (trim(m_text).empty()) return Error{std::string(m_shape.what) + ": the text is empty"};
    if (!document()) return Error{m_error};
    if (m_scan.peek() != '\0' || m_scan.at() != m_text.size()) {
      broken("there is text after the end of the JSON");
      return Error{m_error};
    }
    return Done{};
  }

 private:
  bool document() {
    m_started = m_scan.peek() == '[' || m_scan.peek() == '{';
    if (m_scan.peek() == '[') return list(List{"", {}});
    if (m_scan.peek() != '{') return broken("there is no JSON list or object in it");
    const auto start = m_scan.at();
    if (!object(true)) return false;
    if (m_found || (m_shape.empty_object && m_members == 0)) return true;
    m_error = std::string(m_shape.what) + ", byte " + std::to_string(start) + ": the object has no " +
              std::string(m_shape.lists.front().key) + " list" + (m_keys.empty() ? "" : ", only " + m_keys);
    return false;
  }

  /// An object that holds the lists; the outermost may instead hold "configs", a list of such objects.
  bool object(bool outermost) {
    m_scan.take('{');
    if (m_scan.take('}')) return true;
    do {
      const auto key = m_scan.peek() == '"' ? m_scan.value() : std::string_view();
      if (key.size() < 2 || !m_scan.take(':')) return broken("a member's name is expected");
      if (outermost) ++m_members;
      if (!member(key.substr(1, key.size() - 2), outermost)) return false;
    } while (m_scan.take(','));
    return m_scan.take('}') || broken("a comma or } is expected");
  }

  bool member(std::string_view key, bool outermost) {
    if (outermost && key == "configs" && m_scan.peek() == '[') return configs();
    for (const auto& candidate : m_shape.lists) {
      if (!same_key(key, candidate.key)) continue;
      m_found = true;
      return list(candidate);
    }
    if (outermost && m_keys.size() < 100) m_keys += (m_keys.empty() ? "" : ", ") + printable(key.substr(0, 40));
    const auto value = m_scan.value();
    if (key == "@type" && ends_with(value, m_shape.section + std::string("\""))) m_found = true;
    return !value.empty() || broken("a value is expected");
  }

  bool configs() {
    m_scan.take('[');
    if (m_scan.take(']')) return true;
    do {
      if (m_scan.peek() != '{') return broken("an object is expected");
      if (!object(false)) return false;
    } while (m_scan.take(','));
    return m_scan.take(']') || broken("a comma or ] is expected");
  }

  bool list(const List& place) {
    if (!m_scan.take('[')) return broken("a list is expected");
    if (m_scan.take(']')) return true;
    do {
      m_scan.peek();
      ++m_element;
      m_element_at = m_scan.at();
      const auto slice = m_scan.value();
      if (slice.empty()) return fail(m_scan.at() >= m_text.size() ? "the JSON breaks off" : "a value is expected");
      if (!record(slice, place)) return false;
    } while (m_scan.take(','));
    return m_scan.take(']') || broken("a comma or ] is expected");
  }

  bool record(std::string_view slice, const List& place) {
    simdjson::dom::element element;
    const auto code = parse_padded(m_parser, m_buffer, slice, element);
    if (code != simdjson::SUCCESS) return fail(std::string("it is no JSON: ") + simdjson::error_message(code));
    if (!element.is_object()) return fail("it is no object");
    Trouble trouble;
    View view(element, &trouble, m_shape.what);
    for (const char* key : place.inner) {
      view = view.get(key);
      if (!view && trouble.what.empty()) return place.may_lack || fail(std::string("it has no \"") + key + "\"");
    }
    if (trouble.what.empty()) m_reader(view, place.key);
    return trouble.what.empty() || fail(trouble.what);
  }

  /// Trouble between values: a text that ends there was cut.
  bool broken(const char* wanted) {
    m_scan.peek();
    const std::string where = m_element > 0 ? ", after element " + std::to_string(m_element) + " at byte " : ", byte ";
    m_error = m_shape.what + where + std::to_string(m_scan.at()) + ": ";
    m_error += m_scan.at() >= m_text.size() && m_started ? "the JSON breaks off" : wanted;
    return false;
  }

  /// Trouble with the element at hand.
  bool fail(const std::string& why) {
    m_error = m_shape.what + (", element " + std::to_string(m_element));
    m_error += " at byte " + std::to_string(m_element_at) + ": " + why;
    return false;
  }

  std::size_t m_bom;
  const Shape& m_shape;
  const Reader& m_reader;
  std::string_view m_text;
  Scanner m_scan;
  simdjson::dom::parser m_parser;
  std::string m_buffer;
  std::size_t m_element = 0, m_element_at = 0, m_members = 0;
  bool m_started = false, m_found = false;
  std::string m_keys, m_error;
};

}  // namespace

Expected<Done> for_each_record(std::string_view text, const Shape& shape, const Reader& reader) {
  return Walk(text, shape, reader).run();
}

}  // namespace meshdx::evidence::dump
