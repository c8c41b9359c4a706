// A mesh in a few words: objects and proxy dumps as the commands print them, read through the parsers. JSON in these
// tests is written with ' for ".
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "evidence/evidence.hpp"
#include "mesh/complaint.hpp"
#include "mesh/view.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::testing {

inline std::string quoted(const std::string& text) { return replace_all(text, "'", "\""); }

inline Json json(const std::string& text) {
  auto value = parse_json(quoted(text));
  REQUIRE_MESSAGE(value.ok(), text);
  return *value;
}

/// The records of a dump; fails the test when it cannot be read.
template <class T>
T read(Expected<T> (*parse)(const Input&), const std::string& text) {
  auto value = parse(quoted(text));
  const std::string error = value ? "" : value.error();
  REQUIRE_MESSAGE(value.ok(), error);
  return std::move(*value);
}

/// {"app":"web","v":"1"} from "app=web,v=1".
inline std::string labels_json(const std::string& labels) {
  std::string text;
  for (const auto& label : split(labels, ',')) {
    const auto equals = label.find('=');
    if (equals == std::string::npos) continue;
    text += (text.empty() ? "'" : ",'") + label.substr(0, equals) + "':'" + label.substr(equals + 1) + "'";
  }
  return "{" + text + "}";
}

/// An object: `name` is "ns/name". `created` sorts as text: "1" is older than "2".
inline std::string object(const std::string& kind, const std::string& name, const std::string& spec = "{}",
                          const std::string& created = "", const std::string& labels = "") {
  const auto slash = name.find('/');
  const std::string ns = slash == std::string::npos ? "" : "'namespace':'" + name.substr(0, slash) + "',";
  return "{'kind':'" + kind + "','metadata':{" + ns + "'name':'" + name.substr(slash + 1) + "','creationTimestamp':'" +
         created + "','labels':" + labels_json(labels) + "},'spec':" + spec + "}";
}

inline evidence::Object an_object(const std::string& kind, const std::string& name, const std::string& spec) {
  auto made = evidence::to_object(json(object(kind, name, spec)));
  REQUIRE(made.ok());
  return *made;
}

struct PodText {
  std::string name;  ///< "shop/web-1"
  std::string labels, ip;
  std::string proxy = "sidecar";  ///< "sidecar", "router", "ztunnel" or "" (no istio-proxy)
  bool ready = true;
  std::string phase = "Running";
  std::string owner;  ///< "ReplicaSet/web-abc"
  std::string annotations = {};
  std::string ports = "{'name':'http','containerPort':8080}";
  std::string more_status = {};  ///< further members of `status`
  std::string more_spec = {};
};

inline std::string pod_json(const PodText& pod) {
  const auto slash = pod.name.find('/'), kind_end = pod.owner.find('/');
  const std::string owner = pod.owner.empty()
                                ? ""
                                : "'ownerReferences':[{'controller':true,'kind':'" + pod.owner.substr(0, kind_end) +
                                      "','name':'" + pod.owner.substr(kind_end + 1) + "'}],";
  const std::string proxy = pod.proxy.empty() ? "" : ",{'name':'istio-proxy','args':['proxy','" + pod.proxy + "']}";
  return "{'kind':'Pod','metadata':{'namespace':'" + pod.name.substr(0, slash) + "','name':'" +
         pod.name.substr(slash + 1) + "'," + owner + "'labels':" + labels_json(pod.labels) + ",'annotations':{" +
         pod.annotations + "}},'spec':{" + pod.more_spec + "'containers':[{'name':'app','ports':[" + pod.ports + "]}" +
         proxy + "]},'status':{" + pod.more_status + "'phase':'" + pod.phase + "','podIP':'" + pod.ip +
         "','conditions':[{'type':'Ready','status':'" + (pod.ready ? "True" : "False") + "'}]}}";
}

inline evidence::Pod a_pod(const PodText& text) {
  auto pod = evidence::to_pod(json(pod_json(text)));
  REQUIRE(pod.ok());
  return *pod;
}

