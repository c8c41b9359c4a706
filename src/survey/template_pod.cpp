// Pods as a workload's template and the sidecar injector would make them.
#include "survey/world.hpp"

namespace meshdx::survey {

bool is_gateway_template(const Json& pod_template) {
  return text_at(at(at(pod_template, "metadata"), "annotations"), "inject.istio.io/templates") == "gateway";
}

Json pod_of(const std::string& kind, const std::string& ns, const std::string& name, const Json& pod_template, bool injected, const std::string& ip) {
  const bool gateway = is_gateway_template(pod_template);
  Json pod = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", at(pod_template, "metadata")}, {"spec", at(pod_template, "spec")}};
  if (!pod["metadata"].is_object()) pod["metadata"] = Json::object();
  pod["metadata"]["name"] = kind.empty() ? name : name + "-0";
  pod["metadata"]["namespace"] = ns;
  if (!kind.empty()) pod["metadata"]["ownerReferences"] = Json::array({{{"kind", kind}, {"name", name}, {"controller", true}}});
  Json& containers = pod["spec"]["containers"];
  if (injected) {
    // The injector takes an istio-proxy container of the template for a part of its own.
    if (containers.is_array()) {
      Json::array_t kept;
      for (auto& container : containers) {
        if (text_at(container, "name") != "istio-proxy") kept.push_back(container);
      }
      containers = kept;
    }
    containers.push_back({{"name", "istio-proxy"}, {"args", {"proxy", gateway ? "router" : "sidecar"}}});
    if (!gateway && !at(at(pod["metadata"], "labels"), "security.istio.io/tlsMode").is_string()) pod["metadata"]["labels"]["security.istio.io/tlsMode"] = "istio";
  }
  Json statuses = Json::array();
  for (const auto& container : containers) statuses.push_back({{"name", text_at(container, "name")}, {"ready", true}, {"started", true}, {"restartCount", 0}, {"state", {{"running", Json::object()}}}});
  pod["status"] = {{"phase", "Running"}, {"podIP", ip}, {"podIPs", Json::array({{{"ip", ip}}})}, {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}, {"containerStatuses", statuses}};
  return pod;
}

}  // namespace meshdx::survey
