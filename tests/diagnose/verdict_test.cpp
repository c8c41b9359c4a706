#include <ostream>

#include <doctest/doctest.h>

#include "diagnose/verdict.hpp"

using namespace meshdx;
using namespace meshdx::diagnose;

namespace {

/// Facts by hand: those named with "+" are true, with "-" false, all others unknown.
class Facts {
 public:
  Facts& set(const std::string& id, Tri truth, facts::Bindings bindings = {}) {
    facts::Finding& finding = m_findings[id];
    finding.truth = truth;
    finding.text = "text of " + id;
    finding.bindings = std::move(bindings);
    return *this;
  }
  explicit Facts(const std::string& words = "") {
    std::string word;
    for (const char c : words + " ") {
      if (c != ' ') {
        word += c;
        continue;
      }
      if (!word.empty()) set(word.substr(1), word[0] == '+' ? Tri::yes : Tri::no);
      word.clear();
    }
  }
  [[nodiscard]] Findings lookup() {
    return [this](std::string_view id) -> const facts::Finding& { return m_findings[std::string(id)]; };
  }

 private:
  std::map<std::string, facts::Finding> m_findings;
};

Condition condition(const std::string& yaml) {
  const FactIds known = {"a", "b", "c", "d", "n", "u", "y"};
  const auto document = parse_yaml("c", yaml);
  REQUIRE(document.ok());
  auto parsed = parse_condition(*document, "", known);
  REQUIRE_MESSAGE(parsed.ok(), parsed.error());
  return *parsed;
}

Cause cause(const std::string& id, const std::string& when, int hop = 1, std::vector<std::string> explains = {}) {
  Cause made;
  made.id = id;
  made.code = "MDX" + id;
  made.hop = hop;
  made.when = condition(when);
  made.object = "object";
  made.say = "say";
  made.explains = std::move(explains);
  return made;
}

Verdict ask(const std::vector<Cause>& causes, Facts& facts, std::vector<std::string> healthy = {}) {
  Question question;
  for (const auto& one : causes) question.causes.push_back(&one);
  question.healthy_when = std::move(healthy);
  return diagnose::diagnose(question, facts.lookup());
}

/// "A(B C) D": ids with what stands under them.
std::string tree(const std::vector<CauseResult>& results) {
  std::string text;
  for (const auto& result : results) {
    if (!text.empty()) text += " ";
    text += result.cause->id;
    if (!result.explains.empty()) text += "(" + tree(result.explains) + ")";
  }
  return text;
}

std::string names(const std::vector<Decision>& decisions) {
  std::string text;
  for (const auto& decision : decisions) text += (text.empty() ? "" : " ") + decision.fact;
  return text;
}

}  // namespace

TEST_CASE("Kleene's tables") {
  const Tri no = Tri::no, yes = Tri::yes, unknown = Tri::unknown;
  struct Row {
    const char* condition;
    Tri truth;
  };
  const std::vector<Row> table = {
      {"y", yes},
      {"n", no},
      {"u", unknown},
      {"{not: y}", no},
      {"{not: n}", yes},
      {"{not: u}", unknown},
      {"[n, n]", no},
      {"[n, u]", no},
      {"[n, y]", no},
      {"[u, n]", no},
      {"[u, u]", unknown},
      {"[u, y]", unknown},
      {"[y, n]", no},
      {"[y, u]", unknown},
      {"[y, y]", yes},
      {"{any: [n, n]}", no},
      {"{any: [n, u]}", unknown},
      {"{any: [n, y]}", yes},
      {"{any: [u, n]}", unknown},
      {"{any: [u, u]}", unknown},
      {"{any: [u, y]}", yes},
      {"{any: [y, n]}", yes},
      {"{any: [y, u]}", yes},
      {"{any: [y, y]}", yes},
      {"[]", yes},
      {"{all: []}", yes},
      {"{not: {any: [u, y]}}", no},
      {"{all: [y, {any: [n, {not: n}]}]}", yes},
  };
  Facts facts("+y -n");
  for (const auto& row : table) {
    CAPTURE(row.condition);
    CHECK(evaluate(condition(row.condition), facts.lookup()) == row.truth);
  }
}

