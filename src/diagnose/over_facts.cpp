// The doors to the registered facts. All else in this folder takes its facts by argument, and is tested with made-up
// ones.
#include "diagnose/cause.hpp"
#include "diagnose/verdict.hpp"

namespace meshdx::diagnose {
namespace {

Findings findings_of(const facts::FactBase& facts) {
  return [&facts](std::string_view id) -> const facts::Finding& { return facts[id]; };
}

}  // namespace

const FactIds& registered_facts() {
  static const FactIds ids = [] {
    FactIds all;
    for (const auto& fact : facts::registry()) all.insert(fact.id);
    return all;
  }();
  return ids;
}

Tri evaluate(const Condition& condition, const facts::FactBase& facts) {
  return evaluate(condition, findings_of(facts));
}

Verdict diagnose(const Question& question, const facts::FactBase& facts) {
  return diagnose(question, findings_of(facts));
}

}  // namespace meshdx::diagnose
