// Names in Istio objects, and which objects a caller's namespace sees.
#include "mesh/istio_config.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

std::string names(const std::vector<const evidence::Object*>& objects) {
  std::vector<std::string> parts;
  for (const auto* object : objects) parts.push_back(object->meta.ns + "/" + object->meta.name);
  return join(parts, " ");
}

const std::string host = "web.shop.svc.cluster.local";

}  // namespace

TEST_CASE("strings and labels of a member") {
  const Json value = json("{'a':['x',1,'y'],'b':'x','c':{'k':'v','n':1}}");
  CHECK(strings_at(value, "a") == std::vector<std::string>{"x", "y"});
  CHECK(strings_at(value, "b").empty());
  CHECK(strings_at(value, "none").empty());
  CHECK(labels_at(value, "c") == evidence::Labels{{"k", "v"}});
  CHECK(labels_at(value, "a").empty());
}

TEST_CASE("a host as an object writes it") {
  const Names usual;
  CHECK(usual.resolve("web", "shop") == host);
  CHECK(usual.resolve("Web", "shop") == host);
  CHECK(usual.resolve("web.shop", "other") == "web.shop");
  CHECK(usual.resolve("*", "shop") == "*");
  CHECK(usual.resolve("*.example.com", "shop") == "*.example.com");
  CHECK(Names{"corp.example"}.resolve("web", "shop") == "web.shop.svc.corp.example");
}

TEST_CASE("hosts of the cluster's own Services end in its domain") {
  const Names usual, other{"corp.example"};
  CHECK(usual.of_cluster(host));
  CHECK_FALSE(other.of_cluster(host));
  CHECK_FALSE(usual.of_cluster("web.shop"));
  CHECK(other.service("web.shop.svc.corp.example")->ns == "shop");
  CHECK_FALSE(usual.service("www.example.com"));
}

TEST_CASE("which hosts a pattern covers") {
  struct Row {
    std::string pattern, host;
    bool covers;
  };
  const Row rows[] = {
      {"*", "a.b", true},     {"*", "*", true},        {"a.b", "a.b", true}, {"a.b", "x.a.b", false},
      {"*.b", "a.b", true},   {"*.b", "x.a.b", true},  {"*.b", "b", false},  {"*.b", ".b", false},
      {"*.b", "*.a.b", true}, {"*.a.b", "*.b", false}, {"*.b", "*.b", true}, {"a.b", "*.b", false},
      {"*.b", "ab", false},   {"", "a", false},
  };
  for (const auto& row : rows) {
    INFO(row.pattern << " " << row.host);
    CHECK(host_covers(row.pattern, row.host) == row.covers);
  }
}

TEST_CASE("what exportTo lets a namespace see") {
  struct Row {
    std::vector<std::string> rules, fallback;
    std::string to;
    bool seen;
  };
  const Row rows[] = {
      {{}, {}, "other", true},         {{"*"}, {"."}, "other", true},
      {{"."}, {}, "shop", true},       {{"."}, {}, "other", false},
      {{"~"}, {}, "shop", false},      {{"other"}, {}, "other", true},
      {{"third"}, {}, "other", false}, {{}, {"."}, "other", false},
      {{}, {"."}, "shop", true},       {{"third", "other"}, {}, "other", true},
      {{}, {"*"}, "other", true},
  };
  for (const auto& row : rows) {
    INFO(join(row.rules, ",") << " or " << join(row.fallback, ",") << " to " << row.to);
    CHECK(exported(row.rules, row.fallback, "shop", row.to) == row.seen);
  }
}

