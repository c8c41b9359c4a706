#include "fix/fix.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "fix/command.hpp"
#include "fix/diff.hpp"
#include "fix/expand.hpp"
#include "util/text.hpp"

namespace meshdx::fix {
namespace {

/// Linux takes no longer word in a command (MAX_ARG_STRLEN is 128 KiB); quoting needs some of it.
constexpr std::size_t max_command = 100U << 10U;

/// What all fixes of one cause are made from.
struct Making {
  const evidence::Evidence& evidence;
  const std::vector<std::string>& flags;
  const std::function<Tri(const evidence::Evidence&)>& holds_after;
};

/// Evaluates the cause over the evidence with the fixed object in it.
void check(Fix& fix, const Making& making) {
  fix.checked = Fix::Check::impossible;
  const auto list = evidence::Evidence::list_kind(fix.kind);
  if (!list) {
    fix.check_note = fmt::format("meshdx reads no {} objects", fix.kind);
    return;
  }
  const auto keys = making.evidence.keys(*list);
  const bool captured = std::any_of(keys.begin(), keys.end(), [&](const evidence::Key& key) {
    return (key.ns.empty() || key.ns == fix.ns) && making.evidence.source(key).ok();
  });
  if (!captured) {
    fix.check_note =
        fmt::format("{} of {} were not captured", evidence::kind_name(*list), fix.ns.empty() ? "the cluster" : fix.ns);
    return;
  }
  const Tri holds = making.holds_after(making.evidence.with_object(*list, fix.after));
  if (holds == Tri::unknown) fix.check_note = "the evidence does not tell whether the cause would still hold";
  else fix.checked = holds == Tri::no ? Fix::Check::holds : Fix::Check::fails;
}

/// Whether a person can be shown the commands and paste them as they are.
bool presentable(const Fix& fix) {
  for (const std::string* text : {&fix.command, &fix.dry_run, &fix.undo}) {
    if (text->size() > max_command || printable(*text) != *text) return false;
    // What a recording redacted must not be written into a cluster.
    if (contains(*text, "REDACTED-")) return false;
  }
  return true;
}

bool is_kind(std::string_view kind) {
  return !kind.empty() &&
         kind.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == kind.npos;
}

/// Kind, namespace and name for a command; nullopt when one of them is none.
std::optional<Target> target_of(const Fix& fix, const Json& object) {
  const std::string api_version = text_at(object, "apiVersion");
  const bool safe_version =
      api_version.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-./") == std::string::npos;
  // A kind whose name two APIs have is written with its group: Gateway.gateway.networking.k8s.io.
  const std::string kind = fix.kind.substr(0, fix.kind.find('.'));
  if (!is_kind(kind) || !is_name(fix.name) || !safe_version || (!fix.ns.empty() && !is_name(fix.ns)))
    return std::nullopt;
  return Target{resource_of(api_version, kind), fix.ns, fix.name};
}

std::vector<Argv> followers(const Expanded& expanded, const Making& making) {
  std::vector<Argv> commands;
  for (const auto& argv : expanded.then) commands.push_back(with_flags(argv, making.flags));
  return commands;
}

/// `first`, then what must follow it, as one line.
std::string line(const Argv& first, std::vector<Argv> then) {
  then.insert(then.begin(), first);
  return chain(then);
}

/// Turns a patch of an object into the commands for it, each followed by `then`. False when there is no edit to offer.
bool edit(Fix& fix, const Json& object, const Json& raw_patch, const std::vector<Argv>& then, const std::vector<std::string>& flags) {
  fix.ns = text_at(at(object, "metadata"), "namespace");
  fix.name = text_at(at(object, "metadata"), "name");
  const auto target = target_of(fix, object);
  auto patch = guard(object, raw_patch);
  if (!target || !patch.ok()) return false;
  auto after = apply_patch(object, *patch);
  if (!after.ok() || *after == object) return false;
  fix.before = object;
  fix.after = std::move(*after);
  fix.patch = std::move(*patch);
  fix.undo_patch = undo_patch(fix.before, fix.after, fix.patch);
  if (fix.undo_patch.is_null()) return false;

  Argv command = with_flags(patch_command(*target, fix.patch), flags);
  fix.command = line(command, then);
  command.emplace_back("--dry-run=server");
  fix.dry_run = line(command, {});
  fix.undo = line(with_flags(patch_command(*target, fix.undo_patch), flags), then);
  const std::string label = fmt::format("{} {}{}{}", fix.kind.substr(0, fix.kind.find('.')), fix.ns, fix.ns.empty() ? "" : "/", fix.name);
  fix.diff = unified_diff(readable_yaml(fix.before), readable_yaml(fix.after), label);
  return true;
}

/// The commands that make a new object. False when its names are none of Kubernetes'.
bool create(Fix& fix, const Json& object, const std::vector<Argv>& then, const std::vector<std::string>& flags) {
  fix.kind = text_at(object, "kind");
  fix.ns = text_at(at(object, "metadata"), "namespace");
  fix.name = text_at(at(object, "metadata"), "name");
  const auto target = target_of(fix, object);
  if (!target || (fix.ns.empty() && fix.kind != "Namespace")) return false;
  fix.after = object;
  Argv command = with_flags({"kubectl", "create", "-f", "-"}, flags);
  fix.command = create_text(command, then, fix.after);
  command.emplace_back("--dry-run=server");
  fix.dry_run = create_text(command, {}, fix.after);
  fix.undo = line(with_flags(delete_command(*target), flags), then);
  return true;
}

/// An edit of a captured object. False when there is none to offer.
bool make_edit(Fix& fix, const Expanded& expanded, const Making& making) {
  const Json* object = making.evidence.find_object(expanded.kind, expanded.ns, expanded.name);
  if (object == nullptr) return false;
  fix.kind = expanded.kind;
  return edit(fix, *object, expanded.patch, followers(expanded, making), making.flags);
}

/// A new object. False when there is none to offer.
bool make_object(Fix& fix, const Expanded& expanded, const Making& making) {
  const Json& metadata = at(expanded.create, "metadata");
  if (making.evidence.find_object(text_at(expanded.create, "kind"), text_at(metadata, "namespace"), text_at(metadata, "name")) != nullptr) return false;
  return create(fix, expanded.create, followers(expanded, making), making.flags);
}

std::optional<Fix> make_fix(const diagnose::Offer& offer, const Making& making) {
  const auto expanded = expand(*offer.fix, offer.bindings);
  if (!expanded) return std::nullopt;
  Fix fix;
  fix.title = expanded->title;
  fix.risk = offer.fix->risk;
  fix.effect = offer.fix->effect;
  fix.touches = expanded->touches;
  fix.takes = offer.fix->takes;
  fix.advice = expanded->advice;
  if (!fix.advice.empty()) return fix;
  const bool made =
      expanded->create.is_null() ? make_edit(fix, *expanded, making) : make_object(fix, *expanded, making);
  if (!made || !presentable(fix)) return std::nullopt;
  // What only new pods or a restarted control plane show cannot be seen in the evidence at hand.
  fix.check_note = offer.fix->unchecked;
  if (fix.check_note.empty()) check(fix, making);
  if (fix.checked == Fix::Check::fails) return std::nullopt;
  return fix;
}

}  // namespace

std::optional<Fix> edit_object(const Json& object, const Json& patch, const std::vector<Argv>& then, const std::vector<std::string>& context_flags) {
  Fix fix;
  fix.kind = text_at(object, "kind");
  std::vector<Argv> following;
  for (const auto& argv : then) following.push_back(with_flags(argv, context_flags));
  if (!edit(fix, object, patch, following, context_flags) || !presentable(fix)) return std::nullopt;
  return fix;
}

std::optional<Fix> new_object(const Json& object, const std::vector<std::string>& context_flags) {
  Fix fix;
  if (!create(fix, object, {}, context_flags) || !presentable(fix)) return std::nullopt;
  return fix;
}

std::vector<Fix> make_fixes(const diagnose::CauseResult& result, const evidence::Evidence& evidence,
                            const std::vector<std::string>& context_flags,
                            const std::function<Tri(const evidence::Evidence&)>& holds_after) {
  const Making making{evidence, context_flags, holds_after};
  std::vector<Fix> fixes;
  for (const auto& offer : result.offers) {
    auto fix = make_fix(offer, making);
    if (!fix) continue;
    // Advice is for when no edit could be made, and two facts may lead to one and the same edit.
    const bool said = std::any_of(fixes.begin(), fixes.end(), [&](const Fix& other) {
      return fix->advice.empty() ? other.command == fix->command : other.advice.empty();
    });
    if (!said) fixes.push_back(std::move(*fix));
  }
  return fixes;
}

}  // namespace meshdx::fix
