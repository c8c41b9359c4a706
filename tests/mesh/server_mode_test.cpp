// PeerAuthentication: mesh, namespace, workload, port (causes.md C.1).
#include "mesh/mtls.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string mode(const std::string& name) { return "'mtls':{'mode':'" + name + "'}"; }
std::string selecting(const std::string& labels) { return "'selector':{'matchLabels':" + labels_json(labels) + "}"; }
std::string peer(const std::string& name, const std::string& spec, const std::string& created = "5") {
  return object("PeerAuthentication", name, "{" + spec + "}", created);
}

const std::string mesh_strict = peer("istio-system/default", mode("STRICT"));
const std::string ns_strict = peer("shop/default", mode("STRICT"));
const std::string web_strict = peer("shop/web", selecting("app=web") + "," + mode("STRICT"));

ServerMode mode_of(const std::vector<std::string>& policies, std::uint16_t port = 8080,
                   const std::string& config = "rootNamespace: istio-system") {
  static World world;
  world = World();
  world.mesh_config(config).list(peers_list, "-A", policies);
  const View view(world.evidence);
  return server_mode(view, a_pod({"shop/web-1", "app=web", "10.0.0.1"}), port);
}

struct Row {
  std::string about;
  std::vector<std::string> policies;
  Mode mode;
  std::string level, by;
};

void check(const Row& row) {
  INFO(row.about);
  const auto result = mode_of(row.policies);
  CHECK(result.known);
  CHECK(mode_name(result.mode) == std::string(mode_name(row.mode)));
  CHECK(result.level == row.level);
  CHECK((result.decided_by == nullptr ? "" : result.decided_by->meta.ns + "/" + result.decided_by->meta.name) ==
        row.by);
}

}  // namespace

TEST_CASE("each scope overrides the one before unless UNSET") {
  const Row rows[] = {
      {"nothing", {}, Mode::permissive, "default", ""},
      {"mesh", {mesh_strict}, Mode::strict, "mesh", "istio-system/default"},
      {"mesh, UNSET", {peer("istio-system/default", mode("UNSET"))}, Mode::permissive, "default", ""},
      {"mesh, empty spec", {peer("istio-system/default", "")}, Mode::permissive, "default", ""},
      {"namespace over mesh",
       {mesh_strict, peer("shop/default", mode("DISABLE"))},
       Mode::disable,
       "namespace",
       "shop/default"},
      {"namespace, UNSET",
       {mesh_strict, peer("shop/default", mode("UNSET"))},
       Mode::strict,
       "mesh",
       "istio-system/default"},
      {"another namespace", {peer("other/default", mode("STRICT"))}, Mode::permissive, "default", ""},
      {"workload over namespace",
       {ns_strict, peer("shop/web", selecting("app=web") + "," + mode("PERMISSIVE"))},
       Mode::permissive,
       "workload",
       "shop/web"},
      {"workload, UNSET",
       {ns_strict, peer("shop/web", selecting("app=web") + "," + mode("UNSET"))},
       Mode::strict,
       "namespace",
       "shop/default"},
      {"workload without mtls",
       {ns_strict, peer("shop/web", selecting("app=web"))},
       Mode::strict,
       "namespace",
       "shop/default"},
      {"an unknown mode is UNSET", {peer("shop/a", mode("LOUD"))}, Mode::permissive, "default", ""},
  };
  for (const auto& row : rows) check(row);
}

TEST_CASE("selectors, and the oldest of a scope") {
  const Row rows[] = {
      {"workload of others",
       {peer("shop/api", selecting("app=api") + "," + mode("STRICT"))},
       Mode::permissive,
       "default",
       ""},
      {"all labels must fit",
       {peer("shop/web", selecting("app=web,version=v2") + "," + mode("STRICT"))},
       Mode::permissive,
       "default",
       ""},
      {"empty selector is the namespace",
       {peer("shop/all", selecting("") + "," + mode("STRICT"))},
       Mode::strict,
       "namespace",
       "shop/all"},
      {"selector in the root namespace",
       {peer("istio-system/web", selecting("app=web") + "," + mode("STRICT"))},
       Mode::permissive,
       "default",
       ""},
      {"the oldest of a namespace",
       {peer("shop/b", mode("STRICT"), "3"), peer("shop/a", mode("DISABLE"), "4")},
       Mode::strict,
       "namespace",
       "shop/b"},
      {"the oldest of the mesh",
       {peer("istio-system/b", mode("DISABLE"), "4"), peer("istio-system/a", mode("STRICT"), "3")},
       Mode::strict,
       "mesh",
       "istio-system/a"},
      {"the oldest of a workload",
       {web_strict, peer("shop/old", selecting("app=web") + "," + mode("DISABLE"), "1")},
       Mode::disable,
       "workload",
       "shop/old"},
      {"the oldest wins even UNSET",
       {peer("shop/a", mode("UNSET"), "1"), peer("shop/b", mode("STRICT"), "2")},
       Mode::permissive,
       "default",
       ""},
  };
  for (const auto& row : rows) check(row);
}

