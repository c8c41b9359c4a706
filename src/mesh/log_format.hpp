// Access logs that are not in Istio's own format: read by the format that the mesh configuration gives, or why they cannot be.
#pragma once

#include "evidence/kube.hpp"
#include "evidence/proxy_log.hpp"

namespace meshdx::mesh {

/// The log with its strange lines read by the mesh's format, as far as they are of it. nullptr: the configuration was not read. Where requests seem to be logged and
/// cannot be read, `unreadable` says why and what to do.
evidence::ProxyLog read_strange(const evidence::ProxyLog& log, const evidence::MeshConfig* config);

}  // namespace meshdx::mesh
