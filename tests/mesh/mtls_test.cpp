// What a server's listener takes, and what a caller's cluster sends (causes.md C.1 table, C.2; formats.md 2.3).
#include "mesh/mtls.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;

namespace {

const std::string downstream_tls =
    ",'transportSocket':{'name':'envoy.transport_sockets.tls','typedConfig':{'@type':'x/"
    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',"
    "'requireClientCertificate':true,'commonTlsContext':{'tlsCertificateSdsSecretConfigs':[{'name':'default'}]}}}";
const std::string http_alpn = "'applicationProtocols':['istio-http/1.0','istio-http/1.1','istio-h2']";
const std::string istio_alpn = "'applicationProtocols':['istio-peer-exchange','istio']";
const std::string plain_alpn = "'applicationProtocols':['http/1.1','h2c']";

std::string chain(const std::string& port, const std::string& transport, const std::string& alpn, bool tls,
                  const std::string& cluster = "inbound|8080||") {
  std::string match = port.empty() ? "" : "'destinationPort':" + port;
  if (!transport.empty())
    match += (match.empty() ? "'transportProtocol':'" : ",'transportProtocol':'") + transport + "'";
  if (!alpn.empty()) match += "," + alpn;
  return "{'filterChainMatch':{" + match +
         "},'filters':[{'name':'tcp','typedConfig':{'@type':'x/"
         "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy','cluster':'" +
         cluster + "'}}]" + (tls ? downstream_tls : "") + "}";
}

Accepts accepts_of(const std::vector<std::string>& chains, std::uint16_t port = 8080, bool inspector = true) {
  const std::string filters = inspector ? ",'listenerFilters':[{'name':'envoy.filters.listener.tls_inspector'}]" : "";
  return listener_accepts(read(evidence::parse_listeners,
                               "[{'name':'virtualInbound','filterChains':[" + join(chains, ",") + "]" + filters + "}]"),
                          port);
}

// The chains for traffic to ports of no Service, as a PERMISSIVE mesh has them.
const std::string catch_tls = chain("", "tls", istio_alpn, true, "InboundPassthroughCluster"),
                  catch_raw = chain("", "raw_buffer", "", false, "InboundPassthroughCluster");

std::string upstream_tls(const std::string& certificate, const std::string& validation) {
  return "{'name':'envoy.transport_sockets.tls','typedConfig':{'@type':'x/"
         "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext','commonTlsContext':{" +
         (certificate.empty() ? "" : "'tlsCertificateSdsSecretConfigs':[{'name':'" + certificate + "'}],") +
         "'combinedValidationContext':{'validationContextSdsSecretConfig':{'name':'" + validation + "'}}}}}";
}
const std::string mutual = upstream_tls("default", "ROOTCA"), simple = upstream_tls("", "file-root:system"),
                  own = upstream_tls("kubernetes://client", "kubernetes://client-cacert");
const std::string raw =
    "{'name':'envoy.transport_sockets.raw_buffer','typedConfig':{'@type':'x/"
    "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer'}}";

std::string match(const std::string& name, const std::string& on, const std::string& socket) {
  return "{'name':'" + name + "'," + (on.empty() ? "" : "'match':" + on + ",") + "'transportSocket':" + socket + "}";
}
const std::string hbone = match("hbone", "{'tunnel':'http'}", raw),
                  istio = match("tlsMode-istio", "{'tlsMode':'istio'}", mutual),
                  disabled = match("tlsMode-disabled", "{}", raw);

evidence::Cluster cluster_of(const std::string& socket, const std::vector<std::string>& matches) {
  const std::string more = (socket.empty() ? "" : ",'transportSocket':" + socket) +
                           (matches.empty() ? "" : ",'transportSocketMatches':[" + join(matches, ",") + "]");
  return read(evidence::parse_clusters, "[{'name':'outbound|80||web.shop.svc.cluster.local'" + more + "}]").front();
}

ServerMode server(Mode mode, bool known = true) {
  ServerMode result;
  result.known = known;
  result.mode = mode;
  return result;
}

}  // namespace

TEST_CASE("what the inbound chains of a port take") {
  struct Row {
    std::string about;
    std::vector<std::string> chains;
    bool mutual, plain;
  };
  const Row rows[] = {
      {"STRICT, HTTP", {chain("8080", "tls", "", true)}, true, false},
      {"STRICT, detected", {chain("8080", "tls", http_alpn, true), chain("8080", "tls", "", true)}, true, false},
      {"PERMISSIVE, HTTP", {chain("8080", "tls", http_alpn, true), chain("8080", "raw_buffer", "", false)}, true, true},
      {"PERMISSIVE, TCP",
       {chain("8080", "tls", istio_alpn, true), chain("8080", "tls", "", false),
        chain("8080", "raw_buffer", "", false)},
       true,
       true},
      {"PERMISSIVE, detected",
       {chain("8080", "tls", http_alpn, true), chain("8080", "raw_buffer", plain_alpn, false),
        chain("8080", "tls", istio_alpn, true), chain("8080", "raw_buffer", "", false),
        chain("8080", "tls", "", false)},
       true,
       true},
      {"DISABLE", {chain("8080", "raw_buffer", "", false)}, false, true},
      {"DISABLE, no transport", {chain("8080", "", "", false)}, false, true},
      {"another port", {chain("9090", "tls", "", true)}, true, true},  // then the chains for all ports
  };
  for (auto row : rows) {
    INFO(row.about);
    row.chains.push_back(catch_tls);
    row.chains.push_back(catch_raw);
    const auto accepts = accepts_of(row.chains);
    CHECK(accepts.known);
    CHECK(accepts.mutual_tls == row.mutual);
    CHECK(accepts.plaintext == row.plain);
    CHECK(accepts.inspects_tls);
  }
}

