// Who asks whom: the caller and the destination of a complaint, found among the objects.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mesh/capture.hpp"
#include "mesh/complaint.hpp"
#include "mesh/names.hpp"
#include "mesh/route_walk.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// The name of the workload that owns a pod: from its ReplicaSet owner without the pod-template-hash, or the owner itself.
std::string workload_of(const evidence::Pod& pod);

/// The pods someone means by `name`: a workload's, else those with label app (or app.kubernetes.io/name) of that name, else
/// the pod of that name. Deleting and finished pods come last.
std::vector<const evidence::Pod*> pods_named(const std::vector<evidence::Pod>& pods, const std::string& name);

struct Caller {
  enum class State { unknown, found, absent } state = State::unknown;   ///< unknown: pods were not read, or `why`
  bool gateway = false;
  bool chosen = false;                        ///< nobody named a caller: this pod is the vantage
  std::string ns, name;                       ///< as asked
  std::vector<const evidence::Pod*> pods;
  const evidence::Pod* pod = nullptr;         ///< the vantage: the first running one
  std::string why;                            ///< gateway: why it is not known which one was asked
  std::string remark;                         ///< gateway: which of several was taken
  std::vector<const evidence::Pod*> witnesses;   ///< gateway: pods whose logs tell which of several was asked
  OutboundCapture capture;                    ///< what the request does with the sidecar; filled in by follow()
  [[nodiscard]] bool meshed() const { return pod != nullptr && pod->meshed(); }
  /// Has a proxy that the request passes.
  [[nodiscard]] bool proxied() const { return meshed() && capture.captured != Tri::no; }
};

struct Destination {
  enum class State {
    unknown,      ///< what would tell was not read
    service,      ///< a Kubernetes Service
    entry,        ///< a host of a ServiceEntry
    pods,         ///< pods without a Service (a workload, a pod IP)
    absent,       ///< a service name of the mesh that nothing defines
    external,     ///< a host outside, known to nothing in the mesh
  } state = State::unknown;
  std::string host;                           ///< FQDN of the Service, or the host as typed
  std::string name, ns;
  const evidence::Service* service = nullptr;
  const evidence::ServicePort* port = nullptr;   ///< nullptr: the Service has no such port
  std::uint16_t port_number = 80;
  const evidence::Object* entry = nullptr;    ///< ServiceEntry
  bool by_pod_ip = false;
};

/// Whether a pod is finished or on its way out.
bool gone(const evidence::Pod& pod);

/// The pods that a Gateway object's selector picks, in every namespace that was read. Empty labels pick every gateway pod.
std::vector<const evidence::Pod*> gateway_pods(const View& view, const evidence::Labels& selector);

/// The caller the complaint names, or a vantage when it names none: a meshed pod of the namespace that is not the target's.
/// A gateway without a name is the one that took the request (asked_gateway.hpp).
Caller find_caller(const View& view, const Complaint& complaint, const Destination& destination);

/// What the complaint's host is. For a gateway's external host this is `external`: its walk tells the Service.
Destination find_destination(const View& view, const Complaint& complaint);

/// The Service port for a number, or the one meant when none was typed: the only one, 80, the first HTTP one, the first.
const evidence::ServicePort* pick_port(const evidence::Service& service, std::optional<std::uint16_t> wanted);

/// The request as the caller's proxy sees it.
Request request_of(const View& view, const Complaint& complaint, const Caller& caller, const Destination& destination);

/// Hosts by which a Service is called: FQDN, name.ns, name.ns.svc, bare name, ClusterIPs.
bool names_service(const std::string& host, const Destination& destination, const std::string& caller_ns);

/// Pods that a Service's selector picks. nullptr: pods of its namespace were not read.
std::optional<std::vector<const evidence::Pod*>> selected_pods(const View& view, const evidence::Service& service);

/// The pod port a Service port leads to on a pod: the number, or the named container port; nullopt when it has none.
std::optional<std::uint16_t> target_port(const evidence::ServicePort& port, const evidence::Pod& pod);

}  // namespace meshdx::mesh
