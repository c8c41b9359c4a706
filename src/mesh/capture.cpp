#include "mesh/capture.hpp"

#include <algorithm>
#include <map>

#include "util/cidr.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

using Why = OutboundCapture::Why;

std::string label(const Labels& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? "" : found->second;
}

/// A capture setting: the flag of istio-init, or where there is none the annotation.
struct Setting {
  std::string name, value;
  bool given = false;
};

class Settings {
 public:
  explicit Settings(const Pod& pod) : m_pod(pod), m_init(pod.container("istio-init")) {
    if (m_init != nullptr && m_init->args.empty()) m_init = nullptr;
  }
  Setting get(const char* flag, const char* annotation) const {
    const auto& annotations = m_pod.meta.annotations;
    const auto found = annotations.find(annotation);
    if (m_init == nullptr) return found == annotations.end() ? Setting{} : Setting{annotation, found->second, true};
    const auto& args = m_init->args;
    const auto place = std::find(args.begin(), args.end(), flag);
    if (place == args.end() || place + 1 == args.end()) return {};
    return {found == annotations.end() ? std::string("istio-init ") + flag : annotation, *(place + 1), true};
  }

 private:
  const Pod& m_pod;
  const Container* m_init;
};

bool lists_port(const std::string& list, std::uint16_t port) {
  for (const auto& word : split(list, ',')) {
    if (trim(word) == "*" || trim(word) == std::to_string(port)) return true;
  }
  return false;
}

bool lists_address(const std::string& list, const std::string& address) {
  for (const auto& word : split(list, ',')) {
    const auto range = parse_cidr(std::string(trim(word)));
    if (trim(word) == "*" || (range && in_cidr(address, *range))) return true;
  }
  return false;
}

/// Whether a list covers the addresses: all, none, or unknown when it splits them or none is known.
Tri covers(const std::string& list, const std::vector<std::string>& addresses) {
  if (trim(list).empty()) return Tri::no;
  if (trim(list) == "*") return Tri::yes;
  const auto hits = static_cast<std::size_t>(std::count_if(addresses.begin(), addresses.end(), [&](const auto& a) { return lists_address(list, a); }));
  if (addresses.empty()) return Tri::unknown;
  return hits == addresses.size() ? Tri::yes : hits == 0 ? Tri::no : Tri::unknown;
}

/// The user or group a container runs as, its own setting before the pod's; -1 when the image decides.
long long identity(const Json& container, const Pod& pod, const char* key) {
  const long long own = number_at(at(container, "securityContext"), key, -1);
  return own >= 0 ? own : number_at(at(pod.spec(), "securityContext"), key, -1);
}

/// Traffic of the proxy's own user and group is let through: an application that runs as it goes around the proxy.
OutboundCapture by_identity(const Pod& pod, const Settings& settings) {
  const auto set = to_number(settings.get("-u", "").value);
  const long long reserved = set ? static_cast<long long>(*set) : 1337;
  OutboundCapture result;
  std::size_t applications = 0, around = 0;
  const Json& containers = at(pod.spec(), "containers");
  for (std::size_t i = 0; containers.is_array() && i < containers.size(); ++i) {
    if (text_at(containers[i], "name") == "istio-proxy") continue;
    ++applications;
    if (identity(containers[i], pod, "runAsUser") != reserved && identity(containers[i], pod, "runAsGroup") != reserved) continue;
    ++around;
    result.container = text_at(containers[i], "name");
  }
  if (around == 0) return result;
  result.captured = around == applications ? Tri::no : Tri::unknown;
  result.why = Why::proxy_uid;
  result.value = std::to_string(reserved);
  return result;
}

OutboundCapture around(Why why, const Setting& setting, Tri captured = Tri::no) { return {captured, why, setting.name, setting.value, ""}; }

}  // namespace

OutboundCapture outbound_capture(const Pod& pod, const std::vector<std::string>& addresses, std::uint16_t port) {
  const Settings settings(pod);
  const auto mode = settings.get("-m", "sidecar.istio.io/interceptionMode");
  if (mode.value == "NONE") return around(Why::interception_off, mode);
  const auto ports = settings.get("-o", "traffic.sidecar.istio.io/excludeOutboundPorts");
  if (lists_port(ports.value, port)) return around(Why::excluded_port, ports);
  if (auto identity = by_identity(pod, settings); identity.why == Why::proxy_uid) return identity;
  const auto ranges = settings.get("-x", "traffic.sidecar.istio.io/excludeOutboundIPRanges");
  if (const Tri excluded = covers(ranges.value, addresses); excluded != Tri::no) return around(Why::excluded_range, ranges, !excluded);
  const auto more_ports = settings.get("-q", "traffic.sidecar.istio.io/includeOutboundPorts");
  if (lists_port(more_ports.value, port)) return {};
  const auto included = settings.get("-i", "traffic.sidecar.istio.io/includeOutboundIPRanges");
  if (!included.given) return {};
  const Tri taken = covers(included.value, addresses);
  return taken == Tri::yes ? OutboundCapture{} : around(Why::not_included, included, taken);
}

bool in_ambient(const View& view, const Pod& pod) {
  if (pod.ambient()) return true;
  if (pod.meshed() || pod.proxy() != nullptr || pod.host_network) return false;
  const std::string own = label(pod.meta.labels, "istio.io/dataplane-mode");
  if (!own.empty()) return own == "ambient";
  const auto* namespaces = view.namespaces();
  if (namespaces == nullptr) return false;
  return std::any_of(namespaces->begin(), namespaces->end(), [&](const Object& ns) { return ns.meta.name == pod.meta.ns && label(ns.meta.labels, "istio.io/dataplane-mode") == "ambient"; });
}

}  // namespace meshdx::mesh
