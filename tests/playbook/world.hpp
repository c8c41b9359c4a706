// A small mesh for playbook tests: client and web in namespace shop, both with sidecars, nothing wrong.
#pragma once

#include <string>

#include "mesh/complaint.hpp"
#include "playbook/fake_runner.hpp"
#include "playbook/playbook.hpp"

namespace meshdx::testing {

inline std::string pod(const std::string& app, const std::string& ip) {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + app + R"(-1","namespace":"shop","labels":{"app":")" + app +
         R"("},"annotations":{"sidecar.istio.io/status":"{}"}},"spec":{"containers":[{"name":"app","ports":[{"containerPort":8080}]},{"name":"istio-proxy"}]},)" +
         R"("status":{"phase":"Running","podIP":")" + ip + R"(","conditions":[{"type":"Ready","status":"True"}]}})";
}

inline const std::string empty_list = R"({"kind":"List","items":[]})";
inline const std::string pod_list = R"({"kind":"List","items":[)" + pod("client", "10.0.0.1") + "," + pod("web", "10.0.0.2") + "]}";
inline const std::string service_list =
    R"({"kind":"List","items":[{"kind":"Service","metadata":{"name":"web","namespace":"shop"},"spec":{"clusterIP":"10.1.0.1","selector":{"app":"web"},)"
    R"("ports":[{"name":"http-web","port":80,"targetPort":8080,"protocol":"TCP"}]}}]})";

/// Answers as the mesh would; what it does not know is an empty list.
inline run::CommandResult world(const std::string& command) {
  if (command == "kubectl get pods -n shop -o json") return printed(pod_list);
  if (command == "kubectl get services -n shop -o json") return printed(service_list);
  if (starts_with(command, "kubectl logs")) return printed("");
  return printed(starts_with(command, "kubectl get") ? empty_list : "[]");
}

inline mesh::Complaint complaint() {
  mesh::Complaint c;
  c.playbook = "503";
  c.code = 503;
  c.ns = "shop";
  c.target = c.host = "web";
  c.from = mesh::Complaint::From::workload;
  c.from_name = "client";
  c.from_ns = "shop";
  return c;
}

/// A playbook from YAML steps; fails the test when it does not load.
inline playbook::Playbook playbook_of(const std::string& steps, const std::string& rest = "") {
  const auto document = parse_yaml("p.yaml", "playbook: p\ntitle: T\nabout: A\nsteps:\n" + steps + rest);
  const auto error = document ? std::string() : document.error();
  REQUIRE_MESSAGE(document.ok(), error);
  auto loaded = playbook::load_playbook(*document);
  const auto load_error = loaded ? std::string() : loaded.error();
  REQUIRE_MESSAGE(loaded.ok(), load_error);
  return *loaded;
}

}  // namespace meshdx::testing
