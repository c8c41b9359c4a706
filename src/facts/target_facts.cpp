// What a route's clusters ask for, and whether it exists: host, port, subset (D4 to D7).
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "facts/routing_parts.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;

namespace {

const std::vector<Kind> target_needs = {Kind::virtual_services, Kind::sidecars, Kind::destination_rules, Kind::mesh_config, Kind::services, Kind::pods,
                                         Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes,
                                         Kind::clusters, Kind::endpoints, Kind::log};

/// The cluster that the route names and the proxy does not have.
const Leg* missing_leg(Context& c) {
  for (const auto& leg : c.walk().legs) {
    if (leg.state == Leg::State::missing) return &leg;
  }
  return nullptr;
}

/// Whether a host is known to the registry: a Service, or a host of a ServiceEntry.
Tri host_exists(Context& c, const std::string& host) {
  bool read = false;
  if (mesh::service_of(c.view, host, &read) != nullptr) return Tri::yes;
  const auto entries = c.view.objects(Kind::service_entries);
  for (const auto* entry : entries.items) {
    for (const auto& listed : mesh::strings_at(entry->spec(), "hosts")) {
      if (mesh::host_covers(lower(listed), host)) return Tri::yes;
    }
  }
  const bool service_like = c.view.names().of_cluster(host);
  return (read || !service_like) && entries.everywhere ? Tri::no : Tri::unknown;
}

/// Whether a destination of a VirtualService means the cluster; without a port it means whichever port is asked for.
bool means(const mesh::Names& names, const Json& destination, const Object& vs, const evidence::ClusterName& cluster) {
  const Json& port = at(at(destination, "port"), "number");
  return names.resolve(text_at(destination, "host"), vs.meta.ns) == cluster.host && text_at(destination, "subset") == cluster.subset &&
         (!port.is_number_integer() || port == cluster.port);
}

/// Rule and destination index of the route's VirtualService that lead to a cluster; nullopt when they do not.
std::optional<std::string> destination_pointer(const mesh::Names& names, const Object& vs, const evidence::ClusterName& cluster) {
  const Json& rules = at(vs.spec(), "http");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const Json& routes = at(rules[i], "route");
    for (std::size_t j = 0; routes.is_array() && j < routes.size(); ++j) {
      const Json& destination = at(routes[j], "destination");
      if (!means(names, destination, vs, cluster)) continue;
      return "/spec/http/" + std::to_string(i) + "/route/" + std::to_string(j) + "/destination";
    }
  }
  return std::nullopt;
}

void add_virtual_service(Context& c, const Leg& leg, Bindings& b) {
  const auto ref = virtual_service_ref(c.walk());
  const auto list = c.view.objects(Kind::virtual_services);
  const auto* vs = ref ? find_object(list, ref.ns, ref.name) : nullptr;
  if (vs == nullptr) return;
  b["vs.name"] = vs->meta.name;
  b["vs.namespace"] = vs->meta.ns;
  b["vs.ref"] = "VirtualService " + vs->meta.ns + "/" + vs->meta.name;
  const auto pointer = destination_pointer(c.view.names(), *vs, *leg.name);
  if (pointer) b["vs.destination"] = *pointer;
}

/// Whether the VirtualService behind the route still names the leg's destination; a route without one is as istiod made it.
Tri as_written(Context& c, const Leg& leg) {
  const auto ref = virtual_service_ref(c.walk());
  if (!ref || !leg.name) return Tri::yes;
  const auto list = c.view.objects(Kind::virtual_services);
  const auto* vs = find_object(list, ref.ns, ref.name);
  if (vs == nullptr) return list.covers(ref.ns) ? Tri::no : Tri::unknown;
  return tri(destination_pointer(c.view.names(), *vs, *leg.name).has_value());
}

Bindings leg_bindings(Context& c, const Leg& leg) {
  Bindings b = {{"cluster.name", leg.cluster}, {"service.host", leg.name->host}, {"service.port", leg.name->port}, {"subset.name", leg.name->subset}, {"vs.ref", "the route"}};
  if (const auto name = mesh::service_name(leg.name->host, "")) {
    b["service.name"] = name->name;
    b["service.namespace"] = name->ns;
  }
  add_virtual_service(c, leg, b);
  return b;
}

/// The cluster that is missing, when the VirtualService still asks for it; else the answer.
std::optional<Finding> need_written(Context& c, const Leg* leg) {
  if (leg == nullptr || !leg->name) return no("no missing cluster");
  const Tri written = as_written(c, *leg);
  if (written == Tri::unknown) return unknown();
  if (written == Tri::no) return no("no VirtualService asks for " + leg->cluster + " (any more)");
  return std::nullopt;
}

