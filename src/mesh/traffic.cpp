#include "mesh/traffic.hpp"

#include <algorithm>
#include <map>

#include "mesh/passed_on.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

std::string path_of(const std::string& path) { return path.substr(0, path.find('?')); }

bool same_destination(const AccessLine& line, const Complaint& complaint, const Caller& caller, const Destination& to) {
  // One host is often served on port 80 and on 443: a URL says which, and only TLS has a server name.
  if (caller.gateway && complaint.path_given && line.sni.empty() == (complaint.scheme == "https")) return false;
  if (caller.gateway) return lower(address_of(line.authority)) == lower(complaint.host);
  if (const auto cluster = ClusterName::parse(line.upstream_cluster); cluster && !to.host.empty() && cluster->host == to.host) {
    return cluster->port == to.port_number;
  }
  const bool named = names_service(line.authority, to, caller.ns) || lower(address_of(line.authority)) == lower(complaint.host);
  const auto local = address_of(line.downstream_local);
  const bool dialled = to.service != nullptr && std::find(to.service->cluster_ips.begin(), to.service->cluster_ips.end(), local) != to.service->cluster_ips.end();
  if (!named && !dialled && local != to.host) return false;
  const auto port = port_of(line.downstream_local).value_or(0);
  return port == 0 || port == to.port_number;
}

/// Requests with the path asked about; with the same query too, when the log has such.
bool same_path(const AccessLine& line, const Complaint& complaint) {
  return !complaint.path_given || line.path.empty() || path_of(line.path) == complaint.path;
}

/// Both are UTC in RFC 3339, so they compare as text.
bool in_window(const AccessLine& line, const Complaint& complaint) { return complaint.since.empty() || line.start > complaint.since; }

bool seen_code(const AccessLine& line, const Complaint& complaint) {
  const bool tcp = line.method.empty() && line.flags.empty();   // code 0 is the rule there
  return complaint.code && line.code == *complaint.code && (*complaint.code == 0 ? !tcp : *complaint.code >= 400);
}

/// Whether the proxy marked the answer as one that did not come whole from the upstream.
bool broken(const AccessLine& line) {
  static const std::vector<const char*> flags = {"UH", "UF", "UC", "UR", "UO", "UT", "UPE", "URX", "NR", "NC", "LR", "RL", "UAEX", "UMSDR", "SI", "OM"};
  return !line.flags.empty() && std::any_of(flags.begin(), flags.end(), [&](const char* flag) { return line.has_flag(flag); });
}

}  // namespace

bool unconnected(const Sighting& seen) { return seen.caller != nullptr && seen.result == Sighting::Result::failed && seen.caller->has_flag("UF"); }

Sighting::Result result_of(const AccessLine& line, const Complaint& complaint) {
  const bool hung_up = line.code == 0 && (line.has_flag("DC") || line.has_flag("DR"));
  if (hung_up) return Sighting::Result::other;
  if (seen_code(line, complaint)) return Sighting::Result::failed;
  if (line.code >= 500) return Sighting::Result::failed;
  // TCP: code 0 is the rule; a flag is what tells a failure, and only bytes that came back tell a success
  if (line.code == 0 && !(line.flags.empty() && line.termination.empty())) return Sighting::Result::failed;
  // ... and bytes say nothing of the HTTP status inside
  if (line.code == 0) return line.bytes_sent > 0 && complaint.code != 404 ? Sighting::Result::ok : Sighting::Result::other;
  // A gRPC failure is a 200, and so is an answer that was cut off: the flag tells.
  if (line.code < 400) return broken(line) ? Sighting::Result::failed : Sighting::Result::ok;
  return line.details == "via_upstream" || line.details.empty() ? Sighting::Result::other : Sighting::Result::failed;
}

