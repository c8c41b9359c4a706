// Manifests as data: those of faulty/ begin with what must be found in them ("# expect: CAUSE confirmed|likely [LINE]") and may
// say that they are all there is ("# complete"); in those of healthy/ nothing may be found.
#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "causes.hpp"
#include "survey/check.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::survey;
using meshdx::test::causes;

namespace {

std::vector<std::filesystem::path> files(const char* folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(SOURCE_DIR "/tests/survey/manifests/") + folder)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Manifests read(const std::string& text) {
  Manifests manifests;
  const auto done = read_manifests("m.yaml", text, "default", Strangers::refuse, manifests);
  const std::string error = done ? "" : done.error();
  REQUIRE_MESSAGE(done.ok(), error);
  return manifests;
}

std::string told(const Survey& survey) {
  std::string text;
  for (const auto& problem : survey.problems) text += (problem.state == diagnose::State::confirmed ? "confirmed " : "likely ") + problem.id + ": " + problem.message + "\n";
  for (const auto& subject : survey.subjects) text += subject.name + (subject.open.empty() ? "" : ": " + join(subject.open, "; ")) + "\n";
  return text;
}

}  // namespace

TEST_CASE("nothing is found in healthy manifests, nor in what they refer to elsewhere") {
  for (const auto& path : files("healthy")) {
    const auto manifests = read(text_of(path));
    const auto checked = check(manifests, causes(), false);
    CHECK_MESSAGE(checked.survey.problems.empty(), path.filename().string() << "\n" << told(checked.survey));
  }
}

TEST_CASE("each faulty manifest shows its cause alone, where it stands") {
  for (const auto& path : files("faulty")) {
    const auto text = text_of(path);
    const auto lines = split(text, '\n');
    const auto words = split(lines.front(), ' ');
    REQUIRE(words.size() >= 4);
    const bool complete = lines[1] == "# complete";
    const auto manifests = read(text);
    const auto checked = check(manifests, causes(), complete);
    const auto seen = path.filename().string() + "\n" + told(checked.survey);
    REQUIRE_MESSAGE(checked.survey.problems.size() == 1, seen);
    const auto& problem = checked.survey.problems.front();
    CHECK_MESSAGE(problem.id == words[2], seen);
    CHECK_MESSAGE((problem.state == diagnose::State::confirmed) == (words[3] == "confirmed"), seen);
    REQUIRE_MESSAGE(checked.places.count(0) == 1, seen);
    const auto& [manifest, pointer] = checked.places.at(0);
    if (words.size() > 4) CHECK_MESSAGE(std::to_string(manifest->place(pointer).line) == words[4], seen << pointer);
  }
}

TEST_CASE("every Service is either asked about or said to be open") {
  const auto told_of = [](const char* name) {
    const auto manifests = read(text_of(std::string(SOURCE_DIR "/tests/survey/manifests/healthy/") + name));
    return told(check(manifests, causes(), false).survey);
  };
  CHECK(told_of("rule-for-another-port.yaml") == "Service shop/web\n");    // the default route takes the port's requests
  CHECK(told_of("rule-by-expression-only.yaml") == "Service shop/web: no request could be made up that its rules take\n");
}

TEST_CASE("what a Gateway's certificate hangs on is said, and what is not followed stays open") {
  const auto manifests = read(text_of(SOURCE_DIR "/tests/survey/manifests/healthy/gateway-certificate-elsewhere.yaml"));
  const auto checked = check(manifests, causes(), false);
  CHECK(contains(join(checked.assumed, "\n"), "the certificate in Secret shop-cert, which Gateway shop/edge names"));
  const std::string service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{name: http, port: 80}]}\n---\n";
  const std::string route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: web}\nspec: {parentRefs: [{kind: Service, group: '', name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}\n";
  const std::string gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge}\nspec: {gatewayClassName: other, listeners: [{name: http, port: 80, protocol: HTTP}]}\n";
  CHECK(contains(told(check(read(gateway), causes(), false).survey), "Gateway default/edge: its class other is not istio"));
  CHECK(contains(told(check(read(replace_all(gateway, "other", "istio")), causes(), false).survey), "Gateway default/edge: no HTTPRoute has a host"));
  CHECK(contains(told(check(read(service + route), causes(), false).survey), "HTTPRoute default/web routes the Service's requests inside the mesh"));
}

TEST_CASE("unreadable manifests are told with their place") {
  const auto error = [](const std::string& text, Strangers strangers = Strangers::refuse) {
    Manifests manifests;
    const auto done = read_manifests("m.yaml", text, "default", strangers, manifests);
    return done ? std::string() : done.error();
  };
  CHECK(starts_with(error("a: 1\n---\nb: [\n"), "m.yaml:"));
  CHECK(error("kind: Service\n") == "m.yaml:1:1: no Kubernetes object: apiVersion or kind is missing");
  CHECK(error("kind: Service\n", Strangers::skip).empty());
  CHECK(error("apiVersion: v1\nkind: Service\nmetadata: {}\n") == "m.yaml:1:1: the Service has no metadata.name");
  const std::string one = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n";
  CHECK(contains(error(one + "---\n" + one), "m.yaml:5:1: Service default/a stands twice"));
  CHECK(error("---\n# nothing\n---\n").empty());
}
