// The layouts a dump may come in, and bytes that are none.
#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "evidence/envoy.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

const std::string small_dump = R"([
    {
        "transportSocketMatches": [{"name": "tlsMode-disabled", "match": {}, "transportSocket": {"name": "raw"}}],
        "name": "outbound|80||we\"]}b.shop",
        "type": "EDS", "circuitBreakers": {"thresholds": [{"maxConnections": 1}]},
        "metadata": {"filterMetadata": {"istio": {"services": [{"host": "h", "name": "n", "namespace": "s\\"}]}}}
    },
    {"name": "agent", "type": "STATIC", "unknown": [[], {}, [1.5e3, true, null]]}
]
)";

/// The text part by part, `most` bytes at once; after `good` of them comes an error.
Input in_parts(const std::string& text, std::size_t most, std::size_t good = std::string::npos) {
  auto at = std::make_shared<std::size_t>(0);
  return {[=, &text](char* into, std::size_t room) -> Expected<std::size_t> {
            if (*at >= good) return Error{"the disk is broken"};
            const auto size = std::min({room, most, text.size() - *at});
            text.copy(into, size, *at);
            *at += size;
            return size;
          },
          text.size()};
}

/// Elements as istioctl prints them, each with its number and some weight.
std::string big_dump(std::size_t elements, bool compact = false) {
  std::string text = "[";
  for (std::size_t i = 0; i < elements; ++i) {
    Json element = {{"name", "cluster-" + std::to_string(i)}, {"type", "EDS"}, {"altStatName", std::string(i * 37 % 3000, 'x')}, {"odd", "]}\"\\[{"}};
    auto printed = dump_json(element, compact ? -1 : 4);
    for (std::size_t line = printed.find('\n'); line != std::string::npos; line = printed.find('\n', line + 5)) printed.insert(line + 1, "    ");
    text += (i == 0 ? "" : ",") + std::string(compact ? "" : "\n    ") + printed;
  }
  return text + "\n]\n";
}

std::string names(const Expected<Clusters>& clusters) {
  if (!clusters) return "error: " + clusters.error();
  std::string text;
  for (const auto& cluster : *clusters) text += cluster.name + "\n";
  return text;
}

std::string error_of(std::string_view text) {
  const auto clusters = parse_clusters(text);
  return clusters ? "none" : clusters.error();
}

}  // namespace

TEST_CASE("a plain list is read element by element") {
  const auto clusters = parse_clusters(small_dump);
  REQUIRE(clusters);
  REQUIRE(clusters->size() == 2);
  CHECK((*clusters)[0].name == "outbound|80||we\"]}b.shop");
  CHECK((*clusters)[0].services[0].ns == "s\\");
  CHECK((*clusters)[1].type == "STATIC");
}

TEST_CASE("elements laid out as no pretty printer does are read by their brackets") {
  // A line that closes an inner object stands where the element's own end would be looked for.
  const auto clusters = parse_clusters("[\n{\n \"name\": \"a\", \"metadata\": {\n \"x\": 1\n}\n, \"type\": \"EDS\"\n},\n{\n  \"name\": \"b\"\n}\n]\n");
  REQUIRE(clusters);
  REQUIRE(clusters->size() == 2);
  CHECK((*clusters)[0].type == "EDS");
  CHECK((*clusters)[1].name == "b");
  CHECK(error_of("[\n  {\n    \"name\": \"a\"\n    }\n]\n") == "none");
  CHECK(error_of("[\n  {\n    \"name\": \"a\"\n  }\n  }\n]\n") == "clusters dump, after element 1 at byte 28: a comma or ] is expected");
}

TEST_CASE("a dump cut anywhere is an error and never a shorter list") {
  const auto whole = trim(small_dump).size();
  for (std::size_t size = 0; size < whole; ++size) {
    const auto clusters = parse_clusters(std::string_view(small_dump).substr(0, size));
    CHECK_MESSAGE(!clusters.ok(), size);
    CHECK(contains(clusters.error(), size == 0 ? "empty" : "byte "));
  }
  for (std::size_t size = whole; size <= small_dump.size(); ++size) {
    CHECK(parse_clusters(std::string_view(small_dump).substr(0, size)).ok());
  }
}

