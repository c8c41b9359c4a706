#include "fix/command.hpp"

#include <array>
#include <utility>

#include "util/shell.hpp"
#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::fix {
namespace {

constexpr std::string_view lower_and_digits = "abcdefghijklmnopqrstuvwxyz0123456789";

void add_target(Argv& argv, const Target& target) {
  argv.push_back(target.resource);
  argv.push_back(target.name);
  if (target.ns.empty()) return;
  argv.emplace_back("-n");
  argv.push_back(target.ns);
}

}  // namespace

bool is_name(std::string_view word) {
  // RFC 1123 subdomains: names of all objects that meshdx edits.
  if (word.empty() || word.size() > 253 ||
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") != word.npos)
    return false;
  return lower_and_digits.find(word.front()) != word.npos && lower_and_digits.find(word.back()) != word.npos;
}

std::string resource_of(const std::string& api_version, const std::string& kind) {
  const std::string group = api_version.substr(0, api_version.find('/'));
  const bool grouped = api_version.find('/') != std::string::npos && group.find('.') != std::string::npos;
  // "apps" and Kubernetes' own groups hold kinds that no other API shares; kubectl reads them by their plain name.
  const bool own = ends_with(group, ".k8s.io") && !ends_with(group, "gateway.networking.k8s.io");
  return grouped && !own ? lower(kind) + "." + group : lower(kind);
}

Argv with_flags(Argv argv, const std::vector<std::string>& flags) {
  argv.insert(argv.begin() + (argv.empty() ? 0 : 1), flags.begin(), flags.end());
  return argv;
}

Argv patch_command(const Target& target, const Json& patch) {
  Argv argv = {"kubectl", "patch"};
  add_target(argv, target);
  argv.insert(argv.end(), {"--type=json", "-p", dump_json(patch)});
  return argv;
}

Argv delete_command(const Target& target) {
  Argv argv = {"kubectl", "delete"};
  add_target(argv, target);
  return argv;
}

std::string create_text(const Argv& create, const std::vector<Argv>& then, const Json& object) {
  std::string text = shell_join(create) + " <<'EOF'";
  if (!then.empty()) text += " && " + chain(then);
  return text + "\n" + dump_yaml(object) + "EOF";
}

std::string chain(const std::vector<Argv>& commands) {
  std::vector<std::string> parts;
  for (const auto& argv : commands) parts.push_back(shell_join(argv));
  return join(parts, " && ");
}

}  // namespace meshdx::fix
