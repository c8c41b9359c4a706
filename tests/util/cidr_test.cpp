// Address ranges as NetworkPolicies and capture annotations write them.
#include "util/cidr.hpp"

#include <ostream>

#include <doctest/doctest.h>

using meshdx::in_cidr;
using meshdx::parse_cidr;

TEST_CASE("an address lies in a range or not") {
  struct Row {
    const char *range, *address;
    bool in;
  };
  const Row rows[] = {
      {"10.96.0.0/16", "10.96.255.1", true},   {"10.96.0.0/16", "10.97.0.1", false}, {"10.96.0.0/12", "10.111.255.255", true},
      {"10.96.0.0/12", "10.112.0.0", false},   {"0.0.0.0/0", "192.0.2.1", true},     {"0.0.0.0/0", "fd00::1", false},
      {"10.1.2.3", "10.1.2.3", true},          {"10.1.2.3/32", "10.1.2.4", false},   {"fd00::/8", "fdff::1", true},
      {"fd00::/8", "fe00::1", false},          {"::/0", "fd00::1", true},            {"10.0.0.0/8", "", false},
      {"10.0.0.0/8", "10.0.0.0/8", false},     {"10.0.0.0/8", "web.shop", false},
  };
  for (const auto& row : rows) {
    INFO(row.range << " " << row.address);
    const auto range = parse_cidr(row.range);
    REQUIRE(range.has_value());
    CHECK(in_cidr(row.address, *range) == row.in);
  }
}

TEST_CASE("what is no range is none") {
  for (const char* text : {"", "*", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "web"}) {
    INFO(text);
    CHECK_FALSE(parse_cidr(text).has_value());
  }
}
