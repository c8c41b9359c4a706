// Finds secrets in text: the scanners behind the Redactor. All are linear and take any bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meshdx::run {

/// A stretch of a text that is secret, or (`nested`) a JSON string that holds JSON and is to be searched by itself.
struct Secret {
  std::size_t begin = 0;
  std::size_t end = 0;
  const char* kind = "";
  bool nested = false;
};

/// Whether a name says that its value is secret: DB_PASSWORD, api-key, access_token; not TOKEN_FILE or token_ttl.
bool is_secret_name(std::string_view name);
/// Whether a header's value is a credential: Authorization, Cookie, Set-Cookie and the like.
bool is_secret_header(std::string_view name);
/// Whether a value cannot be a secret: empty, a truth value, a small number, or redacted already.
bool is_harmless_value(std::string_view value);

/// Secrets by their shape, in the order of the text and without overlap: JWTs, credentials, keys, header values, …
std::vector<Secret> find_shaped_secrets(std::string_view text);

/// Secrets by their place in JSON, in no order: Secret data, env values, members with telling names. Takes JSON,
/// several JSON texts one after the other, or log lines some of which are JSON. What cannot be read as JSON is passed
/// over.
std::vector<Secret> find_placed_secrets(std::string_view text);

/// The text of a JSON string's inside (between the quotes), and the reverse.
std::string json_unescape(std::string_view inside);
std::string json_escape(std::string_view text);

}  // namespace meshdx::run
