#include "mesh/gateway_places.hpp"

#include <algorithm>

#include "mesh/gateway_binding.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/request.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// Whether someone outside of the mesh may be the caller: he comes in through a gateway.
bool from_outside(const Complaint& complaint) {
  if (complaint.of_workload) return false;
  if (complaint.from == Complaint::From::gateway) return true;
  return complaint.from == Complaint::From::unknown && !is_address(complaint.host) && !service_name(complaint.host, complaint.ns);
}

/// The Gateway that is named; else one that names the host, or covers it and is of the namespace asked about or has rules for it.
bool is_meant(const View& view, const Object& gateway, const Complaint& complaint) {
  if (!complaint.from_name.empty()) return gateway.meta.name == complaint.from_name && (complaint.from_ns.empty() || gateway.meta.ns == complaint.from_ns);
  const auto host = lower(complaint.host);
  if (!serves_host(gateway, host, false)) return false;
  if (serves_host(gateway, host, true) || gateway.meta.ns == complaint.ns) return true;
  const auto rules = view.objects(Kind::virtual_services);
  return std::any_of(rules.items.begin(), rules.items.end(), [&](const Object* rule) { return bound_to(*rule, gateway) && has_host(*rule, host); });
}

/// The namespaces of listed pods that have the labels, be they gateways already or not.
std::set<std::string> places_holding(const View& view, const Labels& selector) {
  std::set<std::string> found;
  for (const auto& ns : view.pod_namespaces()) {
    const auto* pods = view.pods(ns);
    if (pods != nullptr && std::any_of(pods->begin(), pods->end(), [&](const Pod& pod) { return !gone(pod) && selects(selector, pod.meta.labels); })) found.insert(ns);
  }
  return found;
}

bool holds_a_value(const std::string& name, const Labels& selector) {
  return std::any_of(selector.begin(), selector.end(), [&](const auto& label) { return !label.second.empty() && contains(name, label.second); });
}

void add_places(const View& view, const Labels& selector, std::set<std::string>& places) {
  bool told = false;
  for (const auto& key : view.evidence().keys(Kind::proxy_status)) {
    const auto* status = view.read<ProxyStatus>(key);
    told = told || status != nullptr;
    for (const auto& proxy : status == nullptr ? std::vector<ProxyState>() : status->proxies) {
      if (holds_a_value(proxy.pod, selector)) places.insert(proxy.ns);
    }
  }
  const bool asked = !view.evidence().keys(Kind::proxy_status).empty();   // while the answer is awaited, it is not known to be needed
  const auto* namespaces = told || !asked ? nullptr : view.namespaces();
  for (const auto& ns : namespaces == nullptr ? Objects() : *namespaces) {
    if (holds_a_value(ns.meta.name, selector)) places.insert(ns.meta.name);
  }
}

}  // namespace

std::set<std::string> places_of_gateways(const View& view, const Complaint& complaint) {
  std::set<std::string> places;
  if (!from_outside(complaint)) return places;
  for (const auto* gateway : view.objects(Kind::gateways).items) {
    const auto selector = labels_at(gateway->spec(), "selector");
    if (selector.empty() || !is_meant(view, *gateway, complaint)) continue;
    auto found = places_holding(view, selector);
    const bool known = !found.empty();
    places.merge(found);
    if (known) continue;
    places.insert(gateway->meta.ns);
    add_places(view, selector, places);
  }
  return places;
}

}  // namespace meshdx::mesh
