// Who calls a destination when nobody said: the logs of the destination's own proxies, of the gateways that lead to it
// and of the meshed pods of the namespace tell who calls, and whose requests fail.
#pragma once

#include <string>
#include <vector>

#include "mesh/complaint.hpp"
#include "mesh/request.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// A workload or gateway that was seen calling, or might call.
struct CallerSeen {
  Complaint complaint;               ///< the question with this caller (and, for a gateway, the host it is asked for)
  std::size_t ok = 0, failed = 0;    ///< its requests, by its own log or the destination's
  [[nodiscard]] bool calls() const { return ok + failed > 0; }
};

struct Callers {
  /// False: a log that would tell was not asked for yet. What is here may change then.
  bool settled = false;
  std::vector<CallerSeen> examined;  ///< at most k_most_callers, those with most failures first; the vantage when nobody calls
  std::vector<CallerSeen> others;    ///< seen calling, left out
  std::vector<std::string> strangers;   ///< addresses whose requests fail, and that are no pod of the namespaces read
};

/// So many callers of one destination are examined in one run.
inline constexpr std::size_t k_most_callers = 3;

/// Pods whose logs tell who calls: at most three of the destination's, two gateway pods and six others, one a workload.
std::vector<const evidence::Pod*> witnesses(const View& view, const Complaint& complaint);

/// The callers of the complaint's destination, for a complaint that names none. Those that fail when any does; else those
/// that call; else one meshed workload of the namespace as a vantage, or none at all.
Callers callers_of(const View& view, const Complaint& complaint);

}  // namespace meshdx::mesh
