// A preflight as text or JSON (meshdx.preflight/v1), and the manifest that grants what playbooks take.
#pragma once

#include <string>
#include <vector>

#include "playbook/preflight.hpp"
#include "report/report.hpp"

namespace meshdx::report {

/// One screen: what works, and each missing permission with what it leaves open. -v names all.
std::string to_text(const playbook::Preflight& preflight, const TextOptions& options);
Json json_of(const playbook::Preflight& preflight);

/// Who is granted what, and where.
struct Grantee {
  std::string account, account_namespace;   ///< a ServiceAccount
  std::string ns;                           ///< the namespace that questions are about
};

/// YAML to apply: a ClusterRole for what is cluster-wide, a Role in the namespace asked about and one in istiod's, and
/// their bindings. Rights with the same verbs on one API group stand in one rule.
std::string rbac_manifest(const std::vector<playbook::Right>& rights, const Grantee& grantee, const mesh::ControlPlane& plane = {});

}  // namespace meshdx::report
