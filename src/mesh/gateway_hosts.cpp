#include "mesh/gateway_hosts.hpp"

#include <algorithm>
#include <map>

#include "mesh/istio_config.hpp"
#include "mesh/rule_match.hpp"
#include "mesh/traffic.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// A path that a rule takes, as far as a match tells one.
std::string path_for(const Json& rule) {
  const Json& matches = at(rule, "match");
  if (!matches.is_array() || matches.empty()) return "/";
  const Json& uri = at(matches[0], "uri");
  const auto exact = text_at(uri, "exact");
  const auto path = exact.empty() ? text_at(uri, "prefix") : exact;
  return starts_with(path, "/") ? path : "/";
}

bool sends_to(const Names& names, const Json& rule, const std::string& ns, const std::string& fqdn) {
  for (const auto& route : at(rule, "route")) {
    const auto host = text_at(at(route, "destination"), "host");
    if (!host.empty() && names.resolve(host, ns) == fqdn) return true;
  }
  return false;
}

/// Paths of the rules of a VirtualService that send to the Service.
std::vector<std::string> paths_to(const Names& names, const ObjectList& services, const Object& vs, const std::string& fqdn) {
  std::vector<std::string> paths;
  const auto look = [&](const Object& object, const std::string& of_root) {
    for (const char* kind : {"http", "tls", "tcp"}) {
      for (const auto& rule : at(object.spec(), kind)) {
        if (!sends_to(names, rule, object.meta.ns, fqdn)) continue;
        const auto own = path_for(rule);
        paths.push_back(own == "/" ? of_root : own);
      }
    }
  };
  look(vs, "/");
  for (const auto& rule : at(vs.spec(), "http")) {
    const auto delegate = delegate_of(services, rule, vs.meta.ns);
    if (delegate && delegate->object != nullptr) look(*delegate->object, path_for(rule));
  }
  return paths;
}

/// The narrower of a VirtualService's host and a server's; "" when they have nothing in common.
std::string common_host(const std::string& own, const std::string& served) {
  if (host_covers(served, own)) return own;
  return host_covers(own, served) ? served : "";
}

/// The hosts a Gateway object serves for a VirtualService.
void add_served(const Object& gateway, const Object& vs, const std::string& path, std::vector<ServedHost>& found) {
  for (const auto& server : at(gateway.spec(), "servers")) {
    const auto protocol = text_at(at(server, "port"), "protocol");
    const bool tls = protocol == "HTTPS" || protocol == "TLS";
    if (bool_at(at(server, "tls"), "httpsRedirect")) continue;
    for (const auto& listed : strings_at(server, "hosts")) {
      const auto served = lower(listed.substr(listed.find('/') + 1));
      for (const auto& own : strings_at(vs.spec(), "hosts")) {
        const auto host = common_host(lower(own), served);
        const bool known = std::any_of(found.begin(), found.end(), [&](const ServedHost& other) { return other.host == host; });
        if (host.empty() || known) continue;
        found.push_back({host, path, tls, static_cast<std::uint16_t>(number_at(at(server, "port"), "number", 80)), &vs, &gateway});
      }
    }
  }
}

}  // namespace

std::vector<ServedHost> served_hosts(const View& view, const Service& service) {
  const auto fqdn = view.names().fqdn(service.meta.name, service.meta.ns);
  const auto services = view.objects(Kind::virtual_services);
  const auto gateways = view.objects(Kind::gateways);
  std::vector<ServedHost> bound, unbound;
  for (const auto* vs : services.items) {
    const auto paths = paths_to(view.names(), services, *vs, fqdn);
    if (paths.empty()) continue;
    const auto names = bound_gateways(*vs);
    const bool of_gateway = std::any_of(names.begin(), names.end(), [](const auto& name) { return name != "mesh"; });
    for (const auto* gateway : gateways.items) {
      if (std::find(names.begin(), names.end(), gateway->full_name()) != names.end()) add_served(*gateway, *vs, paths.front(), bound);
      else if (!of_gateway) add_served(*gateway, *vs, paths.front(), unbound);
    }
  }
  if (!bound.empty()) return bound;
  // A Gateway with host "*" covers the Service's own name too: only names that no sidecar answers to are meant for a gateway.
  unbound.erase(std::remove_if(unbound.begin(), unbound.end(), [](const ServedHost& host) { return service_name(host.host, "x").has_value(); }), unbound.end());
  for (auto& host : unbound) host.gateway = nullptr;
  return unbound;
}

