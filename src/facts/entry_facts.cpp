// The endpoints that a ServiceEntry names: whether something takes connections there, whether the port is one that the
// host has, and whether its workloadSelector picks anything.
#include <algorithm>
#include <set>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/names.hpp"
#include "mesh/network_policy.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Sighting;

namespace {

const std::vector<Kind> entry_needs = {Kind::service_entries, Kind::workload_entries, Kind::sockets, Kind::networkpolicies, Kind::log, Kind::services, Kind::pods, Kind::namespaces, Kind::mesh_config,
                                       Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};

/// An endpoint as a ServiceEntry lists it, with the port that requests of the complaint go to.
struct Listed {
  std::size_t index = 0;
  std::string address;
  std::uint16_t port = 0;
  std::string port_path;         ///< where the number stands in the object; "": it is the Service port itself
};

/// The ServiceEntry behind the request, and its endpoints.
struct Entry {
  const Object* object = nullptr;
  std::string host;
  std::vector<Listed> endpoints;
};

/// A port of an endpoint: its own for the port's name, else the entry's targetPort, else the number that is called
/// (istio serviceregistry/serviceentry conversion.go).
Listed listed(const Json& spec, std::size_t index, std::uint16_t called) {
  Listed result{index, text_at(at(spec, "endpoints").at(index), "address"), called, ""};
  const Json& ports = at(spec, "ports");
  for (std::size_t i = 0; ports.is_array() && i < ports.size(); ++i) {
    if (number_at(ports[i], "number") != called) continue;
    const std::string name = text_at(ports[i], "name");
    const auto own = number_at(at(at(spec, "endpoints").at(index), "ports"), name.c_str());
    const auto target = number_at(ports[i], "targetPort");
    if (own != 0) result.port_path = "/spec/endpoints/" + std::to_string(index) + "/ports/" + replace_all(replace_all(name, "~", "~0"), "/", "~1");
    else if (target != 0) result.port_path = "/spec/ports/" + std::to_string(i) + "/targetPort";
    if (own != 0 || target != 0) result.port = static_cast<std::uint16_t>(own != 0 ? own : target);
  }
  return result;
}

std::optional<Entry> entry_of(Context& c) {
  const auto& serving = c.serving();
  const auto& to = c.path().to;
  if (to.entry == nullptr || (serving.leg != nullptr && serving.host != to.host)) return std::nullopt;
  Entry entry{to.entry, to.host, {}};
  const auto called = serving.port_number != 0 ? serving.port_number : to.port_number;
  const Json& endpoints = at(to.entry->spec(), "endpoints");
  for (std::size_t i = 0; endpoints.is_array() && i < endpoints.size(); ++i) entry.endpoints.push_back(listed(to.entry->spec(), i, called));
  return entry;
}

/// The answer for requests that go to no ServiceEntry.
Finding no_entry(Context& c) {
  return c.path().to.state == mesh::Destination::State::unknown ? unknown() : no("the request goes to no ServiceEntry");
}

Bindings entry_bindings(const Entry& entry, const Listed& endpoint) {
  return {{"entry.name", entry.object->meta.name}, {"entry.namespace", entry.object->meta.ns}, {"service.host", entry.host}, {"endpoint.address", endpoint.address}, {"endpoint.port", endpoint.port}};
}

std::string sends_to(const Entry& entry, const Listed& endpoint) {
  return "ServiceEntry " + entry.object->full_name() + " sends requests for " + entry.host + " to " + endpoint.address + ":" + std::to_string(endpoint.port);
}

/// The ports of a host inside the mesh that an endpoint names, and how they are known; nothing when it is none.
struct Offered {
  std::set<std::uint16_t> ports;
  std::string by;
  bool unread = false;   ///< what would tell them was asked for and not got
};

std::optional<Offered> offered_by_service(Context& c, const Listed& endpoint) {
  const auto* service = mesh::service_of(c.view, lower(endpoint.address));
  bool unread = false;
  for (const auto& key : c.view.evidence().keys(Kind::services)) {
    const auto* services = service != nullptr ? nullptr : c.view.services(key.ns);
    unread = unread || (service == nullptr && services == nullptr);
    for (std::size_t i = 0; services != nullptr && i < services->size(); ++i) {
      const auto& ips = (*services)[i].cluster_ips;
      if (std::find(ips.begin(), ips.end(), endpoint.address) != ips.end()) service = &(*services)[i];
    }
  }
  if (service == nullptr && unread) return Offered{{}, "", true};
  if (service == nullptr || service->headless() || service->type == "ExternalName") return std::nullopt;
  Offered offered{{}, "Service " + service->full_name(), false};
  for (const auto& port : service->ports) offered.ports.insert(port.port);
  return offered;
}

std::optional<Offered> offered_by_pod(Context& c, const Listed& endpoint) {
  const auto* pod = c.view.pod_by_ip(endpoint.address);
  if (pod == nullptr || !pod->meshed() || !c.view.evidence().asked({Kind::sockets, pod->meta.ns, pod->meta.name, ""})) return std::nullopt;
  const auto* sockets = c.view.sockets(*pod);
  if (sockets == nullptr) return Offered{{}, "", true};
  Offered offered{{}, "the application in " + pod_ref(*pod), false};
  for (const auto& socket : *sockets) {
    if (socket.uid != 1337 && !socket.loopback() && (socket.port < 15000 || socket.port > 15099)) offered.ports.insert(socket.port);
  }
  return offered;
}

std::optional<Offered> declared_by_pod(Context& c, const Listed& endpoint) {
  const auto* pod = c.view.pod_by_ip(endpoint.address);
  if (pod == nullptr) return std::nullopt;
  Offered offered{{}, "pod " + pod_ref(*pod), false};
  for (const auto& container : pod->containers) {
    for (const auto& port : container.ports) {
      if (container.name != "istio-proxy" && port.protocol == "TCP") offered.ports.insert(port.port);
    }
  }
  return offered;
}

/// The port that was meant: the only one, or the only one of them that the pod's containers declare; 0: not plain.
std::uint16_t port_meant(Context& c, const Listed& endpoint, const Offered& offered) {
  if (offered.ports.size() == 1) return *offered.ports.begin();
  const auto declared = declared_by_pod(c, endpoint);
  std::vector<std::uint16_t> both;
  for (const auto port : offered.ports) {
    if (declared && declared->ports.count(port) > 0) both.push_back(port);
  }
  return both.size() == 1 ? both.front() : std::uint16_t{0};
}

using Offer = std::optional<Offered> (*)(Context&, const Listed&);

/// An endpoint whose port the host that it names does not have.
Finding port_not_offered(Context& c, std::initializer_list<Offer> offers) {
  const auto entry = entry_of(c);
  if (!entry) return no_entry(c);
  bool unread = false;
  for (const auto& endpoint : entry->endpoints) {
    for (const auto offer : offers) {
      const auto offered = offer(c, endpoint);
      unread = unread || (offered && offered->unread);
      if (!offered || offered->ports.empty() || offered->ports.count(endpoint.port) > 0) continue;
      auto b = entry_bindings(*entry, endpoint);
      std::vector<std::string> all;
      for (const auto port : offered->ports) all.push_back(std::to_string(port));
      b["port.offered"] = join(all, ", ");
      b["offered.by"] = offered->by;
      const auto meant = port_meant(c, endpoint, *offered);
      if (meant != 0 && !endpoint.port_path.empty()) b["entry.patch"] = Json::array({{{"op", "replace"}, {"path", endpoint.port_path}, {"value", meant}}});
      return yes(sends_to(*entry, endpoint) + ", and " + offered->by + " has " + b["port.offered"].get<std::string>() + " only", b);
    }
  }
  if (unread) return unknown();
  return no("the endpoints' ports are none that is known to be missing");
}

Finding port_missing(Context& c) { return port_not_offered(c, {offered_by_service, offered_by_pod}); }
Finding port_undeclared(Context& c) { return port_not_offered(c, {declared_by_pod}); }

Finding entry_port_meant(Context& c) {
  Finding f = port_missing(c);
  if (f.truth != Tri::yes) f = port_undeclared(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("entry.patch") > 0, "one port stands out as the one that was meant", f.bindings);
}

/// How a connection to an address failed, as the caller's proxy logs it; "" when it did not, or in another way.
std::string connect_failure(const AccessLine& line) {
  const std::string& text = line.transport_failure.empty() ? line.details : line.transport_failure;
  for (const char* words : {"connection refused", "network is unreachable", "no route to host", "host is unreachable", "connection timeout", "connection timed out"}) {
    if (line.has_flag("UF") && contains_loosely(text, words)) return words;
  }
  return "";
}

/// Failing requests that went to an endpoint the entry lists, which is no pod and no Service of the mesh.
struct Dead {
  const Listed* endpoint = nullptr;
  const Sighting* last = nullptr;
  std::size_t hits = 0;
  std::string how;
  std::string unread;    ///< why it is not known whether one that fails is a pod or a Service; "" when it is
};

/// The commands that would tell whether an address is a pod's or a Service's, and were not answered: lists that were asked for, and
/// the Services of the namespace that a name is of. "": all that would tell was read.
std::string untold(Context& c, const Listed& endpoint) {
  std::vector<std::string> commands;
  const auto add = [&](const Key& key, bool read) {
    if (!read) commands.push_back("`" + shell_join(c.view.evidence().source(key).argv) + "`");
  };
  for (const auto& key : c.view.evidence().keys(Kind::services)) add(key, c.view.services(key.ns) != nullptr);
  for (const auto& ns : c.view.pod_namespaces()) add({Kind::pods, ns, ""}, c.view.pods(ns) != nullptr);
  const auto name = mesh::service_name(lower(endpoint.address), "");
  const bool asked = name && c.view.evidence().asked({Kind::services, name->ns, ""});
  if (name && !asked && contains(lower(endpoint.address), ".svc")) commands.push_back("`kubectl get services -n " + name->ns + "`");
  if (commands.size() > 3) commands.resize(3);
  return commands.empty() ? "" : "whether " + endpoint.address + " is a pod or a Service of the mesh is not known: without an answer " + join(commands, ", ");
}

Dead dead_endpoint(Context& c, const Entry& entry) {
  Dead dead;
  for (const auto& seen : c.traffic().requests) {
    if (seen.result != Sighting::Result::failed || seen.caller == nullptr || seen.maker != mesh::Maker::caller_proxy) continue;
    const std::string how = connect_failure(*seen.caller);
    const auto found = std::find_if(entry.endpoints.begin(), entry.endpoints.end(), [&](const Listed& e) { return seen.caller->upstream_host == mesh::with_port(e.address, e.port); });
    if (how.empty() || found == entry.endpoints.end() || (dead.endpoint != nullptr && dead.endpoint != &*found)) continue;
    const auto service = offered_by_service(c, *found);
    if (c.view.pod_by_ip(found->address) != nullptr || (service && !service->unread)) continue;
    if (auto why = untold(c, *found); !why.empty()) {
      dead.unread = std::move(why);
      continue;
    }
    dead.endpoint = &*found;
    dead.last = &seen;
    dead.how = how;
    ++dead.hits;
  }
  return dead;
}

/// Whether NetworkPolicies of the caller's namespace let it out to an address that is no pod's.
Tri let_out(Context& c, const Listed& endpoint) {
  Pod outside;
  outside.ip = endpoint.address;
  return mesh::egress_allows(c.view, *c.caller(), outside, endpoint.port).allows;
}

Finding endpoint_dead(Context& c) {
  const auto entry = entry_of(c);
  if (!entry) return no_entry(c);
  if (c.caller() == nullptr) return unknown();
  const auto dead = dead_endpoint(c, *entry);
  if (dead.endpoint == nullptr && !dead.unread.empty()) return unknown(dead.unread);
  if (dead.endpoint == nullptr) return no("no connection to an endpoint that the ServiceEntry names is seen to fail");
  auto b = entry_bindings(*entry, *dead.endpoint);
  b["endpoint.how"] = dead.how;
  b["requests.hits"] = dead.hits;
  b["requests.seen"] = c.traffic().requests.size();
  b["shown.pod"] = c.caller()->meta.name;
  b["entry.patch"] = Json::array({{{"op", "remove"}, {"path", "/spec/endpoints/" + std::to_string(dead.endpoint->index)}}});
  return yes(sends_to(*entry, *dead.endpoint) + "; " + std::to_string(dead.hits) + " of " + count(c.traffic().requests.size(), "request") + " failed to connect there (" + dead.how + ")", b);
}

/// The answer came from the far end or from a router: no rule that drops packets on the way makes it.
Finding endpoint_refuses(Context& c) {
  const auto f = endpoint_dead(c);
  if (f.truth != Tri::yes) return f;
  const std::string how = f.bindings.at("endpoint.how").get<std::string>();
  return decide(how == "connection refused" || how == "network is unreachable", "connections to the endpoint end with: " + how, f.bindings);
}

Finding caller_let_out(Context& c) {
  const auto f = endpoint_dead(c);
  if (f.truth != Tri::yes) return f;
  const auto entry = entry_of(c);
  const auto dead = dead_endpoint(c, *entry);
  const Tri out = let_out(c, *dead.endpoint);
  if (out == Tri::unknown) return unknown();
  return decide(out == Tri::yes, out == Tri::yes ? "no NetworkPolicy keeps the caller from the endpoint" : "a NetworkPolicy keeps the caller from the endpoint", f.bindings);
}

/// Other endpoints of the entry take requests meanwhile.
Finding endpoint_removable(Context& c) {
  const auto f = endpoint_dead(c);
  if (f.truth != Tri::yes) return f;
  const auto entry = entry_of(c);
  const bool others = entry->endpoints.size() > 1 && c.traffic().ok > 0;
  return decide(others, others ? "requests to the ServiceEntry's other endpoints succeed" : "no request to another endpoint succeeds", f.bindings);
}

/// The values of a label among the pods and WorkloadEntries that a ServiceEntry of this namespace could pick.
std::optional<std::vector<Labels>> pickable(Context& c, const std::string& ns) {
  const auto* pods = c.view.pods(ns);
  const auto entries = c.view.objects(Kind::workload_entries);
  if (pods == nullptr || !entries.covers(ns)) return std::nullopt;
  std::vector<Labels> all;
  for (const auto& pod : *pods) {
    if (!mesh::gone(pod)) all.push_back(pod.meta.labels);
  }
  for (const auto* entry : entries.items) {
    if (entry->meta.ns != ns) continue;
    auto labels = mesh::labels_at(entry->spec(), "labels");
    labels.insert(entry->meta.labels.begin(), entry->meta.labels.end());
    all.push_back(std::move(labels));
  }
  return all;
}

Finding selects_no_workload(Context& c) {
  const auto entry = entry_of(c);
  if (!entry) return no_entry(c);
  const auto selector = mesh::labels_at(at(entry->object->spec(), "workloadSelector"), "labels");
  if (selector.empty()) return no("the ServiceEntry has no workloadSelector");
  const auto all = pickable(c, entry->object->meta.ns);
  if (!all) return unknown();
  if (std::any_of(all->begin(), all->end(), [&](const Labels& labels) { return selects(selector, labels); })) return no("the ServiceEntry's workloadSelector picks a workload");
  Bindings b = {{"entry.name", entry->object->meta.name}, {"entry.namespace", entry->object->meta.ns}, {"service.host", entry->host}, {"selector.text", labels_text(selector)}};
  std::vector<std::string> values;
  const auto& [key, value] = *selector.begin();
  for (const auto& labels : *all) {
    if (const auto own = labels.find(key); own != labels.end()) values.push_back(own->second);
  }
  const std::string meant = selector.size() == 1 ? nearest(value, values) : "";
  if (!meant.empty()) b["entry.patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/workloadSelector/labels/" + replace_all(replace_all(key, "~", "~0"), "/", "~1")}, {"value", meant}}});
  return yes("the workloadSelector " + labels_text(selector) + " of ServiceEntry " + entry->object->full_name() + " picks no pod and no WorkloadEntry of " + entry->object->meta.ns, b);
}

