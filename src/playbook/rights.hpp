// Which Kubernetes permissions the steps of playbooks take, and what stays open when some of them are missing. Both are
// worked out of the steps' commands and the causes' facts: there is no list to keep.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "diagnose/cause.hpp"
#include "evidence/grants.hpp"
#include "mesh/control_plane.hpp"
#include "playbook/playbook.hpp"
#include "util/tri.hpp"

namespace meshdx::playbook {

/// Where a permission is needed.
enum class Scope {
  cluster,         ///< in all namespaces, or of objects without one
  asked,           ///< in the namespaces that the question leads to, the gateway's and istiod's among them
  control_plane,   ///< in istiod's namespace
};

/// One permission.
struct Right {
  evidence::Action action;
  Scope scope = Scope::asked;
  bool operator<(const Right& other) const;
  bool operator==(const Right& other) const;
};

/// istiod's namespace, as the playbooks have it.
inline constexpr const char* k_control_plane = "istio-system";

/// The right for a control plane of another name: its ConfigMap is called otherwise.
Right at_control_plane(Right right, const mesh::ControlPlane& plane);

/// The permissions of one command; its words may hold placeholders. None for what every user may do, and for words that
/// are no command of meshdx. What istioctl asks for was seen in the requests of 1.32; older ones ask for no more.
std::vector<Right> rights_of(const std::vector<std::string>& words);

/// Those of all steps, each asked in its first way, sorted, each once. Steps for --probe only with `probe`.
std::vector<Right> rights_of(const std::vector<Playbook>& playbooks, bool probe);
/// Those that only the other ways take: with them a step can do without its first one.
std::vector<Right> substitutes_of(const std::vector<Playbook>& playbooks, bool probe);

/// What missing permissions leave open.
struct Open {
  std::vector<std::string> lost;    ///< steps that cannot be done in any way: their ids, each once
  std::vector<std::string> partly;  ///< steps that see only some of the namespaces
  std::vector<std::string> causes;  ///< causes that rest on the evidence of lost steps: ids, each once
  bool health = false;              ///< whether a "healthy" rests on it
};

/// `has` says whether a permission is there; unknown: in some of the namespaces. `causes` are those of all playbooks. A cause rests on a kind of evidence when
/// a fact of its conditions does (what the fact shows; all it needs when it shows nothing in particular).
Open left_open(const std::vector<Playbook>& playbooks, const std::vector<diagnose::Cause>& causes, bool probe,
               const std::function<Tri(const Right&)>& has);

}  // namespace meshdx::playbook
