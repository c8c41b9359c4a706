#include <ostream>

#include <doctest/doctest.h>

#include "run/allowlist.hpp"
#include "run/recording.hpp"
#include "util/text.hpp"

using namespace meshdx;
using run::check_allowed;
using run::check_api_read;

namespace {
run::Argv words(const std::string& line) { return split(line, ' '); }
}  // namespace

TEST_CASE("allowlist: what design.md names is allowed") {
  for (const char* line : {
           "kubectl version -o json", "kubectl version --client", "istioctl version -o json",
           "istioctl version --remote=false",
           "istioctl proxy-status", "istioctl ps", "istioctl proxy-status -v 1 -o json",
           "istioctl proxy-status web-1.shop",
           "kubectl get services -n shop -o json", "kubectl get pods --namespace=shop --output=json",
           "kubectl get pods,services -n shop -o wide", "kubectl get endpointslices.discovery.k8s.io -n shop -o json",
           "kubectl get virtualservices.networking.istio.io -A -o json",
           "kubectl get pods --all-namespaces=true -o name",
           "kubectl get configmap istio -n istio-system -o json", "kubectl get pods/web-1 services/web -n shop",
           "kubectl get events -n shop --field-selector type=Warning", "kubectl get pods -l app=web -o=json",
           "kubectl get pods secrets",
           "kubectl logs web-1 -n shop -c istio-proxy --tail=500",
           "kubectl logs web-1 -n shop -c istio-proxy --tail 500",
           "kubectl logs web-1 -p --tail=-1", "kubectl logs -l app=web -n shop --since=5m",
           "kubectl logs deploy/web -n shop",
           "kubectl auth can-i get pods -n shop", "kubectl auth can-i --list", "kubectl config view --minify -o json",
           "istioctl proxy-config clusters web-1.shop -o json", "istioctl pc cluster web-1 -n shop --fqdn x --port 80",
           "istioctl proxy-config routes web-1.shop --name 80",
           "istioctl proxy-config listeners deploy/web.shop -o short",
           "istioctl proxy-config endpoints web-1.shop --cluster x", "istioctl proxy-config secret web-1.shop -o json",
           "istioctl proxy-config all web-1.shop -o json",
           "istioctl analyze -n shop -o json", "istioctl analyze -A",
       }) {
    const auto allowed = check_allowed(words(line));
    CHECK_MESSAGE(allowed.ok(), std::string(line), ": ", allowed.ok() ? "" : allowed.error());
  }
}

TEST_CASE("allowlist: all else is refused in a sentence that names the command") {
  for (const char* line : {
           "kubectl delete pod web-1", "kubectl apply -f x.yaml", "kubectl patch service web", "kubectl edit pod x",
           "kubectl exec web-1 -- sh", "kubectl port-forward web-1 80", "kubectl cp a b", "kubectl proxy", "kubectl",
           "kubectl auth reconcile -f x", "kubectl config view", "kubectl config view --minify=false",
           "kubectl config view --minify --raw", "kubectl config use-context x", "kubectl config set-context x",
           "kubectl -n shop get pods", "kubectl --context=x get pods", "kubectl get pods --context=x",
           "kubectl get pods --context x", "kubectl get pods --kubeconfig /tmp/x", "kubectl get pods --as=admin",
           "kubectl get pods --as-group=x", "kubectl get pods --token=x", "kubectl get pods -s http://x",
           "kubectl get pods --server=x", "kubectl get pods --user x", "kubectl get pods --insecure-skip-tls-verify",
           "kubectl get -f x.yaml", "kubectl get --filename=x", "kubectl get --raw /api", "kubectl get --raw=/api",
           "kubectl get --raw /api/v1/pods",
           "kubectl get -k dir", "kubectl get pods -w", "kubectl get pods --watch",
           "kubectl get pods --watch-only=true",
           "kubectl get pods -o jsonpath=.items", "kubectl get pods -ojson",
           "kubectl get pods -o go-template-file=x", "kubectl get pods --output=jsonpath-file=x",
           "kubectl get pods -nshop",
           "kubectl get pods -Aw", "kubectl get pods -n", "kubectl get pods -n -w", "kubectl get pods -n shop -n other",
           "kubectl get pods -- x", "kubectl get", "kubectl get pods --template=x",
           "kubectl get pods --subresource status",
           "kubectl get secret", "kubectl get secrets -n shop", "kubectl get Secrets -A -o json",
           "kubectl get secrets.v1.",
           "kubectl get secret/web", "kubectl get pods/x secrets/y", "kubectl get pods,secrets",
           "kubectl get pods,secret.v1/x",
           "kubectl logs", "kubectl logs web-1 -f", "kubectl logs web-1 --follow", "kubectl logs web-1 --tail=x",
           "kubectl logs a b", "kubectl logs web-1 -n shop --insecure-skip-tls-verify-backend",
           "kubectl auth can-i get", "istioctl proxy-config log web-1.shop --level debug", "istioctl pc log web-1",
           "istioctl proxy-config bootstrap web-1.shop -o json", "istioctl pc b web-1",
           
           "istioctl proxy-config clusters", "istioctl proxy-config clusters -f dump.json", "istioctl pc clusters a b",
           "istioctl proxy-config clusters web-1 --file=x", "istioctl proxy-status -f x", "istioctl analyze x.yaml",
           "istioctl analyze -", "istioctl analyze --recursive", "istioctl install", "istioctl x describe pod x",
           "istioctl --context x version", "istioctl version --kubeconfig=x", "istioctl dashboard kiali",
           "istioctl kube-inject",
           "helm list", "sh -c ls", "/usr/bin/kubectl get pods", "./kubectl version", "kubectl.sh version",
           "KUBECTL version",
       }) {
    const auto allowed = check_allowed(words(line), true);
    REQUIRE_MESSAGE(!allowed.ok(), std::string(line));
    CHECK_MESSAGE(contains(allowed.error(), line), allowed.error());
    CHECK(starts_with(allowed.error(), "refused `"));
  }
  CHECK_FALSE(check_allowed({}).ok());
  CHECK_FALSE(check_allowed({""}).ok());
  CHECK_FALSE(check_allowed({"kubectl", ""}).ok());
  CHECK_FALSE(check_allowed({"kubectl", "get", ""}).ok());
  CHECK_FALSE(check_allowed({"kubectl", "get", "pods", "-n", ""}).ok());
  CHECK_FALSE(check_allowed({"kubectl", "get", "po\nds"}).ok());
}

