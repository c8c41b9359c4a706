// What one may do to see more the next time one asks.
#pragma once

#include <string>
#include <vector>

#include "evidence/evidence.hpp"
#include "mesh/complaint.hpp"
#include "report/report.hpp"

namespace meshdx::report {

/// When the caller's proxy is known to write no access log: the Telemetry that turns it on for this workload alone.
std::vector<Hint> hints(const evidence::Evidence& evidence, const mesh::Complaint& complaint, const std::vector<std::string>& context_flags);

}  // namespace meshdx::report
