#include <algorithm>
#include <array>
#include <optional>

#include "run/secrets.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/' || c == '='; }
bool is_base64url(char c) { return is_alnum(c) || c == '-' || c == '_'; }
bool is_token(char c) { return is_base64url(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~'; }

/// Decodes base64 as far as it goes; what is no base64 ends it.
std::string decode(std::string_view text) {
  std::string bytes;
  unsigned int bits = 0;
  int count = 0;
  for (const char c : text) {
    int digit = -1;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    else if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    else if (c >= '0' && c <= '9') digit = c - '0' + 52;
    else if (c == '+') digit = 62;
    else if (c == '/') digit = 63;
    if (digit < 0) break;
    bits = (bits << 6U | static_cast<unsigned int>(digit)) & 0xFFFFFFU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> static_cast<unsigned int>(count) & 0xFFU);
    }
  }
  return bytes;
}

/// Walks over a text once. Only a few bytes can begin (or stand in) a secret; each has its own look at what is around
/// it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : m_text(text) {}

  std::vector<Secret> scan() {
    static const std::array<bool, 256> triggers = [] {
      std::array<bool, 256> table{};
      for (const unsigned char c : std::string_view("eL-=:Bb")) table[c] = true;
      return table;
    }();
    while (m_at < m_text.size()) {
      if (triggers[static_cast<unsigned char>(m_text[m_at])]) look();
      ++m_at;
    }
    return std::move(m_found);
  }

 private:
  void look() {
    switch (m_text[m_at]) {
      case 'e': jwt(); break;
      case 'L': encoded_key(); break;
      case '-': plain_key(); break;
      case '=': parameter(); break;
      case 'B': case 'b': credentials(); break;
      case ':': url(); header(); yaml_line(); break;
      default: break;
    }
  }

  [[nodiscard]] bool here(std::string_view word) const { return m_text.substr(m_at, word.size()) == word; }
  [[nodiscard]] char at(std::size_t i) const { return i < m_text.size() ? m_text[i] : '\0'; }

  template <class Test>
  [[nodiscard]] std::size_t run_end(std::size_t from, Test test) const {
    while (from < m_text.size() && test(m_text[from])) ++from;
    return from;
  }

  /// Takes a secret and goes on behind it. What an earlier one covers already is not looked at again.
  void take(std::size_t begin, std::size_t end, const char* kind) {
    if (begin >= end || begin < m_taken || is_harmless_value(m_text.substr(begin, end - begin))) return;
    m_found.push_back({begin, end, kind});
    m_taken = end;
    m_at = std::max(m_at, end - 1);
  }

  /// `eyJ…` is base64 for `{"`: a header, a dot, and claims that begin the same way, or three and more parts.
  void jwt() {
    if (!here("eyJ") || (m_at > 0 && is_base64url(m_text[m_at - 1]))) return;
    const std::size_t begin = m_at;
    const std::size_t first = run_end(begin, is_base64url);
    std::size_t end = first;
    std::size_t parts = 1;
    while (at(end) == '.' && is_base64url(at(end + 1)) && parts < 5) {
      end = run_end(end + 1, is_base64url);
      ++parts;
    }
    const bool claims = m_text.substr(first, 4) == ".eyJ";
    if (first - begin >= 8 && (parts >= 3 || (parts == 2 && claims))) take(begin, end, "jwt");
    else m_at = end - 1;
  }

  /// A PEM block in base64, as Kubernetes and Envoy carry them; a certificate chain stays, unless a key is in it.
  void encoded_key() {
    if (!here("LS0tLS1CRUdJTi")) return;
    const std::size_t end = run_end(m_at, is_base64);
    if (contains(decode(m_text.substr(m_at, end - m_at)), "PRIVATE KEY")) take(m_at, end, "private-key");
    else m_at = end - 1;
  }

  void plain_key() {
    if (!here("-----BEGIN ")) return;
    const std::size_t label = m_at + 11;
    const auto dashes = m_text.substr(label, 48).find("-----");
    if (dashes == std::string_view::npos || !ends_with(m_text.substr(label, dashes), "PRIVATE KEY")) return;
    // Up to the end mark; of a block that was cut, up to the end of the string it stands in. No key is longer than the
    // window, which keeps the search linear.
    const std::string mark = "-----END " + std::string(m_text.substr(label, dashes)) + "-----";
    std::string_view window = m_text.substr(m_at, 1U << 16U);
    window = window.substr(0, window.find('"'));
    const auto found = window.find(mark);
    take(m_at, m_at + (found == std::string_view::npos ? window.size() : found + mark.size()), "private-key");
  }

  /// `token=…` in a query string, an option or a config line.
  void parameter() {
    std::size_t name = m_at;
    while (name > 0 && m_at - name < 64 && (is_base64url(m_text[name - 1]) || m_text[name - 1] == '.')) --name;
    if (name == m_at || !is_secret_name(m_text.substr(name, m_at - name))) return;
    if (contains(".[(^*+", m_text.substr(m_at + 1, 1))) return;  // the pattern of a route, not a value
    static constexpr std::string_view stops = "&\"'\\ \t\r\n;,)(#<>|`]}";
    const std::size_t end = std::min(m_text.find_first_of(stops, m_at + 1), m_text.size());
    take(m_at + 1, end, "param");
  }

  /// `Bearer …` and `Basic …`, wherever they stand.
  void credentials() {
    const char next = at(m_at + 1);
    if (next != 'e' && next != 'E' && next != 'a' && next != 'A') return;
    const std::string word = lower(m_text.substr(m_at, 7));
    if (m_at > 0 && is_alnum(m_text[m_at - 1])) return;
    if (word == "bearer ") {
      const std::size_t end = run_end(m_at + 7, is_token);
      const auto token = m_text.substr(m_at + 7, end - m_at - 7);
      const bool digit = token.find_first_of("0123456789") != std::string_view::npos;
      if (token.size() >= 20 || (token.size() >= 6 && digit)) take(m_at + 7, end, "bearer");
    } else if (starts_with(word, "basic ")) {
      const std::size_t end = run_end(m_at + 6, is_base64);
      if (contains(decode(m_text.substr(m_at + 6, end - m_at - 6)), ":")) take(m_at + 6, end, "basic");
    }
  }

  /// scheme://user:password@host
  void url() {
    if (!here("://")) return;
    const std::size_t begin = m_at + 3;
    const std::size_t end = std::min(m_text.find_first_of("/?#\"'\\ \t\r\n<>", begin), m_text.size());
    const auto authority = m_text.substr(begin, end - begin);
    const auto sign = authority.rfind('@');
    if (sign != std::string_view::npos && contains(authority.substr(0, sign), ":")) take(begin, begin + sign, "url");
  }

  /// `Authorization: …`, also with quotes around name and value. `cookie: {regex: …}` is a route, not a header.
  void header() {
    std::size_t stop = m_at;
    if (stop > 0 && (m_text[stop - 1] == '"' || m_text[stop - 1] == '\'')) --stop;
    if (stop < m_at && stop > 0 && m_text[stop - 1] == '\\') --stop;
    std::size_t name = stop;
    while (name > 0 && stop - name < 32 && (is_alnum(m_text[name - 1]) || m_text[name - 1] == '-')) --name;
    if (!is_secret_header(m_text.substr(name, stop - name))) return;
    const std::size_t begin = run_end(m_at + 1, [](char c) { return c == ' ' || c == '\\' || c == '"' || c == '\''; });
    if (at(begin) == '{' || at(begin) == '[') return;
    const std::size_t end = std::min(m_text.find_first_of("\"\\\r\n", begin), m_text.size());
    take(begin, end, "header");
  }

  /// `password: …` as a line of its own (YAML, also inside a JSON string), and the value below `name: DB_PASSWORD`.
  void yaml_line() {
    if (at(m_at + 1) != ' ') return;
    std::size_t name = m_at;
    while (name > 0 && m_at - name < 64 && (is_base64url(m_text[name - 1]) || m_text[name - 1] == '.')) --name;
    std::size_t line = name;
    while (line > 0 && name - line < 128 && (m_text[line - 1] == ' ' || m_text[line - 1] == '-')) --line;
    // The n of an escaped line feed reads as the first letter of an unindented name, or ends the indentation.
    const bool escaped = line > 0 && (m_text[line - 1] == '\\' || (m_text[line - 1] == 'n' && at(line - 2) == '\\'));
    const bool at_start = line == 0 || m_text[line - 1] == '\n' || escaped;
    const auto word = m_text.substr(name, m_at - name);
    if (!at_start || !(is_secret_name(word) || (word == "value" && names_secret_above(line)))) return;
    std::size_t begin = run_end(m_at + 1, [](char c) { return c == ' ' || c == '"' || c == '\''; });
    if (at(begin) == '\\' && at(begin + 1) == '"') begin += 2;
    if (at(begin) == '{' || at(begin) == '[' || at(begin) == '|' || at(begin) == '>') return;
    take(begin, std::min(m_text.find_first_of("\"'\\\r\n", begin), m_text.size()), "field");
  }

  /// Whether the line before this one is `name: X`, and X says that its value is secret.
  [[nodiscard]] bool names_secret_above(std::size_t line) const {
    if (line < 2) return false;
    const std::size_t from = line > 200 ? line - 200 : 0;
    const auto before = m_text.substr(from, line - 1 - from);
    const auto last = trim(before.substr(before.rfind('\n') + 1));
    const auto name = last.find("name: ");
    return name != std::string_view::npos && is_secret_name(trim(last.substr(name + 6)));
  }

  std::string_view m_text;
  std::size_t m_at = 0;
  std::size_t m_taken = 0;
  std::vector<Secret> m_found;
};

}  // namespace

std::vector<Secret> find_shaped_secrets(std::string_view text) { return Scanner(text).scan(); }

}  // namespace meshdx::run