TEST_CASE("the gateways of a VirtualService") {
  struct Row {
    std::string written, resolved;
  };
  const Row rows[] = {
      {"'gw'", "shop/gw"},
      {"'infra/gw'", "infra/gw"},
      {"'./gw'", "shop/gw"},
      {"'mesh'", "mesh"},
      {"", "mesh"},
      {"'gw.infra.svc.cluster.local'", "infra/gw"},
      {"'gw.infra'", "infra/gw"},
      {"'gw','mesh'", "shop/gw mesh"},
  };
  for (const auto& row : rows) {
    INFO(row.written);
    const auto vs = an_object("VirtualService", "shop/web", "{'gateways':[" + row.written + "]}");
    CHECK(join(bound_gateways(vs), " ") == row.resolved);
  }
  CHECK(bound_gateways(an_object("VirtualService", "shop/web", "{}")) == std::vector<std::string>{"mesh"});
}

TEST_CASE("VirtualServices that sidecars of a namespace see for a host") {
  World world;
  const std::string hosts = "'hosts':['web.shop.svc.cluster.local']";
  world.mesh_config().list(services_list, "-A",
                           {object("VirtualService", "shop/younger", "{" + hosts + "}", "2"),
                            object("VirtualService", "shop/older", "{'hosts':['web']}", "1"),
                            object("VirtualService", "other/short", "{'hosts':['web']}", "0"),
                            object("VirtualService", "other/wide", "{'hosts':['*.svc.cluster.local']}", "3"),
                            object("VirtualService", "other/private", "{" + hosts + ",'exportTo':['.']}", "0"),
                            object("VirtualService", "shop/gateway-only", "{" + hosts + ",'gateways':['gw']}", "0"),
                            object("VirtualService", "shop/both", "{" + hosts + ",'gateways':['gw','mesh']}", "4")});
  const View view(world.evidence);
  CHECK(names(mesh_virtual_services(view, host, "shop")) == "shop/older shop/younger other/wide shop/both");
  CHECK(names(mesh_virtual_services(view, host, "other")) ==
        "other/private shop/older shop/younger other/wide shop/both");
  CHECK(names(mesh_virtual_services(view, "web.other.svc.cluster.local", "shop")) == "other/short other/wide");
}

TEST_CASE("the mesh's own exportTo for VirtualServices") {
  World world;
  world.mesh_config("defaultVirtualServiceExportTo: [.]")
      .list(services_list, "-A", {object("VirtualService", "shop/web", "{'hosts':['web']}")});
  const View view(world.evidence);
  CHECK(names(mesh_virtual_services(view, host, "shop")) == "shop/web");
  CHECK(names(mesh_virtual_services(view, host, "other")).empty());
}

TEST_CASE("DestinationRules in lookup order") {
  World world;
  const std::string own = "{'host':'web.shop.svc.cluster.local'}";
  world.mesh_config().list(
      rules_list, "-A",
      {object("DestinationRule", "client/all", "{'host':'*'}", "1"), object("DestinationRule", "client/web", own, "3"),
       object("DestinationRule", "client/old-web", "{'host':'web.shop.svc.cluster.local','exportTo':['~']}", "2"),
       object("DestinationRule", "client/suffix", "{'host':'*.shop.svc.cluster.local'}", "0"),
       object("DestinationRule", "istio-system/root", own),
       object("DestinationRule", "istio-system/hidden", "{'host':'web.shop.svc.cluster.local','exportTo':['.']}"),
       object("DestinationRule", "shop/web", "{'host':'web'}"),
       object("DestinationRule", "shop/private", "{'host':'web','exportTo':['.']}"),
       object("DestinationRule", "shop/api", "{'host':'api'}"), object("DestinationRule", "third/web", own)});
  const View view(world.evidence);
  CHECK(names(destination_rules(view, host, {"client", {}}, "shop")) ==
        "client/web client/suffix client/all shop/web istio-system/root");   // what is exported to nobody does not count at home either
  CHECK(names(destination_rules(view, host, {"shop", {}}, "shop")) == "shop/web shop/private istio-system/root");
  CHECK(names(destination_rules(view, host, {"istio-system", {}}, "shop")) ==
        "istio-system/root istio-system/hidden shop/web");
  CHECK(names(destination_rules(view, "x.example.com", {"client", {}}, "")) == "client/all");
}
