// Rules of a VirtualService that no request can reach, and why a rule does not take a request.
#include "mesh/rule_match.hpp"

#include "mesh/world.hpp"

using namespace meshdx;
using namespace meshdx::mesh;

namespace {

Json json(const std::string& text) {
  auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return *parsed;
}

struct Case {
  const char* earlier;
  const char* later;
  bool covered;
};

}  // namespace

TEST_CASE("a match covers another when every request of the other is its own") {
  const Case cases[] = {
      {R"({})", R"({"uri":{"prefix":"/x"}})", true},
      {R"({"uri":{"prefix":"/"}})", R"({})", true},
      {R"({"uri":{"prefix":"/api"}})", R"({"uri":{"prefix":"/api/v2"}})", true},
      {R"({"uri":{"prefix":"/api"}})", R"({"uri":{"exact":"/api"}})", true},
      {R"({"uri":{"prefix":"/api/v2"}})", R"({"uri":{"prefix":"/api"}})", false},
      {R"({"uri":{"exact":"/api"}})", R"({"uri":{"prefix":"/api"}})", false},
      {R"({"uri":{"exact":"/api"}})", R"({"uri":{"exact":"/api"},"method":{"exact":"GET"}})", true},
      {R"({"uri":{"prefix":"/API"},"ignoreUriCase":true})", R"({"uri":{"prefix":"/api/v2"}})", true},
      {R"({"uri":{"prefix":"/api"}})", R"({"uri":{"prefix":"/api/v2"},"ignoreUriCase":true})", false},
      {R"({"uri":{"regex":"/a.*"}})", R"({"uri":{"exact":"/ab"}})", true},
      {R"({"uri":{"regex":"/a.*"}})", R"({"uri":{"prefix":"/ab"}})", false},
      {R"({"uri":{"regex":".*"}})", R"({"uri":{"prefix":"/ab"}})", true},
      {R"({"headers":{"x-user":{}}})", R"({"headers":{"X-User":{"exact":"beta"}}})", true},
      {R"({"headers":{"x-user":{"exact":"beta"}}})", R"({"headers":{"x-user":{"exact":"alpha"}}})", false},
      {R"({"headers":{"x-user":{"prefix":"be"}}})", R"({"headers":{"x-user":{"exact":"beta"},"x-other":{}}})", true},
      {R"({"headers":{"x-user":{"exact":"beta"}}})", R"({"uri":{"prefix":"/"}})", false},
      {R"({"withoutHeaders":{"x":{}}})", R"({"uri":{"prefix":"/"}})", false},
      {R"({"withoutHeaders":{"x":{}}})", R"({"withoutHeaders":{"x":{}},"port":80})", true},
      {R"({"sourceLabels":{"app":"web"}})", R"({"uri":{"prefix":"/"}})", false},
      {R"({"sourceLabels":{"app":"web"}})", R"({"sourceLabels":{"app":"web","v":"1"}})", true},
      {R"({"gateways":["mesh"]})", R"({"uri":{"prefix":"/"}})", false},
      {R"({"gateways":["mesh","gw"]})", R"({"gateways":["mesh"],"uri":{"prefix":"/"}})", true},
      {R"({"port":80})", R"({"port":8080})", false},
      {R"({"somethingNew":{"a":1}})", R"({"uri":{"prefix":"/"}})", false},
  };
  for (const auto& c : cases) {
    INFO(c.earlier << " before " << c.later);
    CHECK(covers(json(c.earlier), json(c.later)) == c.covered);
  }
}

TEST_CASE("a rule is out of reach when others before it take all of its matches") {
  const auto behind = [](const std::string& rules, std::size_t index) { return unreachable_behind(json(rules), index); };
  CHECK(behind(R"([{"route":[]},{"match":[{"uri":{"prefix":"/x"}}]}])", 1) == std::optional<std::size_t>(0));
  CHECK_FALSE(behind(R"([{"match":[{"uri":{"prefix":"/x"}}]},{"route":[]}])", 1));
  // Two matches, each taken by another rule: out of reach, behind the last of the two.
  const std::string both = R"([{"match":[{"uri":{"prefix":"/a"}}]},{"match":[{"uri":{"prefix":"/b"}}]},
                               {"match":[{"uri":{"exact":"/a"}},{"uri":{"exact":"/b"}}]}])";
  CHECK(behind(both, 2) == std::optional<std::size_t>(1));
  const std::string one = R"([{"match":[{"uri":{"prefix":"/a"}}]},{"match":[{"uri":{"exact":"/a"}},{"uri":{"exact":"/c"}}]}])";
  CHECK_FALSE(behind(one, 1));
  CHECK_FALSE(behind(R"([{"delegate":{"name":"d"}},{"match":[{"uri":{"prefix":"/x"}}]}])", 1));
}

TEST_CASE("a rule that does not take a request says which condition fails, and repeats no header of the request") {
  Request request;
  request.host = "api.shop";
  request.path = "/v2/x";
  request.headers = {{"x-user", "secret-name"}};
  const auto why = [&](const char* match) { return mismatch(json(match), "shop", request, {"mesh", {{"app", "web"}}, "shop"}); };
  CHECK(why(R"({"uri":{"prefix":"/v2"}})").empty());
  CHECK(why(R"({"uri":{"exact":"/v2"}})") == "it wants uri = /v2");
  CHECK(why(R"({"headers":{"x-user":{"exact":"beta"}}})") == "it wants header x-user = beta");
  CHECK(why(R"({"headers":{"x-other":{}}})") == "it wants header x-other is there, which the request has not got");
  CHECK(why(R"({"sourceLabels":{"app":"api"}})") == "it wants callers with other labels (sourceLabels)");
  CHECK(why(R"({"gateways":["gw"]})") == "it is for gateway gw");
  CHECK(why(R"({"method":{"exact":"POST"}})") == "it wants method = POST");
}
