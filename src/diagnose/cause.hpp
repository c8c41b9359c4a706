// A cause is data: playbooks/causes/<id>.yaml. This is its shape in memory and how it is read.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "facts/fact.hpp"
#include "util/expected.hpp"
#include "util/yaml.hpp"

namespace meshdx::diagnose {

/// A condition over facts: `fact.id`, `all: [...]`, `any: [...]`, `not: ...`, nested at will. An empty `all` is true.
struct Condition {
  enum class Op { fact, all, any, negation } op = Op::all;
  std::string fact;
  std::vector<Condition> parts;
};

/// A fix as its file writes it: texts and values may hold {bindings} (fill in verdict.hpp). In `patch` and `create` a
/// text that is one binding and nothing else takes the binding's JSON value.
struct FixTemplate {
  std::string title;                    ///< what it does, in the imperative
  std::string when;  ///< fact that must be true for the fix to be offered; "" always. Its bindings count too
  // one of: an edit of a captured object, a new object, or advice
  std::string kind, ns, name;           ///< object to patch; ns "" for what has no namespace
  Json patch;  ///< RFC 6902 operations; a "{binding}" in the array's or an operation's place holds such
  Json create;                          ///< object to create
  std::string advice;                   ///< no edit can be right: one sentence
  std::vector<std::vector<std::string>> then;   ///< argv templates of kubectl or istioctl to paste after it
  std::string risk = "low";             ///< low, medium, high
  std::string effect = "permanent";     ///< permanent, mitigation
  std::string touches;                  ///< what it affects, one phrase
  std::string takes;                    ///< how long it takes to be seen, when that is not at once: "some 5 s"
  std::string unchecked;                ///< why an offline check cannot show its effect; "" it can
};

struct Cause {
  std::string id;                       ///< "no-endpoints-selector-mismatch"
  std::string code;                     ///< "MDX0101", never reused
  std::string title;
  std::vector<std::string> symptoms;    ///< "503 UH no_healthy_upstream"
  Condition when;
  std::unique_ptr<Condition> likely_when;
  /// Closeness to the failing hop: 0 the code's own maker, 1 its configuration, 2 control plane, 3 circumstance.
  int hop = 1;
  std::string object;                   ///< "Service {service.namespace}/{service.name}"
  std::string say;                      ///< message template
  std::vector<std::string> explains;    ///< ids of causes that this one, when confirmed, is the reason of
  bool leads_on = false;                ///< it only says that the reason is one hop further: what is found there stands for it
  std::vector<FixTemplate> fixes;
  std::string explain;                  ///< text with the fixed headings
  std::string file;
};

/// Ids of facts that causes and playbooks may name.
using FactIds = std::set<std::string, std::less<>>;

/// Those of the registry.
const FactIds& registered_facts();

/// Reads one cause file, whose base name is the cause's id. Errors are "file:line:column: reason": unknown keys,
/// unknown facts, missing fields, bad codes, operations that are none.
Expected<Cause> load_cause(const YamlDocument& document, const FactIds& known = registered_facts());

/// Reads a set of files, sorted by code. Two causes with one id or code, and an `explains` of a cause that is not among
/// them, are errors. The error names all that is wrong in all files, a line each.
Expected<std::vector<Cause>> load_causes(const std::vector<std::pair<std::string, std::string>>& files_and_texts,
                                         const FactIds& known = registered_facts());

/// Facts named anywhere in a condition, each once, in the order they are written.
std::vector<std::string> facts_of(const Condition& condition);

/// Parses a condition found at `pointer` of a document (playbooks use it too, for `when` and `healthy-when`): a fact's
/// id, a list (all of it), or a map with one of the keys all, any, not.
Expected<Condition> parse_condition(const YamlDocument& document, const std::string& pointer,
                                    const FactIds& known = registered_facts());

}  // namespace meshdx::diagnose
