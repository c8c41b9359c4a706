// Which namespaces' Services, pods and endpoints must be read to answer the questions about one.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "mesh/view.hpp"
#include "survey/question.hpp"

namespace meshdx::survey {

/// The namespace itself, the root namespace, those of hosts that rules for callers here or for hosts here lead to, and of
/// the rules themselves. `at_gateways`: the questions about the namespace's Gateways; behind one ingress the rules of other
/// Gateways' VirtualServices take requests for the same host, too (gateway.go merges them).
std::set<std::string> needs_of(const mesh::View& view, const std::string& ns, const std::vector<Question>& at_gateways);

}  // namespace meshdx::survey
