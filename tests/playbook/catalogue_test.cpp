#include <ostream>

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "playbook/catalogue.hpp"
#include "playbook/library.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::playbook;

TEST_CASE("playbooks/CATALOGUE.md says what the causes say") {
  const auto library = Library::open("");
  REQUIRE(library.ok());
  const auto causes = library->causes();
  REQUIRE(causes.ok());
  std::ifstream file(SOURCE_DIR "/playbooks/CATALOGUE.md", std::ios::binary);
  const std::string written(std::istreambuf_iterator<char>(file), {});
  CHECK_MESSAGE(written == catalogue(*causes), "playbooks/CATALOGUE.md is older than playbooks/causes: run ./dev catalogue and commit what it writes");
}

TEST_CASE("a catalogue groups by code, escapes pipes and tells which fixes can be pasted") {
  diagnose::Cause first, second;
  first.id = "first-one";
  first.code = "MDX0101";
  first.title = "The first";
  first.symptoms = {"503 on inbound|8080||", "none"};
  first.fixes.resize(2);
  first.fixes[0].advice = "Think.";
  second.id = "second-one";
  second.code = "MDX1201";
  second.fixes.resize(1);
  second.fixes[0].advice = "Ask.";
  std::vector<diagnose::Cause> causes;
  causes.push_back(std::move(first));
  causes.push_back(std::move(second));
  const auto text = catalogue(causes);
  CHECK(contains(text, "\n## A: endpoints and application\n"));
  CHECK(contains(text, "| MDX0101 | [first-one](causes/first-one.yaml) | The first | 503 on inbound\\|8080\\|\\|<br>none | 1 | to paste |\n"));
  CHECK(contains(text, "\n## group 12\n"));
  CHECK(contains(text, "| 1 | advice |\n"));
}
