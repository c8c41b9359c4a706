#include "evidence/joined.hpp"

#include <algorithm>

#include "evidence/evidence.hpp"
#include "evidence/json_slices.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

bool in_config_dump(Kind kind) {
  return kind == Kind::clusters || kind == Kind::listeners || kind == Kind::routes || kind == Kind::secrets;
}

/// What a command asks of a proxy's dump; nullopt for every other one, which is left alone.
std::optional<Key> dump_key(const run::Argv& command) {
  const auto key = key_of(command);
  return key && in_config_dump(key->kind) && command_for(*key) == command ? key : std::nullopt;
}

const char* section_of(Kind kind) {
  switch (kind) {
    case Kind::clusters: return "ClustersConfigDump\"";
    case Kind::listeners: return "ListenersConfigDump\"";
    case Kind::routes: return "RoutesConfigDump\"";
    default: return "SecretsConfigDump\"";
  }
}

}  // namespace

std::vector<Join> joins_of(const std::vector<run::Argv>& commands) {
  std::vector<Join> joins;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const auto key = dump_key(commands[i]);
    if (!key) continue;
    const run::Argv whole{"istioctl", "proxy-config", "all", key->name + "." + key->ns, "-o", "json"};
    const auto same = std::find_if(joins.begin(), joins.end(), [&](const Join& join) { return join.argv == whole; });
    if (same == joins.end()) joins.push_back({whole, {i}});
    else same->members.push_back(i);
  }
  joins.erase(std::remove_if(joins.begin(), joins.end(), [](const Join& join) { return join.members.size() < 2; }), joins.end());
  return joins;
}

std::optional<std::vector<run::CommandResult>> take_apart(const std::vector<run::Argv>& members, const run::CommandResult& joined) {
  if (joined.end != run::End::exited || joined.exit_code != 0 || joined.truncated) return std::nullopt;
  const std::string_view text = joined.out;
  const auto sections = element_slices(member_slice(text.substr(json_start(text)), "configs"));
  if (!sections) return std::nullopt;
  std::vector<run::CommandResult> parts;
  for (const auto& member : members) {
    const auto key = dump_key(member);
    if (!key) return std::nullopt;
    const auto section = std::find_if(sections->begin(), sections->end(), [&](std::string_view slice) {
      return ends_with(member_slice(slice, "@type"), std::string(".") + section_of(key->kind));
    });
    if (section == sections->end()) return std::nullopt;
    parts.push_back(run::in_place_of(member, joined));
    parts.back().out = "{\n \"configs\": [\n  " + std::string(*section) + "\n ]\n}\n";
  }
  return parts;
}

}  // namespace meshdx::evidence
