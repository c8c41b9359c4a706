// Hosts that exist and that the caller's proxy does not see, and hosts outside that it may not call (D8 to D11, D18, B8).
#include <algorithm>
#include <optional>
#include <set>

#include "facts/context.hpp"
#include "mesh/gateway_binding.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/protocol.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Destination;
using mesh::Leg;
using mesh::Walk;

namespace {

const std::vector<Kind> visibility_needs = {Kind::sidecars, Kind::mesh_config, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces,
                                            Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// Whether the caller's proxy has any cluster for a host.
Tri proxy_knows(Context& c, const std::string& host) {
  const auto* pod = c.caller();
  const auto* clusters = c.view.clusters(*pod);
  if (clusters == nullptr) return Tri::unknown;
  return tri(std::any_of(clusters->begin(), clusters->end(), [&](const Cluster& cluster) {
    const auto name = ClusterName::parse(cluster.name);
    return name && name->direction == "outbound" && name->host == host;
  }));
}

/// The request's destination exists in the mesh, and the caller's proxy has no cluster for it.
std::optional<Finding> need_hidden(Context& c) {
  if (auto stop = need_walk(c)) return stop;
  const auto& to = c.path().to;
  if (to.state == Destination::State::unknown) return unknown();
  if (to.service == nullptr && to.entry == nullptr) return no("the destination is no Service and no ServiceEntry");
  const Tri knows = proxy_knows(c, to.host);
  if (knows == Tri::unknown) return unknown();
  if (knows == Tri::yes) return no("the caller's proxy knows " + to.host);
  return std::nullopt;
}

/// What the request needs and the caller's proxy does not know: the host that its route leads to, else the one it calls.
struct Hidden {
  std::string host;
  const Object* owner = nullptr;
  const Service* service = nullptr;      ///< `owner`, when it is one
};

/// The destination of a route that the proxy has no cluster for, and what registers it. One without endpoints tells nothing: a
/// Service that is exported to nobody ("~") has such where a rule names it.
std::optional<Finding> need_hidden_target(Context& c, const Leg& leg, Hidden& hidden) {
  hidden.host = leg.name->host;
  const Tri knows = leg.state == Leg::State::empty ? Tri::no : proxy_knows(c, hidden.host);
  if (knows == Tri::unknown) return unknown();
  if (knows == Tri::yes) return no("the caller's proxy knows " + hidden.host);
  bool read = false;
  hidden.service = mesh::service_of(c.view, hidden.host, &read);
  hidden.owner = hidden.service;
  const auto entries = c.view.objects(Kind::service_entries);
  for (const auto* entry : entries.items) {
    if (hidden.owner == nullptr && mesh::has_host(*entry, hidden.host)) hidden.owner = entry;
  }
  if (hidden.owner != nullptr) return std::nullopt;
  const bool all = entries.everywhere && (read || !mesh::service_name(hidden.host, ""));
  return all ? no("nothing registers " + hidden.host) : unknown();
}

std::optional<Finding> need_hidden(Context& c, Hidden& hidden) {
  if (auto stop = need_walk(c)) return stop;
  for (const auto& leg : c.walk().legs) {
    if ((leg.state == Leg::State::missing || leg.state == Leg::State::empty) && leg.name) return need_hidden_target(c, leg, hidden);
  }
  if (auto stop = need_hidden(c)) return stop;
  const auto& to = c.path().to;
  hidden = {to.host, to.service != nullptr ? static_cast<const Object*>(to.service) : to.entry, to.service};
  return std::nullopt;
}

/// Adds a namespace to exportTo; "~" (nobody) stands alone, so it gives way (istio validation.go validateExportTo).
Json export_patch(bool annotated, const std::vector<std::string>& rules, const std::string& ns) {
  const bool nobody = std::find(rules.begin(), rules.end(), "~") != rules.end();
  if (annotated) return Json::array({{{"op", rules.empty() ? "add" : "replace"}, {"path", "/metadata/annotations/networking.istio.io~1exportTo"}, {"value", rules.empty() ? "*" : nobody ? ns : join(rules, ",") + "," + ns}}});
  if (nobody) return Json::array({{{"op", "replace"}, {"path", "/spec/exportTo"}, {"value", Json::array({ns})}}});
  return Json::array({{{"op", "add"}, {"path", "/spec/exportTo/-"}, {"value", ns}}});
}

/// The edit of a Sidecar that imports a host for a port: into the entry for that port, else into the one without a port,
/// which must be the last (istio pkg/config/validation ValidateSidecar); where there is neither, a new one behind all.
Json import_patch(const Object& sidecar, std::uint16_t port, const std::string& entry) {
  const Json& egress = at(sidecar.spec(), "egress");
  std::optional<std::size_t> fits;
  for (std::size_t i = 0; egress.is_array() && i < egress.size(); ++i) {
    const auto own = number_at(at(egress[i], "port"), "number");
    if (own == port || (own == 0 && !fits)) fits = i;
  }
  if (fits) return Json::array({{{"op", "add"}, {"path", "/spec/egress/" + std::to_string(*fits) + "/hosts/-"}, {"value", entry}}});
  return Json::array({{{"op", "add"}, {"path", "/spec/egress/-"}, {"value", Json::object({{"hosts", Json::array({entry})}})}}});
}

/// The ports that the entries importing a host are for: "8080, 9090".
std::string ports_of_import(const Object& sidecar, const mesh::Destination& to, const std::string& ns, const std::string& caller_ns) {
  std::set<std::uint16_t> ports;
  for (const auto& listener : at(sidecar.spec(), "egress")) {
    const auto own = static_cast<std::uint16_t>(number_at(at(listener, "port"), "number"));
    if (own != 0 && mesh::sidecar_imports(sidecar, to.host, ns, caller_ns, own)) ports.insert(own);
  }
  std::vector<std::string> texts;
  for (const auto port : ports) texts.push_back(std::to_string(port));
  return join(texts, ", ");
}

/// The caller's Sidecar keeps the destination out, all of it (port 0) or the port that is called.
Finding sidecar_lacks(Context& c, std::uint16_t port) {
  const auto& to = c.path().to;
  const auto* pod = c.caller();
  const auto list = c.view.objects(Kind::sidecars);
  const auto* sidecar = mesh::sidecar_of(c.view, *pod);
  const std::string ns = to.service != nullptr ? to.ns : to.entry->meta.ns;
  if (sidecar == nullptr) return list.covers(pod->meta.ns) && list.covers(c.view.root_namespace()) ? no("no Sidecar applies to the caller") : unknown();
  const std::string name = "Sidecar " + sidecar->full_name(), entry = ns + "/" + to.host;
  if (mesh::sidecar_imports(*sidecar, to.host, ns, pod->meta.ns, port)) return no(name + " imports " + to.host + (port == 0 ? "" : " for port " + std::to_string(port)));
  Bindings b = {{"sidecar.name", sidecar->meta.name}, {"sidecar.namespace", sidecar->meta.ns}, {"service.host", to.host}, {"sidecar.patch", import_patch(*sidecar, to.port_number, entry)}};
  const std::string others = port == 0 ? "" : ports_of_import(*sidecar, to, ns, pod->meta.ns);
  if (port != 0 && others.empty()) return no(name + " does not import " + entry + " for any port");
  b["sidecar.lack"] = port == 0 ? "does not import " + to.host + ", so its proxy does not know the host" : "imports " + to.host + " for port " + others + " only, so its proxy does not know the host on port " + std::to_string(port);
  return yes(name + " of the caller " + (port == 0 ? "does not import " + entry : "imports " + entry + " for port " + others + " only, not for " + std::to_string(port)), b);
}

Finding sidecar_hides(Context& c) {
  if (auto stop = need_hidden(c)) return *stop;
  return sidecar_lacks(c, 0);
}

/// An egress listener of the Sidecar has a port of its own: the hosts it lists are known on that port and on no other.
Finding sidecar_hides_port(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& to = c.path().to;
  if (to.state == Destination::State::unknown) return unknown();
  if (to.service == nullptr && to.entry == nullptr) return no("the destination is no Service and no ServiceEntry");
  if (!c.walk().fallthrough()) return no("the caller's proxy recognises the request");
  return sidecar_lacks(c, to.port_number);
}

Finding export_hides(Context& c) {
  Hidden hidden;
  if (auto stop = need_hidden(c, hidden)) return *stop;
  const auto* config = c.view.mesh_config();
  if (config == nullptr) return unknown();
  std::vector<std::string> rules;
  const Object& owner = *hidden.owner;
  const bool is_service = hidden.service != nullptr;
  if (is_service) {
    const auto annotation = owner.meta.annotations.find("networking.istio.io/exportTo");
    if (annotation != owner.meta.annotations.end()) {
      for (const auto& part : split(annotation->second, ',')) rules.emplace_back(trim(part));
    }
  } else {
    rules = mesh::strings_at(owner.spec(), "exportTo");
  }
  if (mesh::exported(rules, config->default_service_export_to, owner.meta.ns, c.caller()->meta.ns)) return no(hidden.host + " is exported to the caller's namespace");
  Bindings b = {{"service.host", hidden.host}, {"service.name", owner.meta.name}, {"service.namespace", owner.meta.ns}, {"export.text", rules.empty() ? std::string("the mesh default") : join(rules, ",")}, {"caller.namespace", c.caller()->meta.ns}};
  b["export.kind"] = is_service ? "Service" : "ServiceEntry";
  b["export.patch"] = export_patch(is_service, rules, c.caller()->meta.ns);
  return yes(owner.ref() + " is exported to " + b["export.text"].get<std::string>() + ", not to " + c.caller()->meta.ns, b);
}

Finding registry_only(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const std::string mode = mesh::outbound_mode(c.view, *c.caller());
  if (mode.empty()) return unknown();
  return decide(mode == "REGISTRY_ONLY", "the caller's outbound policy is " + mode);
}

Finding unregistered(Context& c) {
  const auto& to = c.path().to;
  if (to.state == Destination::State::unknown) return unknown();
  if (c.ask.from == mesh::Complaint::From::gateway) return no(to.host + " is asked of the gateway, not of the registry");
  const bool outside = to.state == Destination::State::external || to.state == Destination::State::absent;
  return decide(outside, outside ? "no Service and no ServiceEntry has " + to.host : to.host + " is registered",
                {{"service.host", to.host}, {"service.port", to.port_number}, {"entry.name", replace_all(to.host, ".", "-")},
                 {"entry.protocol", c.ask.scheme == "https" ? "TLS" : "HTTP"}, {"entry.port-name", c.ask.scheme == "https" ? "tls" : "http"},
                 {"caller.namespace", c.ask.from_ns.empty() ? c.ask.ns : c.ask.from_ns}});
}

/// B8: the application dials a pod address (or a name that only a pod address stands behind); the proxy passes it on bare.
Finding to_pod_address(Context& c) {
  const auto& to = c.path().to;
  if (to.state == Destination::State::unknown) return unknown();
  if (to.by_pod_ip) return yes("the application dials a pod's own address, " + to.host, {{"direct.how", "The application calls the pod address " + to.host + " itself, which its proxy does not know"}});
  return no("the destination is not a pod address");
}

/// D18: a DNS cluster without a resolved endpoint.
Finding dns_unresolved(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  bool unsure = false;
  for (const auto& leg : c.walk().legs) {
    if (leg.config == nullptr || leg.state == Leg::State::unknown) {
      unsure = unsure || leg.state == Leg::State::unknown;
      continue;
    }
    const bool dns = leg.config->type == "STRICT_DNS" || leg.config->type == "LOGICAL_DNS";
    if (!dns || leg.state != Leg::State::empty) continue;
    const auto& to = c.path().to;
    Bindings b = {{"cluster.name", leg.cluster}, {"service.host", leg.name ? leg.name->host : leg.cluster}};
    b["entry.text"] = to.entry == nullptr ? std::string("its ServiceEntry") : to.entry->ref();
    b["entry.addresses"] = join(leg.config->static_addresses, ", ");
    return yes("cluster " + leg.cluster + " is " + leg.config->type + " and no address of " + join(leg.config->static_addresses, ", ") + " was resolved", b);
  }
  return unsure ? unknown() : no("no DNS cluster of the route lacks addresses");
}

/// A10-like: resolution NONE has no endpoint of its own.
Finding unrecognised_host(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const bool passed = walk.end == Walk::End::clusters && walk.route != nullptr && starts_with(walk.route->name, "allow_any");
  const bool blocked = walk.end == Walk::End::direct_response && walk.route != nullptr && walk.route->name == "block_all";
  const auto& to = c.path().to;
  if (!passed && !blocked) return no("the Host header is a domain of the proxy's routes");
  const Tri knows = to.service == nullptr ? Tri::no : proxy_knows(c, to.host);
  if (knows == Tri::unknown) return unknown();
  // A proxy that was not given the Service at all has no domain for any Host of it.
  return decide(knows == Tri::yes, "host " + c.path().request.host + " is no domain of the proxy's routes for the port, so the request ends in " + walk.route->name, {{"request.host", c.path().request.host}, {"service.host", to.host}});
}

}  // namespace

const std::vector<Fact>& visibility_facts() {
  static const std::vector<Fact> facts = {
      {"sidecar.hides-host", "The caller's Sidecar object does not import the destination", visibility_needs, sidecar_hides, {Kind::sidecars}},
      {"sidecar.hides-port", "The caller's Sidecar object imports the destination for other ports only", visibility_needs, sidecar_hides_port, {Kind::sidecars}},
      {"export.hides-host", "exportTo keeps the destination from the caller's namespace", visibility_needs, export_hides, {Kind::services, Kind::mesh_config}},
      {"outbound.registry-only", "The caller may only call what the registry knows", visibility_needs, registry_only, {Kind::sidecars, Kind::mesh_config}},
      {"destination.unregistered", "The destination is in no registry", visibility_needs, unregistered, {Kind::services, Kind::service_entries}},
      {"destination.pod-address", "The application dials a pod's own address", visibility_needs, to_pod_address, {Kind::pods}},
      {"entry.dns-unresolved", "A DNS cluster of the route has no address", visibility_needs, dns_unresolved, {Kind::service_entries, Kind::endpoints}},
      {"walk.host-not-a-domain", "The Host header is no domain of the proxy's routes", visibility_needs, unrecognised_host, {Kind::routes}},
  };
  return facts;
}

}  // namespace meshdx::facts