TEST_CASE("a raw dump cut anywhere is an error") {
  const std::string raw = R"({"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump","bootstrap":{}},
    {"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"cluster":{"name":"a"}}]}]})";
  for (std::size_t size = 0; size < raw.size(); ++size) {
    CHECK_MESSAGE(!parse_clusters(std::string_view(raw).substr(0, size)).ok(), size);
  }
  CHECK(parse_clusters(raw).ok());
}

TEST_CASE("any byte changed or dropped gives records or an error") {
  for (std::size_t at = 0; at < small_dump.size(); ++at) {
    for (const char c : {'\0', '"', '{', ']', '\\', '\xFF', '9'}) {
      auto text = small_dump;
      text[at] = c;
      (void)parse_clusters(text).ok();
    }
    auto text = small_dump;
    text.erase(at, 1);
    (void)parse_clusters(text).ok();
    (void)parse_secrets(text).ok();
  }
}

TEST_CASE("errors say which element and where") {
  CHECK(error_of("") == "clusters dump: the text is empty");
  CHECK(error_of(" \n") == "clusters dump: the text is empty");
  CHECK(error_of("Error: no pods\n") == "clusters dump, byte 15: there is no JSON list or object in it");
  CHECK(error_of(R"([{"name":"a"}, {"name":)") == "clusters dump, element 2 at byte 15: the JSON breaks off");
  CHECK(error_of(R"([{"name":"a"})") == "clusters dump, after element 1 at byte 13: the JSON breaks off");
  CHECK(error_of(R"([{"name":"a"} {"name":"b"}])") == "clusters dump, after element 1 at byte 14: a comma or ] is expected");
  CHECK(error_of(R"([{"name":"a"}, 7])") == "clusters dump, element 2 at byte 15: it is no object");
  CHECK(error_of(R"([{"type":"EDS"}])") == "clusters dump, element 1 at byte 1: it has no \"name\"");
  CHECK(error_of(R"([{"name":5}])") == "clusters dump, element 1 at byte 1: \"name\" is no text");
  CHECK(error_of("[] []") == "clusters dump, byte 3: there is text after the end of the JSON");
  CHECK(contains(error_of(R"([{"name" "a"}])"), "clusters dump, element 1 at byte 1: it is no JSON: "));
}

TEST_CASE("values of another type than Envoy prints are errors") {
  for (const char* part : {R"("transportSocketMatches":{})", R"("circuitBreakers":[])", R"("metadata":"x")",
                           R"("circuitBreakers":{"thresholds":[{"maxConnections":"many"}]})",
                           R"("circuitBreakers":{"thresholds":[{"maxConnections":4294967296}]})",
                           R"("outlierDetection":{"interval":{"seconds":1}})",
                           R"("circuitBreakers":{"thresholds":[{"maxConnections":-1}]})",
                           R"("x":1e999)", R"("x":123456789012345678901234567890)"}) {
    CHECK_MESSAGE(!parse_clusters(std::string(R"([{"name":"a",)") + part + "}]").ok(), part);
  }
}

TEST_CASE("nesting bombs are errors") {
  CHECK_FALSE(parse_clusters(std::string(100000, '[')).ok());
  CHECK_FALSE(parse_clusters(std::string(100000, '[') + std::string(100000, ']')).ok());
  std::string objects = "[{\"name\":\"a\",\"x\":";
  for (int i = 0; i < 50000; ++i) objects += "{\"x\":";
  CHECK_FALSE(parse_clusters(objects + "1" + std::string(50001, '}') + "]").ok());
  CHECK_FALSE(parse_clusters("[{]}").ok());
}

TEST_CASE("an empty list is no error, an object of another kind is") {
  CHECK(parse_clusters("[]")->empty());
  CHECK(parse_routes(" [ ]\n")->empty());
  CHECK(parse_endpoints("[]\n")->empty());
  CHECK(parse_listeners("[\n]")->empty());
  CHECK(parse_secrets("{}")->empty());
  CHECK_FALSE(parse_clusters("{}").ok());
  CHECK_FALSE(parse_secrets(R"({"kind":"Status"})").ok());
  CHECK(error_of(R"({"kind":"Status","code":403})") ==
        "clusters dump, byte 0: the object has no dynamicActiveClusters list, only kind, code");
  CHECK_FALSE(parse_clusters(R"({"configs":[]})").ok());
  CHECK(parse_clusters(R"({"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump"})")->empty());
}

TEST_CASE("warnings before the JSON are skipped") {
  const auto clusters = parse_clusters("Warning: [x] old\n2026-11-22T17:00:00Z\twarn\t{\n" + small_dump);
  REQUIRE(clusters);
  CHECK(clusters->size() == 2);
  CHECK(parse_clusters("\xEF\xBB\xBF" + small_dump).ok());
  CHECK(contains(error_of("warn\n[{\"name\":\"a\"},{}]"), "element 2 at byte 19"));
}

TEST_CASE("raw config dumps are read in snake_case") {
  const auto clusters = parse_clusters(R"({
 "configs": [
  {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump", "bootstrap": {"node": {"id": "x"}}},
  {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
   "version_info": "2026",
   "static_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "agent"}}],
   "dynamic_active_clusters": [{"version_info": "1", "cluster": {"name": "outbound|80||web", "type": "EDS",
     "lb_policy": "LEAST_REQUEST", "connect_timeout": "10s",
     "outlier_detection": {"consecutive_5xx": 3, "consecutive_gateway_failure": 2, "base_ejection_time": "30s"},
     "circuit_breakers": {"thresholds": [{"max_connections": 1, "max_pending_requests": 4294967295}]},
     "metadata": {"filter_metadata": {"istio": {"config": "/apis/networking.istio.io/v1alpha3/namespaces/s/destination-rule/d"}}}}}]
  }]})");
  REQUIRE_MESSAGE(clusters, (clusters ? "" : clusters.error()));
  REQUIRE(clusters->size() == 2);
  const auto& web = (*clusters)[1];
  CHECK((*clusters)[0].name == "agent");
  CHECK(web.lb_policy == "LEAST_REQUEST");
  CHECK(web.connect_timeout == "10s");
  CHECK(web.outlier->consecutive_5xx == 3);
  CHECK(web.outlier->consecutive_gateway_failure == 2);
  CHECK(web.outlier->base_ejection_time == "30s");
  CHECK(web.breakers.max_connections == 1);
  CHECK_FALSE(web.breakers.max_pending_requests);
  CHECK(web.config.kind == "destination-rule");
  CHECK_FALSE(parse_clusters(R"({"dynamic_active_clusters":[{"version_info":"1"}]})").ok());
}

TEST_CASE("every section of a raw dump finds its own lists") {
  const std::string raw = R"({"configs": [
    {"@type": "x.ListenersConfigDump", "static_listeners": [{"listener": {"name": "s"}}],
     "dynamic_listeners": [{"name": "d", "active_state": {"listener": {"name": "d"}}},
                           {"name": "bad", "error_state": {"details": "no"}}]},
    {"@type": "x.RoutesConfigDump", "static_route_configs": [{"route_config": {"virtual_hosts": [{"name": "v"}]}}],
     "dynamic_route_configs": [{"route_config": {"name": "80"}}]},
    {"@type": "x.SecretsConfigDump", "dynamic_active_secrets": [{"name": "default"}],
     "dynamic_warming_secrets": [{"name": "kubernetes://web-cert"}]}]})";
  REQUIRE(parse_listeners(raw).ok());
  CHECK(parse_listeners(raw)->size() == 2);
  REQUIRE(parse_routes(raw).ok());
  CHECK((*parse_routes(raw))[0].virtual_hosts[0].name == "v");
  CHECK((*parse_routes(raw))[1].name == "80");
  REQUIRE(parse_secrets(raw).ok());
  CHECK((*parse_secrets(raw))[0].active);
  CHECK_FALSE((*parse_secrets(raw))[1].active);
  CHECK_FALSE(parse_clusters(raw).ok());
  CHECK_FALSE(parse_endpoints(raw).ok());
}

