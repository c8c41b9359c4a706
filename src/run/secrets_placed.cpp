#include <algorithm>
#include <string>

#include "run/secrets.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

constexpr std::size_t g_max_depth = 256;
constexpr const char* g_last_applied = "kubectl.kubernetes.io/last-applied-configuration";

/// An object or list that is open, and what is known of it so far.
struct Frame {
  bool is_object = false;
  bool wants_key = false;             ///< an object: a key is next (or its end)
  std::string_view own_key;           ///< the key it stands under
  std::string_view key;               ///< the key whose value is next
  std::string_view kind;
  std::string_view name;              ///< of a name/value (env) or key/value (header) pair
  Secret value;
  std::vector<Secret> if_kind_secret; ///< secrets, if this object proves to be a Secret (`kind` comes after `data`)
};

/// Reads JSON for its shape alone, without building it: a proxy's dump may be 100 MB.
class Walker {
 public:
  explicit Walker(std::string_view text) : m_text(text) {}

  std::vector<Secret> walk() {
    while (m_at < m_text.size()) {
      const char c = m_text[m_at];
      if (c == '{' || c == '[') {
        if (!value_here()) skip_line();
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++m_at;
      } else {
        skip_line();
      }
    }
    return std::move(m_found);
  }

 private:
  void skip_line() { m_at = std::min(m_text.find('\n', m_at), m_text.size() - 1) + 1; }

  /// Reads one object or list; false where it stops being JSON. What was found until then counts.
  bool value_here() {
    m_open.clear();
    bool good = true;
    do {
      good = token();
    } while (good && !m_open.empty() && m_at < m_text.size());
    // Cut or broken: of what never said its kind, rather too much is taken than too little.
    while (!m_open.empty()) leave(true);
    return good;
  }

  bool token() {
    const char c = m_text[m_at];
    switch (c) {
      case ' ': case '\t': case '\r': case '\n': ++m_at; return true;
      case '{': case '[': return enter(c == '{');
      case '}': case ']':
        if (m_open.back().is_object != (c == '}')) return false;
        leave(false);
        ++m_at;
        return true;
      case ',': return comma();
      case '"': return string();
      default: return literal();
    }
  }

  bool enter(bool is_object) {
    if (m_open.size() >= g_max_depth || (!m_open.empty() && m_open.back().wants_key)) return false;
    Frame frame;
    frame.is_object = frame.wants_key = is_object;
    if (!m_open.empty() && m_open.back().is_object) frame.own_key = m_open.back().key;
    m_open.push_back(std::move(frame));
    ++m_at;
    return true;
  }

  bool comma() {
    m_open.back().wants_key = m_open.back().is_object;
    ++m_at;
    return true;
  }

  bool literal() {
    const std::size_t end = m_text.find_first_not_of("0123456789+-.eEtrufalsn", m_at);
    const bool good = end != m_at && !m_open.back().wants_key;
    m_at = std::min(end, m_text.size());
    return good;
  }

  bool string() {
    const std::size_t begin = m_at + 1;
    bool escapes = false;
    std::size_t end = begin;
    for (; end < m_text.size() && m_text[end] != '"'; ++end) {
      if (m_text[end] == '\n') return false;  // no JSON string spans lines: a stray quote in a log
      if (m_text[end] != '\\') continue;
      escapes = true;
      ++end;
    }
    end = std::min(end, m_text.size());
    m_at = std::min(end + 1, m_text.size());
    Frame& frame = m_open.back();
    if (!frame.wants_key) {
      on_value(begin, end, escapes);
      return true;
    }
    frame.key = m_text.substr(begin, end - begin);
    frame.wants_key = false;
    m_at = std::min(m_text.find_first_not_of(" \t\r\n", m_at), m_text.size());
    if (m_at < m_text.size() && m_text[m_at] != ':') return false;
    ++m_at;
    return true;
  }

  void on_value(std::size_t begin, std::size_t end, bool escapes) {
    const auto text = m_text.substr(begin, end - begin);
    // A string with JSON in it (last-applied-configuration above all) is searched by itself.
    if (escapes && (starts_with(text, "{") || starts_with(text, "["))) m_found.push_back({begin, end, "", true});
    Frame& frame = m_open.back();
    if (!frame.is_object) return;
    if (frame.key == "kind") frame.kind = text;
    if (frame.key == "name" || frame.key == "key") frame.name = text;
    if (frame.key == "value") frame.value = {begin, end, ""};
    if (frame.own_key == "data" || frame.own_key == "stringData") in_owner(1, {begin, end, "secret-data"});
    if (frame.key == g_last_applied) in_owner(2, {begin, end, "secret-data"});
    if (is_secret_header(frame.key)) keep({begin, end, "header"});
    else if (is_secret_name(frame.key)) keep({begin, end, "field"});
  }

  /// Leaves the decision to the object so many levels up.
  void in_owner(std::size_t levels, const Secret& secret) {
    if (m_open.size() > levels) m_open[m_open.size() - 1 - levels].if_kind_secret.push_back(secret);
  }

  void leave(bool broken) {
    const Frame frame = std::move(m_open.back());
    m_open.pop_back();
    if (frame.kind == "Secret" || (broken && frame.kind.empty())) {
      for (const auto& secret : frame.if_kind_secret) keep(secret);
    }
    Secret value = frame.value;
    value.kind = is_secret_header(frame.name) ? "header" : "env";
    if (value.end > value.begin && (is_secret_header(frame.name) || is_secret_name(frame.name))) keep(value);
  }

  void keep(const Secret& secret) {
    if (!is_harmless_value(m_text.substr(secret.begin, secret.end - secret.begin))) m_found.push_back(secret);
  }

  std::string_view m_text;
  std::size_t m_at = 0;
  std::vector<Frame> m_open;
  std::vector<Secret> m_found;
};

}  // namespace

std::vector<Secret> find_placed_secrets(std::string_view text) { return Walker(text).walk(); }

std::string json_unescape(std::string_view inside) {
  const auto parsed = parse_json("\"" + std::string(inside) + "\"");
  return parsed.ok() && parsed->is_string() ? parsed->get<std::string>() : "";
}

std::string json_escape(std::string_view text) {
  const std::string quoted = dump_json(Json(std::string(text)));
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace meshdx::run
