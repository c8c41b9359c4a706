#include "evidence/envoy_parts.hpp"

namespace meshdx::evidence {

using dump::View;

namespace {

Host read_host(const View& view) {
  Host host;
  const auto address = view.get("address");
  if (const auto socket = address.get("socketAddress")) {
    host.address = socket.get("address").text();
    host.port = socket.get("portValue").fit<std::uint16_t>().value_or(0);
  } else {
    host.address = read_address(address);
  }
  const auto health = view.get("healthStatus");
  host.health = health.get("edsHealthStatus").word("UNKNOWN");
  host.failed_outlier_check = health.get("failedOutlierCheck").flag();
  host.failed_active_check = health.get("failedActiveHealthCheck").flag();
  // A counter of 0 has no "value" (formats.md 2.3).
  view.get("stats").each([&](const View& stat) {
    host.stats[stat.get("name").text()] = stat.get("value").number().value_or(0);
  });
  host.weight = view.get("weight").fit<std::uint32_t>().value_or(0);
  return host;
}

}  // namespace

Expected<Endpoints> parse_endpoints(const Input& json) {
  static const dump::Shape shape{"endpoints dump", "envoy.admin.v3.Clusters", {{"clusterStatuses", {}}}};
  Endpoints endpoints;
  const auto done = dump::for_each_record(json, shape, [&](const View& record, std::string_view) {
    ClusterEndpoints cluster;
    cluster.cluster = record.need("name");
    record.get("hostStatuses").each([&](const View& host) { cluster.hosts.push_back(read_host(host)); });
    endpoints.push_back(std::move(cluster));
  });
  if (!done) return Error{done.error()};
  return endpoints;
}

}  // namespace meshdx::evidence
