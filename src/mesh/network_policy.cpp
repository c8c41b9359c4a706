#include "mesh/network_policy.hpp"

#include <algorithm>
#include <optional>

#include "mesh/istio_config.hpp"
#include "mesh/selector.hpp"
#include "util/cidr.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// Which half of a policy is looked at: its rules, the peers of a rule, and what policyTypes calls it.
struct Direction {
  const char *rules, *peers, *type;
};
constexpr Direction ingress{"ingress", "from", "Ingress"};
constexpr Direction egress{"egress", "to", "Egress"};

/// policyTypes absent: Ingress always, Egress when the policy has an egress section.
bool concerns(const Object& policy, const Direction& direction) {
  const auto types = strings_at(policy.spec(), "policyTypes");
  if (!types.empty()) return std::find(types.begin(), types.end(), direction.type) != types.end();
  return direction.rules == ingress.rules || at(policy.spec(), "egress").is_array();
}

std::optional<Labels> namespace_labels(const View& view, const std::string& name) {
  const auto* namespaces = view.namespaces();
  if (namespaces == nullptr) return std::nullopt;
  for (const auto& ns : *namespaces) {
    if (ns.meta.name == name) return ns.meta.labels;
  }
  return std::nullopt;
}

Tri in_block(const Json& block, const Pod& pod) {
  const auto range = parse_cidr(text_at(block, "cidr"));
  if (!range) return Tri::no;
  const auto addresses = pod.ips.empty() ? std::vector<std::string>{pod.ip} : pod.ips;
  return tri(std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
    if (!in_cidr(address, *range)) return false;
    const auto out = strings_at(block, "except");
    return std::none_of(out.begin(), out.end(), [&](const std::string& part) {
      const auto hole = parse_cidr(part);
      return hole && in_cidr(address, *hole);
    });
  }));
}

/// A peer of a rule: an address block, or pods by namespace and labels (a selector left out takes the policy's namespace, or
/// all pods).
Tri peer_takes(const View& view, const Object& policy, const Json& peer, const Pod& other) {
  if (at(peer, "ipBlock").is_object()) return in_block(at(peer, "ipBlock"), other);
  const Json& spaces = at(peer, "namespaceSelector");
  const Json& pods = at(peer, "podSelector");
  if (pods.is_object() && !label_selector_takes(pods, other.meta.labels)) return Tri::no;
  if (!spaces.is_object()) return tri(pods.is_object() && other.meta.ns == policy.meta.ns);
  if (spaces.empty()) return Tri::yes;
  const auto labels = namespace_labels(view, other.meta.ns);
  return labels ? tri(label_selector_takes(spaces, *labels)) : Tri::unknown;
}

/// `to` is the pod that is connected to: a named port is one of its containers'.
bool port_fits(const Json& entry, const Pod& to, std::uint16_t port) {
  if (text_at(entry, "protocol", "TCP") != "TCP") return false;
  const Json& wanted = at(entry, "port");
  if (wanted.is_null()) return true;
  if (wanted.is_number_integer()) {
    const long long first = wanted.get<long long>(), last = number_at(entry, "endPort", first);
    return first <= port && port <= last;
  }
  if (!wanted.is_string()) return false;
  return std::any_of(to.containers.begin(), to.containers.end(), [&](const Container& container) {
    return std::any_of(container.ports.begin(), container.ports.end(), [&](const ContainerPort& own) { return own.name == wanted.get<std::string>() && own.port == port; });
  });
}

Tri rule_takes(const View& view, const Object& policy, const Json& rule, const Direction& direction, const Pod& other, const Pod& to, std::uint16_t port) {
  const Json& ports = at(rule, "ports");
  const bool fits = !ports.is_array() || ports.empty() || std::any_of(ports.begin(), ports.end(), [&](const Json& entry) { return port_fits(entry, to, port); });
  if (!fits) return Tri::no;
  const Json& peers = at(rule, direction.peers);
  if (!peers.is_array() || peers.empty()) return Tri::yes;
  Tri taken = Tri::no;
  for (const auto& peer : peers) taken = taken | peer_takes(view, policy, peer, other);
  return taken;
}

/// Policies add up: a connection passes when any rule of any policy that selects the pod takes it, or when none selects it.
/// `own` is the pod the policies stand before, `other` the far end. Pods on the host network are outside all policies.
PolicyAnswer answer(const View& view, const Direction& direction, const Pod& own, const Pod& other, const Pod& to, std::uint16_t port) {
  PolicyAnswer result;
  const auto list = view.objects(Kind::networkpolicies);
  if (!list.covers(own.meta.ns)) return result;
  result.allows = Tri::no;
  for (const auto* policy : list.items) {
    if (policy->meta.ns != own.meta.ns || !concerns(*policy, direction) || !label_selector_takes(at(policy->spec(), "podSelector"), own.meta.labels)) continue;
    result.policies.push_back(policy);
    const Json& rules = at(policy->spec(), direction.rules);
    for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
      result.allows = result.allows | rule_takes(view, *policy, rules[i], direction, other, to, port);
    }
  }
  if (result.policies.empty() || own.host_network) result.allows = Tri::yes;
  else if (other.host_network && result.allows == Tri::no) result.allows = Tri::unknown;
  return result;
}

}  // namespace

PolicyAnswer ingress_allows(const View& view, const Pod& from, const Pod& to, std::uint16_t port) { return answer(view, ingress, to, from, to, port); }
PolicyAnswer egress_allows(const View& view, const Pod& from, const Pod& to, std::uint16_t port) { return answer(view, egress, from, to, to, port); }

}  // namespace meshdx::mesh