Finding route_as_written(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* leg = c.serving().leg;
  if (leg == nullptr) return no("the route leads to no cluster of a host");
  const Tri written = as_written(c, *leg);
  return written == Tri::unknown ? unknown() : decide(written == Tri::yes, "the route to " + leg->cluster + " is what the objects ask for");
}

/// D5: the host exists, and no DestinationRule that the caller sees declares the subset.
Finding subset_undeclared(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* leg = missing_leg(c);
  if (leg == nullptr || !leg->name || leg->name->subset.empty()) return no("no missing cluster of a subset");
  if (auto stop = need_written(c, leg)) return *stop;
  const Tri exists = host_exists(c, leg->name->host);
  if (exists != Tri::yes) return exists == Tri::no ? no("the host itself does not exist") : unknown();
  const auto service = mesh::service_name(leg->name->host, "");
  const auto list = c.view.objects(Kind::destination_rules);
  const std::string service_ns = service ? service->ns : "";
  auto b = leg_bindings(c, *leg);
  std::vector<std::string> declared;
  for (const auto* rule : mesh::destination_rules(c.view, leg->name->host, mesh::reader_of(*c.caller()), service_ns)) {
    for (const auto& subset : at(rule->spec(), "subsets")) {
      if (text_at(subset, "name") == leg->name->subset) return no("DestinationRule " + rule->meta.ns + "/" + rule->meta.name + " declares subset " + leg->name->subset);
      declared.push_back(text_at(subset, "name"));
    }
    if (b.count("rule.name") == 0) {
      b["rule.name"] = rule->meta.name;
      b["rule.namespace"] = rule->meta.ns;
    }
  }
  if (!list.covers(c.caller()->meta.ns) || !list.covers(service_ns) || !list.covers(c.view.root_namespace())) return unknown();
  b["rule.text"] = b.count("rule.name") == 0 ? std::string("no DestinationRule of the host counts for the caller")
      : "DestinationRule " + b["rule.namespace"].get<std::string>() + "/" + b["rule.name"].get<std::string>() + " declares " + (declared.empty() ? "no subset" : join(declared, ", "));
  return yes("the route asks for subset " + leg->name->subset + " of " + leg->name->host + "; " + b["rule.text"].get<std::string>(), b);
}

/// The label key that subsets of this host go by, when pods carry the missing subset's name under it.
Finding subset_has_pods(Context& c) {
  const auto* leg = c.path().walked ? missing_leg(c) : nullptr;
  if (leg == nullptr || !leg->name || leg->name->subset.empty()) return no("no missing cluster of a subset");
  bool read = false;
  const auto* service = mesh::service_of(c.view, leg->name->host, &read);
  const auto pods = service == nullptr ? std::nullopt : mesh::selected_pods(c.view, *service);
  if (!pods) return read && service == nullptr ? no("no Service") : unknown();
  std::set<std::string> keys = {"version", "app.kubernetes.io/version"};
  const auto rules = mesh::destination_rules(c.view, leg->name->host, mesh::reader_of(*c.caller()), service->meta.ns);
  if (!rules.empty()) {
    for (const auto& subset : at(rules.front()->spec(), "subsets")) {
      for (const auto& [key, value] : mesh::labels_at(subset, "labels")) keys.insert(key);
    }
  }
  for (const auto& key : keys) {
    for (const auto* pod : *pods) {
      const auto label = pod->meta.labels.find(key);
      if (label == pod->meta.labels.end() || label->second != leg->name->subset) continue;
      return yes("pods of " + leg->name->host + " carry " + key + "=" + leg->name->subset, {{"subset.declaration", Json::object({{"name", leg->name->subset}, {"labels", Json::object({{key, leg->name->subset}})}})}});
    }
  }
  return no("no pod carries the subset's name as a version label");
}

/// Pods wait for the subset: it can be added to the DestinationRule of the host (`existing`), or one has to be made.
Finding subset_can_be(Context& c, bool existing) {
  const auto f = subset_undeclared(c);
  if (f.truth != Tri::yes) return f;
  const auto pods = subset_has_pods(c);
  if (pods.truth != Tri::yes) return pods;
  auto b = f.bindings;
  b.insert(pods.bindings.begin(), pods.bindings.end());
  const bool has_rule = b.count("rule.name") > 0;
  bool lists = false;
  if (has_rule) {
    const auto rules = c.view.objects(Kind::destination_rules);
    const auto* rule = find_object(rules, b["rule.namespace"].get<std::string>(), b["rule.name"].get<std::string>());
    lists = rule != nullptr && at(rule->spec(), "subsets").is_array();
  }
  b["subset.patch"] = Json::array({{{"op", "add"}, {"path", "/spec/subsets/-"}, {"value", b["subset.declaration"]}}});
  return existing ? decide(lists, "the DestinationRule of the host can declare it", b) : decide(!has_rule, "no DestinationRule of the host exists", b);
}

