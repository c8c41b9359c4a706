#include "util/time.hpp"

#include "util/text.hpp"

namespace meshdx {
namespace {

/// Days since 1970-01-01 of a date of the Gregorian calendar; years begin in March, so that leap days come last.
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  if (month <= 2) --year;
  const std::int64_t era = year / 400, in_era = year - era * 400;
  const std::int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/// The first three digits of a fraction, ".9" being 900.
std::optional<std::int64_t> milliseconds(std::string_view fraction) {
  if (fraction.empty()) return 0;
  if (fraction[0] != '.' || !to_number(fraction.substr(1, 9))) return std::nullopt;
  std::string digits(fraction.substr(1, 3));
  digits.resize(3, '0');
  return static_cast<std::int64_t>(*to_number(digits));
}

}  // namespace

std::optional<std::int64_t> utc_ms(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00T00:00:00";
  if (text.size() <= shape.size() || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != '0' && text[i] != shape[i]) return std::nullopt;
  }
  const auto number = [&](std::size_t from, std::size_t size) { return to_number(text.substr(from, size)); };
  const auto year = number(0, 4), month = number(5, 2), day = number(8, 2);
  const auto hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  const auto fraction = milliseconds(text.substr(shape.size(), text.size() - shape.size() - 1));
  if (!year || !month || !day || !hour || !minute || !second || !fraction) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto seconds = days_of(static_cast<std::int64_t>(*year), static_cast<std::int64_t>(*month), static_cast<std::int64_t>(*day)) * 86400 +
                       static_cast<std::int64_t>(*hour * 3600 + *minute * 60 + *second);
  return seconds * 1000 + *fraction;
}

}  // namespace meshdx
