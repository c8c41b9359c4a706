// ExternalName Services: another name for a host, which DNS answers with a CNAME. When that host has no address the
// application cannot even connect, and no proxy sees anything (D13).
#include <algorithm>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> alias_needs = {Kind::services, Kind::service_entries, Kind::pods, Kind::log, Kind::namespaces, Kind::mesh_config, Kind::gateways, Kind::api_gateways,
                                       Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};

const Service* alias_of(Context& c) {
  const auto* service = c.path().to.service;
  return service != nullptr && service->type == "ExternalName" && !service->external_name.empty() ? service : nullptr;
}

Finding no_alias(Context& c) {
  return c.path().to.state == mesh::Destination::State::unknown ? unknown() : no("the destination is no ExternalName Service");
}

/// The Service of the cluster that the alias stands for, as name and namespace; nullopt: it is a host outside.
std::optional<mesh::ServiceName> inside(const Service& alias) {
  const auto labels = split(lower(alias.external_name), '.');
  return labels.size() > 2 && labels[2] == "svc" ? mesh::service_name(alias.external_name, "") : std::nullopt;
}

Bindings alias_bindings(const Service& alias) {
  return {{"service.name", alias.meta.name}, {"service.namespace", alias.meta.ns}, {"service.external-name", alias.external_name}};
}

/// Whether a ServiceEntry makes the name one that the mesh resolves (with DNS proxying) or routes.
bool registered(Context& c, const Service& alias) {
  const auto entries = c.view.objects(Kind::service_entries);
  return std::any_of(entries.items.begin(), entries.items.end(), [&](const Object* entry) {
    const auto hosts = mesh::strings_at(entry->spec(), "hosts");
    return std::any_of(hosts.begin(), hosts.end(), [&](const auto& host) { return mesh::host_covers(lower(host), lower(alias.external_name)); });
  });
}

/// The alias stands for a Service of the cluster that does not exist: its name surely does not resolve.
Finding alias_lost(Context& c) {
  const auto* alias = alias_of(c);
  if (alias == nullptr) return no_alias(c);
  const auto name = inside(*alias);
  if (!name) return no(alias->external_name + " is no Service of this cluster");
  const auto* services = c.view.services(name->ns);
  if (services == nullptr) return unknown();
  std::vector<std::string> names;
  for (const auto& service : *services) {
    if (service.meta.name == name->name) return no("Service " + service.full_name() + " exists");
    if (service.meta.name != alias->meta.name || service.meta.ns != alias->meta.ns) names.push_back(service.meta.name);
  }
  auto b = alias_bindings(*alias);
  b["alias.text"] = "there is no Service " + name->ns + "/" + name->name;
  const std::string meant = nearest(name->name, names);
  if (!meant.empty()) b["alias.meant"] = meant + lower(alias->external_name).substr(name->name.size());
  return yes("Service " + alias->full_name() + " stands for " + alias->external_name + ", and there is no Service " + name->ns + "/" + name->name, b);
}

Finding alias_meant(Context& c) {
  const auto f = alias_lost(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("alias.meant") > 0, "a Service of nearly that name exists", f.bindings);
}

/// The caller got no answer, and its proxy, which logs, never saw the request: the name led to no connection.
Finding alias_silent(Context& c) {
  const auto* alias = alias_of(c);
  if (alias == nullptr) return no_alias(c);
  const auto& caller = c.path().caller;
  if (caller.pod == nullptr) return unknown();
  if (!caller.proxied() || inside(*alias)) return no(caller.proxied() ? alias->external_name + " is a name of this cluster" : "the caller's requests pass no proxy that could have seen them");
  const auto& traffic = c.traffic();
  if (!traffic.caller_read) return unknown();
  if (!traffic.caller_logs) return unknown("the caller's proxy writes no access log");
  if (registered(c, *alias)) return no("a ServiceEntry has " + alias->external_name);
  auto b = alias_bindings(*alias);
  b["alias.text"] = "the proxy of " + pod_ref(*caller.pod) + " saw no request for it, so the name most likely does not resolve";
  b["shown.pod"] = caller.pod->meta.name;
  const bool silent = traffic.requests.empty();
  return decide(silent, "Service " + alias->full_name() + " stands for " + alias->external_name + (silent ? ", and the caller's proxy saw no request for it" : ", and requests for it do reach the caller's proxy"), b);
}

}  // namespace

const std::vector<Fact>& alias_facts() {
  static const std::vector<Fact> facts = {
      {"alias.target-missing", "The ExternalName Service stands for a Service that does not exist", alias_needs, alias_lost, {Kind::services}},
      {"alias.meant-known", "The Service that the ExternalName means is plain", alias_needs, alias_meant, {Kind::services}},
      {"alias.never-reached", "The caller's proxy saw no request for the ExternalName Service", alias_needs, alias_silent, {Kind::services, Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
