// Which object owns a host, where several could: VirtualServices of wider hosts or other gateways, DestinationRules that
// are not looked at, ServiceEntries of one host, ExternalName Services (D11 to D16, J1, J3, J4).
#include <algorithm>

#include "facts/context.hpp"
#include "facts/routing_parts.hpp"
#include "mesh/gateway_binding.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/rule_match.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;
using mesh::Walk;

namespace {

const std::vector<Kind> ownership_needs = {Kind::virtual_services, Kind::destination_rules, Kind::mesh_config, Kind::services, Kind::pods, Kind::service_entries,
                                           Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

bool bound_to_mesh(const Object& vs) {
  const auto names = mesh::bound_gateways(vs);
  return std::find(names.begin(), names.end(), "mesh") != names.end();
}

int rule_on(Context& c, const Object& vs, const std::string& gateway) {
  return mesh::matching_rule(vs, c.path().request, {gateway, c.caller()->meta.labels, c.caller()->meta.ns});
}

/// Where the caller's proxy gets VirtualServices from: "mesh", or the Gateways of a gateway pod.
std::vector<std::string> own_gateways(Context& c) {
  if (!c.path().caller.gateway) return {"mesh"};
  std::vector<std::string> names;
  for (const auto& server : mesh::gateway_servers(c.view, *c.caller())) names.push_back(server.gateway->full_name());
  return names;
}

bool has_wider_host(Context& c, const Object& vs, const std::string& host) {
  const auto hosts = mesh::strings_at(vs.spec(), "hosts");
  const auto same = [&](const std::string& h) { return c.view.names().resolve(h, vs.meta.ns) == host; };
  const auto wider = [&](const std::string& h) { return mesh::host_covers(c.view.names().resolve(h, vs.meta.ns), host); };
  return std::none_of(hosts.begin(), hosts.end(), same) && std::any_of(hosts.begin(), hosts.end(), wider);
}

/// J3: the VirtualService of the exact host has no rule for the request; one of a wider host has.
Finding wider_has_rule(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& walk = c.walk();
  const auto used = virtual_service_ref(walk);
  if (walk.end != Walk::End::no_route || !used) return no("no VirtualService leaves the request without a route");
  const std::string host = c.path().caller.gateway ? lower(c.ask.host) : c.path().to.host;
  const auto gateways = own_gateways(c);
  const auto list = c.view.objects(Kind::virtual_services);
  const auto seen = c.path().caller.gateway ? list.items : mesh::mesh_virtual_services(c.view, host, c.caller()->meta.ns);
  for (const auto* vs : list.items) {
    if (vs->full_name() == used.ns + "/" + used.name || !has_wider_host(c, *vs, host)) continue;
    if (!c.path().caller.gateway && std::find(seen.begin(), seen.end(), vs) == seen.end()) continue;   // hidden from the caller
    const auto bound = mesh::bound_gateways(*vs);
    for (const auto& gateway : gateways) {
      if (std::find(bound.begin(), bound.end(), gateway) == bound.end() || rule_on(c, *vs, gateway) < 0) continue;
      const std::string hosts = join(mesh::strings_at(vs->spec(), "hosts"), ", ");
      return yes("VirtualService " + used.ns + "/" + used.name + " has the host " + host + " for itself; VirtualService " + vs->full_name() + " (" + hosts + ") has a rule for the request, which does not count there",
                 {{"vs.name", used.name}, {"vs.namespace", used.ns}, {"wide.name", vs->meta.name}, {"wide.namespace", vs->meta.ns}, {"wide.hosts", hosts}, {"wide.rule", rule_on(c, *vs, gateway) + 1}, {"request.host", host}, {"request.path", c.ask.path}});
    }
  }
  return list.everywhere ? no("no VirtualService of a wider host has a rule for the request") : unknown();
}

/// What a rule does to the path or the destination of requests for `host`; "" nothing that could make another answer.
std::string effect_of(Context& c, const Json& rule, const Object& vs, const std::string& host) {
  if (at(rule, "redirect").is_object()) return "redirects it";
  if (at(rule, "directResponse").is_object()) return "answers it";
  const std::string uri = text_at(at(rule, "rewrite"), "uri");
  if (!uri.empty()) return "rewrites its path to " + uri;
  const Json& routes = at(rule, "route");
  if (!routes.is_array() || routes.empty()) return "";
  for (const auto& route : routes) {
    if (c.view.names().resolve(text_at(at(route, "destination"), "host"), vs.meta.ns) == host) return "";
  }
  return "sends it to " + text_at(at(routes.front(), "destination"), "host");
}

/// J4: a VirtualService for this very host is bound to gateways only, so sidecars do not have its rules.
Finding gateways_only(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto& to = c.path().to;
  if (to.state == mesh::Destination::State::unknown) return unknown();
  if (c.path().caller.gateway || to.service == nullptr) return no("the caller is no sidecar, or the destination no Service");
  if (c.walk().end != Walk::End::clusters || virtual_service_ref(c.walk())) return no("a VirtualService routes the request, or nothing does");
  const auto list = c.view.objects(Kind::virtual_services);
  if (!list.covers(to.ns)) return unknown();
  for (const auto* vs : list.items) {
    const auto hosts = mesh::strings_at(vs->spec(), "hosts");
    const bool same = std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return c.view.names().resolve(h, vs->meta.ns) == to.host; });
    if (!same || bound_to_mesh(*vs)) continue;
    for (const auto& gateway : mesh::bound_gateways(*vs)) {
      const int rule = rule_on(c, *vs, gateway);
      const std::string effect = rule < 0 ? "" : effect_of(c, at(vs->spec(), "http").at(static_cast<std::size_t>(rule)), *vs, to.host);
      if (effect.empty()) continue;
      Bindings b = {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"vs.gateways", join(mesh::bound_gateways(*vs), ", ")}, {"vs.rule", rule + 1}, {"vs.effect", effect}, {"service.host", to.host}};
      b["vs.patch"] = Json::array({{{"op", "add"}, {"path", "/spec/gateways/-"}, {"value", "mesh"}}});
      return yes("rule " + std::to_string(rule + 1) + " of VirtualService " + vs->full_name() + " " + effect + ", and holds at " + b["vs.gateways"].get<std::string>() + " only", b);
    }
  }
  return no("no VirtualService that was read has the host for gateways only and would treat the request otherwise");
}

