#include "mesh/istio_config.hpp"

#include <algorithm>

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

std::string resolve_host(const std::string& host, const std::string& ns) {
  const std::string name = lower(host);
  return contains(name, ".") || name == "*" ? name : name + "." + ns + ".svc.cluster.local";
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

namespace {

/// "mesh" or "ns/name" of a gateway as a VirtualService of `ns` writes it (pilot/pkg/model/virtualservice.go).
std::string resolve_gateway(const std::string& name, const std::string& ns) {
  if (starts_with(name, "./")) return ns + name.substr(1);
  if (name == "mesh" || contains(name, "/")) return name;
  const auto labels = split(name, '.');   // gw, or the old FQDN form gw.ns[.svc.cluster.local]
  return labels.size() > 1 ? labels[1] + "/" + labels[0] : ns + "/" + name;
}

}  // namespace

std::vector<std::string> bound_gateways(const Object& vs) {
  std::vector<std::string> result;
  for (const auto& name : strings_at(vs.spec(), "gateways")) result.push_back(resolve_gateway(name, vs.meta.ns));
  if (result.empty()) result.emplace_back("mesh");
  return result;
}

namespace {

bool string_match(const Json& match, const std::string& value, bool ignore_case = false) {
  const auto fold = [&](const std::string& s) { return ignore_case ? lower(s) : s; };
  if (at(match, "exact").is_string()) return fold(value) == fold(text_at(match, "exact"));
  if (at(match, "prefix").is_string()) return starts_with(fold(value), fold(text_at(match, "prefix")));
  if (at(match, "regex").is_string()) return full_match(value, text_at(match, "regex"));
  return true;    // {}: present
}

std::optional<std::string> header(const Request& request, const std::string& name) {
  for (const auto& given : request.headers) {
    if (given.first == name) return given.second;
  }
  return std::nullopt;
}

bool headers_match(const Json& wanted, const Request& request, bool without) {
  if (!wanted.is_object()) return true;
  for (auto it = wanted.begin(); it != wanted.end(); ++it) {
    const auto value = header(request, lower(it.key()));
    const bool matches = value && string_match(*it, *value);
    if (matches == without) return false;
  }
  return true;
}

bool query_matches(const Json& wanted, const Request& request) {
  if (!wanted.is_object()) return true;
  for (auto it = wanted.begin(); it != wanted.end(); ++it) {
    bool matched = false;
    for (const auto& part : split(request.query, '&')) {
      const auto equals = part.find('=');
      const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
      matched = matched || (part.substr(0, equals) == it.key() && string_match(*it, value));
    }
    if (!matched) return false;
  }
  return true;
}

bool source_matches(const Json& match, const Labels& labels, const std::string& caller_ns) {
  const std::string ns = text_at(match, "sourceNamespace");
  if (!ns.empty() && ns != caller_ns) return false;
  const auto wanted = labels_at(match, "sourceLabels");
  return wanted.empty() || selects(wanted, labels);
}

/// A match's own `gateways`; none given: all that the VirtualService is bound to.
bool gateway_matches(const Json& match, const std::string& gateway, const std::string& ns) {
  const auto names = strings_at(match, "gateways");
  return names.empty() || std::any_of(names.begin(), names.end(), [&](const auto& name) { return resolve_gateway(name, ns) == gateway; });
}

bool rule_match(const Json& match, const Request& request, const Labels& labels, const std::string& caller_ns) {
  if (!source_matches(match, labels, caller_ns)) return false;
  const auto port = number_at(match, "port", 0);
  if (port != 0 && port != request.port) return false;
  return string_match(at(match, "uri"), request.path, bool_at(match, "ignoreUriCase")) &&
         string_match(at(match, "method"), request.method) && string_match(at(match, "authority"), request.host) &&
         string_match(at(match, "scheme"), request.tls ? "https" : "http") && headers_match(at(match, "headers"), request, false) &&
         headers_match(at(match, "withoutHeaders"), request, true) && query_matches(at(match, "queryParams"), request);
}

}  // namespace

int matching_rule(const Object& vs, const Request& request, const std::string& gateway, const Labels& labels, const std::string& caller_ns) {
  const Json& rules = at(vs.spec(), "http");
  if (!rules.is_array()) return -1;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Json& matches = at(rules[i], "match");
    if (!matches.is_array() || matches.empty()) return static_cast<int>(i);
    for (const auto& match : matches) {
      if (gateway_matches(match, gateway, vs.meta.ns) && rule_match(match, request, labels, caller_ns)) return static_cast<int>(i);
    }
  }
  return -1;
}

