// Values of the placeholders in playbook steps, as far as the evidence gathered so far gives them.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "evidence/evidence.hpp"
#include "mesh/complaint.hpp"

namespace meshdx::mesh {

/// One pod whose proxy is to be asked.
struct PodRef {
  std::string ns, name;
  bool operator<(const PodRef& o) const { return std::tie(ns, name) < std::tie(o.ns, o.name); }
  bool operator==(const PodRef& o) const { return ns == o.ns && name == o.name; }
};

/// Values by placeholder group: a group's fields change together ("{client.pod}" with "{client.namespace}").
/// Groups: `to` (namespace), `from` (namespace), `client` (pod, namespace), `server` (pod, namespace), `target` (pod,
/// namespace: what the complaint names, whoever calls it), `called` (namespace: of a Service that the target's log names),
/// `namespace` (name: every namespace the diagnosis involves, those where gateways may run among them), `witness` (pod, namespace: whose log tells who calls; only when
/// the complaint names no caller), `app` (pod, namespace, container: an application that keeps ending), `control`
/// (namespace, revision, config-map: of control planes that proxies belong to, other than the usual one), `option` (log-lines).
using Values = std::map<std::string, std::vector<std::map<std::string, std::string>>>;

/// What is known now, for all pairs of caller and target that the question comes to (mesh/cases.hpp). Pure. When no caller is
/// named, `client` and `server` are given once the witnesses' logs have been asked for, and not before: so those values stay.
/// A later hop's are added when the logs lead to it. Bounds: for each pair at most two client pods and three server pods,
/// those that failing requests name first.
Values bind(const evidence::Evidence& evidence, const Complaint& complaint);

}  // namespace meshdx::mesh
