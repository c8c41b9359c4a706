// What a complaint's host is, by what was read.
#include "mesh/request.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using State = Destination::State;
using Named = Complaint::Named;

namespace {

const std::string web =
    service_json("shop/web", "10.96.0.1", "app=web", "{'name':'http','port':80},{'name':'admin','port':9000}");

PodText owned(const std::string& name, const std::string& labels, const std::string& ip, const std::string& owner) {
  PodText text{name, labels, ip};
  text.owner = owner;
  return text;
}

/// shop with a Service web and workloads front (behind it), lone and twin (two Services).
World& everything() {
  static World world;
  if (world.evidence.asked({evidence::Kind::pods, "shop", "", ""})) return world;
  world.in("shop",
           {pod_json(owned("shop/front-1", "app=web", "10.0.0.1", "StatefulSet/front")),
            pod_json(owned("shop/lone-1", "app=lone", "10.0.0.2", "StatefulSet/lone")),
            pod_json(owned("shop/twin-1", "app=twin", "10.0.0.3", "StatefulSet/twin"))},
           {web, service_json("shop/twin-x", "10.96.0.2", "app=twin"), service_json("shop/twin", "None", "app=twin"),
            service_json("shop/v6", "fd00::9", "app=v6")});
  world.list("namespaces", "", {object("Namespace", "shop"), object("Namespace", "empty")}).in("empty", {}, {});
  world.list(entries_list, "-A",
             {object("ServiceEntry", "shop/ext", "{'hosts':['api.example.com','*.wild.example.com']}"),
              object("ServiceEntry", "shop/mesh", "{'hosts':['moved.shop.svc.cluster.local']}"),
              object("ServiceEntry", "shop/odd", "{'hosts':7}")});
  return world;
}

struct Row {
  std::string host;
  Named named;
  std::optional<std::uint16_t> port;
  State state;
  std::string fqdn;
  std::uint16_t picked;
};

Destination found(World& world, const Row& row, Complaint::From from = Complaint::From::unknown) {
  const View view(world.evidence);
  auto complaint = asking(row.host);
  complaint.named = row.named;
  complaint.port = row.port;
  complaint.from = from;
  return find_destination(view, complaint);
}

}  // namespace

TEST_CASE("what a host is when everything was read") {
  const std::string fqdn = "web.shop.svc.cluster.local";
  const Row rows[] = {
      {"web", Named::any, {}, State::service, fqdn, 80},
      {"WEB.Shop", Named::host, 9000, State::service, fqdn, 9000},
      {fqdn, Named::host, {}, State::service, fqdn, 80},
      {fqdn + ".", Named::host, {}, State::service, fqdn, 80},
      {"web", Named::service, 81, State::service, fqdn, 81},
      {"10.96.0.1", Named::host, 9000, State::service, fqdn, 9000},
      {"fd00::9", Named::host, 80, State::service, "v6.shop.svc.cluster.local", 80},
      {"front", Named::workload, {}, State::service, fqdn, 80},
      {"front.shop", Named::workload, {}, State::service, fqdn, 80},
      {"front", Named::any, {}, State::service, fqdn, 80},
      {"front-1", Named::workload, {}, State::service, fqdn, 80},
      {"front", Named::service, {}, State::absent, "front.shop.svc.cluster.local", 80},
      {"twin", Named::workload, {}, State::service, "twin.shop.svc.cluster.local", 80},
      {"lone", Named::workload, 8080, State::pods, "lone", 8080},
      {"lone", Named::host, {}, State::absent, "lone.shop.svc.cluster.local", 80},
      {"10.0.0.2", Named::host, 8080, State::pods, "10.0.0.2", 8080},
      {"10.9.9.9", Named::host, {}, State::external, "10.9.9.9", 80},
      {"fd00::77", Named::host, {}, State::external, "fd00::77", 80},
      {"none", Named::any, {}, State::absent, "none.shop.svc.cluster.local", 80},
      {"none.empty", Named::host, {}, State::absent, "none.empty.svc.cluster.local", 80},
      {"example.com", Named::host, {}, State::external, "example.com", 80},
      {"api.example.com", Named::host, 443, State::entry, "api.example.com", 443},
      {"a.wild.example.com", Named::host, {}, State::entry, "a.wild.example.com", 80},
      {"wild.example.com", Named::host, {}, State::external, "wild.example.com", 80},
      {"moved.shop.svc.cluster.local", Named::host, {}, State::entry, "moved.shop.svc.cluster.local", 80},
      {"moved.shop", Named::host, {}, State::entry, "moved.shop.svc.cluster.local", 80},
      {"", Named::host, {}, State::external, "", 80},
  };
  for (const auto& row : rows) {
    INFO(row.host << " " << static_cast<int>(row.named));
    const auto to = found(everything(), row);
    CHECK(static_cast<int>(to.state) == static_cast<int>(row.state));
    CHECK(to.host == row.fqdn);
    CHECK(to.port_number == row.picked);
    CHECK((to.service != nullptr) == (row.state == State::service));
    CHECK((to.entry != nullptr) == (row.state == State::entry));
    CHECK(to.by_pod_ip == (row.host == "10.0.0.2"));
  }
  CHECK(found(everything(), {"web", Named::any, 81, State::service, "", 0}).port == nullptr);
}

TEST_CASE("a gateway's host is no Service's name") {
  const auto state = [](const std::string& host) {
    return found(everything(), {host, Named::host, {}, State::external, "", 0}, Complaint::From::gateway).state;
  };
  CHECK(state("web") == State::external);
  CHECK(state("shop.example.com") == State::external);
  CHECK(state("api.example.com") == State::entry);
}

TEST_CASE("what was not read leaves the host unknown") {
  World nothing, no_entries, no_namespaces, only_entries;
  no_entries.in("shop", {}, {web}).list("namespaces", "", {object("Namespace", "shop")});
  no_namespaces.in("shop", {}, {web}).list(entries_list, "-A", {});
  only_entries.list(entries_list, "-A", {});
  struct Case {
    std::string about;
    World* world;
    std::string host;
    State state;
  };
  const Case cases[] = {
      {"nothing", &nothing, "web", State::unknown},
      {"nothing, address", &nothing, "10.0.0.1", State::unknown},
      {"nothing, outside", &nothing, "a.example.com", State::unknown},
      {"entries may have it", &no_entries, "none", State::unknown},
      {"the Service is there", &no_entries, "web", State::service},
      {"another namespace", &no_entries, "web.other", State::external},
      {"another namespace, perhaps", &no_namespaces, "web.other", State::unknown},
      {"absent", &no_namespaces, "none", State::absent},
      {"services were not read", &only_entries, "web", State::unknown},
      {"outside", &only_entries, "a.example.com", State::external},
  };
  for (const auto& row : cases) {
    INFO(row.about);
    CHECK(static_cast<int>(found(*row.world, {row.host, Named::any, {}, row.state, "", 0}).state) ==
          static_cast<int>(row.state));
  }
}
