// Access lines in the default format for tests about who calls whom.
#pragma once

#include <string>

namespace meshdx::testing {

/// What a line says; the rest is "-".
struct Line {
  std::string start = "2026-11-22T10:00:00.000Z", code = "200", flags = "-", details = "via_upstream", path = "/", id = "a";
  std::string authority = "web", upstream = "10.0.0.1:8080", cluster, local, remote;
  int ms = 2;
};

inline std::string text(const Line& l) {
  return "[" + l.start + "] \"GET " + l.path + " HTTP/1.1\" " + l.code + " " + l.flags + " " + l.details + " - \"-\" 0 1 " + std::to_string(l.ms) + " " +
         (l.details == "via_upstream" ? "1" : "-") + " \"-\" \"curl\" \"" + l.id + "\" \"" + l.authority + "\" \"" + l.upstream + "\" " + l.cluster +
         " 127.0.0.6:1 " + l.local + " " + l.remote + " - default";
}

/// A request that a server's proxy took from `peer`.
inline Line taken(const std::string& server_ip, const std::string& peer, const std::string& code, const std::string& id = "a") {
  Line l;
  l.code = code;
  l.id = id;
  l.upstream = server_ip + ":8080";
  l.cluster = "inbound|8080||";
  l.local = server_ip + ":8080";
  l.remote = peer + ":5000";
  return l;
}

/// A request that a caller's proxy sent to a Service of namespace shop on port 80.
inline Line sent(const std::string& service, const std::string& code, const std::string& id = "a") {
  Line l;
  l.code = code;
  l.id = id;
  l.authority = service;
  l.cluster = "outbound|80||" + service + ".shop.svc.cluster.local";
  l.local = "10.96.0.9:80";
  l.remote = "10.0.0.3:4000";
  return l;
}

}  // namespace meshdx::testing