namespace {
std::vector<std::string> defaults(const View& view, std::vector<std::string> MeshConfig::*member) {
  const auto* config = view.mesh_config();
  return config == nullptr ? std::vector<std::string>{} : config->*member;
}
}  // namespace

std::vector<const Object*> mesh_virtual_services(const View& view, const std::string& host, const std::string& caller_ns) {
  std::vector<const Object*> found;
  const auto fallback = defaults(view, &MeshConfig::default_virtual_service_export_to);
  for (const auto* vs : view.objects(Kind::virtual_services).items) {
    const auto gateways = bound_gateways(*vs);
    if (std::find(gateways.begin(), gateways.end(), "mesh") == gateways.end()) continue;
    if (!exported(strings_at(vs->spec(), "exportTo"), fallback, vs->meta.ns, caller_ns)) continue;
    const auto hosts = strings_at(vs->spec(), "hosts");
    if (std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return host_covers(resolve_host(h, vs->meta.ns), host); })) found.push_back(vs);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return a->meta.created < b->meta.created; });
  return found;
}

std::vector<const Object*> destination_rules(const View& view, const std::string& host, const std::string& caller_ns, const std::string& service_ns) {
  std::vector<const Object*> found;
  const auto fallback = defaults(view, &MeshConfig::default_destination_rule_export_to);
  const auto rules = view.objects(Kind::destination_rules);
  const auto host_of = [](const Object* rule) { return resolve_host(text_at(rule->spec(), "host"), rule->meta.ns); };
  // Inside a namespace the most specific host comes first (an exact one is the longest), then the oldest.
  const auto before = [&](const Object* a, const Object* b) {
    const auto length_a = host_of(a).size(), length_b = host_of(b).size();
    return length_a != length_b ? length_a > length_b : a->meta.created < b->meta.created;
  };
  for (const auto& ns : {caller_ns, service_ns, view.root_namespace()}) {
    const auto start = static_cast<std::ptrdiff_t>(found.size());
    for (const auto* rule : rules.items) {
      if (rule->meta.ns != ns || std::find(found.begin(), found.end(), rule) != found.end()) continue;
      if (!host_covers(host_of(rule), host)) continue;
      if (ns == caller_ns || exported(strings_at(rule->spec(), "exportTo"), fallback, ns, caller_ns)) found.push_back(rule);
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

bool sidecar_imports(const Object& sidecar, const std::string& host, const std::string& host_ns, const std::string& caller_ns) {
  const Json& egress = at(sidecar.spec(), "egress");
  if (!egress.is_array() || egress.empty()) return true;
  bool imported = false;
  for (const auto& listener : egress) {
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

std::vector<GatewayServer> gateway_servers(const View& view, const Pod& pod) {
  std::vector<GatewayServer> servers;
  for (const auto* gateway : view.objects(Kind::gateways).items) {
    if (!gateway_selects(*gateway, pod)) continue;
    const Json& list = at(gateway->spec(), "servers");
    if (!list.is_array()) continue;
    for (const auto& item : list) {
      GatewayServer server;
      server.gateway = gateway;
      server.server = item;
      server.port = static_cast<std::uint16_t>(number_at(at(item, "port"), "number"));
      server.protocol = text_at(at(item, "port"), "protocol");
      server.tls_mode = text_at(at(item, "tls"), "mode");
      server.credential = text_at(at(item, "tls"), "credentialName");
      for (const auto& host : strings_at(item, "hosts")) server.hosts.push_back(lower(host.substr(host.find('/') + 1)));
      servers.push_back(std::move(server));
    }
  }
  return servers;
}

}  // namespace meshdx::mesh
