// Which of several gateways a request came in through, where nobody names one.
#include "mesh/asked_gateway.hpp"

#include "mesh/cases.hpp"
#include "mesh/path.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

/// A gateway pod "ns/workload" with its labels.
std::string router(const std::string& name, const std::string& labels, const std::string& ip) {
  PodText text{name + "-1", labels, ip, "router"};
  text.owner = "StatefulSet/" + name.substr(name.find('/') + 1);
  return pod_json(text);
}

/// "ns/name hosts selector[ port[ tls]]"; hosts with commas.
std::string istio_gateway(const std::string& text) {
  const auto words = split(text, ' ');
  const auto port = words.size() > 3 ? words[3] : "80";
  const auto tls = words.size() > 4 ? ",'tls':{'mode':'" + words[4] + "'}" : "";
  return object("Gateway", words[0], "{'selector':{'istio':'" + words[2] + "'},'servers':[{'port':{'number':" + port + ",'name':'http','protocol':'HTTP'},'hosts':['" + replace_all(words[1], ",", "','") + "']" + tls + "}]}");
}

/// "ns/name hostname port[ programmed]"; hostname "-": every host.
std::string api_gateway(const std::string& text) {
  const auto words = split(text, ' ');
  const auto host = words[1] == "-" ? "" : "'hostname':'" + words[1] + "',";
  const auto slash = words[0].find('/');
  const std::string status = words.size() > 3 ? "True" : "False";
  return "{'kind':'Gateway','metadata':{'namespace':'" + words[0].substr(0, slash) + "','name':'" + words[0].substr(slash + 1) + "'},'spec':{'gatewayClassName':'istio','listeners':[{'name':'http'," + host +
         "'port':" + words[2] + ",'protocol':'HTTP'}]},'status':{'conditions':[{'type':'Programmed','status':'" + status + "'}]}}";
}

/// "ns/name hosts gateways": a VirtualService.
std::string rules(const std::string& text) {
  const auto words = split(text, ' ');
  return object("VirtualService", words[0], "{'hosts':['" + replace_all(words[1], ",", "','") + "'],'gateways':['" + replace_all(words[2], ",", "','") + "'],'http':[{'route':[{'destination':{'host':'web'}}]}]}");
}

/// "ns/name hostnames gateway": an HTTPRoute; hostnames "-": none.
std::string route(const std::string& text) {
  const auto words = split(text, ' ');
  const auto hosts = words[1] == "-" ? "" : "'hostnames':['" + words[1] + "'],";
  return object("HTTPRoute", words[0], "{" + hosts + "'parentRefs':[{'name':'" + words[2] + "'}],'rules':[{'backendRefs':[{'name':'web','port':80}]}]}");
}

struct Mesh {
  std::vector<std::string> gateways, api, services, routes;
  std::string shared_code, edge_code;     ///< of a request for the host in the log of that gateway; "": none
  bool egress = false;                    ///< a third one stands beside the shared one
  bool logs = true;
  bool edge_listed = true;                ///< pods of the namespace of edge were listed
  std::string scheme = "http";
};

std::vector<std::string> all(const std::vector<std::string>& texts, std::string (*make)(const std::string&)) {
  std::vector<std::string> made;
  for (const auto& text : texts) made.push_back(make(text));
  return made;
}

std::vector<std::string> lines(const std::string& code) {
  if (code.empty()) return {};
  return {"[2026-11-22T10:00:00.000Z] \"GET / HTTP/1.1\" " + code + " " + (code == "200" ? "- via_upstream" : "NR route_not_found") + " - \"-\" 0 0 0 - \"10.0.0.3\" \"curl\" \"r1\" \"shop.example.com\" \"-\" - - 10.0.0.9:8080 10.0.0.3:5000 - -"};
}

