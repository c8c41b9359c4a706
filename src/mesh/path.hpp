// The whole way of a complaint's request: caller, destination, walk, and the pods that serve it.
#pragma once

#include <optional>
#include <vector>

#include "mesh/mtls.hpp"
#include "mesh/request.hpp"

namespace meshdx::mesh {

struct Path {
  Caller caller;
  Destination to;
  Request request;
  bool walked = false;                 ///< the caller has a proxy to walk through
  Walk walk;
  /// Pods that serve the request: behind the walk's endpoints, else those the Service selects, else the named ones.
  std::vector<const evidence::Pod*> servers;
  bool servers_known = false;          ///< pods of the serving namespace were read
};

/// Follows a complaint as far as the evidence goes.
Path follow(const View& view, const Complaint& complaint);

/// The pods that the complaint's target itself means, whoever calls them: of a workload or a pod those of its name, of a
/// Service those it selects. nullopt: its namespace's pods were not read.
std::optional<std::vector<const evidence::Pod*>> target_pods(const View& view, const Complaint& complaint);

/// The Service a cluster's host names, when its namespace's services were read; nullptr: not there, or not read (`read` says).
const evidence::Service* service_of(const View& view, const std::string& host, bool* read = nullptr);

}  // namespace meshdx::mesh
