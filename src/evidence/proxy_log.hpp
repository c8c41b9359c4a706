// The istio-proxy container's log: Envoy's access log lines and the agent's and Envoy's own messages in one stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/expected.hpp"

namespace meshdx::evidence {

/// One access log line. Missing fields ("-" or null) are "". Blanks in details are kept as the log has them (`_`).
struct AccessLine {
  std::string start;                    ///< "2026-11-22T17:07:11.948Z"
  std::string method, path, protocol;   ///< protocol "HTTP/1.1"; all "" for TCP
  int code = 0;
  std::vector<std::string> flags;       ///< response flags as a set, sorted: {"UF", "URX"}
  std::string details;                  ///< %RESPONSE_CODE_DETAILS%
  std::string termination;              ///< %CONNECTION_TERMINATION_DETAILS%
  std::string transport_failure;        ///< %UPSTREAM_TRANSPORT_FAILURE_REASON%
  std::int64_t bytes_received = 0, bytes_sent = 0, duration_ms = 0;
  std::string upstream_service_time;    ///< "" when no upstream answered
  std::string forwarded_for, user_agent, request_id, authority;
  std::string upstream_host;            ///< "10.244.0.161:8080"
  std::string upstream_cluster;         ///< a trailing ";" (1.23, 1.24) is stripped
  std::string upstream_local, downstream_local, downstream_remote;
  std::string sni, route_name;

  [[nodiscard]] bool has_flag(std::string_view flag) const;
  [[nodiscard]] bool inbound() const;   ///< of the server side: cluster "inbound|..." (or InboundPassthroughCluster...)
};

/// One line of pilot-agent, istiod or Envoy itself; continuation lines are appended to `message`.
struct AgentLine {
  std::string time, level, scope, message;   ///< level: "info", "warn", "error", ... ("warning" is read as "warn")
};

struct ProxyLog {
  std::vector<AccessLine> access;
  std::vector<AgentLine> agent;         ///< warnings and worse; of the others only readiness and xDS connection lines
  std::size_t lines = 0;                ///< all lines seen
  std::size_t unread = 0;               ///< lines that look like access lines but were not understood (custom format)
  std::vector<std::string> strange;     ///< lines of no known form, when there is no access line: of a format of its own, perhaps
  std::string unreadable;               ///< why requests in it cannot be read; "" when they can (set where the format is known)
};

/// Parses text (with and without the two details columns of before 1.9, custom trailing fields tolerated) and JSON
/// encoding, line by line; a line that is neither is skipped, never an error. Takes the bytes of `kubectl logs`.
ProxyLog parse_proxy_log(std::string_view text);

}  // namespace meshdx::evidence
