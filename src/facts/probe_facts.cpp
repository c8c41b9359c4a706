// Whether the kubelet's probes get through to the pods of a Service (B19).
#include <algorithm>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "mesh/mtls.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> probe_needs = {Kind::peer_authentications, Kind::mesh_config, Kind::deployments, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces,
                                       Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

/// The port of a probe's httpGet: a number, or the name of a container's port.
std::uint16_t probe_port(const Json& http, const Pod& pod) {
  const auto number = number_at(http, "port", 0);
  if (number > 0 && number < 65536) return static_cast<std::uint16_t>(number);
  for (const auto& container : pod.containers) {
    for (const auto& port : container.ports) {
      if (!port.name.empty() && port.name == text_at(http, "port")) return port.port;
    }
  }
  return 0;
}

/// A plain HTTP probe on a port that takes mutual TLS only. The injector leads HTTP probes through the agent
/// (/app-health/ on 15020, istio pkg/kube/inject/app_probe.go) unless it is told not to.
struct Probe {
  const Pod* pod = nullptr;
  std::string container, kind;
  std::uint16_t port = 0;
};

std::optional<Probe> plain_probe(const Pod& pod, const Container& container, const Json& spec) {
  for (const char* kind : {"readinessProbe", "livenessProbe", "startupProbe"}) {
    const bool hurts = std::string_view(kind) == "readinessProbe" ? !container.ready : container.restarts > 0 || !container.started;
    const Json& http = at(at(spec, kind), "httpGet");
    if (!hurts || !http.is_object() || starts_with(text_at(http, "path"), "/app-health/") || text_at(http, "scheme") == "HTTPS") continue;
    const auto port = probe_port(http, pod);
    if (port != 0 && mesh::inbound_captured(pod, port)) return Probe{&pod, container.name, kind, port};
  }
  return std::nullopt;
}

std::optional<Probe> plain_probe(const Pod& pod) {
  for (const auto& spec : at(pod.spec(), "containers")) {
    const auto* container = pod.container(text_at(spec, "name"));
    if (container == nullptr || container->name == "istio-proxy") continue;
    if (auto probe = plain_probe(pod, *container, spec)) return probe;
  }
  return std::nullopt;
}

Bindings probe_bindings(Context& c, const Probe& probe) {
  auto b = service_bindings(c.serving());
  b["pod.name"] = probe.pod->meta.name;
  b["pod.namespace"] = probe.pod->meta.ns;
  b["probe.container"] = probe.container;
  b["probe.kind"] = probe.kind;
  b["probe.port"] = probe.port;
  const auto* deployments = c.view.deployments(probe.pod->meta.ns);
  if (deployments == nullptr) return b;
  const std::string annotation = "sidecar.istio.io/rewriteAppHTTPProbers";
  for (const auto& deployment : *deployments) {
    const auto found = deployment.template_annotations.find(annotation);
    if (deployment.meta.name != mesh::workload_of(*probe.pod) || found == deployment.template_annotations.end()) continue;
    b["deployment.name"] = deployment.meta.name;
    b["deployment.namespace"] = deployment.meta.ns;
    b["deployment.probe-patch"] = Json::array({{{"op", "remove"}, {"path", "/spec/template/metadata/annotations/sidecar.istio.io~1rewriteAppHTTPProbers"}}});
  }
  return b;
}

Finding probe_meets_strict(Context& c) {
  const auto& serving = c.serving();
  if (!serving.known || serving.service == nullptr) return serving.known ? no("there is no Service") : unknown();
  const auto pods = mesh::selected_pods(c.view, *serving.service);
  if (!pods) return unknown();
  bool unsure = false;
  for (const auto* pod : *pods) {
    const auto probe = pod->meshed() ? plain_probe(*pod) : std::nullopt;
    if (!probe) continue;
    const auto mode = mesh::server_mode(c.view, *pod, probe->port);
    unsure = unsure || !mode.known;
    if (!mode.known || mode.mode != mesh::Mode::strict) continue;
    return yes("the kubelet's " + probe->kind + " of container " + probe->container + " in " + pod_ref(*pod) + " asks port " + std::to_string(probe->port) + " in plaintext, and the port takes mutual TLS only",
               probe_bindings(c, *probe));
  }
  return unsure ? unknown() : no("no failing HTTP probe meets a port that takes mutual TLS only");
}

}  // namespace

const std::vector<Fact>& probe_facts() {
  static const std::vector<Fact> facts = {
      {"pods.probe-meets-strict", "A plain HTTP probe asks a port that takes mutual TLS only", probe_needs, probe_meets_strict, {Kind::pods, Kind::peer_authentications}},
  };
  return facts;
}

}  // namespace meshdx::facts
