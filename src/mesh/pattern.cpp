#include "mesh/pattern.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// A pattern is told when chance makes it less often than this.
constexpr double k_by_chance = 0.01;

bool counts(const Sighting& seen) { return seen.result == Sighting::Result::ok || seen.result == Sighting::Result::failed; }

const Pod* server_of(const View& view, const Sighting& seen) {
  if (seen.server_pod != nullptr) return seen.server_pod;
  return seen.caller == nullptr ? nullptr : view.pod_by_ip(address_of(seen.caller->upstream_host));
}

/// The value of a trait; "" when the lines do not show it.
std::string value_of(const View& view, const Sighting& seen, Gathering::By by) {
  const AccessLine& line = seen.caller != nullptr ? *seen.caller : *seen.server;
  const auto* server = server_of(view, seen);
  switch (by) {
    case Gathering::By::subset: {
      const auto cluster = seen.caller == nullptr ? std::nullopt : ClusterName::parse(line.upstream_cluster);
      if (!cluster) return "";
      return (cluster->subset.empty() ? "no subset" : "subset " + cluster->subset) + " of " + cluster->host;
    }
    case Gathering::By::workload: return server == nullptr ? "" : "workload " + server->meta.ns + "/" + workload_of(*server);
    case Gathering::By::pod:
      if (server != nullptr) return "pod " + server->meta.ns + "/" + server->meta.name;
      return line.upstream_host.empty() || seen.caller == nullptr ? "" : "endpoint " + line.upstream_host;
    case Gathering::By::caller_pod: return seen.caller == nullptr || seen.caller_pod == nullptr ? "" : "requests from pod " + seen.caller_pod->meta.ns + "/" + seen.caller_pod->meta.name;
    case Gathering::By::path: return line.path.empty() ? "" : "path " + line.path.substr(0, line.path.find('?'));
  }
  return "";
}

struct Counted {
  std::size_t failed = 0, seen = 0;
};

/// The value at which most requests failed, as a gathering whose chance is not weighed yet; nullopt where the lines of
/// some requests do not show the trait, or all show the same.
std::optional<Gathering> gathered_by(const View& view, const Traffic& traffic, Gathering::By by, std::size_t& values) {
  std::map<std::string, Counted> found;
  for (const auto& seen : traffic.requests) {
    if (!counts(seen)) continue;
    const auto value = value_of(view, seen, by);
    if (value.empty()) return std::nullopt;
    auto& counted = found[value];
    ++counted.seen;
    counted.failed += seen.result == Sighting::Result::failed;
  }
  values += found.size();
  if (found.size() < 2) return std::nullopt;
  const auto most = std::max_element(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.second.failed < b.second.failed; });
  Gathering gathering;
  gathering.by = by;
  gathering.value = most->first;
  gathering.failed = most->second.failed;
  gathering.seen = most->second.seen;
  gathering.other_failed = traffic.failed - gathering.failed;
  gathering.other_seen = traffic.failed + traffic.ok - gathering.seen;
  gathering.chance = chance_of_gathering(gathering.failed, gathering.seen, traffic.failed, traffic.failed + traffic.ok);
  return gathering;
}

bool marked(const Gathering& g, const Traffic& traffic) {
  const bool nearly_all = g.failed * 10 >= traffic.failed * 9;
  return nearly_all && g.failed * (traffic.failed + traffic.ok) >= 2 * traffic.failed * g.seen;
}

double log_choose(std::size_t n, std::size_t k) {
  const auto a = static_cast<double>(n), b = static_cast<double>(k);
  return std::lgamma(a + 1) - std::lgamma(b + 1) - std::lgamma(a - b + 1);
}

}  // namespace

double chance_of_gathering(std::size_t hits, std::size_t drawn, std::size_t marked, std::size_t all) {
  if (drawn > all || marked > all) return 1;
  double sum = 0;
  for (std::size_t k = hits; k <= std::min(drawn, marked); ++k) {
    if (drawn - k > all - marked) continue;
    sum += std::exp(log_choose(marked, k) + log_choose(all - marked, drawn - k) - log_choose(all, drawn));
  }
  return std::min(sum, 1.0);
}

std::optional<Gathering> gathering_of(const View& view, const Traffic& traffic) {
  if (traffic.failed == 0 || traffic.ok == 0) return std::nullopt;
  std::size_t values = 0;
  std::optional<Gathering> best;
  // Coarse traits first: a finer one must be clearer to take their place.
  for (const auto by : {Gathering::By::subset, Gathering::By::workload, Gathering::By::pod, Gathering::By::caller_pod, Gathering::By::path}) {
    const auto found = gathered_by(view, traffic, by, values);
    if (!found || !marked(*found, traffic)) continue;
    if (!best || found->chance < best->chance * 0.99) best = found;
  }
  if (!best || best->chance * static_cast<double>(values) > k_by_chance) return std::nullopt;
  return best;
}

std::optional<Turn> turn_of(const Traffic& traffic) {
  if (traffic.failed == 0 || traffic.ok == 0) return std::nullopt;
  std::vector<std::pair<std::string, bool>> all;
  for (const auto& seen : traffic.requests) {
    if (counts(seen)) all.emplace_back((seen.caller != nullptr ? seen.caller : seen.server)->start, seen.result == Sighting::Result::failed);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto changes = std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second != b.second; });
  const auto turn = changes + 1;   // there are both kinds, so one change at least
  const bool once = std::all_of(turn, all.end(), [&](const auto& other) { return other.second == turn->second; });
  if (!once || 2 * std::exp(-log_choose(all.size(), traffic.failed)) > k_by_chance) return std::nullopt;
  return Turn{turn->second, turn->second ? turn->first : changes->first, static_cast<std::size_t>(turn - all.begin()), static_cast<std::size_t>(all.end() - turn)};
}

}  // namespace meshdx::mesh