TEST_CASE("the state of a cause follows from when and likely-when") {
  struct Row {
    const char *when, *likely;
    State state;
    const char* decided_by;
  };
  const std::vector<Row> table = {
      {"y", "n", State::confirmed, "y"},   {"y", "u", State::confirmed, "y"},   {"y", "", State::confirmed, "y"},
      {"n", "y", State::likely, "y"},      {"u", "y", State::likely, "y"},      {"n", "n", State::ruled_out, "n"},
      {"n", "", State::ruled_out, "n"},    {"n", "u", State::not_checked, "u"}, {"u", "n", State::not_checked, "u"},
      {"u", "u", State::not_checked, "u"}, {"u", "", State::not_checked, "u"},
      {"[y, u, n]", "", State::ruled_out, "n"},
      {"[n, {not: y}]", "", State::ruled_out, "n"},
      {"{any: [n, {not: y}]}", "", State::ruled_out, "y n"},
      {"[{not: n}, y]", "", State::confirmed, "y n"},
      {"{any: [u, y, n]}", "", State::confirmed, "y"},
      {"[y, u, {not: c}]", "", State::not_checked, "u c"},
  };
  Facts facts("+y -n");
  for (const auto& row : table) {
    CAPTURE(row.when);
    CAPTURE(row.likely);
    std::vector<Cause> causes;
    causes.push_back(cause("1", row.when));
    if (*row.likely != '\0') causes[0].likely_when = std::make_unique<Condition>(condition(row.likely));
    const Verdict verdict = ask(causes, facts);
    const auto& list = row.state == State::ruled_out     ? verdict.ruled_out
                       : row.state == State::not_checked ? verdict.not_checked
                                                         : verdict.causes;
    REQUIRE(list.size() == 1);
    CHECK(list[0].state == row.state);
    CHECK(names(list[0].decided_by) == row.decided_by);
    CHECK(list[0].decided_by[0].finding == &facts.lookup()(list[0].decided_by[0].fact));
    CHECK(verdict.considered == 1);
  }
}

TEST_CASE(
    "order: confirmed before likely, then hop, then code; explained causes stand under the nearest that explains "
    "them") {
  struct Row {
    std::vector<Cause> causes;
    const char* shown;
  };
  std::vector<Row> table(8);
  const auto add = [&](std::size_t i, Cause one) { table[i].causes.push_back(std::move(one)); };
  add(0, cause("3", "y", 1)), add(0, cause("2", "y", 1)), add(0, cause("1", "y", 2)), add(0, cause("4", "y", 0));
  table[0].shown = "4 2 3 1";
  add(1, cause("1", "y", 0)), add(1, cause("2", "y", 2, {"1"}));
  table[1].shown = "2(1)";
  add(2, cause("1", "y", 0, {"2"})), add(2, cause("2", "y", 0, {"1"}));
  table[2].shown = "1(2)";
  add(3, cause("1", "y", 0, {"2", "3"})), add(3, cause("2", "y", 0, {"3"})), add(3, cause("3", "y"));
  table[3].shown = "1(2 3)";
  add(4, cause("1", "y", 0, {"2"})), add(4, cause("2", "y", 0, {"3"})), add(4, cause("3", "y"));
  table[4].shown = "1(2(3))";
  add(5, cause("1", "y", 0, {"2"})), add(5, cause("2", "n", 0, {"3"})), add(5, cause("3", "y"));
  table[5].shown = "1(3)";
  add(6, cause("1", "y", 0, {"2"})), add(6, cause("2", "y", 0, {"3"})), add(6, cause("3", "y", 0, {"1"}));
  table[6].shown = "1(2(3))";
  add(7, cause("1", "n", 0, {"2"})), add(7, cause("2", "y", 0, {"absent", "2"}));
  table[7].shown = "2";
  Facts facts("+y -n");
  for (const auto& row : table) CHECK(tree(ask(row.causes, facts).causes) == row.shown);
}

TEST_CASE("a likely cause stands after all confirmed ones and is never nested") {
  std::vector<Cause> causes;
  causes.push_back(cause("1", "n", 0));
  causes[0].likely_when = std::make_unique<Condition>(condition("y"));
  causes.push_back(cause("2", "y", 3, {"1"}));
  Facts facts("+y -n");
  const Verdict verdict = ask(causes, facts, {"y"});
  CHECK(tree(verdict.causes) == "2 1");
  CHECK(verdict.outcome == Outcome::cause);
}

