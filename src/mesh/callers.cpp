#include "mesh/callers.hpp"

#include <algorithm>
#include <map>

#include "mesh/gateway_hosts.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/traffic.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

constexpr std::size_t k_server_witnesses = 3, k_gateway_witnesses = 2, k_other_witnesses = 6;

/// A workload by namespace, name and whether it is a gateway.
struct Workload {
  std::string ns, name;
  bool gateway = false;
  bool operator<(const Workload& o) const { return std::tie(gateway, ns, name) < std::tie(o.gateway, o.ns, o.name); }
};

Workload of(const Pod& pod) { return {pod.meta.ns, workload_of(pod), pod.router()}; }

std::vector<const Pod*> servers_of(const View& view, const Destination& to) {
  if (to.service != nullptr) return selected_pods(view, *to.service).value_or(std::vector<const Pod*>{});
  if (to.by_pod_ip) {
    const auto* pod = view.pod_by_ip(to.host);
    return pod == nullptr ? std::vector<const Pod*>{} : std::vector<const Pod*>{pod};
  }
  const auto* pods = to.state == Destination::State::pods ? view.pods(to.ns) : nullptr;
  return pods == nullptr ? std::vector<const Pod*>{} : pods_named(*pods, to.name);
}

/// Gateway pods that a Gateway with a way to the destination picks: by its Service, or by the host as it was typed.
std::vector<const Pod*> gateways_to(const View& view, const Complaint& complaint, const Destination& to) {
  std::vector<const Pod*> found;
  const auto add = [&](const Pod* pod) {
    if (std::find(found.begin(), found.end(), pod) == found.end()) found.push_back(pod);
  };
  if (to.service != nullptr) {
    for (const auto& served : served_hosts(view, *to.service)) {
      if (served.gateway == nullptr) continue;
      for (const auto* pod : gateway_pods(view, labels_at(served.gateway->spec(), "selector"))) add(pod);
    }
    return found;
  }
  if (service_name(complaint.host, complaint.ns)) return found;
  for (const auto* pod : gateway_pods(view, {})) {
    for (const auto& server : gateway_servers(view, *pod)) {
      const bool serves = std::any_of(server.hosts.begin(), server.hosts.end(), [&](const auto& host) { return host != "*" && host_covers(host, to.host); });
      if (serves) add(pod);
    }
  }
  return found;
}

/// Meshed pods of the namespace that are not the destination's, one a workload.
std::vector<const Pod*> neighbours(const View& view, const Complaint& complaint, const std::vector<const Pod*>& servers) {
  std::map<Workload, const Pod*> first;
  const auto* pods = view.pods(complaint.ns);
  if (pods == nullptr) return {};
  for (const auto& pod : *pods) {
    const bool serves = std::any_of(servers.begin(), servers.end(), [&](const Pod* server) { return workload_of(*server) == workload_of(pod); });
    if (!pod.meshed() || pod.router() || gone(pod) || serves) continue;
    auto& kept = first[of(pod)];
    if (kept == nullptr || (!kept->ready && pod.ready)) kept = &pod;
  }
  std::vector<const Pod*> found;
  for (const auto& [workload, pod] : first) found.push_back(pod);
  return found;
}

void take(std::vector<const Pod*>& into, const std::vector<const Pod*>& pods, std::size_t most) {
  std::size_t taken = 0;
  for (const auto* pod : pods) {
    if (taken == most) return;
    if (!pod->meshed() || std::find(into.begin(), into.end(), pod) != into.end()) continue;
    into.push_back(pod);
    ++taken;
  }
}

Complaint from(const View& view, Complaint complaint, const Workload& workload) {
  complaint.from = workload.gateway ? Complaint::From::gateway : Complaint::From::workload;
  complaint.from_name = workload.name;
  complaint.from_ns = workload.ns;
  return workload.gateway ? at_gateway(view, complaint).complaint : complaint;
}

/// All that the logs tell of the callers so far.
class Search {
 public:
  Search(const View& view, const Complaint& complaint)
      : m_view(view), m_complaint(complaint), m_to(find_destination(view, complaint)), m_servers(servers_of(view, m_to)) {}

