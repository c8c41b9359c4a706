// Which of an application's errors were made one hop further: by a request of its own that failed while it answered.
#pragma once

#include <string>
#include <vector>

#include "mesh/complaint.hpp"
#include "mesh/traffic.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// Fills `next` and `link` of the failed requests that the application answered. By x-request-id, which Envoy keeps when
/// the application passes it on: then the last of its requests to one destination failed. An application that passes no id
/// on gets a new one for each request of its own; then only time speaks: its request failed inside the time of the one it
/// answered, for most of those that failed and few that went well, and more often than chance would have it. A failed
/// request that it also has when it answers well is none of the reasons.
void link_passed_on(const View& view, const Complaint& complaint, Traffic& traffic);

/// Where a line of a sidecar's own outbound side went: "api.shop.svc.cluster.local:8080", from its cluster, else as it was
/// addressed; "" when the line does not say.
struct Sent {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const Sent& other) const { return host == other.host && port == other.port; }
  bool operator<(const Sent& other) const { return std::tie(host, port) < std::tie(other.host, other.port); }
};
Sent sent_to(const evidence::AccessLine& line);

/// Milliseconds since the epoch of an access line's start; nullopt when it is no RFC 3339 time in UTC.
std::optional<std::int64_t> milliseconds(const std::string& time);

/// The probability of at least `hits` of `tries` when each hits with probability `p`.
double chance_of(std::size_t hits, std::size_t tries, double p);

}  // namespace meshdx::mesh
