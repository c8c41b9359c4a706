// The mesh that manifests describe, as evidence: their objects, the pods their workloads would make, the endpoints these
// would give. What they refer to and do not hold is taken for granted, and said.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "evidence/evidence.hpp"
#include "mesh/names.hpp"
#include "survey/manifest.hpp"

namespace meshdx::survey {

/// What lies outside the manifests.
enum class Outside {
  all_right,       ///< whatever is referred to exists there and is right: pods, hosts, subsets, delegates, gateways
  but_no_pods,     ///< the same, but no more pods for Services whose workloads the files seem to hold
  nothing_here,    ///< the namespaces of the files hold nothing else; other namespaces are as with all_right
};

struct World {
  evidence::Evidence evidence;
  std::set<std::string> namespaces;       ///< that the files have objects in
  std::vector<std::string> assumed;       ///< "pods of Service shop/web", each once
};

World world_of(const Manifests& manifests, Outside outside);

/// An object that routes refer to and the files do not hold.
struct Assumed {
  std::string group, kind, ns;
  Json object;
  std::string what;                       ///< "Service shop/web, which HTTPRoute shop/web routes to"
};
/// What the routes of the Gateway API lead to: Services, and the ReferenceGrants that open them.
std::vector<Assumed> assumed_by_api_routes(const Manifests& manifests);

/// Secrets with certificates that Gateways of either API name: whether one is there, and holds what it should, no file of
/// configuration says.
std::vector<std::string> assumed_certificates(const Manifests& manifests);

/// The template of the pods that istiod deploys for a Gateway of the Gateway API.
Json api_gateway_template(const Manifest& gateway);

/// Whether a pod template asks the injector to make it a gateway.
bool is_gateway_template(const Json& pod_template);

/// The pod that a workload's template would make, running and ready; `injected`: with a sidecar. `ip` is made up.
Json pod_of(const std::string& kind, const std::string& ns, const std::string& name, const Json& pod_template, bool injected, const std::string& ip);

/// How the files spell hosts of Services: in the domain that most of them end in, "cluster.local" where none is written out.
mesh::Names names_in(const Manifests& manifests);

/// The pod with the domain in its proxy's arguments, where the injector puts it.
Json with_domain(Json pod, const std::string& domain);

}  // namespace meshdx::survey
