#include "mesh/log_format.hpp"

#include <algorithm>

#include "evidence/proxy_log_format.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// A line that logs an HTTP request in whatever format: nearly all name the protocol, and pilot-agent's messages do not.
bool like_a_request(const std::string& line) { return contains(line, "HTTP/1.") || contains(line, "HTTP/2"); }

/// Whether the reader counted a line as one of Istio's format that it could not read.
bool counted(const std::string& line) { return starts_with(line, "[2") && contains(line, "] \""); }

const char* const k_what_to_do = "; with accessLogFormat as Istio has it (or these operators added), new requests can be read";

}  // namespace

ProxyLog read_strange(const ProxyLog& log, const MeshConfig* config) {
  ProxyLog result = log;
  const bool requests = std::any_of(log.strange.begin(), log.strange.end(), like_a_request);
  if (config == nullptr || config->access_log_format.empty()) {
    if (requests) result.unreadable = std::string("its access log is not in Istio's format and cannot be read; ") + (config == nullptr ? "the mesh configuration, which may tell the format, was not read" : "the mesh configuration has no accessLogFormat, so a Telemetry's provider may set it");
    return result;
  }
  const auto format = AccessFormat::compile(config->access_log_format, config->access_log_encoding == "JSON");
  if (!format.ok()) {
    result.unreadable = "its access log has the format of accessLogFormat in the mesh configuration, and that does not tell enough: " + format.error() + k_what_to_do;
    return result;
  }
  for (const auto& line : log.strange) {
    if (format->read(line, result.access.emplace_back())) {
      if (counted(line)) --result.unread;
      continue;
    }
    result.access.pop_back();
    result.unread += like_a_request(line) && !counted(line) ? 1 : 0;
  }
  if (result.access.empty() && requests) result.unreadable = "its access log is neither in Istio's format nor in that of accessLogFormat in the mesh configuration: it cannot be read (lines from before it was changed?)";
  return result;
}

}  // namespace meshdx::mesh
