#include <ostream>

#include <chrono>
#include <filesystem>

#include <doctest/doctest.h>

#include "run/recording.hpp"
#include "run/redact.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::run;

namespace {

const Argv g_argv{"kubectl", "get", "pods"};

std::string redacted(const std::string& text) { return Redactor().redact(g_argv, text); }

const std::string g_jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl-_x";
const std::string g_key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----";

}  // namespace

TEST_CASE("redact: secrets by their shape") {
  const std::vector<std::pair<std::string, std::string>> table{
      {"token " + g_jwt + " end", "token REDACTED-1-jwt end"},
      {"eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9", "REDACTED-1-jwt"},
      {"a " + g_jwt + "\nb " + g_jwt + "\n", "a REDACTED-1-jwt\nb REDACTED-1-jwt\n"},
      {"x " + g_key + " y", "x REDACTED-1-private-key y"},
      {R"({"k":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"})",
       R"({"k":"REDACTED-1-private-key\n"})"},
      {R"({"k":"-----BEGIN PRIVATE KEY-----\nMIIE"})", R"({"k":"REDACTED-1-private-key"})"},
      {R"({"inlineBytes":"LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlFCg=="})",
       R"({"inlineBytes":"REDACTED-1-private-key"})"},
      {"Authorization: Basic dXNlcjpwYXNz\r\nHost: x", "Authorization: REDACTED-1-header\r\nHost: x"},
      {"> authorization: whatever it is\n", "> authorization: REDACTED-1-header\n"},
      {"Cookie: a=b; c=d\nSet-Cookie: e=f\n", "Cookie: REDACTED-1-header\nSet-Cookie: REDACTED-2-header\n"},
      {"sent Bearer abc.def-123456 to", "sent Bearer REDACTED-1-bearer to"},
      {"sent Basic dXNlcjpwYXNz to", "sent Basic REDACTED-1-basic to"},
      {"http://user:pa55@web.shop:80/x", "http://REDACTED-1-url@web.shop:80/x"},
      {"\"GET /pay?token=abc123&x=1&access_token=zzz HTTP/1.1\"",
       "\"GET /pay?token=REDACTED-1-param&x=1&access_token=REDACTED-2-param HTTP/1.1\""},
      {"?api_key=k1 ?password=p1", "?api_key=REDACTED-1-param ?password=REDACTED-2-param"},
      {"--db-password=hunter2 --port=80", "--db-password=REDACTED-1-param --port=80"},
      {"env:\n- name: DB_PASSWORD\n  value: hunter2\n- name: PORT\n  value: \"80\"\n",
       "env:\n- name: DB_PASSWORD\n  value: REDACTED-1-field\n- name: PORT\n  value: \"80\"\n"},
      {"db:\n  password: hun ter\n", "db:\n  password: REDACTED-1-field\n"},
      {R"({"data":{"a":"x: 1\npassword: \"p q\"\n  token: t\n"}})",
       R"({"data":{"a":"x: 1\npassword: \"REDACTED-1-field\"\n  token: REDACTED-2-field\n"}})"},
      {R"(nested {\"authorization\":\"Bearer abcdef99\"} text)",
       R"(nested {\"authorization\":\"REDACTED-1-header\"} text)"},
  };
  for (const auto& [text, want] : table) CHECK(redacted(text) == want);
}

TEST_CASE("redact: secrets by their place") {
  const std::vector<std::pair<std::string, std::string>> table{
      {R"({"kind":"Secret","data":{"a":"Zm9v","b":""},"type":"Opaque"})",
       R"({"kind":"Secret","data":{"a":"REDACTED-1-secret-data","b":""},"type":"Opaque"})"},
      {R"({ "data": { "a" : "Zm9v" }, "kind" : "Secret" })",
       R"({ "data": { "a" : "REDACTED-1-secret-data" }, "kind" : "Secret" })"},
      {R"({"items":[{"stringData":{"a":"x y"},"kind":"Secret"},{"data":{"a":"Zm9v"},"kind":"ConfigMap"}],"kind":"List"})",
       R"({"items":[{"stringData":{"a":"REDACTED-1-secret-data"},"kind":"Secret"},{"data":{"a":"Zm9v"},"kind":"ConfigMap"}],"kind":"List"})"},
      {R"({"kind":"Secret","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"a\":\"Zm9v\"}}"}}})",
       R"({"kind":"Secret","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"REDACTED-1-secret-data"}}})"},
      {R"({"env":[{"name":"DB_PASSWORD","value":"hunter2"},{"name":"PORT","value":"8080"}]})",
       R"({"env":[{"name":"DB_PASSWORD","value":"REDACTED-1-env"},{"name":"PORT","value":"8080"}]})"},
      {R"([{"value":"k","name":"API_KEY"}])", R"([{"value":"REDACTED-1-env","name":"API_KEY"}])"},
      {R"({"name":"authorization","value":"plain"})", R"({"name":"authorization","value":"REDACTED-1-header"})"},
      {R"({"key":"Authorization","value":"plain"})", R"({"key":"Authorization","value":"REDACTED-1-header"})"},
      {R"({"set":{"authorization":"plain","x-a":"b"}})", R"({"set":{"authorization":"REDACTED-1-header","x-a":"b"}})"},
      {R"({"client_secret":"plain","password":"p"})",
       R"({"client_secret":"REDACTED-1-field","password":"REDACTED-2-field"})"},
      {"[2026-11-22T10:00:00Z] \"GET / HTTP/1.1\" 200\n{\"path\":\"/\",\"cookie\":\"a=b\"}\n",
       "[2026-11-22T10:00:00Z] \"GET / HTTP/1.1\" 200\n{\"path\":\"/\",\"cookie\":\"REDACTED-1-header\"}\n"},
      {R"({"a":"{\"env\":[{\"name\":\"TOKEN\",\"value\":\"t-1\"}]}\n","b":"t-1","password":"t-1"})",
       R"({"a":"{\"env\":[{\"name\":\"TOKEN\",\"value\":\"REDACTED-1-env\"}]}\n","b":"t-1","password":"REDACTED-1-env"})"},
      {R"({"data":{"a":"Zm9v"},"ki)", R"({"data":{"a":"REDACTED-1-secret-data"},"ki)"},  // cut before it said its kind
  };
  for (const auto& [text, want] : table) {
    CHECK(redacted(text) == want);
    if (parse_json(text).ok()) CHECK(parse_json(want).ok());
  }
}

