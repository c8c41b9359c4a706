// Which EnvoyFilter objects apply to a proxy.
#pragma once

#include <vector>

#include "facts/context.hpp"

namespace meshdx::facts {

/// The EnvoyFilters of the pod's and the root namespace whose workloadSelector picks the pod, or that name the Gateway it
/// serves in targetRefs; without both, all of that namespace (istio pilot/pkg/model/push_context.go EnvoyFilters).
std::vector<const evidence::Object*> envoy_filters_of(Context& c, const evidence::Pod& pod);

/// Whether an EnvoyFilter that applies to the pod would have been read.
bool envoy_filters_known(Context& c, const evidence::Pod& pod);

}  // namespace meshdx::facts
