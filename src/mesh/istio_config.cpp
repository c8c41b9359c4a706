#include "mesh/istio_config.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

std::vector<std::string> strings_at(const Json& object, const char* key) {
  std::vector<std::string> result;
  const Json& list = at(object, key);
  if (!list.is_array()) return result;
  for (const auto& item : list) {
    if (item.is_string()) result.push_back(item.get<std::string>());
  }
  return result;
}

Labels labels_at(const Json& object, const char* key) {
  Labels labels;
  const Json& map = at(object, key);
  if (!map.is_object()) return labels;
  for (auto it = map.begin(); it != map.end(); ++it) {
    if (it->is_string()) labels[it.key()] = it->get<std::string>();
  }
  return labels;
}

bool host_covers(const std::string& pattern, const std::string& host) {
  if (pattern == "*" || pattern == host) return true;
  return starts_with(pattern, "*.") && ends_with(host, pattern.substr(1)) && host.size() >= pattern.size();
}

bool exported(const std::vector<std::string>& export_to, const std::vector<std::string>& fallback, const std::string& own, const std::string& to) {
  const auto& rules = export_to.empty() ? fallback : export_to;
  if (rules.empty()) return true;
  return std::any_of(rules.begin(), rules.end(), [&](const std::string& rule) { return rule == "*" || rule == to || (rule == "." && own == to); });
}

std::string resolve_gateway(const std::string& name, const std::string& ns) {
  if (starts_with(name, "./")) return ns + name.substr(1);
  if (name == "mesh" || contains(name, "/")) return name;
  const auto labels = split(name, '.');   // gw, or the old FQDN form gw.ns[.svc.cluster.local]
  return labels.size() > 1 ? labels[1] + "/" + labels[0] : ns + "/" + name;
}

std::vector<std::string> bound_gateways(const Object& vs) {
  std::vector<std::string> result;
  for (const auto& name : strings_at(vs.spec(), "gateways")) result.push_back(resolve_gateway(name, vs.meta.ns));
  if (result.empty()) result.emplace_back("mesh");
  return result;
}

namespace {
std::vector<std::string> defaults(const View& view, std::vector<std::string> MeshConfig::*member) {
  const auto* config = view.mesh_config();
  return config == nullptr ? std::vector<std::string>{} : config->*member;
}
}  // namespace

std::vector<const Object*> mesh_virtual_services(const View& view, const std::string& host, const std::string& caller_ns) {
  std::vector<const Object*> found;
  const auto& names = view.names();
  const auto fallback = defaults(view, &MeshConfig::default_virtual_service_export_to);
  for (const auto* vs : view.objects(Kind::virtual_services).items) {
    const auto gateways = bound_gateways(*vs);
    if (std::find(gateways.begin(), gateways.end(), "mesh") == gateways.end()) continue;
    if (!exported(strings_at(vs->spec(), "exportTo"), fallback, vs->meta.ns, caller_ns)) continue;
    const auto hosts = strings_at(vs->spec(), "hosts");
    if (std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return host_covers(names.resolve(h, vs->meta.ns), host); })) found.push_back(vs);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->meta.created < b->meta.created; });
  return found;
}

bool rule_selects(const Object& rule, const Reader& caller) {
  const Json& selector = at(rule.spec(), "workloadSelector");
  if (!selector.is_object()) return true;
  const auto labels = labels_at(selector, "matchLabels");
  return rule.meta.ns == caller.ns && (labels.empty() || selects(labels, caller.labels));
}

std::vector<const Object*> destination_rules(const View& view, const std::string& host, const Reader& caller, const std::string& service_ns) {
  std::vector<const Object*> found;
  const auto fallback = defaults(view, &MeshConfig::default_destination_rule_export_to);
  const auto rules = view.objects(Kind::destination_rules);
  const auto host_of = [&names = view.names()](const Object* rule) { return names.resolve(text_at(rule->spec(), "host"), rule->meta.ns); };
  // Inside a namespace one that selects the caller comes first, then the most specific host (an exact one is the longest),
  // then the oldest.
  const auto before = [&](const Object* a, const Object* b) {
    const bool selects_a = at(a->spec(), "workloadSelector").is_object(), selects_b = at(b->spec(), "workloadSelector").is_object();
    if (selects_a != selects_b) return selects_a;
    const auto length_a = host_of(a).size(), length_b = host_of(b).size();
    return length_a != length_b ? length_a > length_b : a->meta.created < b->meta.created;
  };
  for (const auto& ns : {caller.ns, service_ns, view.root_namespace()}) {
    const auto start = static_cast<std::ptrdiff_t>(found.size());
    for (const auto* rule : rules.items) {
      if (rule->meta.ns != ns || std::find(found.begin(), found.end(), rule) != found.end()) continue;
      if (!host_covers(host_of(rule), host) || !rule_selects(*rule, caller)) continue;
      // In its own namespace the mesh's default does not count, but what the rule says itself does (push_context.go setDestinationRules).
      if (exported(strings_at(rule->spec(), "exportTo"), ns == caller.ns ? std::vector<std::string>{} : fallback, ns, caller.ns)) found.push_back(rule);
    }
    std::stable_sort(found.begin() + start, found.end(), before);
  }
  return found;
}

