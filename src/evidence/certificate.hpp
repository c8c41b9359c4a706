// X.509 certificates in PEM. Internal to evidence/envoy_secrets.cpp; the only place that knows OpenSSL's X509.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/envoy.hpp"
#include "util/expected.hpp"

namespace meshdx::evidence {

/// Decodes base64 (RFC 4648, both alphabets, padding optional) as protojson reads `bytes`. Nothing when it is none.
std::optional<std::string> decode_base64(std::string_view text);

/// All certificates of a PEM text, in order; text around them is skipped as OpenSSL does. Takes any bytes; an Error
/// when a certificate block cannot be read.
Expected<std::vector<Certificate>> parse_certificates(std::string_view pem);

}  // namespace meshdx::evidence
