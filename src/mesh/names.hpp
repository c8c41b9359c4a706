// How the hosts of Services are spelt: `name.namespace.svc.DOMAIN`, with the DNS domain of this cluster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evidence/evidence.hpp"

namespace meshdx::mesh {

/// "web", "web.shop", "web.shop.svc.cluster.local." → name and namespace of a Kubernetes service name.
struct ServiceName {
  std::string name, ns;
};

/// An IP address, not a name; no name has a colon (ports are off here).
bool is_address(const std::string& host);

/// "10.0.0.1:80" → "10.0.0.1", "[fd00::1]:80" → "fd00::1", "web.shop:80" → "web.shop": an endpoint or an authority without
/// its port. Several colons without brackets are an IPv6 address that has none.
std::string address_of(const std::string& endpoint);

/// Its port: "10.0.0.1:80", "[fd00::1]:80"; nullopt where none is written.
std::optional<std::uint16_t> port_of(const std::string& endpoint);

/// The other way round: "10.0.0.1:80", "[fd00::1]:80".
std::string with_port(const std::string& address, std::uint16_t port);

/// Takes a host apart if it can name a Service (one label, two labels, or `.svc[.domain]`); `ns` for the one-label form.
std::optional<ServiceName> service_name(const std::string& host, const std::string& ns);

/// The cluster's way to write hosts. Its domain is kubelet's --cluster-domain and istiod's DomainSuffix, which are to be the
/// same; it has nothing to do with the trust domain of identities, though both are "cluster.local" where nobody chose.
struct Names {
  std::string domain = "cluster.local";

  [[nodiscard]] std::string fqdn(const std::string& name, const std::string& ns) const { return name + "." + ns + ".svc." + domain; }
  [[nodiscard]] std::string fqdn(const ServiceName& service) const { return fqdn(service.name, service.ns); }
  /// A host as written in an object of a namespace: a name without dots is short and means a Service of that namespace
  /// (api networking/v1alpha3 VirtualService host note).
  [[nodiscard]] std::string resolve(const std::string& host, const std::string& ns) const;
  /// Whether a host is one of the cluster's own Services, by its form.
  [[nodiscard]] bool of_cluster(const std::string& host) const;
  /// The Service that such a host names; nullopt for any other.
  [[nodiscard]] std::optional<ServiceName> service(const std::string& host) const;
};

/// What the proxies' containers say of the domain: `--domain NAMESPACE.svc.DOMAIN` (the injector writes it, and istiod names hosts alike).
/// nullopt: no pod with one was read.
std::optional<std::string> domain_of_pods(const evidence::Evidence& evidence);
/// What the hosts say that the proxies' clusters are for. nullopt: none was read.
std::optional<std::string> domain_of_clusters(const evidence::Evidence& evidence);

}  // namespace meshdx::mesh
