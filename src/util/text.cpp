#include "util/text.hpp"

#include <algorithm>
#include <numeric>

namespace meshdx {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (true) {
    const auto end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) {
    if (&part != parts.data()) text += separator;
    text += part;
  }
  return text;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

namespace {
// ASCII only, whatever the locale; the C library's tolower is a call for every byte of a log.
char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char loose_char(char c) { return c == '_' ? ' ' : lower_char(c); }
}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower_char);
  return result;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool contains_loosely(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return loose_char(a) == loose_char(b); }) != text.end() || part.empty();
}

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

std::optional<std::uint64_t> to_number(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

std::string count(std::size_t n, std::string_view singular) {
  std::string text = std::to_string(n) + " " + std::string(singular);
  if (n == 1) return text;
  const bool hissing = ends_with(singular, "s") || ends_with(singular, "x") || ends_with(singular, "ch");
  if (ends_with(singular, "y")) return text.substr(0, text.size() - 1) + "ies";
  return text + (hissing ? "es" : "s");
}

std::optional<std::int64_t> duration_ms(std::string_view text) {
  static constexpr std::pair<std::string_view, double> units[] = {{"ms", 1}, {"us", 0.001}, {"ns", 0.000001}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const auto number = text.substr(0, digits);
    const auto dot = number.find('.');
    const auto whole = to_number(number.substr(0, dot));
    if (!whole || *whole > 1'000'000'000) return std::nullopt;
    double value = static_cast<double>(*whole), scale = 1;
    for (const char c : dot == number.npos ? std::string_view() : number.substr(dot + 1)) {
      if (c == '.') return std::nullopt;
      value += (c - '0') * (scale /= 10);
    }
    text.remove_prefix(digits);
    const auto unit = std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return starts_with(text, u.first); });
    if (unit == std::end(units)) return std::nullopt;
    sum += value * unit->second;
    text.remove_prefix(unit->first.size());
  }
  return static_cast<std::int64_t>(sum + 0.5);
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row.back();
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = 3;
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

namespace {
/// Length of the well-formed UTF-8 sequence at the front of `bytes`, 0 when there is none (RFC 3629).
std::size_t sequence_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const auto lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && at(1) < 0xA0;
    const bool surrogate = lead == 0xED && at(1) >= 0xA0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool outside = (lead == 0xF0 && at(1) < 0x90) || (lead == 0xF4 && at(1) >= 0x90);
    return tail(1) && tail(2) && tail(3) && !outside ? 4 : 0;
  }
  return 0;
}
}  // namespace

std::string printable(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  while (!bytes.empty()) {
    const auto length = sequence_length(bytes);
    const auto lead = static_cast<unsigned char>(bytes[0]);
    const bool c1 = length == 2 && lead == 0xC2 && static_cast<unsigned char>(bytes[1]) < 0xA0;
    if (length == 0) {
      text += "\xEF\xBF\xBD";
    } else if ((lead < 0x20 && lead != '\n' && lead != '\t') || lead == 0x7F) {
      text += {'\\', 'x', digits[lead >> 4U], digits[lead & 0xFU]};
    } else if (!c1) {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

std::string printable_line(std::string_view bytes) { return replace_all(printable(bytes), "\n", " "); }

}  // namespace meshdx
