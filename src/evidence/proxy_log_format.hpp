// A mesh's own access log format: `accessLogFormat` of the mesh configuration, as text or as JSON keys.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evidence/proxy_log.hpp"
#include "util/expected.hpp"

namespace meshdx::evidence {

/// Envoy's format strings (docs: observability/access_log/usage, command operators), as far as a diagnosis needs them.
class AccessFormat {
 public:
  /// Takes a format apart. The Error names the operators that are missing: without them a line would be half read, and half
  /// a line points at the wrong hop.
  static Expected<AccessFormat> compile(const std::string& format, bool json);

  /// Reads a line; false when it is none of this format.
  [[nodiscard]] bool read(std::string_view line, AccessLine& access) const;

 private:
  /// An operator with what stands before it: text, or the key of a JSON format.
  struct Part {
    std::string before, name;
  };

  [[nodiscard]] bool read_text(std::string_view line, AccessLine& access) const;
  [[nodiscard]] bool read_json(std::string_view line, AccessLine& access) const;

  std::vector<Part> m_parts;
  std::string m_after;      ///< text behind the last operator
  bool m_json = false;
};

}  // namespace meshdx::evidence
