// Where the pods of Gateways may run: the selector of a Gateway picks pods of every namespace, and only some are listed.
#pragma once

#include <set>
#include <string>

#include "mesh/complaint.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// Namespaces in which to look for the pods of the Gateways that a request from outside is meant for, when none of those listed
/// has them. Which, is told by what was read anyhow: proxies that istiod knows whose names hold a value of the Gateway's
/// selector (a Helm release `istio-ingress` labels its pods istio=ingress); where istiod did not answer, namespaces of such
/// a name; and the Gateway's own. It only says where to look: what runs there is told by its list of pods.
std::set<std::string> places_of_gateways(const View& view, const Complaint& complaint);

}  // namespace meshdx::mesh
