#include "evidence/dump.hpp"

#include <algorithm>

#include "evidence/json_slices.hpp"
#include "util/text.hpp"

namespace meshdx::evidence::dump {

namespace {

/// So much is there behind the scanner's place wherever a name or a sign between values is looked for.
constexpr std::size_t k_ahead = 4096;
/// So much stays in front of it: the indentation of the line it stands on.
constexpr std::size_t k_behind = 1024;
/// So many parts an element may take to be found by its layout.
constexpr int k_parts_of_element = 8;

/// One run over a dump. Methods give false once m_error is set. A slice of the text is good until anything is looked for
/// behind it: the window may have moved on then.
class Walk {
 public:
  Walk(const Input& text, const Shape& shape, const Reader& reader)
      : m_shape(shape), m_reader(reader), m_window(text), m_scan(m_window.text(), json_start(m_window.text())) {}

  Expected<Done> run() {
    if (m_window.error().empty() && m_window.all_there() && trim(m_window.text()).empty()) return Error{std::string(m_shape.what) + ": the text is empty"};
    const bool good = document() && at_end();
    if (!m_window.error().empty()) return Error{m_window.error()};
    if (!good) return Error{m_error};
    return Done{};
  }

 private:
  bool at_end() {
    while (peek() == '\0' && m_scan.at() == m_window.text().size() && !m_window.all_there()) move_on();
    return (peek() == '\0' && m_scan.at() == m_window.text().size()) || broken("there is text after the end of the JSON");
  }

  void move_on() {
    const auto behind = std::min(m_scan.at(), k_behind);
    m_window.more(m_scan.at() - behind);
    m_scan = JsonScanner(m_window.text(), behind);
  }
  void look_ahead() {
    while (!m_window.all_there() && m_window.text().size() - m_scan.at() < k_ahead) move_on();
  }
  char peek() {
    look_ahead();
    return m_scan.peek();
  }
  bool take(char c) {
    look_ahead();
    return m_scan.take(c);
  }
  /// A value whole, however many parts that takes; "" as JsonScanner.
  std::string_view value() {
    peek();
    for (;; move_on()) {
      const auto start = m_scan;
      const auto slice = m_scan.value();
      if (!slice.empty() || m_window.all_there()) return slice;
      m_scan = start;
    }
  }
  /// Where the scanner stands in the whole text.
  std::size_t position() const { return m_window.before() + m_scan.at(); }

  bool document() {
    m_started = peek() == '[' || peek() == '{';
    if (peek() == '[') return list(List{"", {}});
    if (peek() != '{') return broken("there is no JSON list or object in it");
    const auto start = position();
    if (!object(true)) return false;
    if (m_found || (m_shape.empty_object && m_members == 0)) return true;
    m_error = std::string(m_shape.what) + ", byte " + std::to_string(start) + ": the object has no " +
              std::string(m_shape.lists.front().key) + " list" + (m_keys.empty() ? "" : ", only " + m_keys);
    return false;
  }

  /// An object that holds the lists; the outermost may instead hold "configs", a list of such objects.
  bool object(bool outermost) {
    take('{');
    if (take('}')) return true;
    do {
      bool named = false;
      look_ahead();
      const std::string name(m_scan.name(named));
      if (!named) return broken("a member's name is expected");
      if (outermost) ++m_members;
      if (!member(name, outermost)) return false;
    } while (take(','));
    return take('}') || broken("a comma or } is expected");
  }

  bool member(const std::string& key, bool outermost) {
    if (outermost && key == "configs" && peek() == '[') return configs();
    for (const auto& candidate : m_shape.lists) {
      if (!same_key(key, candidate.key)) continue;
      m_found = true;
      return list(candidate);
    }
    if (outermost && m_keys.size() < 100) m_keys += (m_keys.empty() ? "" : ", ") + printable(key.substr(0, 40));
    const auto slice = value();
    if (key == "@type" && ends_with(slice, m_shape.section + std::string("\""))) m_found = true;
    return !slice.empty() || broken("a value is expected");
  }

  bool configs() {
    take('[');
    if (take(']')) return true;
    do {
      if (peek() != '{') return broken("an object is expected");
      if (!object(false)) return false;
    } while (take(','));
    return take(']') || broken("a comma or ] is expected");
  }

  bool list(const List& place) {
    if (!take('[')) return broken("a list is expected");
    if (take(']')) return true;
    do {
      peek();
      ++m_element;
      m_element_at = position();
      if (!element(place)) return false;
    } while (take(','));
    return take(']') || broken("a comma or ] is expected");
  }

  /// By the layout where that serves, which is three times as fast as pairing brackets; else by the brackets.
  bool element(const List& place) {
    simdjson::dom::element element;
    const auto guess = m_laid_out ? laid_out_object() : std::string_view();
    m_laid_out = !guess.empty() && parse_padded(m_parser, m_buffer, guess, element) == simdjson::SUCCESS;
    if (m_laid_out) {
      m_scan.skip(guess);
      return record(element, place);
    }
    const auto slice = value();
    if (slice.empty()) return fail(m_scan.at() >= m_window.text().size() ? "the JSON breaks off" : "a value is expected");
    const auto code = parse_padded(m_parser, m_buffer, slice, element);
    if (code != simdjson::SUCCESS) return fail(std::string("it is no JSON: ") + simdjson::error_message(code));
    return record(element, place);
  }

  /// As JsonScanner's; one that does not end in this part may do so in the next.
  std::string_view laid_out_object() {
    auto slice = m_scan.laid_out_object();
    for (int parts = 0; slice.empty() && !m_window.all_there() && parts < k_parts_of_element; ++parts) {
      move_on();
      slice = m_scan.laid_out_object();
    }
    return slice;
  }

  bool record(simdjson::dom::element element, const List& place) {
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
    peek();
    const std::string where = m_element > 0 ? ", after element " + std::to_string(m_element) + " at byte " : ", byte ";
    m_error = m_shape.what + where + std::to_string(position()) + ": ";
    m_error += m_scan.at() >= m_window.text().size() && m_started ? "the JSON breaks off" : wanted;
    return false;
  }

  /// Trouble with the element at hand.
  bool fail(const std::string& why) {
    m_error = m_shape.what + (", element " + std::to_string(m_element));
    m_error += " at byte " + std::to_string(m_element_at) + ": " + why;
    return false;
  }

  const Shape& m_shape;
  const Reader& m_reader;
  Window m_window;
  JsonScanner m_scan;
  simdjson::dom::parser m_parser;
  std::string m_buffer;
  std::size_t m_element = 0, m_element_at = 0, m_members = 0;
  bool m_started = false, m_found = false;
  bool m_laid_out = true;   ///< until an element is not: looking for its end in vain may cost the whole text each time
  std::string m_keys, m_error;
};

}  // namespace

Expected<Done> for_each_record(const Input& text, const Shape& shape, const Reader& reader) {
  return Walk(text, shape, reader).run();
}

}  // namespace meshdx::evidence::dump