Finding subset_addable(Context& c) { return subset_can_be(c, true); }
Finding subset_creatable(Context& c) { return subset_can_be(c, false); }

/// Another subset of the same rule that has ready pods, when it is the only one: where traffic can go meanwhile.
Finding subset_alternative(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& serving = c.serving();
  if (!serving.known) return unknown();
  if (serving.leg == nullptr || serving.service == nullptr || serving.subset.empty()) return no("the route names no subset");
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  std::set<std::string> served;
  for (const auto* rule : mesh::destination_rules(c.view, serving.host, mesh::reader_of(*c.caller()), serving.service->meta.ns)) {
    for (const auto& subset : at(rule->spec(), "subsets")) {
      const auto labels = mesh::labels_at(subset, "labels");
      const bool any = std::any_of(pods->begin(), pods->end(), [&](const Pod* p) { return p->ready && selects(labels, p->meta.labels); });
      if (text_at(subset, "name") != serving.subset && !labels.empty() && any) served.insert(text_at(subset, "name"));
    }
  }
  auto b = leg_bindings(c, *serving.leg);
  if (served.size() != 1 || b.count("vs.destination") == 0) return no("no other single subset has ready pods");
  b["subset.other"] = *served.begin();
  b["vs.subset-patch"] = Json::array({{{"op", "replace"}, {"path", b["vs.destination"].get<std::string>() + "/subset"}, {"value", *served.begin()}}});
  return yes("subset " + *served.begin() + " has ready pods", b);
}

/// D6: nothing in the registry has the host.
Finding host_unknown(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* leg = missing_leg(c);
  if (auto stop = need_written(c, leg)) return *stop;
  const Tri exists = host_exists(c, leg->name->host);
  if (exists == Tri::unknown) return unknown();
  return decide(exists == Tri::no, exists == Tri::no ? "no Service and no ServiceEntry has host " + leg->name->host : leg->name->host + " exists", leg_bindings(c, *leg));
}

/// The host that was meant: the Service that the VirtualService is for, or the nearest name in the namespace.
Finding host_meant(Context& c) {
  const auto* leg = c.path().walked ? missing_leg(c) : nullptr;
  if (leg == nullptr || !leg->name) return no("no missing cluster");
  const auto name = mesh::service_name(leg->name->host, "");
  const auto* services = name ? c.view.services(name->ns) : nullptr;
  if (services == nullptr) return unknown();
  std::vector<std::string> names;
  for (const auto& service : *services) names.push_back(service.meta.name);
  std::string meant = nearest(name->name, names);
  const auto& to = c.path().to;
  if (meant.empty() && to.service != nullptr && to.ns == name->ns) meant = to.name;
  if (meant.empty()) return no("no Service stands out as the one that was meant");
  Bindings b = leg_bindings(c, *leg);
  if (b.count("vs.destination") == 0) return no("no VirtualService names the host");
  b["host.meant"] = c.view.names().fqdn(meant, name->ns);
  b["vs.host-patch"] = Json::array({{{"op", "replace"}, {"path", b["vs.destination"].get<std::string>() + "/host"}, {"value", b["host.meant"]}}});
  return yes("Service " + name->ns + "/" + meant + " exists", b);
}

/// The caller's proxy, which no Sidecar narrows, has no cluster of the host on any port: its registry does not know it.
bool proxy_lacks_host(Context& c, const std::string& host) {
  const auto* clusters = c.view.clusters(*c.caller());
  const auto sidecars = c.view.objects(Kind::sidecars);
  if (clusters == nullptr || !sidecars.everywhere || mesh::sidecar_of(c.view, *c.caller()) != nullptr) return false;
  return std::none_of(clusters->begin(), clusters->end(), [&](const Cluster& cluster) {
    const auto name = ClusterName::parse(cluster.name);
    return name && name->host == host;
  });
}

