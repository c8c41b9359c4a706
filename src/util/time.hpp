// Times as proxies and Kubernetes print them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meshdx {

/// Milliseconds since the epoch of a time in UTC by RFC 3339 ("2026-01-31T12:00:00Z", with or without a fraction of a
/// second); nullopt for anything else.
std::optional<std::int64_t> utc_ms(std::string_view text);

}  // namespace meshdx
