// A fix: a typed edit of a captured object, from which the command, the undo, the diff and the offline check follow.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/verdict.hpp"
#include "evidence/evidence.hpp"
#include "fix/command.hpp"

namespace meshdx::fix {

struct Fix {
  std::string title, risk, effect, touches, takes;
  std::string advice;                 ///< when no edit can be right; then all below is empty
  std::string kind, ns, name;         ///< the object
  /// To paste: `kubectl patch ... --type=json -p '[{"op":"test",...},...]'`, or `kubectl create -f - <<'EOF'` and the
  /// object on lines of their own (create, not apply: it must never overwrite); then the commands that must follow.
  std::string command;
  std::string dry_run;                ///< the edit alone with --dry-run=server
  std::string undo;  ///< to paste: restores the captured object (its spec, labels and annotations) byte for byte
  std::string diff;  ///< unified diff of the object as YAML, "" for a new object (it stands in the command)
  Json before, after;                 ///< the object (`before` is null when created)
  Json patch, undo_patch;             ///< RFC 6902, with the test operations; null when created
  enum class Check { holds, fails, impossible } checked = Check::impossible;
  std::string check_note;             ///< why the check is impossible
};

/// Makes the fixes that a confirmed or likely cause offers, in the order of its file. None is made (never a half-filled
/// or doubtful command) of a template whose object was not captured, or exists already when it is to be created; whose
/// bindings are missing; whose edit does not apply or changes nothing; whose names are none of Kubernetes'; that would
/// write what a recording redacted; that prints characters a terminal would not show; or after which the cause would
/// still hold (so `checked` is never Check::fails).
/// `context_flags`: --context/--kubeconfig/--as words that the pasted commands must carry.
/// `holds_after`: Tri of diagnose::condition_of(result) over edited evidence.
std::vector<Fix> make_fixes(const diagnose::CauseResult& result, const evidence::Evidence& evidence,
                            const std::vector<std::string>& context_flags,
                            const std::function<Tri(const evidence::Evidence&)>& holds_after);

/// An edit of a captured object, or a new object, with its commands; title, risk and check are left to the caller. `then`:
/// commands that follow the edit and its undo. Null when the edit does not apply or changes nothing, or for the reasons that
/// make_fixes has not to offer one.
std::optional<Fix> edit_object(const Json& object, const Json& patch, const std::vector<Argv>& then, const std::vector<std::string>& context_flags);
std::optional<Fix> new_object(const Json& object, const std::vector<std::string>& context_flags);

/// Applies RFC 6902 to a value, all of it or nothing. Errors name the operation and path.
Expected<Json> apply_patch(const Json& object, const Json& patch);

/// The patch with tests that make it fail on an object that has drifted since it was captured: in front of each
/// replace, remove, move and overwriting add the old value; of an add to a list the whole list, when small; of an add
/// of a new member its parent, when small; of an edit inside a list's element the element's name, host or port. Parents
/// that an add needs and that are missing are added first.
Expected<Json> guard(const Json& object, const Json& patch);

/// The patch that turns `after` back into `before`, guarded by tests of what the fix has set, field by field: the API
/// server may have put defaults beside them. Null when `patch` does not lead from `before` to `after`.
Json undo_patch(const Json& before, const Json& after, const Json& patch);

}  // namespace meshdx::fix