  Callers find();

 private:
  void by_servers_logs(Callers& callers);
  void by_own_log(const Workload& workload);
  CallerSeen& seen(const Workload& workload);

  const View& m_view;
  const Complaint& m_complaint;
  Destination m_to;
  std::vector<const Pod*> m_servers;
  std::map<Workload, CallerSeen> m_seen;
};

CallerSeen& Search::seen(const Workload& workload) {
  const auto [place, fresh] = m_seen.try_emplace(workload);
  if (fresh) place->second.complaint = from(m_view, m_complaint, workload);
  return place->second;
}

void Search::by_servers_logs(Callers& callers) {
  std::map<Workload, std::size_t> worst;
  for (const auto& [address, counted] : peers_of(m_view, m_complaint, m_to, m_servers)) {
    const auto* pod = m_view.pod_by_ip(address);
    if (pod == nullptr) {
      if (counted.failed > 0 && address != "127.0.0.6" && address != "::6") callers.strangers.push_back(address);
      continue;
    }
    auto& caller = seen(of(*pod));
    caller.ok += counted.ok;
    caller.failed += counted.failed;
    auto& most = worst[of(*pod)];
    if (counted.failed > most) caller.complaint.from_pod = pod->meta.name, most = counted.failed;
  }
}

/// Its own log shows more than the server's: also what never arrived.
void Search::by_own_log(const Workload& workload) {
  auto& caller = seen(workload);
  if (!caller.complaint.no_host.empty()) return;
  const auto traffic = observe(m_view, caller.complaint, find_caller(m_view, caller.complaint, m_to), workload.gateway ? Destination{} : m_to, {});
  caller.ok = std::max(caller.ok, traffic.ok);
  caller.failed = std::max(caller.failed, traffic.failed);
  std::map<std::string, std::size_t> by_pod;
  for (const auto& sighting : traffic.requests) by_pod[sighting.caller_pod->meta.name] += sighting.result == Sighting::Result::failed;
  const auto most = std::max_element(by_pod.begin(), by_pod.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != by_pod.end() && most->second > 0) caller.complaint.from_pod = most->first;
}

bool worse(const CallerSeen& a, const CallerSeen& b) {
  return std::make_pair(a.failed, a.ok) > std::make_pair(b.failed, b.ok);
}

Callers Search::find() {
  Callers callers;
  by_servers_logs(callers);
  const auto asked = witnesses(m_view, m_complaint);
  callers.settled = std::all_of(asked.begin(), asked.end(), [&](const Pod* pod) { return m_view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""}); });
  for (const auto* pod : asked) {
    const bool serves = std::find(m_servers.begin(), m_servers.end(), pod) != m_servers.end();
    if (!serves) by_own_log(of(*pod));
  }
  std::vector<CallerSeen> calling, silent;
  for (auto& [workload, caller] : m_seen) (caller.calls() ? calling : silent).push_back(std::move(caller));
  std::stable_sort(calling.begin(), calling.end(), worse);
  const bool fails = !calling.empty() && calling.front().failed > 0;
  for (auto& caller : calling) {
    const bool wanted = callers.examined.size() < k_most_callers && (caller.failed > 0 || !fails);
    (wanted ? callers.examined : callers.others).push_back(std::move(caller));
  }
  if (callers.examined.empty() && !silent.empty()) callers.examined.push_back(std::move(silent.front()));
  return callers;
}

}  // namespace

std::vector<const Pod*> witnesses(const View& view, const Complaint& complaint) {
  const auto to = find_destination(view, complaint);
  const auto servers = servers_of(view, to);
  std::vector<const Pod*> pods;
  take(pods, servers, k_server_witnesses);
  take(pods, gateways_to(view, complaint, to), k_gateway_witnesses);
  take(pods, neighbours(view, complaint, servers), k_other_witnesses);
  return pods;
}

Callers callers_of(const View& view, const Complaint& complaint) { return Search(view, complaint).find(); }

}  // namespace meshdx::mesh
