// The http rules that decide about the complaint's requests, as their VirtualService writes them.
#pragma once

#include "facts/context.hpp"
#include "mesh/rule_match.hpp"

namespace meshdx::facts {

struct Rules {
  Tri exist = Tri::unknown;               ///< whether a VirtualService with http rules is for the host and this caller
  const evidence::Object* vs = nullptr;
  bool in_proxy = false;                  ///< the caller's proxy routes by it; else it was found among the objects
  mesh::Sender sender;
  int taken = -1;                         ///< index of the rule that takes the request; -1: none

  [[nodiscard]] const Json& list() const { return at(vs->spec(), "http"); }
  [[nodiscard]] std::string name() const { return "VirtualService " + vs->meta.ns + "/" + vs->meta.name; }
};

/// Who sends the complaint's requests, as the rules of a VirtualService see it: a gateway pod comes by the Gateway object
/// that the VirtualService is bound to, everyone else (and who is bound to none) by "mesh". Needs a caller.
mesh::Sender sender_of(Context& c, const evidence::Object& vs);

/// By the proxy's own routes, which name the VirtualService they were made from; where they name none, the oldest
/// VirtualService of the host that the caller sees.
Rules rules_of(Context& c);

/// What the facts about rules read.
std::vector<evidence::Kind> rule_needs();

/// "rule 2 (beta)": numbers count from 1, as people do.
std::string rule_name(const Rules& rules, std::size_t index);

/// The destinations of a rule, normalised to shares of 100 by host, subset and port; those of weight 0 are left out.
struct Share {
  std::string host, subset;
  std::uint16_t port = 0;                 ///< 0: not written
  double percent = 0;
};
std::vector<Share> shares_of(const mesh::Names& names, const Json& rule, const std::string& ns);

/// "90 %", "33.3 %".
std::string percent_text(double value);

}  // namespace meshdx::facts
