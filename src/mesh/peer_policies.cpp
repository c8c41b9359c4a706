#include "mesh/peer_policies.hpp"

#include <algorithm>

#include "mesh/istio_config.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

std::optional<Mode> mode_at(const Json& mtls) {
  const std::string mode = text_at(mtls, "mode");
  if (mode == "STRICT") return Mode::strict;
  if (mode == "PERMISSIVE") return Mode::permissive;
  if (mode == "DISABLE") return Mode::disable;
  return std::nullopt;   // UNSET or absent: inherit
}

Labels selector_of(const Object& policy) { return labels_at(at(policy.spec(), "selector"), "matchLabels"); }

}  // namespace

ServerMode namespace_mode(const View& view, const std::string& ns) {
  Pod nobody;   // a pod without labels: no policy with a selector picks it
  nobody.meta.ns = ns;
  return server_mode(view, nobody, 0);
}

std::optional<Mode> mode_of(const Object& policy, std::uint16_t port) {
  const auto of_port = mode_at(at(at(policy.spec(), "portLevelMtls"), std::to_string(port).c_str()));
  return of_port ? of_port : mode_at(at(policy.spec(), "mtls"));
}

std::vector<const Object*> ignored_policies(const View& view, const Pod& pod) {
  const auto policies = view.objects(Kind::peer_authentications);
  const std::string root = view.root_namespace();
  const auto older_twin = [&](const Object& policy, bool selected) {
    return std::any_of(policies.items.begin(), policies.items.end(), [&](const Object* other) {
      const auto selector = selector_of(*other);
      const bool same_scope = other->meta.ns == policy.meta.ns && (selected ? !selector.empty() && selects(selector, pod.meta.labels) : selector.empty());
      return same_scope && other->meta.created < policy.meta.created;
    });
  };
  std::vector<const Object*> ignored;
  for (const auto* policy : policies.items) {
    const auto selector = selector_of(*policy);
    const bool selected = !selector.empty() && selects(selector, pod.meta.labels);
    if ((policy->meta.ns != pod.meta.ns && policy->meta.ns != root) || (!selector.empty() && !selected)) continue;
    const bool in_root = selected && policy->meta.ns == root && pod.meta.ns != root;
    if (in_root || older_twin(*policy, selected)) ignored.push_back(policy);
  }
  return ignored;
}

}  // namespace meshdx::mesh
