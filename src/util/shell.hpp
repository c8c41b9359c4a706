// Turning argument vectors into text a person can paste into a POSIX shell, and back for comparison.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meshdx {

/// The word as a POSIX shell reads it back: plain words stay as they are, all else is put between single quotes.
std::string shell_quote(std::string_view word);
/// The whole command, each word quoted where it needs it.
std::string shell_join(const std::vector<std::string>& argv);

}  // namespace meshdx
