// The requests of a complaint in the access logs of both sides, and which hop made the answer.
#include "mesh/traffic.hpp"

#include "mesh/path.hpp"
#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;
using namespace meshdx::testing;
using Result = Sighting::Result;

namespace {

/// An access line in the default format; what is left out is "-".
struct LineText {
  std::string code = "200", flags = "-", details = "via_upstream", path = "/", id = "a", authority = "web.shop";
  std::string cluster = "outbound|80||web.shop.svc.cluster.local", upstream = "10.0.0.1:8080";
  std::string upstream_local = "10.0.0.3:5000", local = "10.96.0.1:80", remote = "10.0.0.3:4000", termination = "-";
  std::string service_time = "1", protocol = "HTTP/1.1", method = "GET", start = "2026-11-22T10:00:00.000Z";
};

std::string line(const LineText& l) {
  return "[" + l.start + "] \"" + l.method + " " + l.path + " " + l.protocol + "\" " + l.code + " " + l.flags + " " +
         l.details + " " + l.termination + " \"-\" 0 1 2 " + l.service_time + " \"-\" \"curl\" \"" + l.id + "\" \"" +
         l.authority + "\" \"" + l.upstream + "\" " + l.cluster + " " + l.upstream_local + " " + l.local + " " +
         l.remote + " - default";
}

LineText client() { return {}; }
LineText server() {
  LineText l;
  l.cluster = "inbound|8080||";
  l.upstream_local = "127.0.0.6:1";
  l.local = "10.0.0.1:8080";
  l.remote = "10.0.0.3:5000";
  return l;
}
LineText tcp(LineText l) {
  l.method = l.path = l.protocol = l.id = l.authority = l.details = l.service_time = "-";
  l.code = "0";
  return l;
}
LineText with(LineText l, const std::string& code, const std::string& flags = "-",
              const std::string& details = "via_upstream") {
  l.code = code;
  l.flags = flags;
  l.details = details;
  if (details != "via_upstream") l.service_time = "-";
  return l;
}
LineText named(LineText l, const std::string& id) { return l.id = id, l; }
LineText at_path(LineText l, const std::string& path) { return l.path = path, l; }

World logs(const std::vector<LineText>& callers, const std::vector<LineText>& servers,
           const std::string& caller_proxy = "sidecar", const std::string& server_proxy = "sidecar") {
  World world;
  world.in("shop",
           {pod_json({"shop/web-1", "app=web", "10.0.0.1", server_proxy}),
            pod_json({"shop/client", "app=client", "10.0.0.3", caller_proxy})},
           {service_json("shop/web", "10.96.0.1", "app=web",
                         "{'name':'http','port':80,'targetPort':8080},{'name':'admin','port':90}")});
  const auto texts = [](const std::vector<LineText>& lines) {
    std::vector<std::string> result;
    for (const auto& l : lines) result.push_back(line(l));
    return result;
  };
  world.log("client", "shop", texts(callers)).log("web-1", "shop", texts(servers));
  return world;
}

Complaint web() { return asking_from("web.shop", "client"); }

struct Observed {
  World world;
  View view{world.evidence};
  Complaint complaint;
  Path path;
  Traffic traffic;
  Observed(World given, Complaint asked) : world(std::move(given)), complaint(std::move(asked)) {
    path = follow(view, complaint);
    traffic = observe(view, complaint, path.caller, path.to, path.servers);
  }
  /// "failed/caller other/application": result and maker of each request; + when the server's line was joined.
  [[nodiscard]] std::string told() const {
    std::vector<std::string> parts;
    for (const auto& seen : traffic.requests) {
      const char* results[] = {"ok", "failed", "other"};
      const char* makers[] = {"?", "caller", "server", "app"};
      parts.push_back(std::string(results[static_cast<int>(seen.result)]) + "/" + makers[static_cast<int>(seen.maker)] +
                      (seen.caller != nullptr && seen.server != nullptr ? "+" : ""));
    }
    return join(parts, " ");
  }
};

std::string told(const World& world, const Complaint& complaint = web()) { return Observed(world, complaint).told(); }

}  // namespace