World world_of(const Mesh& mesh) {
  World world;
  std::vector<std::string> system = {router("istio-system/ingress", "istio=ingressgateway", "10.0.0.9")};
  if (mesh.egress) system.insert(system.begin(), router("istio-system/egress", "istio=egressgateway", "10.0.0.8"));
  world.in("istio-system", system, {service_json("istio-system/ingress", "10.96.0.9", "istio=ingressgateway", "{'port':80,'targetPort':8080}")});
  if (mesh.edge_listed) world.in("shop", {router("shop/edge-istio", "gateway.networking.k8s.io/gateway-name=edge", "10.0.0.7")}, {});
  world.list("namespaces", "", {object("Namespace", "istio-system"), object("Namespace", "shop")});
  world.list(gateways_list, "-A", all(mesh.gateways, istio_gateway)).list(services_list, "-A", all(mesh.services, rules));
  world.list("gateways.gateway.networking.k8s.io", "-A", all(mesh.api, api_gateway)).list("httproutes.gateway.networking.k8s.io", "-A", all(mesh.routes, route)).list("grpcroutes.gateway.networking.k8s.io", "-A", {});
  if (mesh.logs) world.log("ingress-1", "istio-system", lines(mesh.shared_code));
  if (mesh.logs && mesh.edge_listed) world.log("edge-istio-1", "shop", lines(mesh.edge_code));
  if (mesh.logs && mesh.egress) world.log("egress-1", "istio-system", {});
  return world;
}

Complaint asking_gateway(const std::string& scheme = "http") {
  auto ask = asking("shop.example.com");
  ask.playbook = "404";
  ask.code = 404;
  ask.scheme = scheme;
  ask.named = Complaint::Named::host;
  ask.from = Complaint::From::gateway;
  return ask;
}

std::string told(const World& world, const Complaint& ask) {
  const View view(world.evidence);
  const auto caller = find_caller(view, ask, find_destination(view, ask));
  if (caller.state == Caller::State::unknown) return "unknown" + std::string(caller.why.empty() ? "" : ": ") + caller.why;
  return caller.pod == nullptr ? "absent" : caller.pod->meta.name;
}

}  // namespace