TEST_CASE("allowlist: requests of the API read objects and logs, and nothing else") {
  for (const char* path : {"/api/v1/namespaces/shop/pods", "/apis/networking.istio.io", "/api/v1/namespaces/shop/pods/web-1/log?container=istio-proxy&tailLines=500"}) {
    CHECK(check_api_read({"kubectl", "get", "--raw", path}).ok());
  }
  for (const char* path : {
           "/api", "/metrics", "/api/v1/secrets", "/api/v1/namespaces/shop/secrets/web", "/api/v1/namespaces/shop/pods/web-1/proxy/quit",
           "/api/v1/namespaces/shop/pods/web-1/portforward", "/api/v1/namespaces/shop/pods/web-1/exec?command=ls", "/api/v1/../secrets",
           "/api/v1/watch/pods", "/api/v1/pods?watch=true", "/api/v1/nodes/n/proxy/logs", "/api/v1/pods\r\nX: y", "",
       }) {
    CAPTURE(path);
    CHECK_FALSE(check_api_read({"kubectl", "get", "--raw", path}).ok());
  }
  CHECK_FALSE(check_api_read({"kubectl", "get", "pods"}).ok());
  CHECK_FALSE(check_api_read({"kubectl", "get", "--raw", "/api/v1/pods", "-n", "shop"}).ok());
}

TEST_CASE("allowlist: a flag that chooses the cluster says where it belongs") {
  CHECK(contains(check_allowed(words("kubectl get pods --as=x")).error(), "give it to meshdx itself"));
  CHECK(contains(check_allowed(words("kubectl -n x get pods")).error(), "before the verb"));
  CHECK(contains(check_allowed(words("kubectl get secrets")).error(), "never reads Secrets"));
}

TEST_CASE("allowlist: exec is the socket table and only with --probe") {
  const auto probe = words("kubectl exec web-1 -n shop -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6");
  CHECK(check_allowed(probe, true).ok());
  REQUIRE_FALSE(check_allowed(probe, false).ok());
  CHECK(contains(check_allowed(probe).error(), "--probe"));
  for (const char* line : {
           "kubectl exec web-1 -n shop -c app -- cat /proc/net/tcp /proc/net/tcp6",
           "kubectl exec web-1 -n shop -- cat /proc/net/tcp /proc/net/tcp6",
           "kubectl exec web-1 -c istio-proxy -- cat /proc/net/tcp",
           "kubectl exec web-1 -c istio-proxy -- cat /etc/passwd",
           "kubectl exec web-1 -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6 /etc/passwd",
           "kubectl exec -it web-1 -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6",
           "kubectl exec -i web-1 -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6",
           "kubectl exec web-1 -c istio-proxy cat /proc/net/tcp /proc/net/tcp6", "kubectl exec web-1 -c istio-proxy",
           "kubectl exec a b -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6",
           "kubectl exec -c istio-proxy -- cat /proc/net/tcp /proc/net/tcp6",
       }) {
    CHECK_MESSAGE(!check_allowed(words(line), true).ok(), std::string(line));
  }
}
