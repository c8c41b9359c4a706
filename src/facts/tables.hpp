// Tables of facts, one a file, that only the registry asks for.
#pragma once

#include <vector>

#include "facts/fact.hpp"

namespace meshdx::facts {

const std::vector<Fact>& alias_facts();
const std::vector<Fact>& connection_facts();
const std::vector<Fact>& envoy_filter_facts();
const std::vector<Fact>& entry_facts();
const std::vector<Fact>& inbound_facts();
const std::vector<Fact>& ingress_facts();
const std::vector<Fact>& peer_policy_facts();
const std::vector<Fact>& probe_facts();
const std::vector<Fact>& workload_facts();

}  // namespace meshdx::facts