namespace {

using Lines = std::vector<std::pair<const AccessLine*, const Pod*>>;

/// The server side's lines by what joins them to the caller's.
struct ServerIndex {
  std::map<std::string, Lines> by_request, by_peer;
  Lines all;
};

ServerIndex index_servers(const View& view, const std::vector<const Pod*>& servers, Traffic& traffic) {
  ServerIndex index;
  for (const auto* pod : servers) {
    if (!pod->meshed()) continue;
    const auto* log = view.log(*pod);
    if (log == nullptr) continue;
    traffic.server_read = true;
    if (traffic.unreadable.empty()) traffic.unreadable = log->unreadable;
    for (const auto& line : log->access) {
      const bool ours = line.inbound() || (line.upstream_cluster.empty() && pod->has_address(address_of(line.downstream_local)));
      if (!ours) continue;
      if (!line.request_id.empty()) index.by_request[line.request_id].emplace_back(&line, pod);
      if (!line.downstream_remote.empty()) index.by_peer[line.downstream_remote].emplace_back(&line, pod);
      index.all.emplace_back(&line, pod);
    }
  }
  return index;
}

const Lines* joined(const ServerIndex& index, const AccessLine& line) {
  if (const auto found = index.by_request.find(line.request_id); !line.request_id.empty() && found != index.by_request.end()) return &found->second;
  const auto found = index.by_peer.find(line.upstream_local);
  if (line.upstream_local.empty() || found == index.by_peer.end()) return nullptr;
  // Many requests share a connection: two ids that differ are two requests.
  const bool another = !line.request_id.empty() && !found->second.back().first->request_id.empty();
  return another ? nullptr : &found->second;
}

bool from_upstream(const AccessLine& line) { return line.details == "via_upstream" || (line.details.empty() && !line.upstream_service_time.empty()); }

/// TCP: the caller's line shows no failure of its own, and the server's does.
bool refused_by_server(const Sighting& seen) {
  const auto clean = [](const AccessLine& line) { return line.flags.empty() && line.termination.empty(); };
  if (seen.caller == nullptr || seen.server == nullptr || seen.caller->code != 0 || !clean(*seen.caller)) return false;
  return !clean(*seen.server) || seen.server->code >= 400;
}

Maker maker_of(const Sighting& seen, const View& view) {
  if (refused_by_server(seen)) return Maker::server_proxy;
  if (seen.caller != nullptr && !from_upstream(*seen.caller)) return Maker::caller_proxy;
  if (seen.server != nullptr) return from_upstream(*seen.server) ? Maker::application : Maker::server_proxy;
  if (seen.caller == nullptr) return Maker::unknown;
  // No proxy stands before an unmeshed pod: what answered is the application.
  const auto* pod = view.pod_by_ip(address_of(seen.caller->upstream_host));
  return pod != nullptr && !pod->meshed() && !in_ambient(view, *pod) ? Maker::application : Maker::unknown;
}

void add(Traffic& traffic, Sighting seen, const View& view) {
  seen.maker = maker_of(seen, view);
  traffic.ok += seen.result == Sighting::Result::ok;
  traffic.failed += seen.result == Sighting::Result::failed;
  traffic.requests.push_back(seen);
}

/// The caller has no proxy: only the server's lines from the caller's addresses tell.
void observe_bare(const View& view, const Complaint& complaint, const Caller& caller, const ServerIndex& index, Traffic& traffic) {
  for (const auto& [line, pod] : index.all) {
    const auto peer = address_of(line->downstream_remote);
    const bool own = std::any_of(caller.pods.begin(), caller.pods.end(), [&](const Pod* p) { return p->has_address(peer); });
    if (!own || !same_path(*line, complaint) || !in_window(*line, complaint)) continue;
    Sighting seen;
    seen.server = line;
    seen.server_pod = pod;
    seen.caller_pod = caller.pod;
    seen.result = result_of(*line, complaint);
    add(traffic, seen, view);
  }
}

/// A query is part of the question only when the log holds requests with that very query.
void keep_query(Traffic& traffic, const Complaint& complaint) {
  if (complaint.query.empty()) return;
  const std::string whole = complaint.path + "?" + complaint.query;
  const auto same = [&](const Sighting& s) { return (s.caller != nullptr && s.caller->path == whole) || (s.server != nullptr && s.server->path == whole); };
  if (std::none_of(traffic.requests.begin(), traffic.requests.end(), same)) return;
  Traffic kept = traffic;
  kept.requests.clear();
  kept.ok = kept.failed = 0;
  for (const auto& seen : traffic.requests) {
    if (!same(seen)) continue;
    kept.ok += seen.result == Sighting::Result::ok;
    kept.failed += seen.result == Sighting::Result::failed;
    kept.requests.push_back(seen);
  }
  traffic = std::move(kept);
}

}  // namespace

