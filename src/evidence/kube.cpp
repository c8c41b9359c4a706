#include "evidence/kube.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "evidence/kube_read.hpp"

namespace meshdx::evidence {
namespace {

Meta read_meta(const Json& raw) {
  const Json& metadata = at(raw, "metadata");
  Meta meta;
  meta.api_version = text_at(raw, "apiVersion");
  meta.kind = text_at(raw, "kind");
  meta.ns = text_at(metadata, "namespace");
  meta.name = text_at(metadata, "name");
  meta.uid = text_at(metadata, "uid");
  meta.created = text_at(metadata, "creationTimestamp");
  meta.labels = labels_at(metadata, "labels");
  meta.annotations = labels_at(metadata, "annotations");
  meta.deleting = at(metadata, "deletionTimestamp").is_string();
  for (const Json& owner : elements(at(metadata, "ownerReferences"))) {
    if (!bool_at(owner, "controller")) continue;
    meta.owner_kind = text_at(owner, "kind");
    meta.owner_name = text_at(owner, "name");
  }
  return meta;
}

/// The object part of a typed view; `T` derives from Object.
template <class T>
Expected<T> with_meta(Json raw) {
  auto object = to_object(std::move(raw));
  if (!object) return Error{object.error()};
  T typed;
  static_cast<Object&>(typed) = std::move(*object);
  return typed;
}

ServicePort read_service_port(const Json& json) {
  ServicePort port;
  port.name = text_at(json, "name");
  port.protocol = text_at(json, "protocol", "TCP");
  port.app_protocol = text_at(json, "appProtocol");
  port.port = port_of(at(json, "port"));
  port.target.name = text_at(json, "targetPort");
  port.target.number = port_of(at(json, "targetPort"));
  // core/v1 ServicePort: "If this is not specified, the value of the 'port' field is used".
  if (!port.target.named() && port.target.number == 0) port.target.number = port.port;
  return port;
}

Endpoint read_endpoint(const Json& json) {
  Endpoint endpoint;
  const Json& conditions = at(json, "conditions");
  endpoint.addresses = texts_at(json, "addresses");
  // discovery/v1 EndpointConditions: a nil `ready` is to be read as true, a nil `serving` as `ready`.
  endpoint.ready = bool_at(conditions, "ready", true);
  endpoint.serving = bool_at(conditions, "serving", endpoint.ready);
  endpoint.terminating = bool_at(conditions, "terminating");
  endpoint.target_kind = text_at(at(json, "targetRef"), "kind");
  endpoint.target_name = text_at(at(json, "targetRef"), "name");
  return endpoint;
}

Expected<EndpointSlice> to_endpointslice(Json raw) {
  auto slice = with_meta<EndpointSlice>(std::move(raw));
  if (!slice) return slice;
  const auto label = slice->meta.labels.find("kubernetes.io/service-name");
  if (label != slice->meta.labels.end()) slice->service = label->second;
  for (const Json& json : elements(at(slice->raw, "ports"))) {
    SlicePort port;
    port.name = text_at(json, "name");
    if (const auto number = port_of(at(json, "port")); number != 0) port.port = number;
    slice->ports.push_back(std::move(port));
  }
  for (const Json& json : elements(at(slice->raw, "endpoints"))) slice->endpoints.push_back(read_endpoint(json));
  return slice;
}

Expected<ReplicaSet> to_replicaset(Json raw) {
  auto set = with_meta<ReplicaSet>(std::move(raw));
  if (!set) return set;
  set->template_labels = labels_at(at(set->raw, {"spec", "template", "metadata"}), "labels");
  set->replicas = int_at(at(set->raw, "spec"), "replicas", 1);   // apps/v1: defaults to 1
  set->ready_replicas = int_at(at(set->raw, "status"), "readyReplicas");
  return set;
}

/// The first of several readings that is not empty.
std::string first_of(std::initializer_list<std::string> candidates) {
  for (const auto& text : candidates) {
    if (!text.empty()) return text;
  }
  return "";
}

/// Events come in core/v1 and events.k8s.io/v1 spelling; either timestamp can be null (formats.md 6).
Expected<Event> to_event(Json raw) {
  auto event = with_meta<Event>(std::move(raw));
  if (!event) return event;
  const Json& json = event->raw;
  const Json& series = at(json, "series");
  const Json& involved = json.contains("regarding") ? at(json, "regarding") : at(json, "involvedObject");
  event->reason = text_at(json, "reason");
  event->message = first_of({text_at(json, "message"), text_at(json, "note")});
  event->type = text_at(json, "type");
  event->involved_kind = text_at(involved, "kind");
  event->involved_name = text_at(involved, "name");
  event->time = first_of({text_at(series, "lastObservedTime"), text_at(json, "lastTimestamp"),
                          text_at(json, "deprecatedLastTimestamp"), text_at(json, "eventTime"),
                          text_at(json, "firstTimestamp")});
  event->count = std::max({int_at(json, "count"), int_at(json, "deprecatedCount"), int_at(series, "count"), 1});
  return event;
}

}  // namespace

bool selects(const Labels& selector, const Labels& labels) {
  return !selector.empty() && std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto found = labels.find(wanted.first);
    return found != labels.end() && found->second == wanted.second;
  });
}

