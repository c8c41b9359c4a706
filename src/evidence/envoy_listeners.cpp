#include "evidence/envoy_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

using dump::View;

namespace {

FilterChainMatch read_chain_match(const View& view) {
  FilterChainMatch match;
  match.destination_port = view.get("destinationPort").fit<std::uint16_t>();
  view.get("prefixRanges").each([&](const View& range) {
    const auto length = range.get("prefixLen").fit<std::uint16_t>().value_or(0);
    match.prefix_ranges.push_back(range.get("addressPrefix").text() + "/" + std::to_string(length));
  });
  match.transport_protocol = view.get("transportProtocol").text();
  view.get("applicationProtocols").each([&](const View& name) { match.application_protocols.push_back(name.text()); });
  view.get("serverNames").each([&](const View& name) { match.server_names.push_back(name.text()); });
  for (const char* key :
       {"sourceType", "sourcePrefixRanges", "directSourcePrefixRanges", "sourcePorts", "addressSuffix"}) {
    if (view.get(key)) match.more_conditions = true;
  }
  return match;
}

/// One rule set of an RBAC filter. One without policies is recorded with an empty name: as ALLOW it lets nothing pass.
void read_rules(const View& rules, bool shadow, std::vector<RbacPolicy>& to) {
  if (!rules) return;
  const auto action = rules.get("action").word("ALLOW");
  const auto before = to.size();
  rules.get("policies").members([&](std::string_view name, const View&) {
    to.push_back({std::string(name), action, shadow});
  });
  if (to.size() == before) to.push_back({"", action, shadow});
}

void read_rbac(const View& config, FilterChain& chain) {
  read_rules(config.get("rules"), false, chain.rbac);
  read_rules(config.get("shadowRules"), true, chain.rbac);
}

void read_http_filter(const View& filter, FilterChain& chain) {
  const auto name = filter.get("name").text();
  const auto config = filter.get("typedConfig");
  if (is_type(config, "RBAC")) read_rbac(config, chain);
  if (is_type(config, "JwtAuthentication") || ends_with(name, "jwt_authn")) chain.jwt = true;
  chain.http_filters.push_back(name);
}

bool has_elements(const View& list) {
  bool any = false;
  list.each([&](const View&) { any = true; });
  return any;
}

void read_connection_manager(const View& config, FilterChain& chain) {
  chain.http = true;
  chain.route_config_name = config.get({"rds", "routeConfigName"}).text();
  if (const auto routes = config.get("routeConfig")) {
    chain.inline_routes = std::make_shared<const RouteConfiguration>(read_route_configuration(routes));
  }
  config.get("httpFilters").each([&](const View& filter) { read_http_filter(filter, chain); });
}

/// Filters are told by the type of their configuration: names are free (Istio renamed them more than once).
void read_filter(const View& filter, FilterChain& chain) {
  const auto config = filter.get("typedConfig");
  if (is_type(config, "HttpConnectionManager")) {
    read_connection_manager(config, chain);
  } else if (is_type(config, "TcpProxy")) {
    chain.tcp_cluster = config.get("cluster").text();
    chain.tcp_weighted = read_weighted_clusters(config.get("weightedClusters"));
    if (chain.tcp_weighted.size() == 1) chain.tcp_cluster = chain.tcp_weighted.front().name;
  } else if (is_type(config, "RBAC")) {
    read_rbac(config, chain);
    return;   // the network RBAC filter has no access log
  } else {
    return;
  }
  if (has_elements(config.get("accessLog"))) chain.access_log = true;
}

FilterChain read_chain(const View& view) {
  FilterChain chain;
  chain.name = view.get("name").text();
  chain.match = read_chain_match(view.get("filterChainMatch"));
  chain.tls = read_transport_socket(view.get("transportSocket"));
  view.get("filters").each([&](const View& filter) { read_filter(filter, chain); });
  return chain;
}

void read_listener_address(const View& view, Listener& listener) {
  const auto address = view.get("address");
  if (const auto socket = address.get("socketAddress")) {
    listener.address = socket.get("address").text();
    listener.port = socket.get("portValue").fit<std::uint16_t>().value_or(0);
  } else if (address) {
    listener.address = read_address(address);
  }
  view.get("additionalAddresses").each([&](const View& more) {
    listener.more_addresses.push_back(read_address(more.get("address")));
  });
}

Listener read_listener(const View& view) {
  Listener listener;
  listener.name = view.need("name");
  read_listener_address(view, listener);
  listener.direction = view.get("trafficDirection").word();
  listener.bind_to_port = view.get("bindToPort").flag(true);
  // Before 1.8 istiod said the same in deprecatedV1.
  if (const auto old = view.get({"deprecatedV1", "bindToPort"})) listener.bind_to_port = old.flag(true);
  view.get("filterChains").each([&](const View& chain) { listener.chains.push_back(read_chain(chain)); });
  if (const auto chain = view.get("defaultFilterChain")) listener.default_chain = read_chain(chain);
  view.get("listenerFilters").each([&](const View& filter) {
    const auto name = filter.get("name").text();
    if (ends_with(name, "tls_inspector")) listener.tls_inspector = true;
    if (ends_with(name, "http_inspector")) listener.http_inspector = true;
  });
  listener.access_log = has_elements(view.get("accessLog"));
  return listener;
}

}  // namespace

Expected<Listeners> parse_listeners(const Input& json) {
  static const dump::Shape shape{
      "listeners dump",
      "ListenersConfigDump",
      {{"dynamicListeners", {"activeState", "listener"}, true}, {"staticListeners", {"listener"}}}};
  Listeners listeners;
  const auto done = dump::for_each_record(
      json, shape, [&](const View& record, std::string_view) { listeners.push_back(read_listener(record)); });
  if (!done) return Error{done.error()};
  return listeners;
}

}  // namespace meshdx::evidence