TEST_CASE("what the inbound listener as a whole takes") {
  CHECK_FALSE(accepts_of({catch_tls}).plaintext);
  CHECK(accepts_of({catch_tls}).mutual_tls);
  CHECK_FALSE(accepts_of({chain("", "", "", false, "BlackHoleCluster")}).plaintext);
  CHECK_FALSE(accepts_of({}).mutual_tls);
  CHECK_FALSE(accepts_of({}).plaintext);
  CHECK_FALSE(accepts_of({catch_raw}, 8080, false).inspects_tls);
  CHECK_FALSE(listener_accepts({}, 8080).known);
}

TEST_CASE("ports that annotations keep out of the sidecar") {
  const std::string include = "'traffic.sidecar.istio.io/includeInboundPorts':",
                    exclude = "'traffic.sidecar.istio.io/excludeInboundPorts':";
  struct Row {
    std::string annotations;
    bool captured;
  };
  const Row rows[] = {
      {"", true},
      {exclude + "'8080'", false},
      {exclude + "'9090, 8080'", false},
      {exclude + "'80'", true},
      {exclude + "''", true},
      {include + "'*'", true},
      {include + "'8080'", true},
      {include + "'9090,8080'", true},
      {include + "'9090'", false},
      {include + "''", false},
      {include + "'*'," + exclude + "'8080'", false},
      {include + "'8080'," + exclude + "'8080'", true},  // a list to include leaves no room for exclusions
  };
  for (const auto& row : rows) {
    INFO(row.annotations);
    PodText text{"shop/web-1", "app=web", "10.0.0.1"};
    text.annotations = row.annotations;
    CHECK(inbound_captured(a_pod(text), 8080) == row.captured);
  }
}

TEST_CASE("what a caller's cluster sends to an endpoint") {
  const auto labelled = a_pod({"shop/web-1", "app=web,security.istio.io/tlsMode=istio", "10.0.0.1"});
  const auto bare = a_pod({"shop/web-2", "app=web", "10.0.0.2", ""});
  const auto strict = server(Mode::strict), off = server(Mode::disable), unread = server(Mode::permissive, false);
  struct Row {
    std::string about;
    std::string socket;
    std::vector<std::string> matches;
    const evidence::Pod* pod;
    ServerMode server;
    Wire wire;
  };
  const Row rows[] = {
      {"auto, labelled", "", {istio, disabled}, &labelled, strict, Wire::mutual_tls},
      {"auto, permissive", "", {istio, disabled}, &labelled, server(Mode::permissive), Wire::mutual_tls},
      {"auto, no sidecar", "", {istio, disabled}, &bare, strict, Wire::plaintext},
      {"auto, server DISABLE", "", {istio, disabled}, &labelled, off, Wire::plaintext},
      {"auto, policies not read", "", {istio, disabled}, &labelled, unread, Wire::unknown},
      {"auto, policies do not matter", "", {istio, disabled}, &bare, unread, Wire::plaintext},
      {"auto, pod not read", "", {istio, disabled}, nullptr, strict, Wire::unknown},
      {"ISTIO_MUTUAL", mutual, {}, &labelled, strict, Wire::mutual_tls},
      {"ISTIO_MUTUAL to a pod without sidecar", mutual, {}, &bare, off, Wire::mutual_tls},
      {"ISTIO_MUTUAL, pod not read", mutual, {}, nullptr, unread, Wire::mutual_tls},
      {"SIMPLE", simple, {}, &labelled, strict, Wire::tls},
      {"MUTUAL", own, {}, &labelled, strict, Wire::tls},
      {"DISABLE", "", {}, &labelled, strict, Wire::plaintext},
      {"HBONE sender, auto", "", {hbone, istio, disabled}, &labelled, strict, Wire::mutual_tls},
      {"HBONE sender, auto, no sidecar", "", {hbone, istio, disabled}, &bare, strict, Wire::plaintext},
      {"HBONE sender, ISTIO_MUTUAL", "", {hbone, match("tlsMode-istio", "", mutual)}, &bare, strict, Wire::mutual_tls},
      {"HBONE sender, SIMPLE", "", {hbone, match("user", "", simple)}, &labelled, strict, Wire::tls},
      {"HBONE sender, DISABLE", "", {hbone, disabled}, &labelled, strict, Wire::plaintext},
      {"HBONE only", "", {hbone}, &labelled, strict, Wire::plaintext},
      {"a match on what is not known",
       "",
       {match("x", "{'other':'y'}", mutual), disabled},
       &labelled,
       strict,
       Wire::plaintext},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK(wire_name(sent_by(cluster_of(row.socket, row.matches), row.pod, row.server)) ==
          std::string(wire_name(row.wire)));
  }
}

TEST_CASE("the words for modes and wires") {
  CHECK(mode_name(Mode::permissive) == std::string("PERMISSIVE"));
  CHECK(wire_name(Wire::unknown) == std::string("unknown"));
  CHECK(wire_name(Wire::tls) == std::string("TLS without a workload certificate"));
}
