#include "survey/check.hpp"

#include <algorithm>
#include <set>

#include "survey/scope.hpp"
#include "survey/world.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

namespace {

/// What the files' own Services and Gateways come to in one world.
Survey survey_of(const Manifests& manifests, const std::vector<diagnose::Cause>& causes, const World& world, Unbound unbound) {
  auto evidence = world.evidence;
  for (const auto& ns : world.namespaces) evidence = with_any_caller(evidence, ns);
  const mesh::View view(evidence);
  const Scope scope(evidence);
  Surveyor surveyor(causes, {});
  const auto ours = [&](const Question& question) {
    const auto blank = question.subject.find(' ');
    const auto slash = question.subject.find('/');
    return manifests.find(question.subject.substr(0, blank), question.subject.substr(blank + 1, slash - blank - 1), question.subject.substr(slash + 1)) != nullptr;
  };
  for (const auto& ns : world.namespaces) {
    std::set<std::string> asked;
    for (const auto& question : service_questions(view, scope, ns)) {
      asked.insert(question.subject);
      if (ours(question)) surveyor.ask(scope.of(question), question);
    }
    for (const auto& name : unasked_services(view, ns, asked)) {
      if (ours({{}, name, false})) surveyor.leave_open(name, "no request could be made up that its rules take");
    }
    for (const auto& question : gateway_questions(view, ns, unbound)) {
      asked.insert(question.subject);
      surveyor.ask(scope.of(question), question);
    }
    for (const auto& [name, why] : unasked_api_gateways(view, ns, asked)) surveyor.leave_open(name, why);
  }
  return surveyor.result();
}

bool same(const Problem& a, const Problem& b) { return a.id == b.id && a.object == b.object; }

/// What else must be wrong if the Services whose workloads the files hold have no other pods.
void add_likely(const Survey& other, Survey& survey) {
  for (const auto& problem : other.problems) {
    const bool known = std::any_of(survey.problems.begin(), survey.problems.end(), [&](const Problem& p) { return same(p, problem); });
    if (known) continue;
    survey.problems.push_back(problem);
    survey.problems.back().state = diagnose::State::likely;
    for (auto& subject : survey.subjects) {
      const bool hurt = std::find(problem.subjects.begin(), problem.subjects.end(), subject.name) != problem.subjects.end();
      if (!hurt || subject.state != Subject::State::sound) continue;
      subject.state = Subject::State::open;
      subject.open.push_back("it hangs on pods that are not in the files (" + problem.code + ")");
    }
  }
}

/// The path of the first edit that is no test: where the fault stands.
std::string edited(const fix::Fix& fix) {
  for (const auto& operation : fix.patch.is_array() ? fix.patch : Json::array()) {
    if (text_at(operation, "op") != "test") return text_at(operation, "path");
  }
  return "";
}

/// An edit names its object. Without one the problem's own text does: "VirtualService shop/web".
std::optional<std::pair<const Manifest*, std::string>> place_of(const Manifests& manifests, const Problem& problem) {
  const auto blank = problem.object.find(' ');
  const auto slash = problem.object.find('/', blank == std::string::npos ? 0 : blank);
  const Manifest* named = nullptr;
  if (blank != std::string::npos && slash != std::string::npos) {
    named = manifests.find(problem.object.substr(0, blank), problem.object.substr(blank + 1, slash - blank - 1), problem.object.substr(slash + 1));
  }
  for (const auto& fix : problem.fixes) {
    if (fix.command.empty() || fix.before.is_null()) continue;
    const auto* manifest = manifests.find(fix.kind, fix.ns, fix.name);
    if (manifest != nullptr && (named == nullptr || named == manifest)) return std::make_pair(manifest, edited(fix));
  }
  if (named != nullptr) return std::make_pair(named, std::string());
  for (const auto& subject : problem.subjects) {
    const auto gap = subject.find(' '), cut = subject.find('/');
    const auto* manifest = manifests.find(subject.substr(0, gap), subject.substr(gap + 1, cut - gap - 1), subject.substr(cut + 1));
    if (manifest != nullptr) return std::make_pair(manifest, std::string());
  }
  return std::nullopt;
}

}  // namespace

Checked check(const Manifests& manifests, const std::vector<diagnose::Cause>& causes, bool complete) {
  Checked checked;
  const auto world = world_of(manifests, complete ? Outside::nothing_here : Outside::all_right);
  checked.assumed = world.assumed;
  checked.survey = survey_of(manifests, causes, world, complete ? Unbound::ask : Unbound::leave_out);
  if (!complete) add_likely(survey_of(manifests, causes, world_of(manifests, Outside::but_no_pods), Unbound::leave_out), checked.survey);
  for (std::size_t i = 0; i < checked.survey.problems.size(); ++i) {
    const auto place = place_of(manifests, checked.survey.problems[i]);
    if (place) checked.places[i] = *place;
  }
  return checked;
}

}  // namespace meshdx::survey