/// Whether a ServiceEntry has a host: then a proxy without its cluster is only behind.
Tri has_entry(Context& c, const std::string& host) {
  const auto entries = c.view.objects(Kind::service_entries);
  const bool found = std::any_of(entries.items.begin(), entries.items.end(), [&](const Object* entry) { return mesh::has_host(*entry, host); });
  return found ? Tri::yes : entries.everywhere ? Tri::no : Tri::unknown;
}

/// D13: the route leads to the name behind an ExternalName Service, which the registry does not have.
Finding external_name_target(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto used = virtual_service_ref(c.walk());
  const auto list = c.view.objects(Kind::virtual_services);
  const auto* vs = used ? find_object(list, used.ns, used.name) : nullptr;
  const auto missing = std::find_if(c.walk().legs.begin(), c.walk().legs.end(), [](const Leg& leg) { return leg.state == Leg::State::missing && leg.name; });
  if (missing == c.walk().legs.end() || !used) return no("no VirtualService leads to a cluster that is missing");
  if (vs == nullptr) return list.covers(used.ns) ? no("the VirtualService is gone") : unknown();
  bool unsure = false;
  for (const auto& rule : at(vs->spec(), "http")) {
    for (const auto& route : at(rule, "route")) {
      const std::string host = c.view.names().resolve(text_at(at(route, "destination"), "host"), vs->meta.ns);
      bool read = false;
      const auto* service = mesh::service_of(c.view, host, &read);
      unsure = unsure || !read;
      if (service == nullptr || service->type != "ExternalName") continue;
      const Tri registered = has_entry(c, lower(service->external_name));
      if (registered == Tri::yes) return no("a ServiceEntry has " + service->external_name);
      if (lower(service->external_name) != missing->name->host && host != missing->name->host) continue;   // the second up to 1.20
      if (registered == Tri::unknown) return unknown();
      return yes("VirtualService " + vs->full_name() + " leads to Service " + service->full_name() + ", an ExternalName for " + service->external_name + ", which nothing registers",
                 {{"vs.name", vs->meta.name}, {"vs.namespace", vs->meta.ns}, {"service.name", service->meta.name}, {"service.namespace", service->meta.ns}, {"service.external-name", service->external_name},
                  {"service.rewritten", lower(service->external_name) == missing->name->host}, {"service.port", missing->name->port}, {"entry.name", replace_all(service->external_name, ".", "-")}});
    }
  }
  return unsure ? unknown() : no("the route leads to no ExternalName Service");
}

