// Which end of a connection ended it, told by the log of the proxy next to the application.
#include <ostream>

#include <doctest/doctest.h>

#include "facts/fact.hpp"
#include "mesh/world.hpp"
#include "util/time.hpp"

using namespace meshdx;
using namespace meshdx::testing;

namespace {

/// A request as the server's proxy logs it; `connection` is the proxy's port towards the application.
struct Request {
  double start;          ///< seconds after 10:00
  std::string result;    ///< "200 -", "503 UC", ...
  int connection = 1;
  int duration = 2;      ///< ms
};

std::string details_of(const std::string& result) {
  if (result == "503 UC") return "upstream_reset_before_response_started{connection_termination}";
  if (result == "503 UR") return "upstream_reset_before_response_started{remote_reset}";
  return "via_upstream";
}

std::string clock(double seconds) {
  const auto ms = static_cast<int>(seconds * 1000 + 0.5);
  const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  const std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
  return "2026-11-22T10:" + two(ms / 60000) + ":" + two(ms / 1000 % 60) + "." + fraction + "Z";
}

std::string line(const Request& r, const std::string& id, bool at_server) {
  const std::string code = r.result.substr(0, 3);
  const bool own = at_server || code == "200";
  const std::string head = "[" + clock(r.start) + "] \"GET / HTTP/1.1\" " + (own ? r.result + " " + details_of(r.result) : code + " - via_upstream") + " - \"-\" 0 1 " + std::to_string(r.duration);
  const std::string middle = " 1 \"-\" \"curl\" \"" + id + "\" \"web.shop\" \"10.0.0.1:8080\" ";
  return head + middle + (at_server ? "inbound|8080|| 127.0.0.6:" + std::to_string(1000 + r.connection) + " 10.0.0.1:8080 10.0.0.3:5000 - default"
                                    : "outbound|80||web.shop.svc.cluster.local 10.0.0.3:5000 10.96.0.1:80 10.0.0.3:4000 - default");
}

World world_of(const std::vector<Request>& requests, const std::string& status = "") {
  PodText web = {"shop/web-1", "app=web", "10.0.0.1"};
  web.more_status = status;
  World world;
  world.in("shop", {pod_json(web), pod_json({"shop/client", "app=client", "10.0.0.3"})}, {service_json("shop/web", "10.96.0.1", "app=web")});
  std::vector<std::string> callers, servers;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    callers.push_back(line(requests[i], "r" + std::to_string(i), false));
    servers.push_back(line(requests[i], "r" + std::to_string(i), true));
  }
  world.log("client", "shop", callers).log("web-1", "shop", servers);
  return world;
}

struct Row {
  const char* what;
  std::vector<Request> requests;
  const char* fact;
  Tri truth;
};

}  // namespace

TEST_CASE("connections to the application") {
  const std::vector<Row> table = {
      {"reused after a pause that none survives", {{0, "200 -"}, {1, "200 -"}, {6, "503 UC"}}, "connection.closed-while-idle", Tri::yes},
      {"a fresh connection", {{0, "200 -"}, {6, "503 UC", 2}}, "connection.closed-while-idle", Tri::no},
      {"worked on for a while", {{0, "200 -"}, {6, "503 UC", 1, 3000}}, "connection.closed-while-idle", Tri::no},
      {"no pause", {{0, "200 -"}, {0.2, "503 UC"}}, "connection.closed-while-idle", Tri::no},
      {"a longer pause was survived", {{0, "200 -"}, {9, "200 -"}, {14, "503 UC"}}, "connection.closed-while-idle", Tri::no},
      {"one of two on a fresh connection", {{0, "200 -"}, {6, "503 UC"}, {7, "503 UC", 2}}, "connection.closed-while-idle", Tri::no},
      {"nothing ever succeeds", {{0, "503 UC"}, {6, "503 UC", 2}}, "connection.closed-while-idle", Tri::no},
      {"all succeed", {{0, "200 -"}, {6, "200 -"}}, "connection.closed-while-idle", Tri::no},
      {"all succeed", {{0, "200 -"}, {6, "200 -"}}, "connection.closed", Tri::no},
      {"closed on the request", {{0, "200 -"}, {6, "503 UC", 2}}, "connection.closed", Tri::yes},
      {"closed on the request, others answered", {{0, "200 -"}, {6, "503 UC", 2}}, "connection.others-answered", Tri::yes},
      {"closed on every request", {{0, "503 UC"}, {6, "503 UC", 2}}, "connection.others-answered", Tri::no},
      {"a timeout of the application", {{0, "503 UC", 1, 3000}, {5, "503 UC", 2, 3004}, {9, "503 UC", 3, 3010}}, "connection.closed-after-fixed-time", Tri::yes},
      {"two are not enough", {{0, "503 UC", 1, 3000}, {5, "503 UC", 2, 3004}}, "connection.closed-after-fixed-time", Tri::no},
      {"after different times", {{0, "503 UC", 1, 3000}, {5, "503 UC", 2, 4000}, {9, "503 UC", 3, 3010}}, "connection.closed-after-fixed-time", Tri::no},
      {"at once each time", {{0, "503 UC", 1, 2}, {5, "503 UC", 2, 2}, {9, "503 UC", 3, 2}}, "connection.closed-after-fixed-time", Tri::no},
      {"a stream reset", {{0, "503 UR"}}, "connection.stream-reset", Tri::yes},
      {"a closed connection is no stream reset", {{0, "503 UC"}}, "connection.stream-reset", Tri::no},
  };
  for (const auto& row : table) {
    INFO(row.fact << ": " << row.what);
    const auto world = world_of(row.requests);
    const auto complaint = asking_from("web.shop", "client");   // the facts keep a reference to it
    const facts::FactBase base(world.evidence, complaint);
    CHECK((base[row.fact].truth == row.truth));
  }
}

TEST_CASE("a container that ended while it worked on a request") {
  const auto ended = [](const std::string& at) {
    return "'containerStatuses':[{'name':'app','ready':true,'restartCount':1,'lastState':{'terminated':{'reason':'OOMKilled','exitCode':137,'finishedAt':'" + at + "'}}}],";
  };
  const auto truth = [&](const std::string& at) {
    const auto world = world_of({{60, "503 UC", 1, 2500}}, ended(at));
    return facts::FactBase(world.evidence, asking_from("web.shop", "client"))["application.ended-meanwhile"].truth;
  };
  CHECK((truth("2026-11-22T10:01:02Z") == Tri::yes));
  CHECK((truth("2026-11-22T10:00:30Z") == Tri::no));
  CHECK((truth("2026-11-22T10:05:00Z") == Tri::no));
  CHECK((truth("") == Tri::no));
}

TEST_CASE("times") {
  CHECK(utc_ms("1970-01-01T00:00:00Z") == 0);
  CHECK(utc_ms("2000-03-01T00:00:00.5Z") == 951868800500);
  CHECK(utc_ms("2026-11-22T17:07:11.948Z") == 1795367231948);
  CHECK(utc_ms("2024-02-29T23:59:59.123456789Z") == 1709251199123);
  for (const char* bad : {"", "Z", "2026-11-22", "2026-11-22T17:07:11", "2026-11-22 17:07:11Z", "2026-13-22T17:07:11Z", "2026-11-22T17:07:11.Z", "2026-11-22T17:07:11+01:00", "x026-11-22T17:07:11Z"}) CHECK_FALSE(utc_ms(bad).has_value());
}
