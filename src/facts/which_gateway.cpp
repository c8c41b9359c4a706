#include "facts/which_gateway.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

#include "mesh/asked_gateway.hpp"
#include "mesh/gateway_binding.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::bound_to;
using mesh::GatewayServer;
using mesh::has_host;
using mesh::server_covers;
using mesh::Walk;

bool has_routes(const Walk& walk) {
  if (walk.end == Walk::End::no_route) return walk.virtual_host != nullptr && !walk.virtual_host->routes.empty();
  return walk.end != Walk::End::unknown && walk.end != Walk::End::no_listener && walk.end != Walk::End::no_filter_chain && walk.end != Walk::End::no_virtual_host;
}

const GatewayServer* meant_server(Context& c, const std::vector<GatewayServer>& servers, const std::string& host) {
  const auto rank = [&](const GatewayServer& s) {
    return std::make_tuple(s.port == c.path().request.dialled, s.gateway->meta.ns == c.ask.ns, mesh::names_host(s, host));
  };
  const GatewayServer* best = nullptr;
  for (const auto& server : servers) {
    if (server_covers(server, host) && (best == nullptr || rank(server) > rank(*best))) best = &server;
  }
  return best;
}

const Object* routing_service(const mesh::ObjectList& list, const std::vector<GatewayServer>& servers, const std::string& host) {
  for (const auto* vs : list.items) {
    if (!has_host(*vs, host)) continue;
    for (const auto& server : servers) {
      if (bound_to(*vs, *server.gateway) && mesh::server_takes(server, host, vs->meta.ns)) return vs;
    }
  }
  return nullptr;
}

const Object* unbound_service(Context& c, const mesh::ObjectList& list, const std::vector<GatewayServer>& servers, const std::string& host) {
  std::vector<const Object*> own, others;
  const auto gateways = c.view.objects(Kind::gateways);
  for (const auto* vs : list.items) {
    // One that is bound to a Gateway with the host is bound as it should be, whether or not a pod serves that Gateway.
    const bool bound = std::any_of(servers.begin(), servers.end(), [&](const auto& s) { return bound_to(*vs, *s.gateway); }) ||
                       std::any_of(gateways.items.begin(), gateways.items.end(), [&](const auto* g) { return bound_to(*vs, *g) && mesh::serves_host(*g, host, false); });
    if (has_host(*vs, host) && !bound) (vs->meta.ns == c.ask.ns ? own : others).push_back(vs);
  }
  const auto& found = own.empty() ? others : own;
  return found.size() == 1 ? found.front() : nullptr;
}

namespace {

/// A VirtualService and a server of a Gateway that it is bound to.
struct BoundPair {
  const Object* vs;
  const GatewayServer* server;
  bool own;      ///< one of the two is of the namespace asked about
};

std::vector<BoundPair> bound_pairs(Context& c, const mesh::ObjectList& list, const std::vector<GatewayServer>& servers) {
  std::vector<BoundPair> pairs;
  for (const auto* vs : list.items) {
    for (const auto& server : servers) {
      if (bound_to(*vs, *server.gateway)) pairs.push_back({vs, &server, vs->meta.ns == c.ask.ns || server.gateway->meta.ns == c.ask.ns});
    }
  }
  return pairs;
}

/// The pair that is meant: of the namespace asked about when there are such, and then of one VirtualService alone.
const BoundPair* the_one(const std::vector<BoundPair>& pairs) {
  const bool any_own = std::any_of(pairs.begin(), pairs.end(), [](const auto& p) { return p.own; });
  const BoundPair* found = nullptr;
  for (const auto& pair : pairs) {
    if (pair.own != any_own) continue;
    if (found != nullptr && found->vs != pair.vs) return nullptr;
    if (found == nullptr) found = &pair;
  }
  return found;
}

std::vector<BoundPair> kept(std::vector<BoundPair> pairs, const std::function<bool(const BoundPair&)>& test) {
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(), [&](const auto& p) { return !test(p); }), pairs.end());
  return pairs;
}

