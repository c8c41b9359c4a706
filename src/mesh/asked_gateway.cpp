#include "mesh/asked_gateway.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "mesh/gateway_api.hpp"
#include "mesh/gateway_binding.hpp"
#include "mesh/traffic.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// What speaks for a gateway having been asked.
enum class Claim { none, every_host, by_name };

/// What is asked for, and the rules that may name it.
struct Asked {
  std::string host;
  std::uint16_t dialled = 0;
  ObjectList services, routes;
};

Asked asked_for(const View& view, const Complaint& complaint) {
  const auto port = complaint.port.value_or(complaint.scheme == "https" ? std::uint16_t{443} : std::uint16_t{80});
  return {lower(complaint.host), port, view.objects(Kind::virtual_services), api_routes(view)};
}

bool named_by(const std::vector<std::string>& hosts, const std::string& host) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& pattern) { return pattern != "*" && host_covers(lower(pattern), host); });
}

Claim by_server(const Asked& asked, const GatewayServer& server, const std::vector<std::uint16_t>& ports) {
  if (server.tls_mode == "AUTO_PASSTHROUGH") return Claim::none;   // between clusters: the server name is a cluster's, no host
  if (named_by(server.hosts, asked.host)) return Claim::by_name;
  const bool bound = std::any_of(asked.services.items.begin(), asked.services.items.end(), [&](const Object* vs) { return bound_to(*vs, *server.gateway) && named_by(strings_at(vs->spec(), "hosts"), asked.host); });
  if (bound) return Claim::by_name;
  const bool here = std::find(ports.begin(), ports.end(), server.port) != ports.end();
  return here && server_covers(server, asked.host) ? Claim::every_host : Claim::none;
}

Claim by_listener(const Asked& asked, const ApiListener& listener, const std::vector<std::uint16_t>& ports) {
  const auto& own = listener.gateway->meta;
  if (!listener.takes(asked.host)) return Claim::none;
  if (!listener.hostname.empty()) return Claim::by_name;
  const bool attached = std::any_of(asked.routes.items.begin(), asked.routes.items.end(), [&](const Object* route) {
    const auto parents = gateway_parents(*route);
    const bool here = std::any_of(parents.begin(), parents.end(), [&](const ParentRef& p) { return p.ns == own.ns && p.name == own.name; });
    return here && named_by(strings_at(route->spec(), "hostnames"), asked.host);
  });
  if (attached) return Claim::by_name;
  return std::find(ports.begin(), ports.end(), listener.port) != ports.end() ? Claim::every_host : Claim::none;
}

Claim by_gateway(const Asked& asked, const Object& gateway, const std::vector<std::uint16_t>& ports, bool of_api) {
  Claim claim = Claim::none;
  if (of_api) {
    for (const auto& listener : listeners_of(gateway)) claim = std::max(claim, by_listener(asked, listener, ports));
  } else {
    for (const auto& server : servers_of(gateway)) claim = std::max(claim, by_server(asked, server, ports));
  }
  return claim;
}

/// Pods that serve the same Gateways; those that serve none go by their workload.
struct Group {
  std::string name;                 ///< of the first one's workload: "istio-system/istio-ingressgateway"
  std::vector<const Object*> serves;
  std::vector<const Pod*> pods;
  Claim claim = Claim::none;
  std::size_t failed = 0;           ///< requests of the complaint that failed, by its logs
  std::string unreadable;           ///< why requests in its logs cannot be read; "" when they can
};

Claim claim_of(const View& view, const Asked& asked, const Pod& pod) {
  const std::vector<std::uint16_t> ports = {asked.dialled, gateway_port(view, pod, asked.dialled)};
  Claim claim = Claim::none;
  for (const auto* gateway : gateways_of(view, pod)) claim = std::max(claim, by_gateway(asked, *gateway, ports, false));
  for (const auto* gateway : api_gateways_of(view, pod)) claim = std::max(claim, by_gateway(asked, *gateway, ports, true));
  return claim;
}

void weigh(const View& view, const Complaint& complaint, const Asked& asked, Group& group) {
  group.claim = claim_of(view, asked, *group.pods.front());
  Caller caller;
  caller.gateway = true;
  caller.pods = group.pods;
  const auto traffic = observe(view, complaint, caller, {}, {});
  group.failed = traffic.failed;
  group.unreadable = traffic.unreadable;
}

std::vector<Group> groups_of(const View& view, const Complaint& complaint, const Asked& asked, const std::vector<const Pod*>& pods) {
  std::vector<Group> groups;
  for (const auto* pod : pods) {
    const auto name = pod->meta.ns + "/" + workload_of(*pod);
    auto serves = api_gateways_of(view, *pod);
    const auto own = gateways_of(view, *pod);
    serves.insert(serves.end(), own.begin(), own.end());
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.name == name || (!serves.empty() && g.serves == serves); });
    if (group == groups.end()) group = groups.insert(groups.end(), Group{name, std::move(serves), {}, Claim::none, 0, ""});
    group->pods.push_back(pod);
  }
  if (groups.size() == 1) return groups;
  for (auto& group : groups) weigh(view, complaint, asked, group);
  return groups;
}

/// Gateways that may have pods which were not listed, with what speaks for them.
struct Beyond {
  std::vector<std::string> names;
  Claim claim = Claim::none;
  void add(const Object& gateway, Claim own) {
    if (own == Claim::none || own < claim) return;
    if (own > claim) names.clear();
    claim = own;
    names.push_back("Gateway " + gateway.full_name());
  }
};