const Object* sidecar_of(const View& view, const Pod& pod) {
  const Object* by_selector = nullptr;
  const Object* by_namespace = nullptr;
  const Object* by_root = nullptr;
  const std::string root = view.root_namespace();
  const auto keep_oldest = [](const Object*& kept, const Object* sidecar) {
    if (kept == nullptr || sidecar->meta.created < kept->meta.created) kept = sidecar;
  };
  for (const auto* sidecar : view.objects(Kind::sidecars).items) {
    const auto selector = labels_at(at(sidecar->spec(), "workloadSelector"), "labels");
    const bool own = sidecar->meta.ns == pod.meta.ns;
    if (own && selects(selector, pod.meta.labels)) keep_oldest(by_selector, sidecar);
    if (!selector.empty()) continue;
    if (own) keep_oldest(by_namespace, sidecar);
    if (sidecar->meta.ns == root) keep_oldest(by_root, sidecar);
  }
  if (by_selector != nullptr) return by_selector;
  return by_namespace != nullptr ? by_namespace : by_root;
}

bool sidecar_imports(const Object& sidecar, const std::string& host, const std::string& host_ns, const std::string& caller_ns, std::uint16_t port) {
  const Json& egress = at(sidecar.spec(), "egress");
  if (!egress.is_array() || egress.empty()) return true;
  bool imported = false;
  for (const auto& listener : egress) {
    const auto own = number_at(at(listener, "port"), "number");
    if (port != 0 && own != 0 && own != port) continue;
    for (const auto& entry : strings_at(listener, "hosts")) {
      const auto slash = entry.find('/');
      if (slash == std::string::npos) continue;
      std::string ns = entry.substr(0, slash);
      const bool excluded = !ns.empty() && ns.front() == '~' && ns.size() > 1;    // ≥ 1.31: "~ns/host" takes out
      if (excluded) ns.erase(0, 1);
      const bool here = ns == "*" || ns == host_ns || (ns == "." && caller_ns == host_ns);
      if (!here || !host_covers(lower(entry.substr(slash + 1)), host)) continue;
      if (excluded) return false;
      imported = true;
    }
  }
  return imported;
}

std::string outbound_mode(const View& view, const Pod& pod) {
  const auto sidecars = view.objects(Kind::sidecars);
  const auto* config = view.mesh_config();
  if (!sidecars.covers(pod.meta.ns) || !sidecars.covers(view.root_namespace()) || config == nullptr) return "";
  if (const auto* sidecar = sidecar_of(view, pod)) {
    const std::string mode = text_at(at(sidecar->spec(), "outboundTrafficPolicy"), "mode");
    if (!mode.empty()) return mode;
  }
  return config->outbound_mode;
}

bool gateway_selects(const Object& gateway, const Pod& pod) {
  const auto selector = labels_at(gateway.spec(), "selector");
  return selector.empty() || selects(selector, pod.meta.labels);
}

std::vector<GatewayServer> servers_of(const Object& gateway) {
  std::vector<GatewayServer> servers;
  const Json& list = at(gateway.spec(), "servers");
  if (!list.is_array()) return servers;
  for (const auto& item : list) {
    GatewayServer server;
    server.gateway = &gateway;
    server.server = item;
    server.port = static_cast<std::uint16_t>(number_at(at(item, "port"), "number"));
    server.protocol = text_at(at(item, "port"), "protocol");
    server.tls_mode = text_at(at(item, "tls"), "mode");
    server.credential = text_at(at(item, "tls"), "credentialName");
    for (const auto& host : strings_at(item, "hosts")) {
      const auto slash = host.find('/');
      const auto keeper = slash == std::string::npos ? "*" : host.substr(0, slash);
      server.hosts.push_back(lower(host.substr(slash + 1)));
      server.keepers.push_back(keeper == "." ? gateway.meta.ns : keeper);
    }
    servers.push_back(std::move(server));
  }
  return servers;
}

std::vector<const Object*> gateways_of(const View& view, const Pod& pod) {
  auto gateways = view.objects(Kind::gateways).items;
  gateways.erase(std::remove_if(gateways.begin(), gateways.end(), [&](const Object* gateway) { return !gateway_selects(*gateway, pod); }), gateways.end());
  return gateways;
}

std::vector<GatewayServer> gateway_servers(const View& view, const Pod& pod) {
  std::vector<GatewayServer> servers;
  for (const auto* gateway : gateways_of(view, pod)) {
    auto own = servers_of(*gateway);
    servers.insert(servers.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  }
  const auto age = [](const GatewayServer& s) { return std::tie(s.gateway->meta.created, s.gateway->meta.name, s.gateway->meta.ns); };
  std::stable_sort(servers.begin(), servers.end(), [&](const auto& a, const auto& b) { return age(a) < age(b); });
  return servers;
}

}  // namespace meshdx::mesh
