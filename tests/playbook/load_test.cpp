#include <ostream>

#include <doctest/doctest.h>

#include "playbook/library.hpp"
#include "playbook/placeholder.hpp"
#include "playbook/world.hpp"

using namespace meshdx;
using namespace meshdx::playbook;
using namespace meshdx::testing;

namespace {

const std::string head = "playbook: p\ntitle: T\nabout: A\n";
const std::string step = "  - id: pods\n    ask: q\n    run: [kubectl, get, pods, -n, shop, -o, json]\n";

std::string load_error(const std::string& text) {
  const auto document = parse_yaml("p.yaml", text);
  if (!document) return document.error();
  const auto loaded = load_playbook(*document);
  return loaded ? "" : loaded.error();
}

std::vector<std::string> lint_of(const std::string& text) {
  const auto document = parse_yaml("p.yaml", text);
  REQUIRE(document.ok());
  const auto loaded = load_playbook(*document);
  const auto error = loaded ? std::string() : loaded.error();
  REQUIRE_MESSAGE(loaded.ok(), error);
  return lint(*loaded, *document, {});
}

bool says(const std::vector<std::string>& messages, const std::string& part) {
  return std::any_of(messages.begin(), messages.end(), [&](const std::string& m) { return m.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a playbook that is wrong says where") {
  struct Row {
    std::string text, place, message;
  };
  const Row rows[] = {
      {head + "steps:\n" + step + "    neds: [x]\n", "p.yaml:8:5:", "did you mean 'needs'?"},
      {head + "steps:\n" + step + "    needs: [podz]\n", "p.yaml:8:", "can never run: it needs 'podz', which is no step; did you mean 'pods'?"},
      {head + "steps:\n" + step + "    needs: [pods]\n", "p.yaml:8:", "wait for each other in a cycle and can never run: pods"},
      {head + "steps:\n" + step + step, "p.yaml:8:", "is used twice"},
      {head + "steps:\n  - id: a\n    ask: q\n    run: [kubectl, '{cliemt.pod}']\n", "p.yaml:7:", "did you mean {client.pod}?"},
      {head + "steps:\n  - id: a\n    ask: q\n    run: kubectl get pods\n", "p.yaml:7:", "expected a list"},
      {head + "steps:\n  - id: a\n    run: [kubectl]\n", "p.yaml:5:", "'ask' is missing"},
      {head + "steps: []\n", "p.yaml:4:", "at least one step"},
      {"playbook: p\ntitle: T\nsteps:\n" + step, "p.yaml:1:", "'about' is missing"},
      {head + "steps:\n" + step + "healthy-when: [hop.tls-fitz]\n", "p.yaml:8:", "did you mean 'hop.tls-fits'?"},
      {head + "steps:\n" + step + "    probe: maybe\n", "p.yaml:8:", "true or false"},
      {head + "steps:\n" + step + "    when: no-such.fact\n", "p.yaml:8:", "no-such.fact"},
      {"- a\n", "p.yaml:1:1:", "expected a mapping"},
  };
  for (const auto& row : rows) {
    const auto error = load_error(row.text);
    CAPTURE(error);
    CHECK(error.rfind(row.place, 0) == 0);
    CHECK(error.find(row.message) != std::string::npos);
  }
  CHECK(load_error(head + "steps:\n" + step) == "");
}

TEST_CASE("a cycle of several steps is found, from outside of it too") {
  const auto error = load_error(head + "steps:\n" + "  - {id: a, ask: q, needs: [b], run: [kubectl, version]}\n"
                                                   "  - {id: b, ask: q, needs: [c], run: [kubectl, version]}\n"
                                                   "  - {id: c, ask: q, needs: [b], run: [kubectl, version]}\n");
  CHECK(error.find("cycle and can never run: b, c") != std::string::npos);
}

TEST_CASE("lint finds what loads but cannot work") {
  const auto messages = lint_of(head + "steps:\n" + step +
                                "  - {id: del, ask: q, run: [kubectl, delete, pod, x]}\n"
                                "  - {id: early, ask: q, run: [kubectl, logs, '{client.pod}', -n, '{client.namespace}', -c, istio-proxy, --tail=5]}\n"
                                "healthy-when: [hop.tls-fits]\ncauses: [no-such-cause]\n");
  CHECK(says(messages, "delete"));
  CHECK(says(messages, "binds {client.pod}"));
  CHECK(says(messages, "no step gathers what the fact 'hop.tls-fits' reads"));
  CHECK(says(messages, "unknown cause 'no-such-cause'"));
  CHECK(lint_of(head + "steps:\n" + step).empty());
}

TEST_CASE("the playbooks of meshdx load and lint clean, and draw") {
  const auto library = Library::open("");
  REQUIRE(library.ok());
  const auto causes = library->causes();
  const auto error = causes ? std::string() : causes.error();
  REQUIRE_MESSAGE(causes.ok(), error);
  for (const auto& file : library->files()) {
    CAPTURE(file.path);
    const auto document = Library::document(file);
    REQUIRE(document.ok());
    if (file.name.find('/') != std::string::npos) continue;
    const auto loaded = load_playbook(*document);
    const auto why = loaded ? std::string() : loaded.error();
    REQUIRE_MESSAGE(loaded.ok(), why);
    for (const auto& message : lint(*loaded, *document, *causes)) CHECK_MESSAGE(false, message);
    CHECK(to_mermaid(*loaded).rfind("flowchart TD\n", 0) == 0);
    CHECK(to_dot(*loaded).rfind("digraph ", 0) == 0);
    const auto by_id = library->playbook(loaded->id);
    REQUIRE(by_id.ok());
    CHECK(by_id->steps.size() == loaded->steps.size());
    CHECK(library->causes_of(*by_id).ok());
  }
}

TEST_CASE("labels cannot break out of a drawing") {
  const auto playbook = playbook_of("  - {id: a, ask: 'say \"hi\" <b> #1', run: [kubectl, version, -o, json]}\n  - {id: b, ask: q, needs: [a], probe: true, run: [kubectl, version, -o, json]}\n");
  CHECK(to_mermaid(playbook).find("a<br/>say #quot;hi#quot; #lt;b#gt; #35;1") != std::string::npos);
  CHECK(to_mermaid(playbook).find("  a -->|\"only with --probe\"| b\n") != std::string::npos);
  CHECK(to_dot(playbook).find("\"a: say \\\"hi\\\" <b> #1\"") != std::string::npos);
}

TEST_CASE("placeholders: every way to fill them, groups together") {
  const std::vector<std::string> words = {"{client.pod}.{client.namespace}", "{to.namespace}", "{notaplaceholder!}", "{"};
  CHECK(placeholders_in(words) == std::vector<std::string>{"client.pod", "client.namespace", "to.namespace"});
  mesh::Values values = {{"client", {{{"pod", "a"}, {"namespace", "x"}}, {{"pod", "b"}, {"namespace", "y"}}}}, {"to", {{{"namespace", "shop"}}}}};
  const auto all = combinations(words, values, {});
  REQUIRE(all.size() == 2);
  CHECK(fill(words, all[0]) == run::Argv{"a.x", "shop", "{notaplaceholder!}", "{"});
  CHECK(fill(words, all[1]) == run::Argv{"b.y", "shop", "{notaplaceholder!}", "{"});
  CHECK(combinations(words, {}, {}).empty());
  CHECK(combinations({"plain"}, {}, {}).size() == 1);
  CHECK(combinations(words, values, all[1]).size() == 1);
}