TEST_CASE("outcome: healthy is said only when it was seen") {
  Facts facts("+y +a -n");
  std::vector<Cause> none, ruled_out, confirmed, likely, not_checked;
  ruled_out.push_back(cause("1", "n"));
  confirmed.push_back(cause("1", "y"));
  likely.push_back(cause("1", "n"));
  likely[0].likely_when = std::make_unique<Condition>(condition("y"));
  not_checked.push_back(cause("1", "u"));
  CHECK(ask(none, facts, {"y", "a"}).outcome == Outcome::healthy);
  CHECK(ask(none, facts, {"y", "u"}).outcome == Outcome::inconclusive);
  CHECK(ask(none, facts, {"y", "n"}).outcome == Outcome::inconclusive);
  CHECK(ask(none, facts).outcome == Outcome::inconclusive);
  CHECK(ask(ruled_out, facts, {"y"}).outcome == Outcome::healthy);
  CHECK(ask(not_checked, facts, {"y"}).outcome == Outcome::healthy);
  CHECK(ask(confirmed, facts, {"y"}).outcome == Outcome::cause);
  CHECK(ask(likely, facts, {"y"}).outcome == Outcome::inconclusive);
  const Verdict verdict = ask(none, facts, {"y", "u"});
  REQUIRE(verdict.checks.size() == 2);
  CHECK(verdict.checks[1].fact == "u");
  CHECK(verdict.checks[1].finding->truth == Tri::unknown);
}

TEST_CASE("notes are the texts of true facts") {
  Facts facts("+y +a -n");
  Question question;
  question.notes = {"n", "a", "u", "y"};
  CHECK(diagnose::diagnose(question, facts.lookup()).notes == std::vector<std::string>{"text of a", "text of y"});
}

TEST_CASE("bindings come from the true facts, first named first; a fix's own fact comes before them") {
  Facts facts;
  facts.set("a", Tri::yes, {{"x", 1}, {"only.a", "A"}}).set("b", Tri::yes, {{"x", 2}, {"y", Json::array({1, "z"})}});
  facts.set("c", Tri::no, {{"z", 3}}).set("d", Tri::yes, {{"x", 9}});
  std::vector<Cause> causes;
  causes.push_back(cause("1", "{all: [a, {any: [c, b]}]}"));
  causes[0].object = "Service {only.a}";
  causes[0].say = "{x} {y} {z}";
  for (const char* when : {"", "d", "c", "u"}) {
    FixTemplate fix;
    fix.when = when;
    causes[0].fixes.push_back(fix);
  }
  const Verdict verdict = ask(causes, facts);
  REQUIRE(verdict.causes.size() == 1);
  CHECK(verdict.causes[0].object == "Service A");
  CHECK(verdict.causes[0].message == "1 [1,\"z\"] {z}");
  REQUIRE(verdict.causes[0].offers.size() == 2);
  CHECK(verdict.causes[0].offers[0].bindings.at("x") == 1);
  CHECK(verdict.causes[0].offers[1].fix == &causes[0].fixes[1]);
  CHECK(verdict.causes[0].offers[1].bindings.at("x") == 9);
  CHECK(verdict.causes[0].offers[1].bindings.at("only.a") == "A");
}

TEST_CASE("fill") {
  const facts::Bindings bindings = {{"a", "A"},    {"n.m-k_1", 8080}, {"list", Json::array({1, 2})},
                                    {"yes", true}, {"f", 1.5},        {"nest", "{a}"}};
  const std::vector<std::pair<const char*, const char*>> table = {
      {"", ""}, {"plain", "plain"}, {"{a}", "A"}, {"x{a}y{n.m-k_1}", "xAy8080"}, {"{list} {yes} {f}", "[1,2] true 1.5"},
      {"{{a}}", "{a}"}, {"{{{a}}}", "{A}"}, {"{nest}", "{a}"}, {"{", "{"}, {"}", "}"}, {"{}", "{}"}, {"{ a }", "{ a }"},
      {"{\"k\": {a}}", "{\"k\": A}"}, {"{a", "{a"}, {"a}", "a}"}, {"{gone}", "{gone}"},
  };
  for (const auto& row : table) {
    CAPTURE(row.first);
    CHECK(fill(row.first, bindings) == row.second);
  }
  std::vector<std::string> missing;
  fill("{gone} {a} {lost}", bindings, &missing);
  CHECK(missing == std::vector<std::string>{"gone", "lost"});
  CHECK(whole_binding("{a.b}") == "a.b");
  for (const char* text : {"", "a", "{}", "{a}b", "{{a}}", "{a b}", "{a"}) CHECK(whole_binding(text) == "");
}
