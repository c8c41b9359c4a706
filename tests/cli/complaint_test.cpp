#include "cli/complaint.hpp"

#include <ostream>

#include <doctest/doctest.h>

using namespace meshdx;
using namespace meshdx::cli;
using Named = mesh::Complaint::Named;

namespace {

mesh::Complaint target(const std::string& typed) {
  Asked asked;
  asked.target = typed;
  auto complaint = make_complaint(asked);
  REQUIRE_MESSAGE(complaint.ok(), typed);
  return *complaint;
}

std::string error_of(Asked asked) {
  if (asked.target.empty()) asked.target = "web";
  const auto complaint = make_complaint(asked);
  return complaint ? "" : complaint.error();
}

mesh::Complaint from(const std::string& caller, const std::string& ns = "shop") {
  Asked asked;
  asked.target = "web";
  asked.from = caller;
  asked.ns = ns;
  auto complaint = make_complaint(asked);
  REQUIRE_MESSAGE(complaint.ok(), caller);
  return *complaint;
}

}  // namespace

TEST_CASE("targets are read as people type them") {
  struct Row {
    const char* typed;
    Named named;
    const char* host;
    int port;   // 0: none
  };
  const Row rows[] = {
      {"web", Named::any, "web", 0},
      {"web.shop", Named::any, "web.shop", 0},
      {"svc/web", Named::service, "web", 0},
      {"service/web.shop", Named::service, "web.shop", 0},
      {"svc/web:8080", Named::service, "web", 8080},
      {"deploy/web", Named::workload, "web", 0},
      {"deployment/web", Named::workload, "web", 0},
      {"pod/web-0", Named::workload, "web-0", 0},
      {"web.shop.svc.cluster.local:80", Named::host, "web.shop.svc.cluster.local", 80},
      {"web.shop.svc.cluster.local.", Named::host, "web.shop.svc.cluster.local", 0},
      {"Shop.Example.COM:443", Named::host, "shop.example.com", 443},
      {"10.0.0.1", Named::host, "10.0.0.1", 0},
      {"10.0.0.1:80", Named::host, "10.0.0.1", 80},
      {"[::1]:80", Named::host, "::1", 80},
      {"[::1]", Named::host, "::1", 0},
      {"fd00::2", Named::host, "fd00::2", 0},
      {"http://web.shop:8080/path?x=1", Named::host, "web.shop", 8080},
      {"http://web.shop", Named::host, "web.shop", 80},
      {"https://web.shop/", Named::host, "web.shop", 443},
      {"grpc://web.shop", Named::host, "web.shop", 0},
      {"http://[fd00::2]:81/x", Named::host, "fd00::2", 81},
  };
  for (const auto& row : rows) {
    CAPTURE(row.typed);
    const auto complaint = target(row.typed);
    CHECK(complaint.named == row.named);
    CHECK(complaint.host == row.host);
    CHECK(complaint.port.value_or(0) == row.port);
    CHECK(complaint.target == row.typed);
  }
}

TEST_CASE("only a URL gives a path") {
  const auto url = target("http://web.shop:8080/a/b?x=1&y=2#top");
  CHECK(url.path_given);
  CHECK(url.path == "/a/b");
  CHECK(url.query == "x=1&y=2");
  CHECK(target("http://web.shop").path == "/");
  CHECK(target("http://web.shop?x=1").query == "x=1");
  CHECK_FALSE(target("web.shop:80").path_given);
}

TEST_CASE("targets that cannot be read are refused in one sentence") {
  for (const auto* typed : {"", "web/", "foo/web", "svc/a/b", "http://", "http:///x", "ftp://web", "web:0", "web:99999", "web:x", "web..shop", "http://web..shop/", "-n", "we b",
                            "[::1", "[web]:80", "http://web:80:81/", "a\nb", "$(reboot)"}) {
    CAPTURE(typed);
    Asked asked;
    asked.target = typed;
    CHECK_FALSE(make_complaint(asked).ok());
  }
}

TEST_CASE("a password in a URL is neither taken nor repeated") {
  Asked asked;
  asked.target = "http://user:hunter2@web.shop/";
  const auto error = error_of(asked);
  CHECK(error.find("password") != std::string::npos);
  CHECK(error.find("hunter2") == std::string::npos);
}

TEST_CASE("callers") {
  CHECK(from("").from == mesh::Complaint::From::unknown);
  CHECK(from("client").from_name == "client");
  CHECK(from("client").from_ns == "shop");
  CHECK(from("client.other").from_ns == "other");
  CHECK(from("client.other.svc.cluster.local").from_ns == "other");
  CHECK(from("client.other.svc").from_name == "client");
  CHECK(from("deploy/client").from_name == "client");
  CHECK(from("gateway").from == mesh::Complaint::From::gateway);
  CHECK(from("gateway").from_name.empty());
  CHECK(from("gateway").from_ns.empty());
  CHECK(from("gateway/edge").from_name == "edge");
  CHECK(from("gateway/edge").from_ns.empty());
  CHECK(from("gateway/edge.ingress").from_ns == "ingress");
  for (const auto* typed : {"foo/client", "deploy/", "a b", "client.", "-x", "client.UP_PER!"}) {
    CAPTURE(typed);
    Asked asked;
    asked.target = "web";
    asked.from = typed;
    CHECK_FALSE(make_complaint(asked).ok());
  }
}

TEST_CASE("headers, method and namespace") {
  Asked asked;
  asked.target = "web";
  asked.method = "post";
  asked.headers = {"X-Canary:  yes ", "Cookie: a=b: c"};
  const auto complaint = make_complaint(asked);
  REQUIRE(complaint.ok());
  CHECK(complaint->method == "POST");
  REQUIRE(complaint->headers.size() == 2);
  CHECK(complaint->headers[0] == std::pair<std::string, std::string>{"x-canary", "yes"});
  CHECK(complaint->headers[1].second == "a=b: c");
  asked.headers = {"no colon"};
  CHECK(error_of(asked).find("no header") != std::string::npos);
  asked.headers.clear();
  asked.ns = "--kubeconfig=x";
  CHECK(error_of(asked).find("namespace") != std::string::npos);
}

TEST_CASE("codes") {
  CHECK(read_code("000") == 0);
  CHECK(read_code("503") == 503);
  CHECK_FALSE(read_code("50").has_value());
  CHECK_FALSE(read_code("600").has_value());
  CHECK_FALSE(read_code("099").has_value());
  CHECK_FALSE(read_code("mtls").has_value());
}
