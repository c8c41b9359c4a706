// What routes and Gateways of the Gateway API refer to and the files do not hold.
#include <algorithm>

#include "mesh/gateway_api.hpp"
#include "survey/world.hpp"

namespace meshdx::survey {

namespace {

constexpr const char* k_api = "gateway.networking.k8s.io";

bool any_grant_in(const Manifests& manifests, const std::string& ns) {
  return std::any_of(manifests.objects.begin(), manifests.objects.end(), [&](const Manifest& m) { return m.kind == "ReferenceGrant" && m.ns == ns; });
}

Json named(const std::string& version, const std::string& kind, const std::string& ns, const std::string& name, Json spec) {
  return {{"apiVersion", version}, {"kind", kind}, {"metadata", {{"name", name}, {"namespace", ns}}}, {"spec", std::move(spec)}};
}

void add_backend(const Manifests& manifests, const Manifest& route, const Json& backend, std::vector<Assumed>& found) {
  const std::string ns = text_at(backend, "namespace", route.ns), name = text_at(backend, "name");
  if (text_at(backend, "kind", "Service") != "Service" || !text_at(backend, "group").empty() || name.empty()) return;
  const auto by = ", which " + route.kind + " " + route.ns + "/" + route.name + " routes to";
  if (manifests.find("Service", ns, name) == nullptr) {
    const Json port = at(backend, "port");
    const Json spec = {{"selector", {{"meshdx.dev/assumed", name}}}, {"type", "ClusterIP"}, {"ports", Json::array({{{"name", "http"}, {"port", port}, {"targetPort", port}, {"protocol", "TCP"}}})}};
    if (port.is_number_integer()) found.push_back({"", "Service", ns, named("v1", "Service", ns, name, spec), "Service " + ns + "/" + name + by});
  }
  // A ReferenceGrant is the other namespace's, and rarely in the same files. Where they hold one there, they hold them all.
  if (ns == route.ns || any_grant_in(manifests, ns)) return;
  const Json spec = {{"from", Json::array({{{"group", k_api}, {"kind", route.kind}, {"namespace", route.ns}}})}, {"to", Json::array({{{"group", ""}, {"kind", "Service"}, {"name", name}}})}};
  found.push_back({k_api, "ReferenceGrant", ns, named(std::string(k_api) + "/v1beta1", "ReferenceGrant", ns, "assumed-" + route.ns + "-" + name, spec), "a ReferenceGrant in " + ns + " for " + name + by});
}

}  // namespace

std::vector<Assumed> assumed_by_api_routes(const Manifests& manifests) {
  std::vector<Assumed> found;
  for (const auto& manifest : manifests.objects) {
    if (manifest.group != k_api || (manifest.kind != "HTTPRoute" && manifest.kind != "GRPCRoute")) continue;
    for (const auto& rule : at(at(manifest.object, "spec"), "rules")) {
      for (const auto& backend : at(rule, "backendRefs")) add_backend(manifests, manifest, backend, found);
    }
  }
  return found;
}

std::vector<std::string> assumed_certificates(const Manifests& manifests) {
  std::vector<std::string> found;
  const auto held = [&](const std::string& name) {
    return std::any_of(manifests.objects.begin(), manifests.objects.end(), [&](const Manifest& m) { return m.kind == "Secret" && m.name == name; });
  };
  const auto add = [&](const Manifest& gateway, const std::string& name) {
    if (!name.empty() && !held(name)) found.push_back("the certificate in Secret " + name + ", which Gateway " + gateway.ns + "/" + gateway.name + " names");
  };
  for (const auto& manifest : manifests.objects) {
    if (manifest.kind != "Gateway") continue;
    const Json& spec = at(manifest.object, "spec");
    for (const auto& server : at(spec, "servers")) add(manifest, text_at(at(server, "tls"), "credentialName"));
    for (const auto& listener : at(spec, "listeners")) {
      for (const auto& reference : at(at(listener, "tls"), "certificateRefs")) add(manifest, text_at(reference, "name"));
    }
  }
  return found;
}

Json api_gateway_template(const Manifest& gateway) {
  const Json labels = {{"gateway.networking.k8s.io/gateway-name", gateway.name}};
  return {{"metadata", {{"labels", labels}, {"annotations", {{"inject.istio.io/templates", "gateway"}}}}}, {"spec", {{"containers", Json::array()}}}};
}

}  // namespace meshdx::survey
