// Templates of fixes, filled in. Private to fix.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fix/fix.hpp"

namespace meshdx::fix {

/// A FixTemplate without placeholders.
struct Expanded {
  std::string title, kind, ns, name, advice, touches;
  Json patch, create;
  std::vector<std::vector<std::string>> then;
};

/// Fills a template; nullopt when a binding is missing or makes no sense in its place (an option where a word was
/// meant, a list of operations that is none).
std::optional<Expanded> expand(const diagnose::FixTemplate& fix, const facts::Bindings& bindings);

}  // namespace meshdx::fix
