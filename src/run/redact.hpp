// Takes secrets out of what commands printed before it is kept. Knows secrets by their looks, not what an output means.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "run/recording.hpp"

namespace meshdx::run {

/// Replaces secrets by placeholders like `REDACTED-3-jwt`; the same secret gets the same one, so that joins still work.
/// JSON stays valid, and all else stays byte for byte. Redacted are (kind in parentheses):
///   - values of a Secret's data and stringData, and its last-applied-configuration (secret-data)
///   - env entries, members and `key=value` pairs whose names say password, token, secret, api key …, and such
///     lines of YAML (env, field, param)
///   - JWTs (jwt), Bearer and Basic credentials (bearer, basic), PEM private keys, plain or base64 (private-key)
///   - Authorization, Cookie and Set-Cookie values (header), and user:password@ in a URL (url)
/// Public certificates and what is redacted already stay. One object serves one recording.
class Redactor {
 public:
  /// Takes what `argv` printed (JSON, log lines, any bytes); gives it without secrets. Linear in its size.
  std::string redact(const Argv& argv, std::string_view text);
  /// The same for one argument of meshdx itself. Short cookies that name no session stay: routes match on them.
  std::string redact_argument(const std::string& argument);
  /// What was redacted until now, by command and kind, in the order of the calls.
  [[nodiscard]] const std::vector<Redaction>& redactions() const { return m_redactions; }

 private:
  std::string redact_text(std::string_view text, int depth, std::map<std::string, std::size_t>& counts);
  const std::string& placeholder(std::string_view secret, const std::string& kind);
  void note(const Argv& argv, const std::map<std::string, std::size_t>& counts);

  std::unordered_map<std::string, std::string> m_placeholders;
  std::vector<Redaction> m_redactions;
};

}  // namespace meshdx::run
