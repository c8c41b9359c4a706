// The smallest roles that suffice, as YAML.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "evidence/grants.hpp"
#include "report/preflight.hpp"
#include "util/yaml.hpp"

namespace meshdx::report {

namespace {

using playbook::Right;
using playbook::Scope;
using Texts = std::set<std::string>;

constexpr const char* k_api = "rbac.authorization.k8s.io";

/// Rules: verbs are gathered for each resource, then resources with the same verbs for each group. A named object has a
/// rule of its own.
Json rules_of(const std::vector<Right>& rights) {
  std::map<std::tuple<std::string, std::string, std::string>, Texts> verbs;   // group, resource, name
  for (const auto& right : rights) {
    const auto& a = right.action;
    verbs[{a.group, a.resource + (a.subresource.empty() ? "" : "/" + a.subresource), a.name}].insert(a.verb);
  }
  std::map<std::tuple<std::string, Texts, std::string>, Texts> resources;     // group, verbs, name
  for (const auto& [key, words] : verbs) resources[{std::get<0>(key), words, std::get<2>(key)}].insert(std::get<1>(key));
  Json rules = Json::array();
  for (const auto& [key, names] : resources) {
    Json rule = {{"apiGroups", {std::get<0>(key)}}, {"resources", names}, {"verbs", std::get<1>(key)}};
    if (!std::get<2>(key).empty()) rule["resourceNames"] = {std::get<2>(key)};
    rules.push_back(std::move(rule));
  }
  return rules;
}

Json metadata(const std::string& ns) {
  Json meta = {{"name", "meshdx"}};
  if (!ns.empty()) meta["namespace"] = ns;
  return meta;
}

/// A role with its binding; cluster-wide when `ns` is "".
std::string role(const std::vector<Right>& rights, const std::string& ns, const Grantee& grantee) {
  const std::string prefix = ns.empty() ? "Cluster" : "";
  const std::string version = std::string(k_api) + "/v1";
  const Json role = {{"apiVersion", version}, {"kind", prefix + "Role"}, {"metadata", metadata(ns)}, {"rules", rules_of(rights)}};
  const Json subject = {{"kind", "ServiceAccount"}, {"name", grantee.account}, {"namespace", grantee.account_namespace}};
  const Json binding = {{"apiVersion", version},
                        {"kind", prefix + "RoleBinding"},
                        {"metadata", metadata(ns)},
                        {"roleRef", {{"apiGroup", k_api}, {"kind", prefix + "Role"}, {"name", "meshdx"}}},
                        {"subjects", {subject}}};
  return "---\n" + dump_yaml(role) + "---\n" + dump_yaml(binding);
}

}  // namespace

std::string rbac_manifest(const std::vector<Right>& rights, const Grantee& grantee, const mesh::ControlPlane& plane) {
  std::vector<Right> cluster, asked, control_plane;
  for (const auto& right : rights) {
    if (right.scope == Scope::cluster) cluster.push_back(right);
    if (right.scope == Scope::asked) asked.push_back(right);
    if (right.scope != Scope::cluster) control_plane.push_back(playbook::at_control_plane(right, plane));
  }
  std::string text = "# What meshdx needs to answer questions about namespace " + grantee.ns + ", from the commands of its playbooks.\n"
                     "# Calls that lead to another namespace, and gateways that run in one, take the Role " + grantee.ns + "/meshdx and its binding there too.\n";
  text += role(cluster, "", grantee);
  if (grantee.ns != plane.ns) text += role(asked, grantee.ns, grantee);
  return text + role(control_plane, plane.ns, grantee);
}

}  // namespace meshdx::report
