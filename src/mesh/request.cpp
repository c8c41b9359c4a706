#include "mesh/request.hpp"

#include <algorithm>

#include "mesh/gateway_api.hpp"
#include "mesh/protocol.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

std::string workload_of(const Pod& pod) {
  const auto hash = pod.meta.labels.find("pod-template-hash");
  const std::string& owner = pod.meta.owner_name;
  if (pod.meta.owner_kind == "ReplicaSet" && hash != pod.meta.labels.end() && ends_with(owner, "-" + hash->second)) {
    return owner.substr(0, owner.size() - hash->second.size() - 1);
  }
  return owner.empty() ? pod.meta.name : owner;
}

bool gone(const Pod& pod) { return pod.meta.deleting || pod.phase == "Succeeded" || pod.phase == "Failed"; }

namespace {

bool labelled(const Pod& pod, const char* key, const std::string& value) {
  const auto found = pod.meta.labels.find(key);
  return found != pod.meta.labels.end() && found->second == value;
}

}  // namespace

std::vector<const Pod*> pods_named(const std::vector<Pod>& pods, const std::string& name) {
  const auto pick = [&](auto wanted) {
    std::vector<const Pod*> found;
    for (const auto& pod : pods) {
      if (wanted(pod)) found.push_back(&pod);
    }
    std::stable_sort(found.begin(), found.end(), [](const Pod* a, const Pod* b) {
      return std::make_pair(gone(*a), !a->ready) < std::make_pair(gone(*b), !b->ready);
    });
    return found;
  };
  // A workload's name is what its pods' owner's name begins with.
  auto found = pick([&](const Pod& pod) { return starts_with(pod.meta.owner_name.empty() ? pod.meta.name : pod.meta.owner_name, name) && workload_of(pod) == name; });
  if (found.empty()) found = pick([&](const Pod& pod) { return labelled(pod, "app", name) || labelled(pod, "app.kubernetes.io/name", name); });
  if (found.empty()) found = pick([&](const Pod& pod) { return pod.meta.name == name; });
  return found;
}

std::optional<std::vector<const Pod*>> selected_pods(const View& view, const Service& service) {
  const auto* pods = view.pods(service.meta.ns);
  if (pods == nullptr) return std::nullopt;
  std::vector<const Pod*> found;
  for (const auto& pod : *pods) {
    if (!service.selector.empty() && selects(service.selector, pod.meta.labels) && !gone(pod)) found.push_back(&pod);
  }
  return found;
}

std::optional<std::uint16_t> target_port(const ServicePort& port, const Pod& pod) {
  if (!port.target.named()) return port.target.number;
  for (const auto& container : pod.containers) {
    if (container.init && !container.restart_always) continue;
    for (const auto& declared : container.ports) {
      if (declared.name == port.target.name && declared.protocol == port.protocol) return declared.port;
    }
  }
  return std::nullopt;
}

const ServicePort* pick_port(const Service& service, std::optional<std::uint16_t> wanted) {
  const ServicePort* fallback = nullptr;
  for (const auto& port : service.ports) {
    if (wanted && port.port == *wanted) return &port;
    if (wanted || port.protocol == "UDP") continue;
    if (service.ports.size() == 1 || port.port == 80) return &port;
    if (fallback == nullptr || (is_http(declared_protocol(port)) && !is_http(declared_protocol(*fallback)))) fallback = &port;
  }
  return fallback;
}

namespace {

const Service* find_service(const std::vector<Service>& services, const std::string& name) {
  for (const auto& service : services) {
    if (service.meta.name == name) return &service;
  }
  return nullptr;
}

const Object* entry_for(const ObjectList& entries, const std::string& host) {
  for (const auto* entry : entries.items) {
    const Json& hosts = at(entry->spec(), "hosts");
    if (!hosts.is_array()) continue;
    for (const auto& listed : hosts) {
      if (!listed.is_string()) continue;
      const auto text = lower(listed.get<std::string>());
      if (text == host || (starts_with(text, "*.") && ends_with(host, text.substr(1)))) return entry;
    }
  }
  return nullptr;
}

void set_service(const View& view, Destination& to, const Service& service, const Complaint& complaint) {
  to.state = Destination::State::service;
  to.service = &service;
  to.name = service.meta.name;
  to.ns = service.meta.ns;
  to.host = view.names().fqdn(to.name, to.ns);
  to.port = pick_port(service, complaint.port);
  if (to.port != nullptr) to.port_number = to.port->port;
}

/// The only one, the one of the workload's name, else the first with the port that was typed; nullptr: none stands out.
const Service* service_meant(const std::vector<const Service*>& all, const std::string& name, std::optional<std::uint16_t> port) {
  const auto with = [&](auto wanted) { return std::find_if(all.begin(), all.end(), wanted); };
  auto found = all.size() == 1 ? all.begin() : with([&](const Service* s) { return s->meta.name == name; });
  if (found == all.end() && port) found = with([&](const Service* s) { return pick_port(*s, port) != nullptr; });
  return found == all.end() ? nullptr : *found;
}

/// A workload is called through the Service that selects its pods; where none stands out, through its pods.
bool workload_destination(const View& view, const ServiceName& name, const Complaint& complaint, Destination& to) {
  const auto* pods = view.pods(name.ns);
  const auto* services = view.services(name.ns);
  if (pods == nullptr || services == nullptr) return false;
  const auto own = pods_named(*pods, name.name);
  if (own.empty()) return false;
  std::vector<const Service*> selecting;
  for (const auto& service : *services) {
    if (!service.selector.empty() && selects(service.selector, own.front()->meta.labels)) selecting.push_back(&service);
  }
  const Service* only = service_meant(selecting, name.name, complaint.port);
  if (only != nullptr) {
    set_service(view, to, *only, complaint);
  } else {
    to.state = Destination::State::pods;
    to.name = name.name;
    to.ns = name.ns;
  }
  return true;
}

void address_destination(const View& view, const Complaint& complaint, Destination& to) {
  const auto keys = view.evidence().keys(Kind::services);
  bool all_read = !keys.empty();
  for (const auto& key : keys) {
    const auto* services = view.services(key.ns);
    all_read = all_read && services != nullptr;
    if (services == nullptr) continue;
    for (const auto& service : *services) {
      if (std::find(service.cluster_ips.begin(), service.cluster_ips.end(), to.host) != service.cluster_ips.end()) return set_service(view, to, service, complaint);
    }
  }
  if (const auto* pod = view.pod_by_ip(to.host)) {
    to.state = Destination::State::pods;
    to.by_pod_ip = true;
    to.name = pod->meta.name;
    to.ns = pod->meta.ns;
  } else if (all_read) {
    to.state = Destination::State::external;
  }
}

}  // namespace

