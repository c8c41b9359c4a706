// Checksums of recorded outputs.
#pragma once

#include <string>
#include <string_view>

namespace meshdx::run {

/// The SHA-256 of any bytes, as 64 lower-case hex digits.
std::string sha256(std::string_view bytes);

}  // namespace meshdx::run
