// Endpoints that a ServiceEntry names: what is known of the address decides whether it is the one at fault.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

const std::string k_forbidden = "Error from server (Forbidden): is forbidden: User \"u\" cannot list resource";

/// A caller whose requests to pay.example.com fail to connect to the address that the ServiceEntry names.
World world_of(const std::string& address) {
  World world;
  world.list(entries_list, "-A", {object("ServiceEntry", "shop/pay", "{'hosts':['pay.example.com'],'ports':[{'number':80,'name':'http','protocol':'HTTP'}],'resolution':'STATIC','endpoints':[{'address':'" + address + "'}]}")});
  world.list("namespaces", "", {object("Namespace", "shop"), object("Namespace", "db")}).mesh_config();
  world.log("client", "shop", {"[2026-11-29T08:03:10.557Z] \"GET / HTTP/1.1\" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused} - \"delayed_connect_error:_Connection_refused\" 0 121 7 - "
                               "\"-\" \"curl\" \"r1\" \"pay.example.com\" \"" + address + ":80\" outbound|80||pay.example.com - 10.96.99.9:80 10.0.0.3:38178 - default"});
  return world;
}

}  // namespace

TEST_CASE("an endpoint that refuses connections is dead only where it is known to be no pod and no Service") {
  const auto client = pod_json({"shop/client", "app=client", "10.0.0.3"});
  const auto service = service_json("db/pay", "10.96.0.5", "app=pay");
  const auto pod = pod_json({"db/pay-1", "app=pay", "10.0.0.9"});
  const std::string services = "kubectl get services -n db -o json", pods = "kubectl get pods -n db -o json";
  struct Row {
    const char* what;
    std::string address;
    bool services_read, pods_read;
    Tri truth;
  };
  const Row rows[] = {
      {"an address outside", "192.0.2.7", true, true, Tri::yes},
      {"a Service's address", "10.96.0.5", true, true, Tri::no},
      {"a pod's address", "10.0.0.9", true, true, Tri::no},
      {"a Service's, and the Services were not read", "10.96.0.5", false, true, Tri::unknown},
      {"a pod's, and the pods were not read", "10.0.0.9", true, false, Tri::unknown},
      {"an address outside, and the Services were not read", "192.0.2.7", false, true, Tri::unknown},
  };
  for (const auto& row : rows) {
    auto world = world_of(row.address);
    world.in("shop", {client}, {});
    if (row.services_read) world.list("services", "-n db", {service}); else world.failed(services, k_forbidden);
    if (row.pods_read) world.list("pods", "-n db", {pod}); else world.failed(pods, k_forbidden);
    auto ask = asking_from("pay.example.com", "client");
    ask.named = mesh::Complaint::Named::host;
    const facts::FactBase base(world.evidence, ask);
    const auto& finding = base["entry.endpoint-dead"];
    INFO(std::string(row.what) << ": " << finding.text << finding.why);
    CHECK((finding.truth == row.truth));
    if (row.truth == Tri::unknown) CHECK(contains(finding.why, row.services_read ? pods : services));
  }
}