/// Whether the route was turned into one to the host behind the alias: istiod does so on the ports that the alias declares.
Finding external_name_rewritten(Context& c) {
  const auto f = external_name_target(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.at("service.rewritten").get<bool>(), "the proxy's route names the host behind the alias", f.bindings);
}

// --- D16

bool declares(const Object& rule, const std::string& subset) {
  for (const auto& declared : at(rule.spec(), "subsets")) {
    if (text_at(declared, "name") == subset) return true;
  }
  return false;
}

/// The caller's proxy has no cluster of a host: nothing registers it, as far as the caller sees.
bool lacks_host(Context& c, const std::string& host) {
  const auto* clusters = c.view.clusters(*c.caller());
  return clusters != nullptr && std::none_of(clusters->begin(), clusters->end(), [&](const Cluster& cluster) {
    const auto name = ClusterName::parse(cluster.name);
    return name && name->host == host;
  });
}

/// Why a DestinationRule that someone wrote for the host does not count for the caller; "" when it was not written for it.
std::string passed_over(Context& c, const Object& rule, const std::string& host, const std::vector<const Object*>& looked_at) {
  const std::string written = text_at(rule.spec(), "host"), means = c.view.names().resolve(written, rule.meta.ns);
  const auto service = mesh::service_name(host, "");
  const bool for_host = mesh::host_covers(means, host);
  if (!for_host && service && lower(written) == service->name && lacks_host(c, means)) return "its host " + written + " means " + means + ", because it lives in " + rule.meta.ns;
  if (!for_host) return "";
  const bool counted = std::find(looked_at.begin(), looked_at.end(), &rule) != looked_at.end();
  if (counted) return "DestinationRule " + looked_at.front()->full_name() + " is found first for callers in " + c.caller()->meta.ns;
  if (!mesh::rule_selects(rule, mesh::reader_of(*c.caller()))) {
    const std::string picks = labels_text(mesh::labels_at(at(rule.spec(), "workloadSelector"), "matchLabels"));
    return rule.meta.ns == c.caller()->meta.ns ? "its workloadSelector (" + picks + ") does not pick the caller, " + pod_ref(*c.caller())
                                               : "its workloadSelector (" + picks + ") holds for workloads of " + rule.meta.ns + " only";
  }
  const auto to = mesh::strings_at(rule.spec(), "exportTo");
  if (!to.empty() && std::find(to.begin(), to.end(), "*") == to.end()) return "it is exported to " + join(to, ", ") + " only";
  return "rules of namespace " + rule.meta.ns + " are not looked at for callers in " + c.caller()->meta.ns + " (only theirs, the Service's and the root namespace's are)";
}

/// A rule that declares the missing subset exists, and is not the one that counts for the caller.
Finding declared_elsewhere(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto missing = std::find_if(c.walk().legs.begin(), c.walk().legs.end(), [](const Leg& leg) { return leg.state == Leg::State::missing && leg.name && !leg.name->subset.empty(); });
  if (missing == c.walk().legs.end()) return no("no missing cluster of a subset");
  const std::string& host = missing->name->host;
  const auto service = mesh::service_name(host, "");
  const auto looked_at = mesh::destination_rules(c.view, host, mesh::reader_of(*c.caller()), service ? service->ns : "");
  // Rules of the first namespace that has any for the host are merged; what the others declare does not count (push_context.go).
  for (const auto* rule : c.view.objects(Kind::destination_rules).items) {
    const bool first = !looked_at.empty() && std::find(looked_at.begin(), looked_at.end(), rule) != looked_at.end() && rule->meta.ns == looked_at.front()->meta.ns;
    if (first || !declares(*rule, missing->name->subset)) continue;
    const std::string why = passed_over(c, *rule, host, looked_at);
    if (why.empty()) continue;
    Bindings b = {{"rule.name", rule->meta.name}, {"rule.namespace", rule->meta.ns}, {"rule.why", why}, {"subset.name", missing->name->subset}, {"service.host", host}};
    if (!mesh::host_covers(c.view.names().resolve(text_at(rule->spec(), "host"), rule->meta.ns), host)) b["rule.host-patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/host"}, {"value", host}}});
    b["rule.selector-only"] = rule->meta.ns == c.caller()->meta.ns && !mesh::rule_selects(*rule, mesh::reader_of(*c.caller()));
    return yes("DestinationRule " + rule->full_name() + " declares subset " + missing->name->subset + " and does not count here: " + why, b);
  }
  return no("no other DestinationRule that was read declares the subset");
}

