// What the proxies' access logs say of the requests of a complaint: which were seen, which failed, and which hop made the
// answer (the two-hop rule, causes.md 0.1.8: `via_upstream` means that the answer came from one hop further).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mesh/request.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

enum class Maker { unknown, caller_proxy, server_proxy, application };

/// One request, as far as the logs show it.
struct Sighting {
  const evidence::AccessLine* caller = nullptr;   ///< the caller's proxy's line; nullptr when it has none (no sidecar)
  const evidence::AccessLine* server = nullptr;   ///< the server's proxy's line of the same request; nullptr when not found
  const evidence::Pod* caller_pod = nullptr;
  const evidence::Pod* server_pod = nullptr;
  enum class Result { ok, failed, other } result = Result::other;   ///< other: neither (the caller hung up, an error of another kind)
  Maker maker = Maker::unknown;
  /// The request of the server's own that failed before it answered so; nullptr: none is known to belong to this one.
  const evidence::AccessLine* next = nullptr;
  /// What makes `next` belong to it. `time` alone makes it likely at most.
  enum class Link { none, request_id, time } link = Link::none;
  /// The line of the hop that made the answer; the caller's own when that hop was not seen.
  [[nodiscard]] const evidence::AccessLine* made() const { return maker == Maker::server_proxy || maker == Maker::application ? (server != nullptr ? server : caller) : (caller != nullptr ? caller : server); }
};

/// Whether a failed request got no connection from the caller's proxy (UF). An answer with an error came over one.
bool unconnected(const Sighting& seen);

struct Traffic {
  bool caller_read = false;        ///< the caller's log was read (all pods asked for)
  bool server_read = false;        ///< at least one server proxy's log was read
  bool caller_logs = false;        ///< the caller's proxy writes an access log now: its listeners say so, or lines when they were not read
  std::string unreadable;          ///< why requests in one of the logs cannot be read; "" when they can
  std::vector<Sighting> requests;
  std::size_t ok = 0, failed = 0;
};

/// Joins the two sides: by request id, else by the caller's upstream address = the server's downstream address.
/// Takes the pods whose logs to read; `servers` may be empty.
Traffic observe(const View& view, const Complaint& complaint, const Caller& caller, const Destination& destination,
                const std::vector<const evidence::Pod*>& servers);

/// How the requests of one peer of a server went, by the server's log.
struct PeerCount {
  std::size_t ok = 0, failed = 0;
};
/// By the peers' addresses: the requests for the destination's port in the logs of these servers that were asked for.
std::map<std::string, PeerCount> peers_of(const View& view, const Complaint& complaint, const Destination& destination,
                                          const std::vector<const evidence::Pod*>& servers);

/// Whether a request went well or failed, as the complaint sees it.
Sighting::Result result_of(const evidence::AccessLine& line, const Complaint& complaint);

/// Whether a proxy writes an access log now. Its listeners decide: lines may be from before a Telemetry switched it off.
bool writes_access_log(const View& view, const evidence::Pod& pod, const evidence::ProxyLog& log);

/// Whether a line is a request of the complaint on the caller's side.
bool concerns(const evidence::AccessLine& line, const Complaint& complaint, const Caller& caller, const Destination& destination);

}  // namespace meshdx::mesh
