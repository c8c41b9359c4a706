// Access log formats of a mesh's own.
#include "evidence/proxy_log_format.hpp"

#include <ostream>

#include <doctest/doctest.h>

#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::evidence;

namespace {

const std::string all =
    "%START_TIME% %REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% \"%CONNECTION_TERMINATION_DETAILS%\" "
    "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_SENT% \"%REQ(USER-AGENT):20%\" %REQ(X-REQUEST-ID)% %REQ(:authority)% %UPSTREAM_HOST% %UPSTREAM_CLUSTER_RAW% "
    "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%;\n";

std::string without(const std::string& op) { return replace_all(all, op, "-"); }

}  // namespace

TEST_CASE("a text format is read by what stands between its operators") {
  const auto format = AccessFormat::compile(all, false);
  REQUIRE(format.ok());
  AccessLine line;
  REQUIRE(format->read("2026-11-22T17:07:11.948Z GET /a?b=c 503 UF,URX upstream_reset_before_response_started{x} \"-\" \"TLS error: Secret is not supplied\" 91 \"curl/7 (x)\" id-1 web.shop "
                       "10.244.0.5:80 outbound|80||web.shop.svc.cluster.local 10.96.0.1:80 10.244.0.9:4000 - default;", line));
  CHECK(line.start == "2026-11-22T17:07:11.948Z");
  CHECK(line.path == "/a?b=c");
  CHECK(line.code == 503);
  CHECK(line.flags == std::vector<std::string>{"UF", "URX"});
  CHECK(line.transport_failure == "TLS error: Secret is not supplied");
  CHECK(line.termination.empty());
  CHECK(line.bytes_sent == 91);
  CHECK(line.authority == "web.shop");
  CHECK(line.upstream_cluster == "outbound|80||web.shop.svc.cluster.local");
  CHECK(line.route_name == "default");
  AccessLine none;
  CHECK_FALSE(format->read("2026-11-22T17:07:11.948Z\tinfo\tReadiness succeeded", none));
  CHECK_FALSE(format->read("", none));
  CHECK_FALSE(format->read("2026 GET / abc - - \"-\" \"-\" 0 \"-\" - - - - - - - -;", none));
  CHECK_FALSE(format->read("2026 GET / 200 via_upstream - \"-\" \"-\" 0 \"-\" - - - - - - - -;", none));
}

TEST_CASE("a format that leaves out what tells the hop is not read at all") {
  struct Row {
    std::string format, error;
  };
  const Row rows[] = {
      {without("%RESPONSE_FLAGS%"), "%RESPONSE_FLAGS%"},
      {without("%UPSTREAM_HOST%"), "%UPSTREAM_HOST%"},
      {replace_all(all, "%START_TIME%", "%START_TIME(%s)%"), ""},
      {"%RESPONSE_CODE", "does not end"},
      {"%RESPONSE_CODE%%DURATION%", "nothing stands between"},
      {"no operator", "%RESPONSE_CODE%"},
      {"", "%START_TIME%"},
  };
  for (const auto& row : rows) {
    INFO(row.format);
    const auto format = AccessFormat::compile(row.format, false);
    REQUIRE_FALSE(format.ok());
    CHECK(contains(format.error(), row.error));
  }
  CHECK_FALSE(AccessFormat::compile("{\"code\":\"%RESPONSE_CODE%\"}", true).ok());
  CHECK_FALSE(AccessFormat::compile("%RESPONSE_CODE%", true).ok());
}
