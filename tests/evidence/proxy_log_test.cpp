// Access log lines: text of both layouts and JSON.
#include <ostream>

#include <doctest/doctest.h>

#include "evidence/proxy_log.hpp"
#include "run/sink.hpp"

using namespace meshdx::evidence;

namespace {

AccessLine one(const std::string& line) {
  const auto log = parse_proxy_log(line + "\n");
  REQUIRE_MESSAGE(log.access.size() == 1, line);
  return log.access.front();
}

using Flags = std::vector<std::string>;

const std::string recorded =
    R"([2026-11-22T17:07:11.948Z] "GET /a?b=c HTTP/1.1" 503 URX,UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end} - "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end" 1 121 59 - "10.244.0.56" "curl/7.88.1" "b1bee189-c026-4155-b8a0-9c1a9067042c" "web.shop" "10.244.0.161:8080" outbound|80||web.shop.svc.cluster.local 10.244.0.55:56516 10.96.22.236:80 10.244.0.56:58224 outbound_.80_._.web.shop.svc.cluster.local default)";

}  // namespace

TEST_CASE("a recorded text line is read whole") {
  const auto line = one(recorded);
  CHECK(line.start == "2026-11-22T17:07:11.948Z");
  CHECK(line.method == "GET");
  CHECK(line.path == "/a?b=c");
  CHECK(line.protocol == "HTTP/1.1");
  CHECK(line.code == 503);
  CHECK(line.flags == Flags{"UF", "URX"});
  CHECK(line.has_flag("UF"));
  CHECK_FALSE(line.has_flag("U"));
  CHECK(line.details.substr(0, 39) == "upstream_reset_before_response_started{");
  CHECK(line.termination.empty());
  CHECK(line.transport_failure == "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end");
  CHECK(line.bytes_received == 1);
  CHECK(line.bytes_sent == 121);
  CHECK(line.duration_ms == 59);
  CHECK(line.upstream_service_time.empty());
  CHECK(line.forwarded_for == "10.244.0.56");
  CHECK(line.user_agent == "curl/7.88.1");
  CHECK(line.request_id == "b1bee189-c026-4155-b8a0-9c1a9067042c");
  CHECK(line.authority == "web.shop");
  CHECK(line.upstream_host == "10.244.0.161:8080");
  CHECK(line.upstream_cluster == "outbound|80||web.shop.svc.cluster.local");
  CHECK(line.upstream_local == "10.244.0.55:56516");
  CHECK(line.downstream_local == "10.96.22.236:80");
  CHECK(line.downstream_remote == "10.244.0.56:58224");
  CHECK(line.sni == "outbound_.80_._.web.shop.svc.cluster.local");
  CHECK(line.route_name == "default");
  CHECK_FALSE(line.inbound());
}

TEST_CASE("of a long log the last lines are read") {
  std::string text;
  std::size_t lines = 0;
  for (; text.size() <= meshdx::run::g_log_window; ++lines) text += recorded + "\n";
  const auto all = text.size();
  const auto log = parse_proxy_log(text);
  CHECK(log.lines == log.access.size());
  CHECK(log.lines == lines - 1);   // the first would not fit
  CHECK(log.access.front().start == "2026-11-22T17:07:11.948Z");
  text.resize(all - recorded.size() - 1);
  const auto whole = parse_proxy_log(text);
  CHECK(whole.lines == lines - 1);
}

TEST_CASE("lines without request, upstream or route") {
  const auto tcp = one(R"([2026-11-22T17:07:11.948Z] "- - -" 0 NR filter_chain_not_found - "-" 0 0 0 - "-" "-" "-" "-" "-" - - 10.244.0.5:9000 10.244.0.6:44444 - -)");
  CHECK(tcp.method.empty());
  CHECK(tcp.path.empty());
  CHECK(tcp.code == 0);
  CHECK(tcp.flags == Flags{"NR"});
  CHECK(tcp.details == "filter_chain_not_found");
  CHECK(tcp.upstream_cluster.empty());
  CHECK(tcp.downstream_local == "10.244.0.5:9000");
  const auto broken = one(R"([2026-11-22T17:07:11.948Z] "- - HTTP/1.1" 400 DPE http1.codec_error - "-" 0 11 0 - "-" "-" "-" "-" "-" - - 10.0.0.1:80 10.0.0.2:1 - -)");
  CHECK(broken.method.empty());
  CHECK(broken.protocol == "HTTP/1.1");
  CHECK(broken.flags == Flags{"DPE"});
  const auto inbound = one(R"([2026-11-22T17:07:11.948Z] "GET / HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "curl" "id" "web" "-" inbound|8080|| - 10.0.0.1:8080 10.0.0.2:1 outbound_.80_._.web.shop.svc.cluster.local default)");
  CHECK(inbound.flags.empty());
  CHECK(inbound.inbound());
  CHECK(one(R"([t] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "-" "-" "-" "10.0.0.1:80" InboundPassthroughCluster - - - - -)").inbound());
}

