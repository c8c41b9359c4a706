#include <ostream>

#include <doctest/doctest.h>

#include "evidence/source.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

run::CommandResult failed(const std::string& err, int code = 1, const std::string& tool = "kubectl") {
  run::CommandResult result;
  result.argv = {tool, "get", "pods"};
  result.exit_code = code;
  result.err = err;
  return result;
}

struct Case {
  const char* err;
  Gap gap;
  const char* why;   ///< "" = any
};

const char* const klog =
    "E1122 11:28:06.546790   11395 memcache.go:265] \"Unhandled Error\" err=\"couldn't get current server API group list: "
    "Get \\\"https://127.0.0.1:6443/api\\\": dial tcp 127.0.0.1:6443: connect: connection refused\"\n";

}  // namespace

TEST_CASE("kubectl's error texts") {
  const Case cases[] = {
      {"Error from server (Forbidden): pods is forbidden: User \"dev\" cannot list resource \"pods\" in API group \"\" in the "
       "namespace \"default\"\n",
       Gap::forbidden, "forbidden: user dev cannot list pods in namespace default"},
      {"Error from server (Forbidden): peerauthentications.security.istio.io is forbidden: User \"dev\" cannot list resource "
       "\"peerauthentications\" in API group \"security.istio.io\" at the cluster scope\n",
       Gap::forbidden, "forbidden: user dev cannot list peerauthentications.security.istio.io cluster-wide"},
      {"error: error upgrading connection: pods \"web-1\" is forbidden: User \"u\" cannot create resource \"pods/exec\" in API "
       "group \"\" in the namespace \"shop\"\n",
       Gap::forbidden, "forbidden: user u cannot create pods/exec in namespace shop"},
      {"error: You must be logged in to the server (Unauthorized)\n", Gap::login,
       "not logged in: You must be logged in to the server (Unauthorized)"},
      {"error: You must be logged in to the server (the server has asked for the client to provide credentials)\n", Gap::login, ""},
      {"Unable to connect to the server: getting credentials: exec: executable aws not found\n", Gap::login, ""},
      {"Error from server (NotFound): pods \"nope\" not found\n", Gap::not_found, "not found: there is no pod nope"},
      {"Error from server (NotFound): deployments.apps \"nope\" not found\n", Gap::not_found,
       "not found: there is no deployment nope"},
      {"Error from server (NotFound): namespaces \"nope\" not found\n", Gap::not_found, "not found: there is no namespace nope"},
      {"error: error from server (NotFound): pods \"nope\" not found in namespace \"default\"\n", Gap::not_found,
       "not found: there is no pod nope in namespace default"},
      {"error: container nope is not valid for pod web-1\n", Gap::not_found, "not found: container nope is not valid for pod web-1"},
      {"Error from server (BadRequest): previous terminated container \"istio-proxy\" in pod \"web-1\" not found\n", Gap::not_found, ""},
      {"Error from server (BadRequest): container \"x\" in pod \"y\" is waiting to start: PodInitializing\n", Gap::failed,
       "failed: container \"x\" in pod \"y\" is waiting to start: PodInitializing"},
      {"error: the server doesn't have a resource type \"peerauthentications\"\n", Gap::no_such_kind,
       "no such kind: the cluster does not know peerauthentications (CRD not installed)"},
      {"Error from server (NotFound): Unable to list \"security.istio.io/v1, Resource=peerauthentications\": the server could not "
       "find the requested resource\n",
       Gap::no_such_kind, ""},
      {"The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?\n", Gap::unreachable,
       "unreachable: The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"},
      {"Unable to connect to the server: dial tcp: lookup H on 10.0.0.2:53: no such host\n", Gap::unreachable, ""},
      {"Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority\n",
       Gap::unreachable, ""},
      {"Unable to connect to the server: net/http: TLS handshake timeout\n", Gap::unreachable, ""},
      {"Error in configuration: context was not found for specified context: nope\n", Gap::no_kubeconfig,
       "no kubeconfig: Error in configuration: context was not found for specified context: nope"},
      {"error: stat /nonexistent: no such file or directory\n", Gap::no_kubeconfig, "no kubeconfig: stat /nonexistent: no such file or directory"},
      {"error: error loading config file \"/k\": yaml: line 1: did not find expected node content\n", Gap::no_kubeconfig, ""},
      {"Error: unknown flag: --bogus\nSee 'kubectl get --help' for usage.\n", Gap::unsupported, "not supported: unknown flag: --bogus"},
      {"Error: unknown command \"bogus\" for \"kubectl\"\n", Gap::unsupported, ""},
      {"OCI runtime exec failed: exec failed: exec: \"cat\": executable file not found in $PATH: unknown\ncommand terminated with "
       "exit code 126\n",
       Gap::failed, ""},
      {"error: unable to forward port because pod is not running. Current status=Pending\n", Gap::unreachable, ""},
      {"", Gap::failed, "failed: exit code 1 without a message"},
  };
  for (const auto& c : cases) {
    INFO(c.err);
    // Noise before and after changes nothing.
    for (const auto& err : {std::string(c.err), std::string(*c.err != 0 ? klog : "") + klog + "Defaulted container \"app\" out of: app\n" + c.err}) {
      if (*c.err == 0 && !err.empty()) continue;
      const Source source = classify(failed(err));
      CHECK(source.gap == c.gap);
      if (*c.why != 0) CHECK(source.why == c.why);
      CHECK_FALSE(source.why.empty());
      CHECK(source.argv.size() == 3);
    }
  }
  CHECK(classify(failed(klog)).gap == Gap::unreachable);   // noise alone
}

