#include <charconv>
#include <cmath>

#include "evidence/dump.hpp"
#include "util/text.hpp"

namespace meshdx::evidence::dump {

bool same_key(std::string_view key, std::string_view camel) {
  if (key.size() == camel.size()) return key == camel;
  // Underscores are dropped rather than derived: "consecutive5xx" does not show where "consecutive_5xx" has one.
  std::size_t at = 0;
  for (const char c : camel) {
    const bool parted = at < key.size() && key[at] == '_';
    if (parted) ++at;
    const bool upper = c >= 'A' && c <= 'Z';
    const char wanted = upper ? static_cast<char>(c - 'A' + 'a') : c;
    if (at >= key.size() || key[at] != wanted || (upper && !parted)) return false;
    ++at;
  }
  return at == key.size();
}

View::View(simdjson::dom::element element, Trouble* trouble, const char* key)
    : m_element(element), m_trouble(trouble), m_key(key) {}

void View::note(std::string_view what) const {
  if (m_trouble && m_trouble->what.empty()) m_trouble->what = '"' + std::string(m_key) + "\" " + std::string(what);
}

View View::get(const char* camel) const {
  if (!m_trouble) return {};
  simdjson::dom::object object;
  if (m_element.get_object().get(object) != simdjson::SUCCESS) {
    note("is no object");
    return {};
  }
  const std::string_view wanted(camel);
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (!same_key(it.key(), wanted)) continue;
    const auto value = it.value();
    return value.is_null() ? View() : View(value, m_trouble, camel);
  }
  return {};
}

View View::get(std::initializer_list<const char*> path) const {
  View at = *this;
  for (const char* key : path) at = at.get(key);
  return at;
}

std::string_view View::view() const {
  std::string_view value;
  if (m_trouble && m_element.get_string().get(value) != simdjson::SUCCESS) note("is no text");
  return value;
}

std::string View::text(std::string_view fallback) const { return std::string(m_trouble ? view() : fallback); }

std::string View::need(const char* camel) const {
  const auto member = get(camel);
  const auto value = member.text();
  if (value.empty() && m_trouble && m_trouble->what.empty()) {
    m_trouble->what = "it has no \"" + std::string(camel) + "\"";
  }
  return value;
}

std::string View::word(std::string_view fallback) const {
  if (m_trouble && m_element.is<std::int64_t>()) return {};
  return text(fallback);
}

bool View::flag(bool fallback) const {
  bool value = fallback;
  if (m_trouble && m_element.get_bool().get(value) != simdjson::SUCCESS) note("is neither true nor false");
  return value;
}

std::optional<std::uint64_t> View::number() const {
  if (!m_trouble) return std::nullopt;
  std::uint64_t whole = 0;
  if (m_element.get_uint64().get(whole) == simdjson::SUCCESS) return whole;
  std::string_view written;
  if (m_element.get_string().get(written) == simdjson::SUCCESS) {
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), whole);
    if (error == std::errc() && end == written.data() + written.size()) return whole;
  }
  double real = 0;
  if (m_element.is_double() && m_element.get_double().get(real) == simdjson::SUCCESS && real >= 0 && real < 1e15 &&
      real == std::floor(real)) {
    return static_cast<std::uint64_t>(real);
  }
  note("is no whole number");
  return std::nullopt;
}

std::int64_t View::signed_number() const {
  std::int64_t whole = 0;
  if (!m_trouble || m_element.get_int64().get(whole) == simdjson::SUCCESS) return whole;
  std::string_view written;
  if (m_element.get_string().get(written) == simdjson::SUCCESS) {
    const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), whole);
    if (error == std::errc() && end == written.data() + written.size()) return whole;
  }
  note("is no whole number");
  return 0;
}

std::string View::printed() const {
  if (!m_trouble) return {};
  std::string_view written;
  if (m_element.get_string().get(written) == simdjson::SUCCESS) return std::string(written);
  std::int64_t whole = 0;
  if (m_element.get_int64().get(whole) == simdjson::SUCCESS) return std::to_string(whole);
  bool truth = false;
  if (m_element.get_bool().get(truth) == simdjson::SUCCESS) return truth ? "true" : "false";
  return {};
}

simdjson::error_code parse_padded(simdjson::dom::parser& parser, std::string& buffer, std::string_view slice,
                                  simdjson::dom::element& element) {
  if (buffer.size() < slice.size() + simdjson::SIMDJSON_PADDING) {
    // Grown by more than asked for, so that slowly growing elements do not allocate each time.
    buffer.resize(slice.size() + slice.size() / 2 + simdjson::SIMDJSON_PADDING);
  }
  std::copy(slice.begin(), slice.end(), buffer.begin());
  return parser.parse(buffer.data(), slice.size(), false).get(element);
}

View LineParser::parse(std::string_view line) {
  simdjson::dom::element element;
  m_trouble.what.clear();
  if (parse_padded(m_parser, m_buffer, line, element) != simdjson::SUCCESS || !element.is_object()) return {};
  return {element, &m_trouble, "line"};
}

}  // namespace meshdx::evidence::dump
