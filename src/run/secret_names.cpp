#include <algorithm>
#include <array>

#include "run/secrets.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

/// Lower case, without what divides words: `Api-Key` and `API_KEY` are both `apikey`.
std::string squeezed(std::string_view name) {
  std::string text;
  for (const char c : lower(name)) {
    if (c != '_' && c != '-' && c != '.' && c != ' ') text += c;
  }
  return text;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  static constexpr std::array marks{"password", "passwd", "passphrase", "token", "secret", "secretkey", "apikey",
                                    "accesskey", "privatekey", "credential", "credentials", "passcode", "authkey",
                                    "secretaccesskey", "clientsecret", "signingkey", "encryptionkey"};
  if (name.empty() || name.size() > 128) return false;
  const std::string word = squeezed(name);
  const bool ends = std::any_of(marks.begin(), marks.end(), [&](const char* mark) { return ends_with(word, mark); });
  return ends || (word.size() > 3 && word != "oldpwd" && ends_with(word, "pwd"));
}

bool is_secret_header(std::string_view name) {
  static constexpr std::array headers{"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key",
                                      "x-auth-token", "x-amz-security-token", "x-forwarded-access-token"};
  const std::string word = lower(name);
  return std::find(headers.begin(), headers.end(), word) != headers.end();
}

bool is_harmless_value(std::string_view value) {
  static constexpr std::array harmless{"", "-", "true", "false", "null", "none", "redacted", "[redacted]",
                                       "data+omitted", "<redacted>", "w3jlzgfjdgvkxq=="};
  const std::string word = lower(value.substr(0, 32));
  if (value.size() <= 32 && std::find(harmless.begin(), harmless.end(), word) != harmless.end()) return true;
  if (starts_with(value, "REDACTED-")) return true;
  // `%REQ(AUTHORIZATION)%`, `$(TOKEN)`: it says where a value comes from.
  if (starts_with(value, "%") || starts_with(value, "$(") || starts_with(value, "${")) return true;
  return value.size() <= 3 && value.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace meshdx::run