/// D4: the short name was resolved in the VirtualService's namespace, and the Service lives in another.
Finding short_name_elsewhere(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* leg = missing_leg(c);
  if (auto stop = need_written(c, leg)) return *stop;
  const Tri exists = host_exists(c, leg->name->host);
  if (exists == Tri::yes) return no("the host exists");
  if (exists == Tri::unknown && !proxy_lacks_host(c, leg->name->host)) return unknown();
  const auto ref = virtual_service_ref(c.walk());
  const auto list = c.view.objects(Kind::virtual_services);
  const auto* vs = ref ? find_object(list, ref.ns, ref.name) : nullptr;
  if (vs == nullptr) return ref && !list.covers(ref.ns) ? unknown() : no("no VirtualService made the route");
  const auto name = mesh::service_name(leg->name->host, "");
  const auto pointer = destination_pointer(c.view.names(), *vs, *leg->name);
  if (!name || name->ns != vs->meta.ns || !pointer) return no("the destination is not a short name");
  const std::string written = text_at(vs->raw.at(Json::json_pointer(*pointer)), "host");
  if (contains(written, ".")) return no("the destination is written as " + written);
  for (const auto& key : c.view.evidence().keys(Kind::services)) {
    const auto* services = key.ns == name->ns ? nullptr : c.view.services(key.ns);
    if (services == nullptr) continue;
    for (const auto& service : *services) {
      if (service.meta.name != name->name) continue;
      auto b = leg_bindings(c, *leg);
      b["host.meant"] = c.view.names().fqdn(service.meta.name, service.meta.ns);
      b["host.written"] = written;
      b["vs.host-patch"] = Json::array({{{"op", "replace"}, {"path", *pointer + "/host"}, {"value", b["host.meant"]}}});
      return yes("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " says " + written + ", which means " + leg->name->host + "; the Service is " + service.meta.ns + "/" + service.meta.name, b);
    }
  }
  return no("no other namespace that was read has a Service of that name");
}

/// D7: the host exists and has no such port.
Finding port_unknown(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* leg = missing_leg(c);
  if (auto stop = need_written(c, leg)) return *stop;
  bool read = false;
  const auto* service = mesh::service_of(c.view, leg->name->host, &read);
  if (service == nullptr) return read ? no("the host is no Service") : unknown();
  std::vector<std::string> ports;
  const ServicePort* meant = nullptr;
  for (const auto& port : service->ports) {
    if (port.port == leg->name->port) return no("the Service has port " + std::to_string(port.port));
    ports.push_back(std::to_string(port.port));
    if (!port.target.named() && port.target.number == leg->name->port) meant = &port;
  }
  if (meant == nullptr && service->ports.size() == 1) meant = &service->ports.front();
  auto b = leg_bindings(c, *leg);
  b["service.ports"] = join(ports, ", ");
  if (meant != nullptr) b["port.meant"] = meant->port;
  if (meant != nullptr && b.count("vs.destination") > 0) {
    b["vs.port-patch"] = Json::array({{{"op", "replace"}, {"path", b["vs.destination"].get<std::string>() + "/port/number"}, {"value", meant->port}}});
  }
  return yes("the route leads to port " + std::to_string(leg->name->port) + " of " + leg->name->host + ", which has only " + join(ports, ", "), b);
}

}  // namespace

const std::vector<Fact>& target_facts() {
  static const std::vector<Fact> facts = {
      {"walk.subset-undeclared", "The route's subset is declared nowhere the caller sees", target_needs, subset_undeclared, {Kind::destination_rules, Kind::clusters}},
      {"walk.route-as-written", "The route is what the objects ask for", target_needs, route_as_written, {Kind::virtual_services}},
      {"walk.subset-addable", "The undeclared subset has pods, and a DestinationRule can declare it", target_needs, subset_addable, {Kind::destination_rules, Kind::clusters}},
      {"walk.subset-creatable", "The undeclared subset has pods, and the host has no DestinationRule", target_needs, subset_creatable, {Kind::destination_rules, Kind::clusters}},
      {"subset.alternative", "One other subset has ready pods", target_needs, subset_alternative, {Kind::destination_rules, Kind::pods}},
      {"walk.host-unknown", "The route's host is in no registry", target_needs, host_unknown, {Kind::services, Kind::routes}},
      {"walk.host-meant", "The host that was meant is plain", target_needs, host_meant, {Kind::services}},
      {"walk.short-name-elsewhere", "A short name was resolved in the wrong namespace", target_needs, short_name_elsewhere, {Kind::virtual_services, Kind::services}},
      {"walk.port-unknown", "The route's host has no such port", target_needs, port_unknown, {Kind::services, Kind::routes}},
  };
  return facts;
}

}  // namespace meshdx::facts
