#include "survey/world.hpp"

#include <algorithm>
#include <map>

#include "evidence/kinds.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/request.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

using namespace evidence;

namespace {

bool has_template(const Json& object) { return at(object, {"spec", "template", "spec", "containers"}).is_array(); }

/// Labels or annotations of a template as they decide on injection: the pod's own word goes before the namespace's.
std::string inject_word(const Json& pod_template) {
  const Json& meta = at(pod_template, "metadata");
  for (const char* where : {"labels", "annotations"}) {
    const auto word = text_at(at(meta, where), "sidecar.istio.io/inject");
    if (!word.empty()) return word;
  }
  return "";
}

void put_once(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

class Builder {
 public:
  Builder(const Manifests& manifests, Outside outside) : m_manifests(manifests), m_outside(outside), m_names(names_in(manifests)) {}

  World build();

 private:
  using Labels = evidence::Labels;

  void add_object(const std::string& group, const std::string& kind, const std::string& ns, Json object);
  void add_pod(const std::string& ns, Json pod);
  void take(const Manifest& manifest);
  [[nodiscard]] bool injected(const std::string& ns, const Json& pod_template);
  [[nodiscard]] bool scaled_from_zero(const Manifest& manifest) const;
  [[nodiscard]] bool holds(const std::string& ns) const { return m_world.namespaces.count(ns) > 0; }
  /// Whether what is missing in a namespace is taken for granted.
  [[nodiscard]] bool granted(const std::string& ns) const { return m_outside != Outside::nothing_here || !holds(ns); }
  void assume(const std::string& what) { put_once(m_world.assumed, what); }

  void complete();
  void complete_destination(const Json& destination, const Manifest& by);
  void complete_delegate(const Json& rule, const Manifest& by);
  void complete_host(const std::string& host, std::uint16_t port, const Manifest& by);
  void complete_subset(const std::string& host, const std::string& subset, const Manifest& by);
  void complete_pods(const Json& service);
  [[nodiscard]] std::vector<Labels> gateway_pods() const;
  void complete_gateway(const Manifest& gateway);
  void complete_api();
  [[nodiscard]] bool knows_host(const std::string& host) const;
  [[nodiscard]] bool picks(const std::string& ns, const Labels& selector) const;
  [[nodiscard]] bool has_candidate(const std::string& ns, const std::string& service) const;
  void slices_of(const Service& service, const std::vector<Pod>& pods);
  void file_lists();

  const Manifests& m_manifests;
  Outside m_outside;
  mesh::Names m_names;
  World m_world;
  std::map<std::pair<Kind, std::string>, Json::array_t> m_lists;   ///< by kind and namespace
  std::size_t m_addresses = 0;
};

/// Addresses of 198.18.0.0/15, which is for tests: no real pod has them (RFC 2544).
std::string address(std::size_t number) {
  return "198." + std::to_string(18 + number / 65'536 % 2) + "." + std::to_string(number / 256 % 256) + "." + std::to_string(number % 256);
}

void Builder::add_object(const std::string& group, const std::string& kind, const std::string& ns, Json object) {
  if (const auto list = list_of(group, kind)) m_lists[{*list, ns}].push_back(std::move(object));
}

void Builder::add_pod(const std::string& ns, Json pod) { add_object("", "Pod", ns, with_domain(std::move(pod), m_names.domain)); }

/// Without a Namespace object in the files a namespace is taken to inject: who writes Istio configuration for it wants that.
bool Builder::injected(const std::string& ns, const Json& pod_template) {
  const auto word = inject_word(pod_template);
  if (bool_at(at(pod_template, "spec"), "hostNetwork")) return false;
  if (!word.empty()) return word != "false";
  const auto* object = m_manifests.find("Namespace", "", ns);
  if (object == nullptr) return true;
  const Json& labels = at(at(object->object, "metadata"), "labels");
  return text_at(labels, "istio-injection") == "enabled" || !text_at(labels, "istio.io/rev").empty();
}

/// Whether something in the files scales the workload: its `replicas: 0` is only where it begins.
bool Builder::scaled_from_zero(const Manifest& manifest) const {
  return std::any_of(m_manifests.objects.begin(), m_manifests.objects.end(), [&](const Manifest& other) {
    return other.ns == manifest.ns && text_at(at(at(other.object, "spec"), "scaleTargetRef"), "name") == manifest.name;
  });
}

void Builder::take(const Manifest& manifest) {
  const Json& object = manifest.object;
  if (!manifest.ns.empty()) m_world.namespaces.insert(manifest.ns);
  if (manifest.kind == "Pod" && manifest.group.empty()) {
    const Json as_template = {{"metadata", at(object, "metadata")}, {"spec", at(object, "spec")}};
    add_pod(manifest.ns, pod_of("", manifest.ns, manifest.name, as_template, injected(manifest.ns, as_template), address(++m_addresses)));
    return;
  }
  add_object(manifest.group, manifest.kind, manifest.ns, object);
  const bool workload = has_template(object) && manifest.kind != "Job" && !(manifest.kind == "ReplicaSet" && at(at(object, "metadata"), "ownerReferences").is_array());
  if (!workload) return;
  const Json& pod_template = at(at(object, "spec"), "template");
  const bool none = number_at(at(object, "spec"), "replicas", 1) == 0 && manifest.kind != "DaemonSet";
  if (none && !scaled_from_zero(manifest)) return;
  const bool with_proxy = injected(manifest.ns, pod_template) || is_gateway_template(pod_template);
  add_pod(manifest.ns, pod_of(manifest.kind, manifest.ns, manifest.name, pod_template, with_proxy, address(++m_addresses)));
}

bool Builder::knows_host(const std::string& host) const {
  if (const auto name = m_names.service(host)) {
    const auto list = m_lists.find({Kind::services, name->ns});
    const auto named = [&](const Json& service) { return text_at(at(service, "metadata"), "name") == name->name; };
    if (list != m_lists.end() && std::any_of(list->second.begin(), list->second.end(), named)) return true;
  }
  for (const auto& [key, list] : m_lists) {
    if (key.first != Kind::service_entries) continue;
    for (const auto& entry : list) {
      for (const auto& own : mesh::strings_at(at(entry, "spec"), "hosts")) {
        if (mesh::host_covers(lower(own), host)) return true;
      }
    }
  }
  return false;
}

/// A host that a route leads to and that the files do not hold: a Service of its namespace, or a ServiceEntry.
void Builder::complete_host(const std::string& host, std::uint16_t port, const Manifest& by) {
  if (host.empty() || knows_host(host)) return;
  const auto labels = split(host, '.');
  if (!m_names.of_cluster(host) || labels.size() < 2) {
    assume("host " + host + ", which " + by.kind + " " + by.ns + "/" + by.name + " routes to");
    const Json spec = {{"hosts", Json::array({host})}, {"ports", Json::array({{{"number", port}, {"name", "any"}, {"protocol", "HTTP"}}})}, {"resolution", "DNS"}, {"location", "MESH_EXTERNAL"}};
    add_object("networking.istio.io", "ServiceEntry", by.ns, {{"apiVersion", "networking.istio.io/v1"}, {"kind", "ServiceEntry"}, {"metadata", {{"name", "assumed-" + host}, {"namespace", by.ns}}}, {"spec", spec}});
    return;
  }
  if (!granted(labels[1])) return;
  assume("Service " + labels[1] + "/" + labels[0] + ", which " + by.kind + " " + by.ns + "/" + by.name + " routes to");
  const Json ports = Json::array({{{"name", "http"}, {"port", port}, {"targetPort", port}, {"protocol", "TCP"}}});
  const Json spec = {{"selector", {{"meshdx.dev/assumed", labels[0]}}}, {"clusterIP", address(++m_addresses)}, {"type", "ClusterIP"}, {"ports", ports}};
  add_object("", "Service", labels[1], {{"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", {{"name", labels[0]}, {"namespace", labels[1]}}}, {"spec", spec}});
}

/// A subset of a host that no DestinationRule of the files is for. One that is there and lacks it is a fault.
void Builder::complete_subset(const std::string& host, const std::string& subset, const Manifest& by) {
  if (subset.empty()) return;
  const auto labels = split(host, '.');
  const std::string ns = m_names.of_cluster(host) && labels.size() > 1 ? labels[1] : by.ns;
  auto& rules = m_lists[{Kind::destination_rules, ns}];
  for (const auto& [key, list] : m_lists) {
    if (key.first != Kind::destination_rules) continue;
    for (const auto& rule : list) {
      const bool assumed = text_at(at(rule, "metadata"), "name") == "assumed-" + labels[0];
      if (!assumed && mesh::host_covers(m_names.resolve(text_at(at(rule, "spec"), "host"), key.second), host)) return;
    }
  }
  if (!granted(ns)) return;
  assume("subset " + subset + " of " + host + ", which " + by.kind + " " + by.ns + "/" + by.name + " routes to");
  for (auto& rule : rules) {
    if (text_at(at(rule, "metadata"), "name") != "assumed-" + labels[0]) continue;
    rule["spec"]["subsets"].push_back({{"name", subset}});
    return;
  }
  rules.push_back({{"apiVersion", "networking.istio.io/v1"}, {"kind", "DestinationRule"}, {"metadata", {{"name", "assumed-" + labels[0]}, {"namespace", ns}}},
                   {"spec", {{"host", host}, {"subsets", Json::array({{{"name", subset}}})}}}});
}

void Builder::complete_destination(const Json& destination, const Manifest& by) {
  const auto host = m_names.resolve(text_at(destination, "host"), by.ns);
  const auto port = static_cast<std::uint16_t>(number_at(at(destination, "port"), "number", 80));
  complete_host(host, port, by);
  complete_subset(host, text_at(destination, "subset"), by);
}

void Builder::complete_delegate(const Json& rule, const Manifest& by) {
  const Json& delegate = at(rule, "delegate");
  if (!delegate.is_object()) return;
  const std::string name = text_at(delegate, "name"), ns = text_at(delegate, "namespace", by.ns);
  if (m_manifests.find("VirtualService", ns, name) != nullptr || !granted(ns)) return;
  assume("VirtualService " + ns + "/" + name + ", which VirtualService " + by.ns + "/" + by.name + " delegates to");
  const Json answer = {{"directResponse", {{"status", 200}}}};
  add_object("networking.istio.io", "VirtualService", ns, {{"apiVersion", "networking.istio.io/v1"}, {"kind", "VirtualService"}, {"metadata", {{"name", name}, {"namespace", ns}}}, {"spec", {{"http", Json::array({answer})}}}});
}

bool Builder::picks(const std::string& ns, const Labels& selector) const {
  const auto list = m_lists.find({Kind::pods, ns});
  if (list == m_lists.end()) return false;
  return std::any_of(list->second.begin(), list->second.end(), [&](const Json& pod) { return selects(selector, mesh::labels_at(at(pod, "metadata"), "labels")); });
}

/// Whether the files seem to hold the Service's own workload: one of its name, or labelled with it.
bool Builder::has_candidate(const std::string& ns, const std::string& service) const {
  return std::any_of(m_manifests.objects.begin(), m_manifests.objects.end(), [&](const Manifest& m) {
    if (m.ns != ns || !has_template(m.object)) return false;
    const auto labels = mesh::labels_at(at(at(at(m.object, "spec"), "template"), "metadata"), "labels");
    const auto app = labels.find("app"), name = labels.find("app.kubernetes.io/name");
    return m.name == service || (app != labels.end() && app->second == service) || (name != labels.end() && name->second == service);
  });
}

/// Pods that a Service selects and the files have no workload for: one, and one for every subset of its host.
void Builder::complete_pods(const Json& service) {
  const std::string ns = text_at(at(service, "metadata"), "namespace"), name = text_at(at(service, "metadata"), "name");
  const auto selector = mesh::labels_at(at(service, "spec"), "selector");
  if (selector.empty() || !granted(ns)) return;
  if (m_outside == Outside::but_no_pods && (picks(ns, selector) || has_candidate(ns, name))) return;
  std::vector<Labels> wanted;
  if (!picks(ns, selector)) wanted.push_back(selector);
  for (const auto& [key, list] : m_lists) {
    if (key.first != Kind::destination_rules) continue;
    for (const auto& rule : list) {
      if (m_names.resolve(text_at(at(rule, "spec"), "host"), key.second) != m_names.fqdn(name, ns)) continue;
      for (const auto& subset : at(at(rule, "spec"), "subsets")) {
        auto labels = mesh::labels_at(subset, "labels");
        for (const auto& [label, value] : selector) labels[label] = value;
        wanted.push_back(std::move(labels));
      }
    }
  }
  for (const auto& labels : wanted) {
    if (picks(ns, labels)) continue;
    assume("pods of Service " + ns + "/" + name);
    Json ports = Json::array();
    for (const auto& port : at(at(service, "spec"), "ports")) {
      const Json& target = at(port, "targetPort");
      Json own = {{"containerPort", target.is_number_integer() ? target : at(port, "port")}, {"protocol", text_at(port, "protocol", "TCP")}};
      if (target.is_string()) own["name"] = target;
      ports.push_back(own);
    }
    const Json container = {{"name", "app"}, {"image", "assumed"}, {"ports", ports}};
    const Json pod_template = {{"metadata", {{"labels", Json(labels)}}}, {"spec", {{"containers", Json::array({container})}}}};
    const auto number = ++m_addresses;
    add_pod(ns, pod_of("", ns, "assumed-" + std::to_string(number), pod_template, injected(ns, pod_template), address(number)));
  }
}

/// The labels of each gateway pod there is so far.
std::vector<Builder::Labels> Builder::gateway_pods() const {
  std::vector<Labels> pods;
  for (const auto& [key, list] : m_lists) {
    if (key.first != Kind::pods) continue;
    for (const auto& pod : list) {
      if (const auto read = to_pod(pod); read && read->router()) pods.push_back(read->meta.labels);
    }
  }
  return pods;
}

/// A gateway's pods come with Istio's own installation, from files of their own: they are taken for granted.
void Builder::complete_gateway(const Manifest& gateway) {
  const auto selector = mesh::labels_at(at(gateway.object, "spec"), "selector");
  for (const auto& labels : gateway_pods()) if (selects(selector, labels)) return;
  assume("the pods of Gateway " + gateway.ns + "/" + gateway.name);
  const Json pod_template = {{"metadata", {{"labels", Json(selector)}, {"annotations", {{"inject.istio.io/templates", "gateway"}}}}}, {"spec", {{"containers", Json::array()}}}};
  const auto number = ++m_addresses;
  add_pod("istio-system", pod_of("Deployment", "istio-system", "assumed-gateway-" + std::to_string(number), pod_template, true, address(number)));
}

/// Istiod deploys a Gateway's pods itself.
void Builder::complete_api() {
  for (const auto& manifest : m_manifests.objects) {
    if (manifest.group != "gateway.networking.k8s.io" || manifest.kind != "Gateway" || text_at(at(manifest.object, "spec"), "gatewayClassName") != "istio") continue;
    add_pod(manifest.ns, pod_of("Deployment", manifest.ns, manifest.name + "-istio", api_gateway_template(manifest), true, address(++m_addresses)));
  }
  for (const auto& what : assumed_certificates(m_manifests)) assume(what);
  for (auto& assumed : assumed_by_api_routes(m_manifests)) {
    if (!granted(assumed.ns)) continue;
    assume(assumed.what);
    add_object(assumed.group, assumed.kind, assumed.ns, std::move(assumed.object));
  }
}

void Builder::complete() {
  // Files that hold gateway pods hold all of them. Asked before any are taken for granted.
  const bool own_gateways = m_outside != Outside::all_right && !gateway_pods().empty();
  for (const auto& manifest : m_manifests.objects) {
    if (manifest.group != "networking.istio.io") continue;
    if (manifest.kind == "Gateway" && !own_gateways) complete_gateway(manifest);
    if (manifest.kind != "VirtualService") continue;
    for (const char* kind : {"http", "tcp", "tls"}) {
      for (const auto& rule : at(at(manifest.object, "spec"), kind)) {
        complete_delegate(rule, manifest);
        for (const auto& route : at(rule, "route")) complete_destination(at(route, "destination"), manifest);
      }
    }
  }
  complete_api();
  std::vector<Json> services;
  for (const auto& [key, list] : m_lists) {
    if (key.first == Kind::services) services.insert(services.end(), list.begin(), list.end());
  }
  for (const auto& service : services) complete_pods(service);
}

/// What the endpoint slice controller would make: a slice a pod, ports resolved by the pod's own names. Where a Service has
/// no selector and the files hold no slice for it, its endpoints are kept by hand elsewhere.
void Builder::slices_of(const Service& service, const std::vector<Pod>& pods) {
  auto& slices = m_lists[{Kind::endpointslices, service.meta.ns}];
  const auto slice = [&](const Json& ports, const std::string& ip, const std::string& pod) {
    Json endpoint = {{"addresses", Json::array({ip})}, {"conditions", {{"ready", true}, {"serving", true}, {"terminating", false}}}};
    if (!pod.empty()) endpoint["targetRef"] = {{"kind", "Pod"}, {"name", pod}, {"namespace", service.meta.ns}};
    slices.push_back({{"apiVersion", "discovery.k8s.io/v1"}, {"kind", "EndpointSlice"}, {"addressType", "IPv4"},
                      {"metadata", {{"name", service.meta.name + "-" + std::to_string(slices.size())}, {"namespace", service.meta.ns}, {"labels", {{"kubernetes.io/service-name", service.meta.name}}}}},
                      {"ports", ports}, {"endpoints", Json::array({endpoint})}});
  };
  if (service.selector.empty()) {
    const bool own = std::any_of(slices.begin(), slices.end(), [&](const Json& s) { return text_at(at(at(s, "metadata"), "labels"), "kubernetes.io/service-name") == service.meta.name; });
    if (own || service.type == "ExternalName") return;
    Json ports = Json::array();
    for (const auto& port : service.ports) ports.push_back({{"name", port.name}, {"port", port.target.named() ? port.port : port.target.number}});
    slice(ports, address(++m_addresses), "");
    return;
  }
  for (const auto& pod : pods) {
    if (!selects(service.selector, pod.meta.labels)) continue;
    Json ports = Json::array();
    for (const auto& port : service.ports) {
      const auto target = mesh::target_port(port, pod);
      ports.push_back({{"name", port.name}, {"protocol", port.protocol}, {"port", target ? Json(*target) : Json()}});
    }
    slice(ports, pod.ip, pod.meta.name);
  }
}

/// Files every list as kubectl prints it: those of a namespace by namespace, Istio's for all.
void Builder::file_lists() {
  std::map<std::pair<Kind, std::string>, Json> lists;
  const std::set<Kind> by_namespace = {Kind::services, Kind::endpointslices, Kind::pods, Kind::deployments, Kind::replicasets, Kind::statefulsets, Kind::events, Kind::networkpolicies};
  for (const auto& row : kind_rows()) {
    if (!row.is_list()) continue;
    if (by_namespace.count(row.kind) == 0) lists[{row.kind, ""}] = Json::array();
    else for (const auto& ns : m_world.namespaces) lists[{row.kind, ns}] = Json::array();
  }
  for (auto& [key, items] : m_lists) {
    auto& list = lists[{key.first, by_namespace.count(key.first) > 0 ? key.second : std::string()}];
    if (list.is_null()) list = Json::array();
    for (auto& item : items) list.push_back(std::move(item));
  }
  for (const auto& [key, items] : lists) {
    run::CommandResult result;
    result.argv = command_for({key.first, key.second, "", ""});
    result.out = dump_json({{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}});
    m_world.evidence.add(result);
  }
}

World Builder::build() {
  for (const auto& manifest : m_manifests.objects) take(manifest);
  complete();
  std::map<std::string, std::vector<Pod>> pods;
  std::vector<Service> services;
  std::set<std::string> all = m_world.namespaces;
  for (const auto& [key, list] : m_lists) {
    if (!key.second.empty()) all.insert(key.second);
    for (const auto& item : list) {
      if (key.first == Kind::pods) {
        auto pod = to_pod(item);
        if (pod) pods[key.second].push_back(std::move(*pod));
      } else if (key.first == Kind::services) {
        auto service = to_service(item);
        if (service) services.push_back(std::move(*service));
      }
    }
  }
  for (const auto& service : services) slices_of(service, pods[service.meta.ns]);
  const auto held = m_world.namespaces;
  m_world.namespaces = all;
  m_world.namespaces.insert("istio-system");
  for (const auto& ns : m_world.namespaces) {
    if (m_manifests.find("Namespace", "", ns) == nullptr) add_object("", "Namespace", "", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", ns}}}});
  }
  file_lists();
  m_world.namespaces = held;
  const auto* config = m_manifests.find("ConfigMap", "istio-system", "istio");
  run::CommandResult mesh;
  mesh.argv = command_for({Kind::mesh_config, "", "", ""});
  mesh.out = dump_json(config != nullptr ? config->object : Json{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", "istio"}, {"namespace", "istio-system"}}}, {"data", {{"mesh", "rootNamespace: istio-system"}}}});
  m_world.evidence.add(mesh);
  return std::move(m_world);
}

}  // namespace

World world_of(const Manifests& manifests, Outside outside) { return Builder(manifests, outside).build(); }

}  // namespace meshdx::survey