TEST_CASE("the layouts of before 1.9 have no details columns") {
  const std::string tail = R"("-" 0 19 3 - "-" "curl" "id" "web" "-" outbound|80||web - 10.0.0.1:80 10.0.0.2:1 -)";
  const auto mixer = one(R"([2020-06-29T23:37:27.335Z] "GET / HTTP/1.1" 503 UF,URX "-" )" + tail + " default");
  CHECK(mixer.flags == Flags{"UF", "URX"});
  CHECK(mixer.details.empty());
  CHECK(mixer.bytes_sent == 19);
  CHECK(mixer.authority == "web");
  CHECK(mixer.route_name == "default");
  CHECK(one(R"([2020-06-29T23:37:27.335Z] "GET / HTTP/1.1" 503 UF )" + tail + " -").details.empty());
  const auto no_route = one(R"([2020-06-29T23:37:27.335Z] "GET / HTTP/1.1" 503 UF "-" )" + tail);
  CHECK(no_route.route_name.empty());
  CHECK(no_route.downstream_remote == "10.0.0.2:1");
  const auto reason = one(R"([2020-06-29T23:37:27.335Z] "GET / HTTP/1.1" 503 UF "-" "TLS error: 268435703:SSL routines" 0 19 3 - "-" "curl" "id" "web" "-" outbound|80||web - 10.0.0.1:80 10.0.0.2:1 - -)");
  CHECK(reason.transport_failure == "TLS error: 268435703:SSL routines");
}

TEST_CASE("blanks in unquoted details do not shift the columns") {
  const auto with = [](const std::string& details) {
    return one("[t] \"GET / HTTP/1.1\" 403 UAEX " + details +
               R"( "delayed connect error: 111" 0 19 3 - "-" "curl" "id" "web" "-" outbound|80||web - 10.0.0.1:80 10.0.0.2:1 - -)");
  };
  CHECK(with("ext authz denied -").details == "ext authz denied");
  CHECK(with("ext authz denied -").termination.empty());
  CHECK(with("- closed by the peer").details.empty());
  CHECK(with("- closed by the peer").termination == "closed by the peer");
  CHECK(with("a b").termination == "b");
  CHECK(with("lua \"error\" 1 2 -").transport_failure == "delayed connect error: 111");
  CHECK(with("x -").bytes_sent == 19);
}

TEST_CASE("a client cannot forge columns with quotes") {
  const auto with = [](const std::string& agent) {
    return one("[t] \"GET / HTTP/1.1\" 503 UH no_healthy_upstream - \"-\" 0 19 3 - \"1.2.3.4\" \"" + agent +
               R"(" "id" "web" "-" outbound|80||web - 10.0.0.1:80 10.0.0.2:1 - default)");
  };
  for (const char* agent : {"Mozilla \"x\" y", "a\" \"b", "a\" \"id\" \"evil\" \"9.9.9.9:1\" cluster - - - -", "\"", "\" \"", "a\""}) {
    const auto line = with(agent);
    CAPTURE(agent);
    CHECK(line.authority == "web");
    CHECK(line.upstream_cluster == "outbound|80||web");
    CHECK(line.request_id == "id");
    CHECK(line.user_agent == std::string(agent));
    CHECK(line.forwarded_for == "1.2.3.4");
  }
  CHECK(one(R"([t] "GET /a"b?"c HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "-" "-" "-" "web" "-" - - 10.0.0.1:80 10.0.0.2:1 - -)").path ==
        "/a\"b?\"c");
}

