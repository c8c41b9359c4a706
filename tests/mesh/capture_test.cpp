// Which outbound connections pass the sidecar, and which pods ztunnel carries.
#include "mesh/capture.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using Why = OutboundCapture::Why;

namespace {

const std::string traffic = "'traffic.sidecar.istio.io/";

PodText pod_with(const std::string& annotations, const std::string& spec = "") {
  PodText text{"shop/client-1", "app=client", "10.244.0.5"};
  text.annotations = annotations;
  text.more_spec = spec;
  return text;
}

std::string istio_init(const std::string& flags) { return "'initContainers':[{'name':'istio-init','args':['istio-iptables'," + flags + "]}],"; }

struct Row {
  std::string about, annotations, spec;
  Tri captured;
  Why why;
};

}  // namespace

TEST_CASE("what the annotations, istio-init's flags and the user leave out") {
  const Row rows[] = {
      {"nothing said", "", "", Tri::yes, Why::captured},
      {"the port", traffic + "excludeOutboundPorts':'3306, 80'", "", Tri::no, Why::excluded_port},
      {"another port", traffic + "excludeOutboundPorts':'8080,3306'", "", Tri::yes, Why::captured},
      {"the range", traffic + "excludeOutboundIPRanges':'10.96.0.0/16'", "", Tri::no, Why::excluded_range},
      {"another range", traffic + "excludeOutboundIPRanges':'192.168.0.0/16'", "", Tri::yes, Why::captured},
      {"only other ranges taken", traffic + "includeOutboundIPRanges':'172.20.0.0/16'", "", Tri::no, Why::not_included},
      {"the range taken", traffic + "includeOutboundIPRanges':'10.96.0.0/12'", "", Tri::yes, Why::captured},
      {"no range taken", traffic + "includeOutboundIPRanges':''", "", Tri::no, Why::not_included},
      {"no range taken, but the port", traffic + "includeOutboundIPRanges':''," + traffic + "includeOutboundPorts':'80'", "", Tri::yes, Why::captured},
      {"interception off", "'sidecar.istio.io/interceptionMode':'NONE'", "", Tri::no, Why::interception_off},
      {"istio-init says more than the annotation", "", istio_init("'-i','*','-x','10.96.0.0/16'"), Tri::no, Why::excluded_range},
      {"what was applied counts, not what is written now", traffic + "excludeOutboundPorts':'80'", istio_init("'-i','*','-x',''"), Tri::yes, Why::captured},
      {"the proxy's user for the pod", "", "'securityContext':{'runAsUser':1337},", Tri::no, Why::proxy_uid},
      {"the proxy's group for the pod", "", "'securityContext':{'runAsGroup':1337},", Tri::no, Why::proxy_uid},
      {"another user", "", "'securityContext':{'runAsUser':1000},", Tri::yes, Why::captured},
      {"the proxy has another user", "", istio_init("'-u','2000','-i','*'") + "'securityContext':{'runAsUser':1337},", Tri::yes, Why::captured},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    const auto result = outbound_capture(a_pod(pod_with(row.annotations, row.spec)), {"10.96.12.13"}, 80);
    CHECK((result.captured == row.captured));
    CHECK((result.why == row.why));
  }
}

TEST_CASE("an address that is not known is not guessed") {
  const auto pod = a_pod(pod_with(traffic + "excludeOutboundIPRanges':'10.0.0.0/8'"));
  CHECK((outbound_capture(pod, {}, 80).captured == Tri::unknown));
  CHECK((outbound_capture(pod, {"10.96.0.1", "fd00::1"}, 80).captured == Tri::unknown));
  CHECK((outbound_capture(pod, {"192.0.2.1"}, 80).captured == Tri::yes));
}

TEST_CASE("ambient: by its own annotation, else by label, pod before namespace, never with a sidecar") {
  World world;
  world.list("namespaces", "", {object("Namespace", "shop", "{}", "", "istio.io/dataplane-mode=ambient"), object("Namespace", "legacy")});
  const View view(world.evidence);
  struct Case {
    const char *about, *name, *labels, *proxy, *annotations;
    bool ambient;
  };
  const Case cases[] = {
      {"namespace", "shop/web", "app=web", "", "", true},
      {"taken out", "shop/web", "istio.io/dataplane-mode=none", "", "", false},
      {"sidecar wins", "shop/web", "app=web", "sidecar", "", false},
      {"a waypoint is no part of it", "shop/waypoint", "app=waypoint", "waypoint", "", false},
      {"its own label", "legacy/db", "istio.io/dataplane-mode=ambient", "", "", true},
      {"redirected", "legacy/db", "app=db", "", "'ambient.istio.io/redirection':'enabled'", true},
      {"neither", "legacy/db", "app=db", "", "", false},
  };
  for (const auto& row : cases) {
    INFO(row.about);
    PodText text{row.name, row.labels, "10.244.0.7"};
    text.proxy = row.proxy;
    text.annotations = row.annotations;
    CHECK(in_ambient(view, a_pod(text)) == row.ambient);
  }
}