TEST_CASE("redact: what is no secret stays byte for byte") {
  for (const std::string text : {
           R"({"certificateChain":{"inlineBytes":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUQK"},"privateKey":{"inlineBytes":"W3JlZGFjdGVkXQ=="}})",
           "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n",
           R"({"kind":"ConfigMap","data":{"mesh":"trustDomain: x\ndefaultConfig:\n  tracing: {}\n"}})",
           R"({"env":[{"name":"JWT_POLICY","value":"third-party-jwt"},{"name":"TOKEN_FILE","value":"/var/run/t"},{"name":"A_TOKEN","value":"true"}]})",
           R"({"env":[{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}]})",
           R"({"match":[{"headers":{"cookie":{"regex":"^(.*?;)?(user=jason)(;.*)?$"}}}]})",
           R"({"headers":[{"name":"cookie","stringMatch":{"exact":"a=b"}}]})",
           R"({"accessLogFormat":"authorization: %REQ(AUTHORIZATION)% end"})",
           R"({"automountServiceAccountToken":false})",
           R"({"serviceAccountToken":{"audience":"istio-ca","path":"istio-token"}})",
           "spiffe://cluster.local/ns/shop/sa/web",
           "postgres://user@host/db", "Jwt verification fails, Bearer realm=\"x\"", "Bearer authentication",
           "eyJ is a start",
           "http://web.shop/a@b:c", "kubernetes://apis/apps/v1", "user=jason&x=1", "x?token=&y",
           R"("safeRegex":"/a\\?token=.*")",
           "failed to create token: forbidden", "password: {}\n", "outbound|80||web.shop.svc.cluster.local",
           "REDACTED-7-jwt", "token=REDACTED-7-param", "", "{", "[", "\"", "\\", "{\"",
           "{\"a", "{\"a\":",
           "{\"a\":\"\\", "]]]]}}}", "{]", "[}", ":", "=", "e", "L", "-----BEGIN ", "Bearer ", "Basic ", "://", "://@",
       }) {
    CHECK(redacted(text) == text);
  }
}

TEST_CASE("redact: says what was taken from where") {
  Redactor redactor;
  CHECK(redactor.redact(g_argv, g_jwt + " " + g_jwt) == "REDACTED-1-jwt REDACTED-1-jwt");
  CHECK(redactor.redact(g_argv, "Basic dXNlcjpwYXNz") == "Basic REDACTED-2-basic");
  CHECK(redactor.redact({"kubectl", "logs"}, g_jwt) == "REDACTED-1-jwt");
  CHECK(redactor.redact(g_argv, g_jwt) == "REDACTED-1-jwt");
  const auto& list = redactor.redactions();
  REQUIRE(list.size() == 3);
  CHECK(list[0].argv == g_argv);
  CHECK(list[0].kind == "jwt");
  CHECK(list[0].count == 3);
  CHECK(list[1].kind == "basic");
  CHECK(list[2].argv == Argv{"kubectl", "logs"});
}

TEST_CASE("redact: time grows with the size and not faster") {
  using Clock = std::chrono::steady_clock;
  for (const std::string piece : {"{\n", "{\"a\":\n", "cookie:{", "cookie:", "token: ", "token: {", "\nvalue: ",
      "- - - :", "token=", "://", "://a", "eyJ.", "-----BEGIN PRIVATE KEY-----",
                                  "-----BEGIN PRIVATE KEY-----\n", "LS0tLS1CRUdJTi", "Bearer a", "basic a", "[", "\"",
                                  "\\\"", "{\"a\":\"",
                                  "{\"data\":{\"a\":\"b\",", "\"{\\\"", "{\"a\":\"{\\\\\"\"", "a=", "password=(",
                                  "[{]\n"}) {
    std::string text;
    while (text.size() < 2'000'000) text += piece;
    const auto before = Clock::now();
    (void)redacted(text);
    CHECK_MESSAGE(Clock::now() - before < std::chrono::seconds(20), piece);
  }
}

TEST_CASE("redact: the lab has no secrets, so its recordings stay as they are") {
  const std::string path = std::string(SOURCE_DIR) + "/../shared/captures/selector-mismatch";
  if (!std::filesystem::is_directory(path)) return;
  const auto recording = read_recording(path);
  REQUIRE(recording.ok());
  Redactor redactor;
  for (const auto& command : recording->commands) {
    const auto result = recording->result(command);
    CHECK((redactor.redact(result.argv, result.out) == result.out));
  }
  for (const auto& entry : redactor.redactions()) MESSAGE(join(entry.argv, " "), " ", entry.kind, " ", entry.count);
}