Finding rule_host_repairable(Context& c) {
  const auto f = declared_elsewhere(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("rule.host-patch") > 0, "the rule's host is a short name of another namespace", f.bindings);
}

/// Without its workloadSelector the rule would do nothing for others but declare subsets: it sets no policy.
Finding rule_selector_removable(Context& c) {
  const auto f = declared_elsewhere(c);
  if (f.truth != Tri::yes) return f;
  const auto* rule = find_object(c.view.objects(Kind::destination_rules), f.bindings.at("rule.namespace").get<std::string>(), f.bindings.at("rule.name").get<std::string>());
  if (rule == nullptr) return unknown();
  const Json& subsets = at(rule->spec(), "subsets");
  const bool policy = at(rule->spec(), "trafficPolicy").is_object() || std::any_of(subsets.begin(), subsets.end(), [](const Json& subset) { return at(subset, "trafficPolicy").is_object(); });
  return decide(f.bindings.at("rule.selector-only").get<bool>() && !policy, "only the workloadSelector keeps the rule from the caller, and the rule sets no traffic policy", f.bindings);
}

// --- J1

struct Registered {
  std::string owner, resolution;
  bool service = false;
};

/// The ServiceEntries that the caller sees with the host on a port, each with what it makes of it.
std::vector<Registered> entries_of(Context& c, const std::string& host, std::uint16_t port) {
  std::vector<Registered> found;
  const auto* config = c.view.mesh_config();
  const auto fallback = config == nullptr ? std::vector<std::string>{} : config->default_service_export_to;
  for (const auto* entry : c.view.objects(Kind::service_entries).items) {
    const auto hosts = mesh::strings_at(entry->spec(), "hosts");
    if (std::none_of(hosts.begin(), hosts.end(), [&](const auto& h) { return lower(h) == host; })) continue;
    if (!mesh::exported(mesh::strings_at(entry->spec(), "exportTo"), fallback, entry->meta.ns, c.caller()->meta.ns)) continue;
    for (const auto& listed : at(entry->spec(), "ports")) {
      if (number_at(listed, "number") != port) continue;
      found.push_back({"ServiceEntry " + entry->full_name(), text_at(entry->spec(), "resolution", "NONE"), false});
    }
  }
  return found;
}

/// The cluster type that a resolution makes (pilot/pkg/networking/core/cluster.go convertResolution).
bool made_by(const std::string& type, const std::string& resolution) {
  if (resolution == "STATIC") return type == "EDS" || type == "STATIC";
  if (resolution == "DNS" || resolution == "DNS_ROUND_ROBIN") return type == "STRICT_DNS" || type == "LOGICAL_DNS";
  return type == "ORIGINAL_DST";
}

/// Several owners of one host and port that ask for different resolutions, and the one that won has no address.
Finding entry_conflict(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  for (const auto& leg : c.walk().legs) {
    const bool dead = leg.state == Leg::State::empty || leg.state == Leg::State::none_healthy;
    if (!dead || !leg.name || leg.config == nullptr) continue;
    auto owners = entries_of(c, leg.name->host, leg.name->port);
    if (mesh::service_of(c.view, leg.name->host) != nullptr) owners.push_back({"Service " + leg.name->host, "STATIC", true});
    // A Service that won and has no endpoints is empty by itself, whoever else wants the host.
    const auto won = std::find_if(owners.begin(), owners.end(), [&](const auto& o) { return !o.service && made_by(leg.config->type, o.resolution); });
    const auto lost = std::find_if(owners.begin(), owners.end(), [&](const auto& o) { return !made_by(leg.config->type, o.resolution); });
    if (won == owners.end() || lost == owners.end()) continue;
    return yes(won->owner + " (" + won->resolution + ") and " + lost->owner + " (" + lost->resolution + ") both define " + leg.name->host + ":" + std::to_string(leg.name->port) + "; the proxy has it as " + leg.config->type + ", without an address",
               {{"service.host", leg.name->host}, {"service.port", leg.name->port}, {"entry.won", won->owner}, {"entry.won-resolution", won->resolution}, {"entry.lost", lost->owner}, {"entry.lost-resolution", lost->resolution}});
  }
  return no("no cluster without addresses is defined twice");
}