bool served(const View& view, const Object& gateway, bool of_api, const std::vector<const Pod*>& pods) {
  return std::any_of(pods.begin(), pods.end(), [&](const Pod* pod) {
    if (!of_api) return gateway_selects(gateway, *pod);
    const auto own = api_gateways_of(view, *pod);
    return std::find(own.begin(), own.end(), &gateway) != own.end();
  });
}

bool pods_listed(const View& view, const std::string& ns) {
  const auto namespaces = view.pod_namespaces();
  return std::find(namespaces.begin(), namespaces.end(), ns) != namespaces.end() && view.pods(ns) != nullptr;
}

/// A Gateway of the Gateway API that a controller has programmed has something that listens: its pods are in its namespace, or, deployed
/// by hand, wherever its address leads.
bool programmed_elsewhere(const View& view, const Object& gateway) {
  const auto programmed = condition_of(at(at(gateway.raw, "status"), "conditions"), "Programmed", gateway);
  const bool here = pods_listed(view, gateway.meta.ns);
  const bool by_hand = at(gateway.spec(), "addresses").is_array() && !at(gateway.spec(), "addresses").empty();
  return programmed.status == "True" && (!here || by_hand);
}

Beyond beyond_of(const View& view, const Asked& asked, const std::vector<const Pod*>& pods) {
  Beyond beyond;
  for (const auto* gateway : view.objects(Kind::api_gateways).items) {
    if (!served(view, *gateway, true, pods) && programmed_elsewhere(view, *gateway)) beyond.add(*gateway, by_gateway(asked, *gateway, {asked.dialled}, true));
  }
  for (const auto* gateway : view.objects(Kind::gateways).items) {
    const auto claim = served(view, *gateway, false, pods) ? Claim::none : by_gateway(asked, *gateway, {asked.dialled}, false);
    if (claim != Claim::none && !all_proxies_listed(view)) beyond.add(*gateway, claim);
  }
  return beyond;
}

std::string names_of(const std::vector<Group>& groups) {
  std::vector<std::string> names;
  for (const auto& group : groups) names.push_back(group.name);
  return join(names, ", ");
}

std::string and_beyond(const Beyond& beyond) { return beyond.names.empty() ? "" : ", or " + join(beyond.names, ", ") + ", whose pods were not listed"; }

void open(AskedGateway& result, const std::vector<Group>& groups, const Beyond& beyond) {
  result.why = "it is not known which gateway was asked: " + names_of(groups) + and_beyond(beyond) + "; no log shows the request, name one: --from gateway/NAME.NAMESPACE";
  for (const auto& group : groups) {
    if (!group.unreadable.empty()) result.why += " (the log of " + group.name + ": " + group.unreadable + ")";
  }
}

/// The namespaces of all proxies that the control planes know; empty when one of them did not say.
std::set<std::string> proxies_of_all_planes(const View& view) {
  auto planes = view.control_planes().all;
  if (planes.empty()) planes.insert(ControlPlane());
  std::set<std::string> namespaces;
  for (const auto& plane : planes) {
    const auto* status = view.evidence().asked(plane.status_key()) ? view.read<ProxyStatus>(plane.status_key()) : nullptr;
    if (status == nullptr || status->proxies.empty()) return {};
    for (const auto& proxy : status->proxies) namespaces.insert(proxy.ns);
  }
  return namespaces;
}

}  // namespace

bool all_proxies_listed(const View& view) {
  const auto listed = [&](const std::string& ns) { return pods_listed(view, ns); };
  if (const auto proxies = proxies_of_all_planes(view); !proxies.empty()) return std::all_of(proxies.begin(), proxies.end(), listed);
  const auto* namespaces = view.namespaces();
  return namespaces != nullptr && std::all_of(namespaces->begin(), namespaces->end(), [&](const auto& ns) { return listed(ns.meta.name); });
}

AskedGateway asked_gateway(const View& view, const Complaint& complaint, const std::vector<const Pod*>& pods, bool beyond) {
  AskedGateway result;
  if (pods.empty() || !complaint.no_host.empty()) {
    result.pods = pods;
    return result;
  }
  const auto asked = asked_for(view, complaint);
  auto groups = groups_of(view, complaint, asked, pods);
  const auto others = beyond ? beyond_of(view, asked, pods) : Beyond{};
  if (groups.size() == 1 && others.claim == Claim::none) {
    result.pods = pods;
    return result;
  }
  if (groups.size() == 1) weigh(view, complaint, asked, groups.front());
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return std::make_tuple(a.failed > 0, a.claim, a.failed) > std::make_tuple(b.failed > 0, b.claim, b.failed);
  });
  for (const auto& group : groups) result.witnesses.push_back(group.pods.front());
  const auto& first = groups.front();
  const bool alone = first.claim > others.claim && (groups.size() == 1 || first.claim > groups[1].claim);
  if (first.failed == 0 && !alone) {
    open(result, groups, others);
    return result;
  }
  result.pods = first.pods;
  const std::string said = first.failed > 0 ? ", whose log shows such requests fail" : first.claim == Claim::by_name ? ", which has the host by its name" : ", which takes every host";
  auto rest = groups;
  rest.erase(rest.begin());
  if (!rest.empty()) result.remark = "Of several gateways this is seen from " + first.name + said + "; not from " + names_of(rest) + " (--from gateway/NAME.NAMESPACE asks of another).";
  return result;
}

}  // namespace meshdx::mesh
