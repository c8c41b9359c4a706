// Whether a pod's traffic passes its sidecar at all, and whether ztunnel carries it instead (ambient mode).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mesh/view.hpp"
#include "util/tri.hpp"

namespace meshdx::mesh {

/// What an outbound connection of a pod does with its sidecar.
struct OutboundCapture {
  Tri captured = Tri::yes;         ///< unknown: some of the pod's containers or of the addresses pass it, others do not
  enum class Why { captured, proxy_uid, excluded_port, excluded_range, not_included, interception_off } why = Why::captured;
  std::string setting;             ///< the annotation (or istio-init flag) that decides, "" for the uid
  std::string value;               ///< its value, or the uid
  std::string container;           ///< of `proxy_uid`: the container that runs as the proxy's user
};

/// istio-iptables' rules in their order (tools/istio-iptables/pkg/capture/run.go): excluded ports, the proxy's own user and
/// group, excluded ranges, included ports, included ranges. The flags of the istio-init container are what was applied;
/// without one (CNI) the annotations tell. Takes a pod with a sidecar, the addresses the destination is dialled by
/// (none: not known) and its port.
OutboundCapture outbound_capture(const evidence::Pod& pod, const std::vector<std::string>& addresses, std::uint16_t port);

/// Whether ztunnel carries the pod's traffic: it says so itself, or it is labelled for it (pod before namespace) and has no
/// sidecar. Pods on the host network are never enrolled. Source: istio cni/pkg/util/podutil.go.
bool in_ambient(const View& view, const evidence::Pod& pod);

}  // namespace meshdx::mesh
