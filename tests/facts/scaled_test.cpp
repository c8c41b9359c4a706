// A Service without pods whose workload was scaled to 0 is no Service with a wrong selector.
#include <optional>
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

namespace {

std::string set_json(const std::string& name, const std::string& app, int replicas) {
  return "{'kind':'StatefulSet','metadata':{'namespace':'shop','name':'" + name + "'},'spec':{'replicas':" + std::to_string(replicas) + ",'template':{'metadata':{'labels':{'app':'" + app + "'}}}}}";
}

}  // namespace

TEST_CASE("a StatefulSet that was scaled to 0, and a Deployment that looks alike") {
  struct Row {
    const char* what;
    std::optional<std::vector<std::string>> sets;   // none: the list was not read
    std::string other;                              // the workload beside it
    Tri zero, selected;
  };
  const Row rows[] = {
      {"scaled to 0", std::vector<std::string>{set_json("web", "web", 0)}, "web-exporter", Tri::yes, Tri::yes},
      {"wants pods", std::vector<std::string>{set_json("web", "web", 2)}, "web-exporter", Tri::no, Tri::yes},
      {"one of two wants pods", std::vector<std::string>{set_json("web-a", "web", 0), set_json("web-b", "web", 1)}, "web-exporter", Tri::no, Tri::yes},
      {"another's", std::vector<std::string>{set_json("db", "db", 0)}, "web-exporter", Tri::no, Tri::no},
      {"none", std::vector<std::string>{}, "web-exporter", Tri::no, Tri::no},
      {"not read", std::nullopt, "web-exporter", Tri::unknown, Tri::unknown},
      {"not read, and a workload of the Service's own name runs", std::nullopt, "web", Tri::no, Tri::no},
  };
  for (const auto& row : rows) {
    World world;
    PodText beside{"shop/" + row.other + "-1", "app=" + row.other + "-x", "10.0.0.5"};
    beside.owner = "DaemonSet/" + row.other;
    world.in("shop", {pod_json({"shop/client", "app=client", "10.0.0.3", ""}), pod_json(beside)}, {service_json("shop/web", "10.96.0.1", "app=web")});
    world.list("deployments.apps", "-n shop", {}).list("replicasets.apps", "-n shop", {}).list(entries_list, "-A", {}).list(services_list, "-A", {}).mesh_config();
    if (row.sets) world.list("statefulsets.apps", "-n shop", *row.sets);
    const auto ask = asking_from("web", "client");
    const facts::FactBase base(world.evidence, ask);
    INFO(std::string(row.what) << ": " << base["workload.selected"].text);
    CHECK((base["workload.stateful-set-scaled-to-zero"].truth == row.zero));
    CHECK((base["workload.selected"].truth == row.selected));
  }
}
