// The http rules of a VirtualService as written: which of them takes a request, why another does not, and which can never
// be reached because rules before it take all that it would.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evidence/kube.hpp"
#include "mesh/route_walk.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// Who sends a request, as far as rules ask: `gateway` is "mesh" or "ns/name", `labels` and `ns` are of the caller's pod.
struct Sender {
  std::string gateway = "mesh";
  evidence::Labels labels;
  std::string ns;
};

/// Why one HTTPMatchRequest of a VirtualService of namespace `ns` does not take the request: its first condition that does
/// not hold, in words that repeat nothing of the request; "" when it takes it. Source: api HTTPMatchRequest.
std::string mismatch(const Json& match, const std::string& ns, const Request& request, const Sender& sender);

/// The same for a whole rule: no `match` takes all, several take what any of them takes.
std::string rule_mismatch(const Json& rule, const std::string& ns, const Request& request, const Sender& sender);

/// Index of the first http rule that takes the request, -1 when none does.
int matching_rule(const evidence::Object& virtual_service, const Request& request, const Sender& sender);

/// The VirtualService that a rule hands its requests over to.
struct Delegate {
  std::string ns, name;
  const evidence::Object* object = nullptr;   ///< nullptr: not among those read
};
/// The delegate of a rule of a VirtualService of namespace `ns`, which is the delegate's where it names none; nullopt: the
/// rule has none. Source: api Delegate.
std::optional<Delegate> delegate_of(const ObjectList& virtual_services, const Json& rule, const std::string& ns);

/// An http rule as it counts: one of the VirtualService itself, or a delegate's below the root's rule that hands over to it.
/// A request takes it when it takes both.
struct CountingRule {
  const Json* root = nullptr;
  const Json* rule = nullptr;                 ///< the same as `root` where there is no delegate
  const evidence::Object* owner = nullptr;    ///< in which `rule` stands
  std::size_t index = 0;                      ///< there
};
/// The rules that count, in their order. A rule whose delegate was not found is left out, as istiod does (istio
/// virtualservice.go mergeVirtualServicesIfNeeded).
std::vector<CountingRule> counting_rules(const ObjectList& virtual_services, const evidence::Object& virtual_service);

/// Whether a request takes the rule, the root's condition and its own.
bool takes(const CountingRule& rule, const std::string& root_ns, const Request& request, const Sender& sender);

/// Whether every request that `later` takes is taken by `earlier` (both HTTPMatchRequest). Never true by guess: a condition
/// that is not understood covers nothing.
bool covers(const Json& earlier, const Json& later);

/// Index of the rule because of which http rule `index` is never reached; nullopt: it can be reached. A rule whose matches
/// fall to several earlier ones names the last of these. Rules with a delegate take only what the delegate takes, which
/// is not known here: they cover nothing.
std::optional<std::size_t> unreachable_behind(const Json& rules, std::size_t index);

/// "uri prefix /cart, header x-user = beta; or uri /admin"; "everything" without conditions.
std::string match_text(const Json& rule);

/// "web.shop v1 90 %, v2 10 %", "redirect", "direct response 404", "delegate shop/api".
std::string action_text(const Json& rule);

}  // namespace meshdx::mesh
