// PeerAuthentications beyond what holds for a pod: what callers are told by, and which policies do not count.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mesh/mtls.hpp"

namespace meshdx::mesh {

/// What mesh and namespace level alone say of a namespace. istiod tells callers' clusters by it, whatever policies with a
/// selector say (istio pilot/pkg/model/push_context.go BestEffortInferServiceMTLSMode).
ServerMode namespace_mode(const View& view, const std::string& ns);

/// Policies that look as if they applied to a pod and do not count: one with a selector in the root namespace, and of a scope
/// all but the oldest (policy_applier.go ComposePeerAuthentication).
std::vector<const evidence::Object*> ignored_policies(const View& view, const evidence::Pod& pod);

/// What a policy by itself would make of a port of the pods it is for; nullopt: nothing (UNSET).
std::optional<Mode> mode_of(const evidence::Object& policy, std::uint16_t port);

}  // namespace meshdx::mesh
