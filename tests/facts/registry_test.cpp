#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "facts/fact.hpp"
#include "util/text.hpp"

using namespace meshdx;
using facts::registry;

TEST_CASE("facts have ids that sort, each its own, and say what they are") {
  REQUIRE(registry().size() > 50);
  std::string before;
  std::set<std::string> titles;
  for (const auto& fact : registry()) {
    INFO(std::string(fact.id));
    const std::string id = fact.id;
    CHECK(id > before);
    CHECK(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos);
    CHECK(contains(id, "."));
    CHECK_FALSE(std::string(fact.title).empty());
    CHECK_FALSE(ends_with(fact.title, "."));
    CHECK_MESSAGE(titles.insert(fact.title).second, "the title is another fact's too");
    CHECK((fact.compute != nullptr));
    CHECK(facts::find_fact(id) == &fact);
    before = id;
  }
  CHECK(facts::find_fact("no.such-fact") == nullptr);
  CHECK(facts::find_fact("") == nullptr);
  CHECK(facts::find_fact("zzz") == nullptr);
}

TEST_CASE("answers have ids of their own, and columns with a key each") {
  REQUIRE(facts::answer_registry().size() >= 7);
  std::string before;
  for (const auto& kind : facts::answer_registry()) {
    INFO(std::string(kind.id));
    CHECK(std::string(kind.id) > before);
    before = kind.id;
    CHECK(facts::find_answer(kind.id) == &kind);
    CHECK((kind.compute != nullptr));
    std::set<std::string> columns;
    for (const auto& column : kind.columns) CHECK(columns.insert(column.id).second);
    CHECK_FALSE(columns.empty());
    CHECK(std::set<evidence::Kind>(kind.needs.begin(), kind.needs.end()).size() == kind.needs.size());
  }
  CHECK((facts::find_answer("no.such") == nullptr));
}

TEST_CASE("facts show what they may read, and list no kind twice") {
  for (const auto& fact : registry()) {
    INFO(std::string(fact.id));
    for (const auto kind : fact.shows) {
      INFO(std::string(evidence::kind_name(kind)));
      CHECK(std::count(fact.needs.begin(), fact.needs.end(), kind) == 1);
      CHECK(std::count(fact.shows.begin(), fact.shows.end(), kind) == 1);
    }
    CHECK(std::set<evidence::Kind>(fact.needs.begin(), fact.needs.end()).size() == fact.needs.size());
  }
}

namespace {

mesh::Complaint complaint_of(const std::string& playbook, mesh::Complaint::From from) {
  mesh::Complaint complaint;
  complaint.playbook = playbook;
  if (to_number(playbook)) complaint.code = static_cast<int>(*to_number(playbook));
  complaint.ns = "shop";
  complaint.of_workload = playbook == "isolation";
  complaint.target = "web";
  complaint.host = "web";
  complaint.from = from;
  if (from != mesh::Complaint::From::workload) return complaint;
  complaint.from_name = "client";
  complaint.from_ns = "shop";
  return complaint;
}

/// Without evidence no fact is true but those about the question, and each says why it is not known.
void check_empty(const mesh::Complaint& complaint) {
  const evidence::Evidence nothing;
  const facts::FactBase base(nothing, complaint);
  for (const auto& fact : registry()) {
    INFO(complaint.playbook << " " << complaint.host << " " << static_cast<int>(complaint.from) << " "
                            << std::string(fact.id));
    const auto& finding = base[fact.id];
    if (finding.truth == Tri::yes) CHECK(starts_with(fact.id, "complaint."));
    if (finding.truth == Tri::unknown)
      CHECK_FALSE(finding.why.empty());
    else
      CHECK_FALSE(finding.text.empty());
    CHECK(&base[fact.id] == &finding);
  }
  for (const auto& kind : facts::answer_registry()) {
    INFO(std::string(kind.id));
    const auto& answer = base.answer(kind.id);
    const bool told = !answer.why.empty() && answer.why != facts::k_unknown;
    CHECK((told || !answer.says.empty()));
    CHECK(&base.answer(kind.id) == &answer);
  }
}

}  // namespace

TEST_CASE("without evidence nothing is said to be so") {
  using From = mesh::Complaint::From;
  for (const std::string playbook : {"503", "404", "000", "mtls", "canary", "isolation"}) {
    for (const auto from : {From::unknown, From::workload, From::gateway}) {
      for (const std::string host :
           {"web", "web.shop", "web.shop.svc.cluster.local", "shop.example.com", "10.0.0.1", "fd00::1", ""}) {
        auto complaint = complaint_of(playbook, from);
        complaint.host = host;
        check_empty(complaint);
      }
    }
  }
}