TEST_CASE("istioctl's error texts") {
  const std::string forward = "Error: failed to execute command on web-1.shop sidecar: failure running port forward process: ";
  const std::string log = "2023-01-31T11:18:44.134020Z\terror\tklog\tan error occurred forwarding 43441 -> 15000: connection refused\n";
  struct IstioCase {
    std::string err;
    Gap gap;
    std::string why;
  };
  const IstioCase cases[] = {
      {forward + "building port forwarded: failed retrieving: pods \"web-1\" not found in the \"shop\" namespace\n", Gap::not_found,
       "not found: there is no pod web-1 in namespace shop"},
      {forward + "failed retrieving: pods \"P\" is forbidden: User \"u\" cannot get resource \"pods\" in API group \"\" in the "
                 "namespace \"NS\" in the \"NS\" namespace\n",
       Gap::forbidden, "forbidden: user u cannot get pods in namespace NS"},
      {log + forward + "Get \"http://localhost:43441/config_dump?x\": EOF\n", Gap::unreachable, ""},
      {forward + "building port forwarded: pod is not running. Status=Pending\n", Gap::unreachable,
       "unreachable: pod is not running. Status=Pending"},
      {"Error: no running Istio pods in \"istio-system\"\n", Gap::unreachable, "unreachable: no running Istio pods in \"istio-system\""},
      {"Error: unable to find any Istiod instances\n", Gap::unreachable, ""},
      {"Error: unable to retrieve Pods: Get \"https://H:6443/api\": dial tcp H:6443: connect: connection refused\n", Gap::unreachable, ""},
      {"Error: failed to create RPC credentials for \"default.istio-system\": serviceaccounts \"default\" is forbidden: User \"u\" "
       "cannot create resource \"serviceaccounts/token\" in API group \"\" in the namespace \"istio-system\"\n",
       Gap::forbidden, "forbidden: user u cannot create serviceaccounts/token in namespace istio-system"},
      {"Error: could not get XDS from discovery pod \"istiod-x\": whatever\n", Gap::unreachable, ""},
      {"Error: timeout, still waiting for updates: istio.io/debug/syncz\n", Gap::timed_out, ""},
      {"Error: no listeners found\n", Gap::not_found, "not found: no listeners found"},
      {"Error: unexpected status code: 404\n", Gap::failed, "failed: unexpected status code: 404"},
  };
  for (const auto& c : cases) {
    INFO(c.err);
    const Source source = classify(failed(c.err, 1, "istioctl"));
    CHECK(source.gap == c.gap);
    if (!c.why.empty()) CHECK(source.why == c.why);
  }
  const Source old = classify(failed("Error: unknown shorthand flag: 'o' in -o\n", 64, "istioctl"));
  CHECK(old.gap == Gap::unsupported);
  CHECK(classify(failed("", 64, "istioctl")).gap == Gap::unsupported);
}

TEST_CASE("success is what the exit code says, noise or not") {
  auto result = failed("WARNING: version difference between client (1.32) and server (1.34) exceeds ...\n", 0);
  CHECK(classify(result).ok());
  CHECK(classify(result).why.empty());
  result.truncated = true;
  CHECK(classify(result).gap == Gap::damaged);
  result.argv = {"kubectl", "logs", "web-1"};   // its oldest lines are missing, the latest are there
  CHECK(classify(result).ok());
  CHECK(classify(result).why == "its oldest lines were left out");
  result.truncated = false;
  CHECK(classify(result).why.empty());
  auto analyze = failed("Error: Analyzers found issues when analyzing namespace: shop.\n", 79);
  analyze.argv = {"istioctl", "analyze", "-n", "shop"};
  CHECK(classify(analyze).ok());
  auto sockets = failed("cat: /proc/net/tcp6: No such file or directory\ncommand terminated with exit code 1\n");
  sockets.argv = {"kubectl", "exec", "web-1"};
  CHECK(classify(sockets).ok());
}

TEST_CASE("a command that left no exit code") {
  const std::pair<run::End, Gap> cases[] = {
      {run::End::timed_out, Gap::timed_out},       {run::End::interrupted, Gap::interrupted},
      {run::End::not_started, Gap::no_tool},       {run::End::refused, Gap::failed},
      {run::End::not_recorded, Gap::not_recorded}, {run::End::damaged, Gap::damaged}};
  for (const auto& [end, gap] : cases) {
    auto result = failed("");
    result.end = end;
    CHECK(classify(result).gap == gap);
    CHECK(classify(result).why.find("kubectl get pods") != std::string::npos);
    result.why = "because";
    CHECK(classify(result).why == "because");
  }
}

TEST_CASE("control characters in errors are made harmless and long ones cut") {
  const Source source = classify(failed("error: \x1b[31mred\xff\n"));
  CHECK(source.why.find('\x1b') == std::string::npos);
  CHECK(classify(failed("error: " + std::string(5000, 'x'))).why.size() < 400);
  for (int gap = 0; gap <= static_cast<int>(Gap::failed); ++gap) CHECK(gap_word(static_cast<Gap>(gap)) != nullptr);
}