namespace {

/// The Service that the target names, when it names one and no Gateway or VirtualService has it for a host.
const Service* named_service(const View& view, const Complaint& complaint, bool& only_a_name) {
  only_a_name = false;
  if (complaint.path_given) return nullptr;
  const auto name = service_name(complaint.host, complaint.ns);
  if (!name) return nullptr;
  const auto host = lower(complaint.host);
  for (const auto* gateway : view.objects(Kind::gateways).items) {
    for (const auto& server : at(gateway->spec(), "servers")) {
      for (const auto& listed : strings_at(server, "hosts")) {
        if (lower(listed.substr(listed.find('/') + 1)) == host) return nullptr;
      }
    }
  }
  only_a_name = !contains(host, ".") || contains(host, ".svc") || complaint.named == Complaint::Named::service || complaint.named == Complaint::Named::workload;
  auto inside = complaint;
  inside.from = Complaint::From::unknown;
  const auto to = find_destination(view, inside);
  return to.service;
}

/// A host to ask for: a wildcard's as it is called in the gateway's log, else one made up that it covers.
std::vector<std::string> hosts_to_ask(const View& view, const ServedHost& served, const std::string& fqdn, const std::vector<const Pod*>& pods) {
  if (!contains(served.host, "*")) return {served.host};
  std::vector<std::string> hosts;
  for (const auto* pod : pods) {
    if (!view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""})) continue;
    const auto* log = view.log(*pod);
    if (log == nullptr) continue;
    for (const auto& line : log->access) {
      const auto cluster = ClusterName::parse(line.upstream_cluster);
      const auto host = lower(address_of(line.authority));
      const bool ours = cluster && cluster->host == fqdn && host_covers(served.host, host);
      if (ours && std::find(hosts.begin(), hosts.end(), host) == hosts.end() && hosts.size() < 4) hosts.push_back(host);
    }
  }
  if (hosts.empty()) hosts.push_back(served.host == "*" ? fqdn : "www" + served.host.substr(1));
  return hosts;
}

Complaint with_host(Complaint complaint, const ServedHost& served, const std::string& host) {
  complaint.host = host;
  complaint.named = Complaint::Named::host;
  complaint.path = served.path;
  complaint.scheme = served.tls ? "https" : "http";
  complaint.port = served.port;
  return complaint;
}

AtGateway unknown_host(Complaint complaint, const std::string& why) {
  complaint.no_host = why + "; give the URL that was called, like http://shop.example.com/";
  return {complaint, "The host is not known: " + complaint.no_host + "."};
}

}  // namespace

AtGateway at_gateway(const View& view, const Complaint& complaint) {
  bool only_a_name = false;
  const auto* service = named_service(view, complaint, only_a_name);
  if (service == nullptr) {
    if (!only_a_name) return {complaint, ""};
    return unknown_host(complaint, "no Service " + complaint.host + " was found in " + complaint.ns + ", so it is not known by which host a gateway serves it");
  }
  const std::string what = "Service " + service->meta.ns + "/" + service->meta.name;
  const auto hosts = served_hosts(view, *service);
  if (hosts.empty()) {
    const bool read = view.objects(Kind::virtual_services).everywhere && view.objects(Kind::gateways).everywhere;
    return unknown_host(complaint, read ? "no VirtualService that is bound to a Gateway sends requests to " + what : "by which host a gateway serves " + what + " is not known, as not all VirtualServices and Gateways were read");
  }
  const auto fqdn = view.names().fqdn(service->meta.name, service->meta.ns);
  AtGateway best;
  const ServedHost* taken = nullptr;
  std::pair<std::size_t, std::size_t> most{0, 0};
  std::vector<std::string> all;
  for (const auto& served : hosts) {
    const auto pods = find_caller(view, with_host(complaint, served, served.host), {}).pods;
    for (const auto& host : hosts_to_ask(view, served, fqdn, pods)) {
      auto asked = with_host(complaint, served, host);
      const auto traffic = observe(view, asked, find_caller(view, asked, {}), {}, {});
      const std::pair<std::size_t, std::size_t> seen{traffic.failed, traffic.requests.size()};
      all.push_back(host);
      if (taken != nullptr && seen <= most) continue;
      best.complaint = std::move(asked);
      taken = &served;
      most = seen;
    }
  }
  const auto& host = best.complaint.host;
  best.remark = what + " is asked for as " + host + ": VirtualService " + taken->virtual_service->full_name() +
                (taken->gateway == nullptr ? ", which no Gateway is bound to, sends that host to it" : " of Gateway " + taken->gateway->full_name() + " sends that host to it");
  all.erase(std::remove(all.begin(), all.end(), host), all.end());
  best.remark += (all.empty() ? "" : " (not examined: " + join(all, ", ") + "; give the URL to ask for one of them)") + std::string(".");
  return best;
}

}  // namespace meshdx::mesh
