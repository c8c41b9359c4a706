// What the control plane and the tools say: proxy-status, versions, analyze; and the socket table of a pod.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/expected.hpp"

namespace meshdx::evidence {

enum class Sync { synced, stale, not_sent, ignored, error, unknown };

/// One proxy in `istioctl proxy-status` (all layouts of formats.md 1, and -o json).
struct ProxyState {
  std::string pod, ns;                  ///< NAME = pod.ns, cut at the last dot
  std::string cluster, istiod, version;
  /// "CDS", "LDS", "EDS", "RDS", ...; empty: the layout does not say (1.27 default table). JSON leaves out types that
  /// the proxy did not subscribe to, where the tables say IGNORED.
  std::map<std::string, Sync> types;
  std::map<std::string, std::string> errors;   ///< type -> the reason of a rejected push (JSON only)
};
struct ProxyStatus {
  std::vector<ProxyState> proxies;
  bool says_sync = false;               ///< the layout has a status a type
};
Expected<ProxyStatus> parse_proxy_status(std::string_view text);

struct IstioVersion {
  std::string client;
  std::vector<std::string> control_planes;              ///< versions of the istiods; empty: none reached
  std::map<std::string, std::string> proxies;           ///< "pod.ns" -> version
};
Expected<IstioVersion> parse_istio_version(std::string_view json);

struct KubeVersion {
  std::string client, server;           ///< "v1.34.4"; server "" when unreachable
};
Expected<KubeVersion> parse_kube_version(std::string_view json);

struct AnalyzeMessage {
  std::string code, level, message, origin;
};
Expected<std::vector<AnalyzeMessage>> parse_analyze(std::string_view json);

/// A listening TCP socket (state 0A) of /proc/net/tcp or tcp6.
struct Socket {
  std::string address;                  ///< "0.0.0.0", "127.0.0.1", "::", "::1", ...
  std::uint16_t port = 0;
  std::uint32_t uid = 0;                ///< 1337: the proxy's own
  [[nodiscard]] bool loopback() const;
};
Expected<std::vector<Socket>> parse_sockets(std::string_view text);

}  // namespace meshdx::evidence