Finding workload_meant(Context& c) {
  const auto f = selects_no_workload(c);
  return f.truth != Tri::yes ? f : decide(f.bindings.count("entry.patch") > 0, "one workload's label is nearly that", f.bindings);
}

}  // namespace

const std::vector<Fact>& entry_facts() {
  static const std::vector<Fact> facts = {
      {"entry.port-missing", "An endpoint of the ServiceEntry names a port that its host in the mesh lacks", entry_needs, port_missing, {Kind::service_entries, Kind::services, Kind::sockets}},
      {"entry.port-undeclared", "An endpoint of the ServiceEntry names a port that its pod does not declare", entry_needs, port_undeclared, {Kind::service_entries, Kind::pods}},
      {"entry.port-meant-known", "The port that the ServiceEntry's endpoint should name is plain", entry_needs, entry_port_meant, {Kind::service_entries}},
      {"entry.endpoint-dead", "Connections to an endpoint that the ServiceEntry names fail", entry_needs, endpoint_dead, {Kind::log, Kind::service_entries}},
      {"entry.endpoint-refuses", "That endpoint refuses connections, or no network has it", entry_needs, endpoint_refuses, {Kind::log}},
      {"entry.caller-let-out", "No NetworkPolicy keeps the caller from that endpoint", entry_needs, caller_let_out, {Kind::networkpolicies}},
      {"entry.endpoint-removable", "Other endpoints of the ServiceEntry take requests", entry_needs, endpoint_removable, {Kind::log, Kind::service_entries}},
      {"entry.selects-no-workload", "The ServiceEntry's workloadSelector picks nothing", entry_needs, selects_no_workload, {Kind::service_entries, Kind::pods, Kind::workload_entries}},
      {"entry.workload-meant-known", "The label that the ServiceEntry's workloadSelector should have is plain", entry_needs, workload_meant, {Kind::service_entries, Kind::pods}},
  };
  return facts;
}

}  // namespace meshdx::facts