TEST_CASE("the gateway that was asked is the one that could have answered, or none") {
  const std::string team = "team/gw team.example.com ingressgateway", ours = "shop/gw shop.example.com ingressgateway", any = "istio-system/any * ingressgateway";
  const std::string edge = "shop/edge - 80 programmed", edge_host = "shop/edge shop.example.com 80 programmed", tls = "shop/edge - 443 programmed";
  const std::string bound = "shop/web shop.example.com istio-system/any";
  struct Row {
    const char* what;
    Mesh mesh;
    std::string expected;     ///< "unknown": its reason begins so
  };
  const Row rows[] = {
      {"a listener without hostname, beside Gateways of others", {{team}, {edge}, {}, {"shop/web - edge"}}, "edge-istio-1"},
      {"and beside one for the host", {{team, ours}, {edge}, {}, {}}, "ingress-1"},
      {"unless such requests fail at the other", {{team, ours}, {edge}, {}, {}, "", "404"}, "edge-istio-1"},
      {"where they fail at both, the one that names the host", {{ours}, {edge}, {}, {}, "404", "404"}, "ingress-1"},
      {"a request that went well is no failure", {{ours}, {edge}, {}, {}, "", "200"}, "ingress-1"},
      {"two that take every host", {{any}, {edge}, {}, {}}, "unknown: it is not known which gateway was asked: istio-system/ingress, shop/edge-istio"},
      {"two, and the log of one shows the request", {{any}, {edge}, {}, {}, "", "404"}, "edge-istio-1"},
      {"two, and the log of the other does", {{any}, {edge}, {}, {}, "404", ""}, "ingress-1"},
      {"a VirtualService with the host is bound to one", {{any}, {edge}, {bound}, {}}, "ingress-1"},
      {"an HTTPRoute with the host is attached to the other", {{any}, {edge}, {}, {"shop/web shop.example.com edge"}}, "edge-istio-1"},
      {"both have a rule for the host", {{any}, {edge}, {bound}, {"shop/web *.example.com edge"}}, "unknown"},
      {"a listener for the host, a server for all", {{any}, {edge_host}, {}, {}}, "edge-istio-1"},
      {"a listener for all on another port", {{any}, {tls}, {}, {}}, "ingress-1"},
      {"https goes to that one", {{any}, {tls}, {}, {}, "", "", false, true, true, "https"}, "edge-istio-1"},
      {"a server for the host on another port, a listener for all on this one", {{"shop/gw shop.example.com ingressgateway 443"}, {edge}, {}, {}}, "ingress-1"},
      {"none takes the host", {{team}, {"shop/edge other.example.com 80 programmed"}, {}, {}}, "unknown"},
      {"and the log shows where it came in", {{team}, {"shop/edge other.example.com 80 programmed"}, {}, {}, "404", ""}, "ingress-1"},
      {"between clusters nothing is asked by host", {{"istio-system/between *.example.com ingressgateway 15443 AUTO_PASSTHROUGH"}, {edge}, {}, {}}, "edge-istio-1"},
      {"a gateway for the way out stands first by name", {{ours}, {}, {}, {}, "", "", true}, "ingress-1"},
      {"its own Gateway is for another host", {{ours, "istio-system/out api.example.org egressgateway"}, {}, {}, {}, "", "", true}, "ingress-1"},
      {"a Gateway whose pods were not listed", {{team}, {edge}, {}, {}, "", "", false, true, false}, "unknown: it is not known which gateway was asked: istio-system/ingress, or Gateway shop/edge, whose pods were not listed"},
      {"it is for another host", {{team, ours}, {"shop/edge other.example.com 80 programmed"}, {}, {}, "", "", false, true, false}, "ingress-1"},
      {"or nothing stands for it", {{team}, {"shop/edge - 80"}, {}, {}, "", "", false, true, false}, "ingress-1"},
      {"or the log shows that it came in here", {{team}, {edge}, {}, {}, "404", "", false, true, false}, "ingress-1"},
      {"a Gateway of others' selector, whose pods were not listed", {{team, "shop/own shop.example.com elsewhere"}, {}, {}, {}, "", "", false, true, false}, "unknown"},
  };
  for (const auto& row : rows) {
    const auto world = world_of(row.mesh);
    const auto found = told(world, asking_gateway(row.mesh.scheme));
    INFO(std::string(row.what) << ": " << found);
    CHECK(starts_with(found, row.expected));
  }
}

TEST_CASE("a gateway that is named needs no proof") {
  const auto world = world_of({{"istio-system/any * ingressgateway", "other/edge * ingressgateway"}, {"shop/edge - 80 programmed"}, {}, {}});
  const auto named = [&](const std::string& name, const std::string& ns) {
    auto ask = asking_gateway();
    ask.from_name = name;
    ask.from_ns = ns;
    return told(world, ask);
  };
  CHECK(named("edge", "shop") == "edge-istio-1");
  CHECK(named("edge", "") == "edge-istio-1");
  CHECK(named("edge", "other") == "ingress-1");     // an Istio Gateway of that name in another namespace
  CHECK(named("edge", "nowhere") == "absent");
  CHECK(named("any", "") == "ingress-1");
}

TEST_CASE("of several gateways the logs are asked for first") {
  Mesh mesh{{"istio-system/any * ingressgateway"}, {"shop/edge - 80 programmed"}, {}, {}};
  mesh.logs = false;
  const auto without = world_of(mesh);
  const View view(without.evidence);
  const auto caller = find_caller(view, asking_gateway(), {});
  CHECK(caller.witnesses.size() == 2);
  CHECK_FALSE(cases_of(view, asking_gateway()).settled);
  mesh.logs = true;
  mesh.edge_code = "404";
  const auto with = world_of(mesh);
  const View seen(with.evidence);
  const auto cases = cases_of(seen, asking_gateway());
  CHECK(cases.settled);
  REQUIRE(cases.remarks.size() == 1);
  CHECK(contains(cases.remarks.front(), "seen from shop/edge-istio, whose log shows such requests fail"));
}