std::string Object::ref() const {
  return meta.ns.empty() ? fmt::format("{} {}", meta.kind, meta.name)
                         : fmt::format("{} {}/{}", meta.kind, meta.ns, meta.name);
}

Expected<Object> to_object(Json raw) {
  if (!raw.is_object()) return Error{"not a Kubernetes object"};
  Object object;
  object.meta = read_meta(raw);
  if (object.meta.name.empty()) return Error{"an object has no metadata.name"};
  object.raw = std::move(raw);
  return object;
}

Expected<Service> to_service(Json raw) {
  auto service = with_meta<Service>(std::move(raw));
  if (!service) return service;
  const Json& spec = service->spec();
  service->type = text_at(spec, "type", "ClusterIP");
  service->cluster_ips = texts_at(spec, "clusterIPs");
  const std::string single = text_at(spec, "clusterIP");
  if (service->cluster_ips.empty() && !single.empty()) service->cluster_ips.push_back(single);
  service->external_name = text_at(spec, "externalName");
  service->selector = labels_at(spec, "selector");
  for (const Json& json : elements(at(spec, "ports"))) service->ports.push_back(read_service_port(json));
  return service;
}

Expected<StatefulSet> to_statefulset(Json raw) {
  auto set = with_meta<StatefulSet>(std::move(raw));
  if (!set) return set;
  set->template_labels = labels_at(at(set->raw, {"spec", "template", "metadata"}), "labels");
  set->replicas = int_at(at(set->raw, "spec"), "replicas", 1);   // apps/v1: defaults to 1
  return set;
}

Expected<Deployment> to_deployment(Json raw) {
  auto deployment = with_meta<Deployment>(std::move(raw));
  if (!deployment) return deployment;
  const Json& spec = deployment->spec();
  const Json& status = at(deployment->raw, "status");
  deployment->selector = labels_at(at(spec, "selector"), "matchLabels");
  deployment->template_labels = labels_at(at(spec, {"template", "metadata"}), "labels");
  deployment->template_annotations = labels_at(at(spec, {"template", "metadata"}), "annotations");
  if (at(spec, "replicas").is_number_integer()) deployment->replicas = int_at(spec, "replicas");
  deployment->ready_replicas = int_at(status, "readyReplicas");
  deployment->available_replicas = int_at(status, "availableReplicas");
  return deployment;
}

Expected<Objects> parse_objects(std::string_view json) { return read_list<Object>(json, "", to_object); }

Expected<std::vector<Service>> parse_services(std::string_view json) {
  return read_list<Service>(json, "Service", to_service);
}

Expected<std::vector<EndpointSlice>> parse_endpointslices(std::string_view json) {
  return read_list<EndpointSlice>(json, "EndpointSlice", to_endpointslice);
}

Expected<std::vector<Pod>> parse_pods(std::string_view json) { return read_list<Pod>(json, "Pod", to_pod); }

Expected<std::vector<Deployment>> parse_deployments(std::string_view json) {
  return read_list<Deployment>(json, "Deployment", to_deployment);
}

Expected<std::vector<ReplicaSet>> parse_replicasets(std::string_view json) {
  return read_list<ReplicaSet>(json, "ReplicaSet", to_replicaset);
}

Expected<std::vector<StatefulSet>> parse_statefulsets(std::string_view json) {
  return read_list<StatefulSet>(json, "StatefulSet", to_statefulset);
}

Expected<std::vector<Event>> parse_events(std::string_view json) { return read_list<Event>(json, "Event", to_event); }

}  // namespace meshdx::evidence