TEST_CASE("two hops: who made the answer") {
  struct Row {
    std::string about;
    std::vector<LineText> callers, servers;
    std::string expected;
  };
  const Row rows[] = {
      {"the application answers 200", {client()}, {server()}, "ok/app+"},
      {"the application says 503", {with(client(), "503")}, {with(server(), "503")}, "failed/app+"},
      {"the server's proxy says 503",
       {with(client(), "503")},
       {with(server(), "503", "UF", "upstream_reset_before_response_started{x}")},
       "failed/server+"},
      {"the caller's proxy says 503", {with(client(), "503", "UH", "no_healthy_upstream")}, {}, "failed/caller"},
      {"reset by the server's proxy",
       {with(client(), "503", "UC", "upstream_reset_before_response_started{connection_termination}")},
       {tcp(with(named(server(), "-"), "0", "NR", "filter_chain_not_found"))},
       "failed/caller+"},
      {"one hop further, and its log does not show it", {with(client(), "503")}, {}, "failed/?"},
      {"another request's line", {with(client(), "503")}, {named(server(), "b")}, "failed/?"},
      {"404 of the application is another question", {with(client(), "404")}, {with(server(), "404")}, "other/app+"},
      {"a 200 that was cut off", {with(client(), "200", "UC", "upstream_reset_after_response_started{connection_termination}")}, {}, "failed/caller"},
      {"a gRPC failure is a 200", {with(client(), "200", "UF,URX", "upstream_reset_before_response_started{x}")}, {}, "failed/caller"},
      {"a delay is no failure", {with(client(), "200", "DI")}, {server()}, "ok/app+"},
      {"403 of a proxy",
       {with(client(), "403")},
       {with(server(), "403", "-", "rbac_access_denied_matched_policy[none]")},
       "other/server+"},
      {"403 of the caller's proxy", {with(client(), "403", "-", "rbac_access_denied")}, {}, "failed/caller"},
      {"any 5xx", {with(client(), "504", "UT", "response_timeout")}, {}, "failed/caller"},
      {"the caller hung up", {with(client(), "0", "DC", "downstream_remote_disconnect")}, {}, "other/caller"},
      {"several",
       {client(), with(named(client(), "b"), "503", "UH", "no_healthy_upstream")},
       {server()},
       "ok/app+ failed/caller"},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK(told(logs(row.callers, row.servers)) == row.expected);
  }
}

TEST_CASE("retries are lines of their own at the server, and the last is what the caller got") {
  const auto first = with(server(), "503", "UF", "upstream_reset_before_response_started{x}");
  CHECK(told(logs({client()}, {first, server()})) == "ok/app+");
  const Observed seen(logs({with(client(), "503")}, {server(), first}), web());
  CHECK(seen.told() == "failed/server+");
  CHECK(seen.traffic.requests.front().made() == seen.traffic.requests.front().server);
  CHECK(seen.traffic.requests.front().server_pod->meta.name == "web-1");
  CHECK(seen.traffic.failed == 1);
}

TEST_CASE("what counts as failed depends on the code asked about") {
  const auto result = [](int code, const LineText& l) {
    auto complaint = web();
    complaint.code = code;
    const Observed seen(logs({l}, {}), complaint);
    return seen.traffic.requests.empty() ? Result::other : seen.traffic.requests.front().result;
  };
  CHECK(result(404, with(client(), "404")) == Result::failed);
  CHECK(result(503, with(client(), "404")) == Result::other);
  CHECK(result(403, with(client(), "403")) == Result::failed);
  CHECK(result(200, client()) == Result::ok);
  CHECK(result(0, tcp(client())) == Result::ok);
  CHECK(result(503, tcp(client())) == Result::ok);
  CHECK(result(0, tcp(with(client(), "0", "UF", "-"))) == Result::failed);
  CHECK(result(0, client()) == Result::ok);
  CHECK(result(0, with(client(), "0", "DC", "downstream_remote_disconnect")) == Result::other);
  CHECK(result(503, with(client(), "301")) == Result::ok);
}

TEST_CASE("TCP lines are joined by the address the server saw") {
  auto failing = tcp(server());
  failing.flags = "UF,URX";
  failing.code = "0";
  auto caller = tcp(client());
  caller.flags = "UF";
  const Observed seen(logs({caller}, {failing}), web());
  REQUIRE(seen.traffic.requests.size() == 1);
  CHECK(seen.traffic.requests.front().result == Result::failed);
  CHECK(seen.traffic.requests.front().server != nullptr);
  auto elsewhere = failing;
  elsewhere.remote = "10.0.0.3:5001";
  CHECK(Observed(logs({caller}, {elsewhere}), web()).traffic.requests.front().server == nullptr);
}

TEST_CASE("which lines of the caller's log concern the complaint") {
  struct Row {
    std::string about;
    LineText line;
    bool concerns;
  };
  auto by_ip = client(), other_port = client(), other_host = client(), refused = client(), shifted = client(),
       inbound = server(), routed = client();
  by_ip.authority = "10.96.0.1";
  other_port.cluster = "outbound|90||web.shop.svc.cluster.local";
  other_host.authority = "api.shop";
  other_host.cluster = "outbound|80||api.shop.svc.cluster.local";
  other_host.local = "10.96.0.2:80";
  refused.cluster = "-";  // NC and NR lines name no cluster
  refused.authority = "web.shop.svc.cluster.local:80";
  shifted.cluster = "-";
  shifted.local = "10.96.0.1:90";
  routed.cluster = "outbound|80||api.shop.svc.cluster.local";
  auto unparsed = refused;
  unparsed.authority = unparsed.method = unparsed.path = "-";
  const Row rows[] = {
      {"by its cluster", client(), true},
      {"by the Service's address", by_ip, true},
      {"another port's cluster", other_port, false},
      {"another host", other_host, false},
      {"by its authority", refused, true},
      {"another port of the address", shifted, false},
      {"the caller's own inbound", inbound, false},
      {"routed elsewhere", routed, true},
      {"refused unread", unparsed, true},
  };
  for (const auto& row : rows) {
    INFO(row.about);
    CHECK((Observed(logs({row.line}, {}), web()).traffic.requests.size() == 1) == row.concerns);
  }
}

