// Small string helpers that know nothing of Istio.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshdx {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
bool contains(std::string_view text, std::string_view part);
/// ASCII case-insensitive search in which `_` and blank are the same: Envoy prints its details either way (formats.md 7.1).
bool contains_loosely(std::string_view text, std::string_view part);
bool starts_with(std::string_view text, std::string_view prefix);
bool ends_with(std::string_view text, std::string_view suffix);
/// A whole decimal number without sign, or nothing.
std::optional<std::uint64_t> to_number(std::string_view text);
/// "1 pod", "3 pods".
std::string count(std::size_t n, std::string_view singular);
/// A duration as Go and protobuf write it ("1h2m", "1.5s", "500ms", "0s") in milliseconds, or nothing.
std::optional<std::int64_t> duration_ms(std::string_view text);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
/// Levenshtein distance, for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to `word` within two edits, or "".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
/// Makes bytes that came from outside safe to print on a terminal: control characters become `\xNN`, broken UTF-8 U+FFFD.
std::string printable(std::string_view bytes);
/// The same in one line: line breaks become blanks.
std::string printable_line(std::string_view bytes);

}  // namespace meshdx