TEST_CASE("ports of the workload's own policy") {
  const std::string ports = ",'portLevelMtls':{'8080':{'mode':'DISABLE'},'9090':{'mode':'UNSET'}}";
  const std::string web = peer("shop/web", selecting("app=web") + "," + mode("STRICT") + ports);
  struct PortRow {
    std::string about;
    std::vector<std::string> policies;
    std::uint16_t port;
    Mode mode;
    std::string level;
  };
  const PortRow rows[] = {
      {"the port", {web}, 8080, Mode::disable, "port"},
      {"UNSET is the workload's", {web}, 9090, Mode::strict, "workload"},
      {"another port", {web}, 80, Mode::strict, "workload"},
      {"ports without a mode of the workload",
       {ns_strict, peer("shop/web", selecting("app=web") + ports)},
       8080,
       Mode::disable,
       "port"},
      {"and the others", {ns_strict, peer("shop/web", selecting("app=web") + ports)}, 80, Mode::strict, "namespace"},
      {"without selector they say nothing",
       {peer("shop/default", mode("STRICT") + ports)},
       8080,
       Mode::strict,
       "namespace"},
      {"nor do those of a younger policy",
       {peer("shop/old", selecting("app=web") + "," + mode("STRICT"), "1"), web},
       8080,
       Mode::strict,
       "workload"},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    const auto result = mode_of(row.policies, row.port);
    CHECK(mode_name(result.mode) == std::string(mode_name(row.mode)));
    CHECK(result.level == row.level);
    CHECK((result.workload_policy != nullptr) == (row.about.find("selector") == std::string::npos));
  }
}

TEST_CASE("the root namespace is the mesh configuration's") {
  CHECK(mode_of({peer("mesh-root/default", mode("STRICT"))}, 80, "rootNamespace: mesh-root").level == "mesh");
  CHECK(mode_of({mesh_strict}, 80, "rootNamespace: mesh-root").mode == Mode::permissive);
}

TEST_CASE("a pod of the root namespace has the mesh's mode") {
  World world;
  world.mesh_config().list(peers_list, "-A",
                           {mesh_strict, peer("istio-system/web", selecting("app=web") + "," + mode("DISABLE"))});
  const View view(world.evidence);
  const auto result = server_mode(view, a_pod({"istio-system/gw-1", "app=web", "10.0.0.1"}), 8080);
  CHECK(result.known);
  CHECK(result.mode == Mode::strict);
  CHECK(result.workload_policy == nullptr);
}

TEST_CASE("lists that leave something out make the mode not known") {
  const std::string in_shop = "-n shop", in_root = "-n istio-system";
  const auto pod = a_pod({"shop/web-1", "app=web", "10.0.0.1"});
  const auto known = [&](World& world) {
    const View view(world.evidence);
    return server_mode(view, pod, 80).known;
  };
  World nothing, no_config, only_shop, both, elsewhere, forbidden, no_crd;
  CHECK_FALSE(known(nothing));
  CHECK_FALSE(known(no_config.list(peers_list, "-A", {})));
  CHECK_FALSE(known(only_shop.mesh_config().list(peers_list, in_shop, {})));
  CHECK(known(both.mesh_config().list(peers_list, in_shop, {}).list(peers_list, in_root, {})));
  CHECK_FALSE(known(elsewhere.mesh_config().list(peers_list, "-n other", {}).list(peers_list, in_root, {})));
  CHECK_FALSE(
      known(forbidden.mesh_config().failed("kubectl get " + peers_list + " -A -o json",
                                           "Error from server (Forbidden): x is forbidden: User y cannot list")));
  CHECK(known(no_crd.mesh_config().failed("kubectl get " + peers_list + " -A -o json",
                                          "error: the server doesn't have a resource type \"peerauthentications\"\n")));
}
