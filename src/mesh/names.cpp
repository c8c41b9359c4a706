#include "mesh/names.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

constexpr std::string_view k_svc = ".svc.";

/// What follows ".svc." in a text.
std::optional<std::string> behind_svc(const std::string& text) {
  const auto at = text.find(k_svc);
  if (at == std::string::npos || at + k_svc.size() == text.size()) return std::nullopt;
  return lower(text.substr(at + k_svc.size()));
}

/// `--domain $(POD_NAMESPACE).svc.cluster.local` of a proxy, in one word or two.
std::optional<std::string> said_by(const Container& proxy) {
  static const std::string flag = "--domain";
  for (std::size_t i = 0; i < proxy.args.size(); ++i) {
    const auto& word = proxy.args[i];
    if (word == flag && i + 1 < proxy.args.size()) return behind_svc(proxy.args[i + 1]);
    if (starts_with(word, flag + "=")) return behind_svc(word);
  }
  return std::nullopt;
}

/// The host of a cluster whose metadata name the Service it is for.
std::optional<std::string> said_by(const Cluster& cluster) {
  for (const auto& service : cluster.services) {
    const std::string start = service.name + "." + service.ns + std::string(k_svc);
    if (!service.name.empty() && starts_with(service.host, start) && service.host.size() > start.size()) return lower(service.host.substr(start.size()));
  }
  return std::nullopt;
}

}  // namespace

bool is_address(const std::string& host) {
  return contains(host, ":") || (!host.empty() && host.find_first_not_of("0123456789.") == std::string::npos);
}

std::string address_of(const std::string& endpoint) {
  if (starts_with(endpoint, "[")) return endpoint.substr(1, std::min(endpoint.find(']'), endpoint.size()) - 1);
  return endpoint.substr(0, std::count(endpoint.begin(), endpoint.end(), ':') > 1 ? std::string::npos : endpoint.find(':'));
}

std::optional<std::uint16_t> port_of(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  const bool bare = !starts_with(endpoint, "[") && std::count(endpoint.begin(), endpoint.end(), ':') > 1;
  const auto number = colon == std::string::npos || bare ? std::nullopt : to_number(std::string_view(endpoint).substr(colon + 1));
  return number && *number < 65536 ? std::optional(static_cast<std::uint16_t>(*number)) : std::nullopt;
}

std::string with_port(const std::string& address, std::uint16_t port) {
  return (contains(address, ":") ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

std::optional<ServiceName> service_name(const std::string& typed, const std::string& ns) {
  std::string host = lower(typed);
  while (!host.empty() && host.back() == '.') host.pop_back();
  if (is_address(host)) return std::nullopt;
  const auto labels = split(host, '.');
  if (std::any_of(labels.begin(), labels.end(), [](const auto& label) { return label.empty(); })) return std::nullopt;
  if (labels.size() == 1) return ServiceName{labels[0], ns};
  if (labels.size() == 2 || labels[2] == "svc") return ServiceName{labels[0], labels[1]};
  return std::nullopt;
}

std::string Names::resolve(const std::string& host, const std::string& ns) const {
  const std::string name = lower(host);
  return contains(name, ".") || name == "*" ? name : fqdn(name, ns);
}

bool Names::of_cluster(const std::string& host) const { return ends_with(host, std::string(k_svc) + domain); }

std::optional<ServiceName> Names::service(const std::string& host) const { return of_cluster(host) ? service_name(host, "") : std::nullopt; }

std::optional<std::string> domain_of_pods(const Evidence& evidence) {
  for (const auto& key : evidence.keys(Kind::pods)) {
    const auto& pods = evidence.get<Pods>(key);
    if (!pods.ok()) continue;
    for (const auto& pod : pods.value) {
      const auto domain = pod.meshed() ? said_by(*pod.proxy()) : std::nullopt;
      if (domain) return domain;
    }
  }
  return std::nullopt;
}

std::optional<std::string> domain_of_clusters(const Evidence& evidence) {
  for (const auto& key : evidence.keys(Kind::clusters)) {
    const auto& clusters = evidence.get<Clusters>(key);
    if (!clusters.ok()) continue;
    for (const auto& cluster : clusters.value) {
      if (const auto domain = said_by(cluster)) return domain;
    }
  }
  return std::nullopt;
}

}  // namespace meshdx::mesh
