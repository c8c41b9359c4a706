// Kubernetes label selectors (metav1.LabelSelector), as webhooks and NetworkPolicies use them.
#pragma once

#include "evidence/kube.hpp"

namespace meshdx::mesh {

/// Whether `matchLabels` and `matchExpressions` (In, NotIn, Exists, DoesNotExist) all hold. An empty selector takes every
/// object; a selector that is no object (absent) takes none, so callers decide that case first. An operator nobody knows
/// takes none.
bool label_selector_takes(const Json& selector, const evidence::Labels& labels);

}  // namespace meshdx::mesh