TEST_CASE("path, query and time narrow the question") {
  const auto count = [](const std::string& path, const std::string& query, bool given, const std::string& since = "") {
    auto complaint = web();
    complaint.path = path;
    complaint.query = query;
    complaint.path_given = given;
    complaint.since = since;
    const auto l = client();
    auto late = named(at_path(l, "/a"), "5");
    late.start = "2026-11-22T11:00:00.000Z";
    return Observed(logs({l, named(at_path(l, "/a"), "2"), named(at_path(l, "/a?x=1"), "3"),
                          named(at_path(l, "/a?x=2"), "4"), late},
                         {}),
                    complaint)
        .traffic.requests.size();
  };
  CHECK(count("/", "", false) == 5);
  CHECK(count("/", "", true) == 1);
  CHECK(count("/a", "", true) == 4);
  CHECK(count("/a", "x=1", true) == 1);
  CHECK(count("/a", "x=9", true) == 4);  // no line has that query: it does not decide
  CHECK(count("/b", "", true) == 0);
  CHECK(count("/", "", false, "2026-11-22T10:30:00Z") == 1);
}

TEST_CASE("a query leaves the counts of what is kept") {
  auto complaint = web();
  complaint.path = "/a";
  complaint.query = "x=1";
  complaint.path_given = true;
  const Observed seen(
      logs({at_path(client(), "/a?x=1"), with(named(at_path(client(), "/a"), "b"), "503", "UH", "no_healthy_upstream")},
           {}),
      complaint);
  CHECK(seen.traffic.ok == 1);
  CHECK(seen.traffic.failed == 0);
}

TEST_CASE("a caller without a sidecar is seen by the server's proxy alone") {
  auto from_client = server();
  from_client.remote = "10.0.0.3:4444";
  auto from_other = server();
  from_other.remote = "10.0.0.9:4444";
  auto closed = tcp(with(from_client, "0", "NR", "filter_chain_not_found"));
  closed.details = "filter_chain_not_found";
  closed.cluster = "-";
  auto complaint = web();
  complaint.code = 0;
  const Observed seen(logs({}, {from_client, from_other, closed}, ""), complaint);
  CHECK(seen.told() == "ok/app failed/server");
  CHECK(seen.traffic.server_read);
  CHECK_FALSE(seen.traffic.caller_read);
  CHECK(seen.traffic.requests.front().caller_pod->meta.name == "client");
}

TEST_CASE("a server without a sidecar is the application itself") {
  CHECK(told(logs({with(client(), "503")}, {}, "sidecar", "")) == "failed/app");
  auto gone = with(client(), "503");
  gone.upstream = "10.0.0.99:8080";
  CHECK(told(logs({gone}, {}, "sidecar", "")) == "failed/?");
}

TEST_CASE("a gateway's lines go by the authority") {
  World world = logs({}, {});
  world.in("istio-system", {pod_json({"istio-system/gw-1", "istio=ingress", "10.0.1.1", "router"})}, {});
  auto mine = client(), port = client(), other = client();
  mine.authority = "Shop.example.com";
  port.authority = "shop.example.com:8080";
  other.authority = "other.example.com";
  world.log("gw-1", "istio-system", {line(mine), line(named(port, "b")), line(named(other, "c"))});
  auto complaint = asking("shop.example.com");
  complaint.from = Complaint::From::gateway;
  const Observed seen(world, complaint);
  CHECK(seen.traffic.requests.size() == 2);
  CHECK(seen.traffic.caller_read);
}

TEST_CASE("what was read of the logs") {
  World silent = logs({}, {});
  CHECK(Observed(silent, web()).traffic.caller_read);
  CHECK_FALSE(Observed(silent, web()).traffic.caller_logs);
  const std::string chain =
      "{'filters':[{'typedConfig':{'@type':'x/"
      "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy','cluster':'c','accessLog':[{}]}}]}";
  silent.proxy("listeners", "client.shop", "[{'name':'a','filterChains':[" + chain + "]}]");
  CHECK(Observed(silent, web()).traffic.caller_logs);
  CHECK(Observed(logs({client()}, {}), web()).traffic.caller_logs);
  World unread;
  unread.in("shop", {pod_json({"shop/client", "app=client", "10.0.0.3"})}, {});
  unread.failed("kubectl logs client -n shop -c istio-proxy --tail=500",
                "Error from server (Forbidden): pods \"client\" is forbidden");
  const Observed seen(unread, web());
  CHECK_FALSE(seen.traffic.caller_read);
  CHECK_FALSE(seen.traffic.server_read);
  CHECK(seen.traffic.requests.empty());
}
