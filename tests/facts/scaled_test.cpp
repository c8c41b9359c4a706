// A Service without pods whose workload was scaled to 0 is no Service with a wrong selector.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

std::string replica_set(const std::string& name, const std::string& owner, int replicas) {
  const auto slash = owner.find('/');
  const std::string by = owner.empty() ? "" : "'ownerReferences':[{'controller':true,'kind':'" + owner.substr(0, slash) + "','name':'" + owner.substr(slash + 1) + "'}],";
  return "{'kind':'ReplicaSet','metadata':{" + by + "'namespace':'shop','name':'" + name + "'},'spec':{'replicas':" + std::to_string(replicas) + ",'template':{'metadata':{'labels':{'app':'web'}}}}}";
}

}  // namespace

TEST_CASE("ReplicaSets without a Deployment that were scaled to 0") {
  struct Row {
    const char* what;
    std::vector<std::string> sets;
    Tri truth;
    const char* says;
  };
  const Row rows[] = {
      {"an Argo Rollout", {replica_set("web-1", "Rollout/web", 0), replica_set("web-2", "Rollout/web", 0)}, Tri::yes, "Rollout shop/web"},
      {"one of its sets wants pods", {replica_set("web-1", "Rollout/web", 0), replica_set("web-2", "Rollout/web", 2)}, Tri::no, "web-2"},
      {"one that stands alone", {replica_set("web", "", 0)}, Tri::yes, "ReplicaSet shop/web"},
      {"old sets of a Deployment", {replica_set("web-1", "Deployment/web", 0)}, Tri::no, ""},
      {"none", {}, Tri::no, ""},
  };
  for (const auto& row : rows) {
    World world;
    world.in("shop", {pod_json({"shop/client", "app=client", "10.0.0.3", ""})}, {service_json("shop/web", "10.96.0.1", "app=web")});
    world.list("deployments.apps", "-n shop", {}).list("replicasets.apps", "-n shop", row.sets).list(entries_list, "-A", {}).list(services_list, "-A", {}).mesh_config();
    const auto ask = asking_from("web", "client");
    const facts::FactBase base(world.evidence, ask);
    INFO(std::string(row.what) << ": " << base["workload.set-scaled-to-zero"].text);
    CHECK((base["workload.set-scaled-to-zero"].truth == row.truth));
    CHECK(contains(base["workload.set-scaled-to-zero"].text, row.says));
  }
}