/// A Service "shop/web" with a ClusterIP ("None": headless), a selector and ports as JSON.
inline std::string service_json(const std::string& name, const std::string& ip, const std::string& selector,
                                const std::string& ports = "{'name':'http','port':80,'targetPort':8080}") {
  return object("Service", name,
                "{'clusterIP':'" + ip + "','selector':" + labels_json(selector) + ",'ports':[" + ports + "]}");
}

inline evidence::Service a_service(const std::string& text) {
  auto service = evidence::to_service(json(text));
  REQUIRE(service.ok());
  return *service;
}

inline const std::string gateways_list = "gateways.networking.istio.io", sidecars_list = "sidecars.networking.istio.io",
                         rules_list = "destinationrules.networking.istio.io",
                         services_list = "virtualservices.networking.istio.io",
                         entries_list = "serviceentries.networking.istio.io",
                         peers_list = "peerauthentications.security.istio.io";

/// The listeners of a gateway's proxy with one for HTTP on this port, its routes in `http.PORT`.
inline std::string gateway_listeners(int port) {
  const auto number = std::to_string(port);
  return "[{'name':'0.0.0.0_" + number + "','address':{'socketAddress':{'address':'0.0.0.0','portValue':" + number + "}},'trafficDirection':'OUTBOUND','filterChains':[{'filters':[{'name':'http','typedConfig':"
         "{'@type':'x/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager','rds':{'routeConfigName':'http." + number + "'}}}]}]}]";
}

/// Evidence by the commands that gave it.
struct World {
  evidence::Evidence evidence;

  World& printed(const std::string& command, const std::string& out) {
    run::CommandResult result;
    result.argv = split(command, ' ');
    result.out = quoted(out);
    evidence.add(result);
    return *this;
  }
  World& failed(const std::string& command, const std::string& err) {
    run::CommandResult result;
    result.argv = split(command, ' ');
    result.exit_code = 1;
    result.err = err;
    evidence.add(result);
    return *this;
  }
  /// `scope`: "-A", "-n shop" or "".
  World& list(const std::string& resource, const std::string& scope, const std::vector<std::string>& items) {
    const std::string where = scope.empty() ? " " : " " + scope + " ";
    return printed("kubectl get " + resource + where + "-o json", "{'kind':'List','items':[" + join(items, ",") + "]}");
  }
  /// Lists of a namespace that every walk needs.
  World& in(const std::string& ns, const std::vector<std::string>& pods, const std::vector<std::string>& services) {
    return list("pods", "-n " + ns, pods).list("services", "-n " + ns, services);
  }
  World& mesh_config(const std::string& yaml = "rootNamespace: istio-system") {
    return printed(
        "kubectl get configmap istio -n istio-system -o json",
        "{'kind':'ConfigMap','metadata':{'name':'istio','namespace':'istio-system'},'data':{'mesh':'" + yaml + "'}}");
  }
  World& proxy(const std::string& what, const std::string& pod, const std::string& dump) {
    return printed("istioctl proxy-config " + what + " " + pod + " -o json", dump);
  }
  World& log(const std::string& pod, const std::string& ns, const std::vector<std::string>& lines) {
    return printed("kubectl logs " + pod + " -n " + ns + " -c istio-proxy --tail=500", join(lines, "\n") + "\n");
  }
};

inline mesh::Complaint asking(const std::string& host, const std::string& ns = "shop") {
  mesh::Complaint complaint;
  complaint.playbook = "503";
  complaint.code = 503;
  complaint.ns = ns;
  complaint.target = complaint.host = host;
  return complaint;
}

inline mesh::Complaint asking_from(const std::string& host, const std::string& caller, const std::string& ns = "shop") {
  auto complaint = asking(host, ns);
  complaint.from = mesh::Complaint::From::workload;
  complaint.from_name = caller;
  complaint.from_ns = ns;
  return complaint;
}

}  // namespace meshdx::testing