bool writes_access_log(const View& view, const Pod& pod, const ProxyLog& log) {
  const bool asked = view.evidence().asked({Kind::listeners, pod.meta.ns, pod.meta.name});
  const auto* listeners = asked ? view.listeners(pod) : nullptr;
  if (listeners == nullptr) return !log.access.empty();
  return std::any_of(listeners->begin(), listeners->end(), [](const Listener& listener) {
    return std::any_of(listener.chains.begin(), listener.chains.end(), [](const FilterChain& chain) { return chain.access_log; });
  });
}

bool concerns(const AccessLine& line, const Complaint& complaint, const Caller& caller, const Destination& destination) {
  return !line.inbound() && in_window(line, complaint) && same_destination(line, complaint, caller, destination) && same_path(line, complaint);
}

Traffic observe(const View& view, const Complaint& complaint, const Caller& caller, const Destination& destination,
                const std::vector<const Pod*>& servers) {
  Traffic traffic;
  const auto index = index_servers(view, servers, traffic);
  if (caller.pod != nullptr && !caller.proxied()) {
    observe_bare(view, complaint, caller, index, traffic);
    link_passed_on(view, complaint, traffic);
    return traffic;
  }
  for (const auto* pod : caller.pods) {
    if (!pod->meshed() || !view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name})) continue;
    const auto* log = view.log(*pod);
    if (log == nullptr) continue;
    traffic.caller_read = true;
    if (!log->unreadable.empty()) traffic.unreadable = log->unreadable;
    traffic.caller_logs = traffic.caller_logs || writes_access_log(view, *pod, *log);
    for (const auto& line : log->access) {
      if (!concerns(line, complaint, caller, destination)) continue;
      Sighting seen;
      seen.caller = &line;
      seen.caller_pod = pod;
      seen.result = result_of(line, complaint);
      // A Service that the proxy knows was reached around its cluster: what went through is not what was meant.
      const bool around = line.method.empty() && starts_with(line.upstream_cluster, "PassthroughCluster") && destination.service != nullptr;
      if (around && seen.result == Sighting::Result::ok) seen.result = Sighting::Result::other;
      const auto* lines = joined(index, line);
      if (lines == nullptr) {
        add(traffic, seen, view);
        continue;
      }
      // Each retry is a line of its own at the server: the last one is what the caller got.
      seen.server = lines->back().first;
      seen.server_pod = lines->back().second;
      if (refused_by_server(seen)) seen.result = result_of(*seen.server, complaint);
      add(traffic, seen, view);
    }
  }
  keep_query(traffic, complaint);
  link_passed_on(view, complaint, traffic);
  return traffic;
}

std::map<std::string, PeerCount> peers_of(const View& view, const Complaint& complaint, const Destination& destination,
                                          const std::vector<const Pod*>& servers) {
  std::map<std::string, PeerCount> peers;
  Traffic ignored;
  std::vector<const Pod*> asked;
  for (const auto* pod : servers) {
    if (pod->meshed() && view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""})) asked.push_back(pod);
  }
  for (const auto& [line, pod] : index_servers(view, asked, ignored).all) {
    const auto wanted = destination.port == nullptr ? std::nullopt : target_port(*destination.port, *pod);
    if (wanted && port_of(line->downstream_local).value_or(0) != 0 && port_of(line->downstream_local).value_or(0) != *wanted) continue;
    if (!same_path(*line, complaint) || !in_window(*line, complaint)) continue;
    auto& peer = peers[address_of(line->downstream_remote)];
    const bool closed = line->code == 0 && line->has_flag("NR");
    const auto result = closed ? Sighting::Result::failed : result_of(*line, complaint);
    peer.ok += result == Sighting::Result::ok;
    peer.failed += result == Sighting::Result::failed;
  }
  return peers;
}

}  // namespace meshdx::mesh