/// D12: replacing a prefix without its slash leaves two slashes, or none, where the server wants one.
Finding rewrite_doubles_slash(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  const auto* route = c.walk().route;
  const bool prefix = route != nullptr && virtual_service_ref(c.walk()) && route->path_type == Route::Path::prefix && !route->prefix_rewrite.empty();
  if (!prefix || !starts_with(c.ask.path, route->path)) return no("the route rewrites no prefix of the path");
  const std::string sent = route->prefix_rewrite + c.ask.path.substr(route->path.size());
  const bool odd = contains(sent, "//") || sent.front() != '/';
  const auto used = virtual_service_ref(c.walk());
  return decide(odd && !contains(c.ask.path, "//"), "the rule turns " + c.ask.path + " into " + sent, {{"vs.name", used.name}, {"vs.namespace", used.ns}, {"route.prefix", route->path}, {"route.rewrite", route->prefix_rewrite}, {"request.path", c.ask.path}, {"request.sent", sent}});
}

/// What the rewrite was meant to make is a path that a server of the host has answered well.
Finding clean_path_works(Context& c) {
  const auto f = rewrite_doubles_slash(c);
  if (f.truth != Tri::yes) return f;
  std::string clean = f.bindings.at("request.sent").get<std::string>();
  while (contains(clean, "//")) clean = replace_all(clean, "//", "/");
  if (clean.empty() || clean.front() != '/') clean.insert(0, "/");
  bool read = false;
  for (const auto* pod : c.path().servers) {
    const auto* log = pod->meshed() ? c.view.log(*pod) : nullptr;
    read = read || log != nullptr;
    if (log == nullptr) continue;
    for (const auto& line : log->access) {
      if (line.inbound() && line.code >= 200 && line.code < 400 && line.path.substr(0, line.path.find('?')) == clean) return yes(pod_ref(*pod) + " answered " + std::to_string(line.code) + " to " + clean, f.bindings);
    }
  }
  return read ? no("no server's log shows a good answer to " + clean) : unknown();
}

}  // namespace

const std::vector<Fact>& ownership_facts() {
  static const std::vector<Fact> facts = {
      {"virtual-service.wider-has-rule", "A VirtualService of a wider host has the rule that the exact one lacks", ownership_needs, wider_has_rule, {Kind::virtual_services, Kind::routes}},
      {"virtual-service.gateways-only", "A VirtualService for the host holds at gateways only", ownership_needs, gateways_only, {Kind::virtual_services, Kind::routes}},
      {"walk.external-name", "The route leads to an ExternalName that nothing registers", ownership_needs, external_name_target, {Kind::services, Kind::virtual_services}},
      {"walk.external-name-rewritten", "The proxy's route leads to the host behind the ExternalName", ownership_needs, external_name_rewritten, {Kind::routes}},
      {"subset.declared-elsewhere", "A DestinationRule that does not count here declares the subset", ownership_needs, declared_elsewhere, {Kind::destination_rules}},
      {"subset.rule-host-repairable", "That DestinationRule's host is a short name of another namespace", ownership_needs, rule_host_repairable, {Kind::destination_rules}},
      {"subset.rule-selector-removable", "Only the workloadSelector keeps that DestinationRule, which sets no policy, from the caller", ownership_needs, rule_selector_removable, {Kind::destination_rules}},
      {"entry.host-conflict", "The host is defined twice in different ways, and the proxy's has no address", ownership_needs, entry_conflict, {Kind::service_entries, Kind::clusters}},
      {"route.rewrite-doubles-slash", "The route's rewrite makes a path that is not well formed", ownership_needs, rewrite_doubles_slash, {Kind::routes}},
      {"route.clean-path-works", "The path that the rewrite was meant to make is answered well", ownership_needs, clean_path_works, {Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