TEST_CASE("custom fields behind the format are tolerated") {
  const auto line = one(recorded + R"( "trace-1" 17 extra)");
  CHECK(line.route_name == "default");
  CHECK(line.authority == "web.shop");
  CHECK(line.upstream_host == "10.244.0.161:8080");
}

TEST_CASE("a trailing semicolon of the cluster is stripped") {
  CHECK(one(R"([t] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 0 0 0 "-" "-" "-" "-" "10.0.0.1:80" outbound|80||web; - - - - -)").upstream_cluster ==
        "outbound|80||web");
}

TEST_CASE("access lines of another format are counted, not guessed") {
  const auto log = parse_proxy_log("[2026-11-22T17:07:11.948Z] \"GET / HTTP/1.1\" 200 custom\nnoise\n[2026] x\n");
  CHECK(log.access.empty());
  CHECK(log.unread == 1);
  CHECK(log.lines == 3);
}

TEST_CASE("JSON lines with typed values and null") {
  const auto line = one(
      R"({"start_time":"2026-11-22T17:07:11.948Z","route_name":null,"method":"GET","path":"/","protocol":"HTTP/2","response_code":503,)"
      R"("response_flags":"URX,UF","response_code_details":"upstream_reset_before_response_started{remote_connection_failure}",)"
      R"("connection_termination_details":null,"bytes_received":1,"bytes_sent":121,"duration":59,"upstream_service_time":"7",)"
      R"("x_forwarded_for":null,"user_agent":"curl \"x\"","request_id":"id","authority":"web.shop","upstream_host":"10.0.0.1:80",)"
      R"("upstream_cluster":"outbound|80||web;","upstream_local_address":null,"downstream_local_address":"10.96.0.1:80",)"
      R"("downstream_remote_address":"10.0.0.2:1","requested_server_name":"sni","upstream_transport_failure_reason":"TLS_error:|1",)"
      R"("my_own":{"x":[1]}})");
  CHECK(line.start == "2026-11-22T17:07:11.948Z");
  CHECK(line.protocol == "HTTP/2");
  CHECK(line.code == 503);
  CHECK(line.flags == Flags{"UF", "URX"});
  CHECK(line.bytes_received == 1);
  CHECK(line.bytes_sent == 121);
  CHECK(line.duration_ms == 59);
  CHECK(line.upstream_service_time == "7");
  CHECK(line.user_agent == "curl \"x\"");
  CHECK(line.upstream_cluster == "outbound|80||web");
  CHECK(line.transport_failure == "TLS_error:|1");
  CHECK(line.sni == "sni");
  CHECK(line.route_name.empty());
  CHECK(line.forwarded_for.empty());
  CHECK(line.downstream_remote == "10.0.0.2:1");
}

TEST_CASE("JSON lines with text for numbers") {
  const auto line = one(R"({"response_code":"0","response_flags":"-","bytes_sent":"99999999999999999999","duration":"-","method":"-"})");
  CHECK(line.code == 0);
  CHECK(line.flags.empty());
  CHECK(line.duration_ms == 0);
  CHECK(line.method.empty());
}

TEST_CASE("any bytes are taken") {
  for (std::size_t size = 0; size <= recorded.size(); ++size) (void)parse_proxy_log(recorded.substr(0, size));
  for (std::size_t at = 0; at < recorded.size(); ++at) {
    for (const char c : {'\0', '"', ' ', '\n', '\t', '\xFF', '['}) {
      auto text = recorded;
      text[at] = c;
      (void)parse_proxy_log(text);
    }
    auto text = recorded;
    text.erase(at, 1);
    (void)parse_proxy_log(text);
  }
  CHECK(parse_proxy_log("").lines == 0);
  CHECK(parse_proxy_log("\n\n").lines == 2);
  CHECK(parse_proxy_log(std::string(10000, '{')).access.empty());
  CHECK(parse_proxy_log(std::string(10000, '"')).access.empty());
  CHECK(parse_proxy_log(std::string(3, '\0')).lines == 1);
  CHECK(one(recorded + "\r").route_name == "default");
}
