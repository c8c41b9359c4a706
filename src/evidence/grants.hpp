// What `kubectl auth can-i --list` says: the verbs that somebody may use on resources, in one namespace.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "util/expected.hpp"

namespace meshdx::evidence {

/// One line of the list. A resource is written as kubectl does, "*" standing for all: `pods`, `pods/log`,
/// `deployments.apps`, `virtualservices.networking.istio.io/status`, `*.apps`, `*.*`.
struct Grant {
  std::string resource;
  std::vector<std::string> names;   ///< empty: objects of any name
  std::vector<std::string> verbs;
};

/// One action: `create pods/portforward`, `list virtualservices.networking.istio.io`.
struct Action {
  std::string verb;
  std::string resource;      ///< plural, without its group
  std::string subresource;   ///< "log", or ""
  std::string group;         ///< "" for core
  std::string name;          ///< the one object it is about; "": any
  bool operator==(const Action& other) const = default;
};

/// "pods/log", "deployments.apps": an action's object as kubectl writes it.
std::string resource_text(const Action& action);

/// Reads the table. Lines about URLs are left out. An Error when it is no such table or a line does not fit it.
Expected<std::vector<Grant>> parse_grants(std::string_view table);

/// Whether the list allows an action, by the rules of RBAC: `*` as resource holds subresources too, and a grant for named
/// objects holds for no others.
bool allows(const std::vector<Grant>& grants, const Action& action);

}  // namespace meshdx::evidence