Destination find_destination(const View& view, const Complaint& complaint) {
  Destination to;
  to.host = lower(complaint.host);
  to.port_number = complaint.port.value_or(80);
  if (is_address(to.host)) {
    address_destination(view, complaint, to);
    return to;
  }
  const auto name = service_name(to.host, complaint.ns);
  if (name && complaint.from != Complaint::From::gateway) {
    const auto* services = view.services(name->ns);
    const Service* service = services == nullptr ? nullptr : find_service(*services, name->name);
    if (service != nullptr && complaint.named != Complaint::Named::workload) {
      set_service(view, to, *service, complaint);
      return to;
    }
    if (complaint.named != Complaint::Named::host && complaint.named != Complaint::Named::service && workload_destination(view, *name, complaint, to)) return to;
  }
  const auto entries = view.objects(Kind::service_entries);
  if (const auto* entry = entry_for(entries, to.host)) {
    to.state = Destination::State::entry;
    to.entry = entry;
    return to;
  }
  if (complaint.from == Complaint::From::gateway || !name) {
    to.state = entries.everywhere || complaint.from == Complaint::From::gateway ? Destination::State::external : Destination::State::unknown;
    return to;
  }
  to.name = name->name;
  to.ns = name->ns;
  const bool two_labels = split(to.host, '.').size() == 2;
  const auto* namespaces = view.namespaces();
  const bool such_namespace = namespaces != nullptr && std::any_of(namespaces->begin(), namespaces->end(), [&](const auto& n) { return n.meta.name == name->ns; });
  if (two_labels && namespaces != nullptr && !such_namespace) {
    to.state = Destination::State::external;    // "example.com" is no Service of a namespace "com"
    return to;
  }
  to.host = view.names().fqdn(*name);
  if (const auto* entry = entry_for(entries, to.host)) {
    to.state = Destination::State::entry;
    to.entry = entry;
    return to;
  }
  if (view.services(name->ns) != nullptr && entries.everywhere) to.state = Destination::State::absent;
  return to;
}

bool names_service(const std::string& host, const Destination& to, const std::string& caller_ns) {
  const std::string typed = lower(address_of(host));
  if (typed.empty()) return false;
  if (typed == to.host) return true;
  if (to.service != nullptr) {
    const auto& ips = to.service->cluster_ips;
    if (std::find(ips.begin(), ips.end(), typed) != ips.end()) return true;
  }
  const auto name = service_name(typed, caller_ns);
  return !to.name.empty() && name && name->name == to.name && name->ns == to.ns;
}

namespace {

/// A host as clients send it: IPv6 addresses in brackets (RFC 3986, 3.2.2).
std::string as_sent(const std::string& host) { return contains(host, ":") ? "[" + host + "]" : host; }

}  // namespace

Request request_of(const View& view, const Complaint& complaint, const Caller& caller, const Destination& to) {
  Request request;
  request.host = as_sent(complaint.host);
  request.port = to.port_number;
  request.method = complaint.method;
  request.path = complaint.path;
  request.query = complaint.query;
  request.headers = complaint.headers;
  request.tls = complaint.scheme == "https";
  if (caller.gateway) {
    request.dialled = complaint.port.value_or(request.tls ? 443 : 80);
    if (caller.pod != nullptr) request.port = gateway_port(view, *caller.pod, request.dialled);
    return request;
  }
  if (to.service != nullptr) {
    for (const auto& ip : to.service->cluster_ips) {
      if (ip != "None") request.addresses.push_back(ip);
    }
    // The name as the caller typed it may be one its search path completed, or a workload's: the FQDN is what every form ends in.
    if (split(complaint.host, '.').size() == 1 || !names_service(complaint.host, to, caller.ns)) request.host = to.host;
  } else if (is_address(to.host)) {
    request.addresses.push_back(to.host);
  }
  for (const auto& [name, value] : complaint.headers) {
    if (name == "host") request.host = as_sent(lower(address_of(value)));   // as curl -H: another name than was dialled
  }
  return request;
}

}  // namespace meshdx::mesh
