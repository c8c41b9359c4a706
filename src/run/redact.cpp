#include "run/redact.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "run/secrets.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

/// JSON within JSON within JSON: as deep as last-applied-configuration ever nests, and a bound on the work.
constexpr int g_max_nesting = 3;

/// A secret and what stands in its place.
struct Change {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string text;
};

bool before(const Secret& a, const Secret& b) {
  // Of two that begin together the wider one counts, and a secret counts more than a string to be searched.
  if (a.begin != b.begin) return a.begin < b.begin;
  if (a.end != b.end) return a.end > b.end;
  return !a.nested && b.nested;
}

std::string with_changes(std::string_view text, const std::vector<Change>& changes) {
  std::string result;
  std::size_t at = 0;
  for (const auto& change : changes) {
    result += text.substr(at, change.begin - at);
    result += change.text;
    at = change.end;
  }
  result += text.substr(at);
  return result;
}

/// A cookie that a route may well match on (`user=jason`, `canary=always`) and that opens nothing.
bool is_plain_cookie(std::string_view name, std::string_view value) {
  static const std::vector<std::string> marks{"sess", "sid", "token", "auth", "jwt", "csrf", "secret", "key", "pass"};
  const std::string word = lower(name);
  const bool telling = std::any_of(marks.begin(), marks.end(), [&](const auto& mark) { return contains(word, mark); });
  return value.size() <= 12 && !telling;
}

}  // namespace

std::string Redactor::redact(const Argv& argv, std::string_view text) {
  std::map<std::string, std::size_t> counts;
  std::string result = redact_text(text, 0, counts);
  note(argv, counts);
  return result;
}

std::string Redactor::redact_argument(const std::string& argument) {
  std::map<std::string, std::size_t> counts;
  const auto cookie = lower(argument).find("cookie:");
  if (cookie == std::string::npos) {
    std::string result = redact_text(argument, 0, counts);
    note({"meshdx"}, counts);
    return result;
  }
  std::string result = argument.substr(0, cookie + 7);
  std::string separator;
  for (const auto& pair : split(argument.substr(cookie + 7), ';')) {
    const auto equals = pair.find('=');
    const auto value = equals == std::string::npos ? std::string() : pair.substr(equals + 1);
    result += separator + pair.substr(0, equals == std::string::npos ? pair.size() : equals + 1);
    separator = ";";
    const auto name = trim(std::string_view(pair).substr(0, equals));
    const bool plain = is_harmless_value(value) || is_plain_cookie(name, value);
    if (!plain) ++counts["header"];
    result += plain ? value : placeholder(value, "header");
  }
  note({"meshdx"}, counts);
  return result;
}

std::string Redactor::redact_text(std::string_view text, int depth, std::map<std::string, std::size_t>& counts) {
  std::vector<Secret> secrets = find_placed_secrets(text);
  const std::size_t placed = secrets.size();
  std::sort(secrets.begin(), secrets.end(), before);
  const auto shaped = find_shaped_secrets(text);
  secrets.insert(secrets.end(), shaped.begin(), shaped.end());
  // Where both found the same place, the one that knows its bounds from the JSON comes first.
  std::inplace_merge(secrets.begin(), secrets.begin() + static_cast<std::ptrdiff_t>(placed), secrets.end(), before);
  std::vector<Change> changes;
  std::size_t done = 0;
  for (const auto& secret : secrets) {
    if (secret.begin < done) continue;
    const auto inside = text.substr(secret.begin, secret.end - secret.begin);
    if (secret.nested) {
      const std::string inner = depth < g_max_nesting ? json_unescape(inside) : "";
      const std::string clean = inner.empty() ? "" : redact_text(inner, depth + 1, counts);
      if (clean == inner) continue;
      changes.push_back({secret.begin, secret.end, json_escape(clean)});
    } else {
      ++counts[secret.kind];
      changes.push_back({secret.begin, secret.end, placeholder(inside, secret.kind)});
    }
    done = secret.end;
  }
  return with_changes(text, changes);
}

const std::string& Redactor::placeholder(std::string_view secret, const std::string& kind) {
  const auto [place, is_new] = m_placeholders.try_emplace(std::string(secret));
  if (is_new) place->second = fmt::format("REDACTED-{}-{}", m_placeholders.size(), kind);
  return place->second;
}

void Redactor::note(const Argv& argv, const std::map<std::string, std::size_t>& counts) {
  for (const auto& [kind, count] : counts) {
    const auto same = [&, &kind_ = kind](const Redaction& entry) { return entry.argv == argv && entry.kind == kind_; };
    const auto found = std::find_if(m_redactions.begin(), m_redactions.end(), same);
    if (found != m_redactions.end()) found->count += count;
    else m_redactions.push_back({argv, kind, count});
  }
}

}  // namespace meshdx::run
