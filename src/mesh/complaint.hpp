// What the user asked: which request, from where, and what the caller saw.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace meshdx::mesh {

struct Complaint {
  std::string playbook;                 ///< "503", "404", "mtls", ...
  std::optional<int> code;              ///< what the caller saw; 0 = no HTTP answer; nullopt when the question is not about a code
  std::string ns;                       ///< -n: where short names are looked up

  // the target
  std::string target;                   ///< as typed
  enum class Named { host, service, workload, any } named = Named::any;   ///< `svc/web`, `deploy/web`, a URL, `web`
  std::string scheme = "http";
  std::string host;                     ///< "web.shop", "web", "shop.example.com", an IP; without port
  std::optional<std::uint16_t> port;    ///< as typed or by the scheme of a URL; nullopt: the Service decides
  std::string path = "/", query;
  bool path_given = false;              ///< a URL was typed: only requests with this path are the user's
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;   ///< -H, names lower-case

  bool of_workload = false;             ///< the question is about the target itself: nobody calls it

  std::string since;                    ///< only requests that began after this time count (RFC 3339, UTC); "": all in the log

  // the caller
  enum class From { unknown, workload, gateway } from = From::unknown;
  std::string from_name, from_ns;       ///< from_name "" with gateway: whichever serves the host
  std::string from_pod;                 ///< the pod of the caller to look from first, where the logs named one; "": any
  std::string no_host;                  ///< gateway: why it is not known which host was asked of it; "" when it is
  bool gateway_pods_listed = false;     ///< whoever asks has looked for pods of the Gateways' selectors in all namespaces
  bool follow = true;                   ///< go on to the next hop when the application passed its error on

  /// The namespace of whoever asks: the caller's where it is named, else the one asked about.
  [[nodiscard]] const std::string& home() const { return from_ns.empty() ? ns : from_ns; }
};

}  // namespace meshdx::mesh