TEST_CASE("a dump that comes part by part is read as if it were there at once") {
  for (const bool compact : {false, true}) {
    for (const std::size_t elements : {0, 1, 40, 4000}) {
      const auto text = big_dump(elements, compact);
      for (const std::size_t most : {std::size_t{97}, std::size_t{4096}, std::size_t{1} << 20U}) {
        if (text.size() / most > 20000) continue;
        CAPTURE(text.size());
        CAPTURE(most);
        CHECK(names(parse_clusters(in_parts(text, most))) == names(parse_clusters(text)));
      }
    }
  }
  const auto raw = R"(warning: old
{"configs":[{"@type":"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump","bootstrap":{"x":")" + std::string(20000, 'y') +
                   R"("}},{"@type":"type.googleapis.com/envoy.admin.v3.ClustersConfigDump","dynamic_active_clusters":[{"cluster":{"name":"a"}},{"cluster":{"name":")" +
                   std::string(9000, 'z') + R"("}}]}]})";
  CHECK(names(parse_clusters(in_parts(raw, 97))) == names(parse_clusters(raw)));
}

TEST_CASE("a dump that comes part by part and is cut or broken anywhere is an error, with the same place") {
  const auto text = big_dump(30);
  for (std::size_t size = 0; size < text.size() - 2; size += 101) {
    const auto cut = text.substr(0, size);
    CHECK(names(parse_clusters(in_parts(cut, 501))) == names(parse_clusters(cut)));
  }
  for (const auto& broken : {text + "x", text + std::string(9000, ' ') + "[]", "  " + text.substr(1), std::string()}) {
    CHECK(names(parse_clusters(in_parts(broken, 501))) == names(parse_clusters(broken)));
  }
}

TEST_CASE("a dump whose rest cannot be read is an error, though what came was whole elements") {
  const auto text = big_dump(30);
  for (const std::size_t good : {std::size_t{0}, std::size_t{600}, text.size() - 3, text.size()}) {
    CHECK(names(parse_clusters(in_parts(text, 501, good))) == "error: the disk is broken");
  }
}
