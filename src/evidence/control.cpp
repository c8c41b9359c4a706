#include "evidence/control.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "evidence/json_slices.hpp"
#include "evidence/kube_read.hpp"
#include "util/json.hpp"

namespace meshdx::evidence {

namespace {

/// istioctl's log goes to stdout as well: lines of it may stand before the answer.
std::string_view after_log(std::string_view text) {
  const auto start = json_start(text);
  return start == text.size() ? text : text.substr(start);
}

}  // namespace

/// Keys as `istioctl version -o json` spells them (formats.md 4.4; pkg/version/cobra.go). `meshVersion` and
/// `dataPlaneVersion` are absent when no istiod was reached.
Expected<IstioVersion> parse_istio_version(std::string_view json) {
  const auto root = parse_output(after_log(json));
  if (!root) return Error{root.error()};
  IstioVersion version;
  version.client = text_at(at(*root, "clientVersion"), "version");
  if (version.client.empty()) return Error{"not the output of istioctl version: no clientVersion"};
  for (const Json& entry : elements(at(*root, "meshVersion"))) {
    const std::string istiod = text_at(at(entry, "Info"), "version");
    auto& seen = version.control_planes;
    if (!istiod.empty() && std::find(seen.begin(), seen.end(), istiod) == seen.end()) seen.push_back(istiod);
  }
  for (const Json& entry : elements(at(*root, "dataPlaneVersion"))) {
    const std::string id = text_at(entry, "ID");
    if (!id.empty()) version.proxies[id] = text_at(entry, "IstioVersion");
  }
  return version;
}

/// `serverVersion` is absent when the API server did not answer (formats.md 6).
Expected<KubeVersion> parse_kube_version(std::string_view json) {
  const auto root = parse_output(json);
  if (!root) return Error{root.error()};
  KubeVersion version;
  version.client = text_at(at(*root, "clientVersion"), "gitVersion");
  version.server = text_at(at(*root, "serverVersion"), "gitVersion");
  if (version.client.empty() && version.server.empty()) {
    return Error{"not the output of kubectl version: neither clientVersion nor serverVersion"};
  }
  return version;
}

/// `istioctl analyze -o json`: an array, `[]` when there is nothing to say; `origin` can be absent (formats.md 3).
Expected<std::vector<AnalyzeMessage>> parse_analyze(std::string_view json) {
  const auto root = parse_output(json);
  if (!root) return Error{root.error()};
  if (!root->is_array()) return Error{"not the output of istioctl analyze: no array"};
  std::vector<AnalyzeMessage> messages;
  for (const Json& entry : elements(*root)) {
    AnalyzeMessage message;
    message.code = text_at(entry, "code");
    message.level = text_at(entry, "level");
    message.message = text_at(entry, "message");
    message.origin = text_at(entry, "origin");
    if (message.code.empty() || message.level.empty()) {
      return Error{fmt::format("message {} of istioctl analyze has no code or level", messages.size())};
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace meshdx::evidence
