// What works before anything is asked: tools, versions, the cluster, and each permission that the playbooks take.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "playbook/rights.hpp"
#include "run/command.hpp"
#include "util/tri.hpp"

namespace meshdx::playbook {

/// One thing that works or does not.
struct Prerequisite {
  std::string id;        ///< "kubectl", "cluster", "istioctl", "istiod", "proxies", "access-log"
  Tri works = Tri::unknown;
  std::string text;      ///< what was found, one sentence; of a failed one also what to do
  run::Argv command;     ///< that told
};

/// A permission, held against what the cluster says.
struct Permission {
  Right right;
  std::string ns;        ///< "" for one that is cluster-wide
  bool substitute = false;   ///< serves only where a wider one is missing
  Tri granted = Tri::unknown;
  std::string why;       ///< why it is not known
  Open open;             ///< what stays open when this one alone is missing; nothing for a granted one
};

struct Preflight {
  std::string ns;
  std::vector<Prerequisite> prerequisites;
  std::vector<Permission> permissions;
  Open open;                  ///< what all that is missing leaves open
  std::string no_cluster;     ///< why no cluster could be asked; then there are no permissions
  bool interrupted = false;
};

/// Asks. Commands run side by side, as many as the runner takes, each for `timeout` at most. Where the list of
/// permissions is not to be had or not complete, each permission is asked for by itself. `plane`: where istiod is.
Preflight preflight(const std::vector<Playbook>& playbooks, const std::vector<diagnose::Cause>& causes, const std::string& ns, bool probe,
                    run::CommandRunner& runner, std::chrono::milliseconds timeout, const mesh::ControlPlane& plane = {});

/// 0 all is well, 3 something is not possible or not known, 1 no cluster can be asked, 130 interrupted.
int exit_code(const Preflight& preflight);

}  // namespace meshdx::playbook
