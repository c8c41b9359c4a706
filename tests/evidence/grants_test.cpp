#include <doctest/doctest.h>

#include "evidence/grants.hpp"

using namespace meshdx::evidence;

namespace {

/// As kubectl 1.34 prints it.
const char* const g_table =
    "Resources                              Non-Resource URLs   Resource Names   Verbs\n"
    "pods/portforward                       []                  []               [create]\n"
    "selfsubjectreviews.authentication.k8s.io[]                 []               [create]\n";

const char* const g_list =
    "Resources                                       Non-Resource URLs   Resource Names   Verbs\n"
    "pods                                            []                  []               [get list watch]\n"
    "pods/log                                        []                  []               [get]\n"
    "configmaps                                      []                  [istio]          [get]\n"
    "*.networking.istio.io                           []                  []               [*]\n"
    "deployments.apps                                []                  []               [list]\n"
    "*/scale                                         []                  []               [get]\n"
    "services.*                                      []                  []               [list]\n"
    "                                                [/api/*]            []               [get]\n";

bool may(const std::string& table, const Action& action) {
  const auto grants = parse_grants(table);
  REQUIRE(grants.ok());
  return allows(*grants, action);
}

}  // namespace

TEST_CASE("grants: what a list allows") {
  struct Row {
    Action action;
    bool allowed;
  };
  const Row rows[] = {
      {{"list", "pods", "", "", ""}, true},
      {{"delete", "pods", "", "", ""}, false},
      {{"get", "pods", "log", "", ""}, true},
      {{"get", "pods", "exec", "", ""}, false},
      {{"get", "configmaps", "", "", "istio"}, true},
      {{"get", "configmaps", "", "", "other"}, false},
      {{"get", "configmaps", "", "", ""}, false},
      {{"list", "virtualservices", "", "networking.istio.io", ""}, true},
      {{"get", "virtualservices", "status", "networking.istio.io", ""}, true},
      {{"list", "networkpolicies", "", "networking.k8s.io", ""}, false},
      {{"list", "deployments", "", "apps", ""}, true},
      {{"list", "deployments", "", "", ""}, false},
      {{"list", "services", "", "", ""}, true},
      {{"get", "replicationcontrollers", "scale", "", ""}, true},
  };
  for (const auto& row : rows) {
    CAPTURE(resource_text(row.action));
    CAPTURE(row.action.verb);
    CHECK(may(g_list, row.action) == row.allowed);
  }
}

TEST_CASE("grants: an administrator may do all") {
  const std::string all = "Resources   Non-Resource URLs   Resource Names   Verbs\n*.*         []                  []               [*]\n";
  CHECK(may(all, {"create", "pods", "portforward", "", ""}));
  CHECK(may(all, {"list", "virtualservices", "", "networking.istio.io", ""}));
  CHECK(may(all, {"create", "serviceaccounts", "token", "", "default"}));
}

TEST_CASE("grants: what is no such table is an error, never a grant") {
  CHECK_FALSE(parse_grants("").ok());
  CHECK_FALSE(parse_grants("yes\n").ok());
  CHECK_FALSE(parse_grants(g_table).ok());
  for (std::size_t length = 0; length < std::string(g_list).size(); ++length) {
    const auto cut = parse_grants(std::string(g_list).substr(0, length));
    if (cut) CHECK_FALSE(allows(*cut, {"delete", "pods", "", "", ""}));
  }
}

TEST_CASE("grants: resources as kubectl writes them") {
  CHECK(resource_text({"get", "pods", "log", "", ""}) == "pods/log");
  CHECK(resource_text({"list", "deployments", "", "apps", ""}) == "deployments.apps");
  CHECK(resource_text({"get", "deployments", "scale", "apps", ""}) == "deployments.apps/scale");
}