/// Names once each, at most six of them.
std::string some_of(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (const auto& name : names) {
    if (std::find(shown.begin(), shown.end(), name) == shown.end()) shown.push_back(name);
  }
  const auto more = shown.size() > 6 ? shown.size() - 6 : 0;
  if (more > 0) shown.resize(6);
  return join(shown, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

std::string names_of(const std::vector<BoundPair>& pairs) {
  std::vector<std::string> names;
  for (const auto& pair : pairs) names.push_back(pair.vs->full_name());
  return some_of(names);
}

std::string hosts_of(const std::vector<GatewayServer>& servers) {
  std::vector<std::string> hosts;
  for (const auto& server : servers) hosts.insert(hosts.end(), server.hosts.begin(), server.hosts.end());
  return some_of(hosts);
}

/// "ns/host": the server has the host, for VirtualServices of other namespaces.
MissingHost kept_for_others(const std::vector<BoundPair>& pairs) {
  MissingHost missing;
  missing.side = "Gateway";
  const auto* one = the_one(pairs);
  const auto& pair = one != nullptr ? *one : pairs.front();
  if (one != nullptr) {
    missing.vs = pair.vs;
    missing.gateway = pair.server->gateway;
  }
  missing.text = "Gateway " + pair.server->gateway->full_name() + " takes it only from VirtualServices of other namespaces (hosts " + join(mesh::written_hosts(*pair.server), ", ") + ") than " +
                 (one != nullptr ? "that of " + pair.vs->full_name() : "those of " + names_of(pairs));
  return missing;
}

/// A server has the host, and no VirtualService that is bound to it.
MissingHost lacking_service(Context& c, const std::vector<BoundPair>& pairs) {
  MissingHost missing;
  missing.side = "VirtualService";
  if (const auto* one = the_one(pairs)) {
    missing.vs = one->vs;
    missing.gateway = one->server->gateway;
    missing.patchable = one->own;
    missing.text = "VirtualService " + one->vs->full_name() + " has hosts " + join(mesh::strings_at(one->vs->spec(), "hosts"), ", ");
    return missing;
  }
  missing.text = "none of the VirtualServices that are bound to a Gateway with it on pod " + pod_ref(*c.caller()) + " has it (" + names_of(pairs) + "); which of them is meant is not known";
  return missing;
}

/// A VirtualService has the host, and no server of the Gateways it is bound to.
MissingHost lacking_gateway(const std::vector<BoundPair>& pairs, const BoundPair& pair) {
  MissingHost missing;
  missing.side = "Gateway";
  missing.vs = pair.vs;
  missing.gateway = pair.server->gateway;
  std::vector<std::string> hosts;
  for (const auto& other : pairs) {
    if (other.vs == pair.vs && other.server->gateway == pair.server->gateway) hosts.insert(hosts.end(), other.server->hosts.begin(), other.server->hosts.end());
  }
  missing.text = "VirtualService " + pair.vs->full_name() + " has it, but Gateway " + pair.server->gateway->full_name() + ", which it is bound to, serves " + some_of(hosts);
  return missing;
}

}  // namespace

std::optional<MissingHost> missing_host(Context& c, const mesh::ObjectList& list, const std::vector<GatewayServer>& servers, const std::string& host) {
  const auto all = bound_pairs(c, list, servers);
  const auto having = kept(all, [&](const BoundPair& p) { return has_host(*p.vs, host); });
  const auto closed = kept(having, [&](const BoundPair& p) { return server_covers(*p.server, host); });
  if (!closed.empty()) return kept_for_others(closed);
  const auto own_having = kept(having, [](const BoundPair& p) { return p.own; });
  const auto* pair = the_one(having);
  if (pair != nullptr && (pair->own || own_having.empty())) return lacking_gateway(having, *pair);
  const auto lacking = kept(all, [&](const BoundPair& p) { return server_covers(*p.server, host) && !has_host(*p.vs, host); });
  if (!lacking.empty()) return lacking_service(c, lacking);
  if (all.empty()) return std::nullopt;
  MissingHost missing;
  missing.side = "Gateway";
  missing.text = "no Gateway of pod " + pod_ref(*c.caller()) + " serves it; they serve " + hosts_of(servers);
  if (const auto* own = the_one(all); own != nullptr && own->own) missing.gateway = own->server->gateway;
  return missing;
}

std::vector<const Object*> meant_gateways(Context& c, const mesh::ObjectList& gateways, const mesh::ObjectList& list, const std::string& host) {
  std::vector<const Object*> serving, meant;
  for (const auto* gateway : gateways.items) {
    if (c.ask.playbook == "sweep" && gateway->full_name() != c.ask.from_ns + "/" + c.ask.from_name) continue;   // a survey asks each by name
    if (mesh::serves_host(*gateway, host, false)) serving.push_back(gateway);
  }
  if (c.ask.playbook == "sweep") return serving;
  for (const auto* gateway : serving) {
    if (std::any_of(list.items.begin(), list.items.end(), [&](const auto* vs) { return bound_to(*vs, *gateway) && has_host(*vs, host); })) meant.push_back(gateway);
  }
  if (meant.empty()) {
    std::copy_if(serving.begin(), serving.end(), std::back_inserter(meant), [&](const auto* g) { return g->meta.ns == c.ask.ns || mesh::serves_host(*g, host, true); });
  }
  std::stable_partition(meant.begin(), meant.end(), [&](const auto* g) { return g->meta.ns == c.ask.ns; });
  return meant;
}

bool all_proxies_listed(Context& c) { return c.ask.gateway_pods_listed || mesh::all_proxies_listed(c.view); }

bool asked_in_vain(Context& c) { return c.caller() != nullptr && c.traffic().failed > 0; }

}  // namespace meshdx::facts
