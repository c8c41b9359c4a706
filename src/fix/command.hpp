// The commands to paste. All words are shell-quoted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/json.hpp"

namespace meshdx::fix {

using Argv = std::vector<std::string>;

/// What a command is about.
struct Target {
  std::string resource;   ///< as kubectl wants it: "service", "gateway.networking.istio.io"
  std::string ns, name;   ///< ns "" for what has no namespace
};

/// Whether a word can name a Kubernetes object or namespace: such words can be neither options nor shell syntax.
bool is_name(std::string_view word);
/// The resource of a kind: with its group where other APIs have the same kind ("gateway.networking.istio.io").
std::string resource_of(const std::string& api_version, const std::string& kind);

/// A command with the words that select the cluster put behind its program.
Argv with_flags(Argv argv, const std::vector<std::string>& flags);
Argv patch_command(const Target& target, const Json& patch);
Argv delete_command(const Target& target);
/// `kubectl create ... -f - <<'EOF' && then ...`, the object as YAML, `EOF`. Its lines are `key:` or `- ` lines, so
/// none of them can end the text early.
std::string create_text(const Argv& create, const std::vector<Argv>& then, const Json& object);
/// Commands of which each runs only when those before it succeeded.
std::string chain(const std::vector<Argv>& commands);

}  // namespace meshdx::fix
