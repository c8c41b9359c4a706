#include "survey/survey.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "facts/fact.hpp"
#include "forecast/forecast.hpp"
#include "mesh/path.hpp"

namespace meshdx::survey {

using namespace evidence;

namespace {

/// How many of the requests that a problem would fail are kept for the report.
constexpr std::size_t k_kept_requests = 20;

void add_once(std::vector<std::string>& list, const std::string& item, std::size_t most = SIZE_MAX) {
  if (list.size() < most && std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

/// The ports that the walk's endpoints have on each server's pod.
std::map<const Pod*, std::vector<std::uint16_t>> ports_of(const mesh::View& view, const mesh::Path& path) {
  std::map<const Pod*, std::vector<std::uint16_t>> ports;
  for (const auto& leg : path.walk.legs) {
    for (const auto* host : leg.hosts) {
      if (const auto* pod = view.pod_by_ip(host->address)) ports[pod].push_back(host->port);
    }
  }
  for (const auto* pod : path.servers) {
    if (path.to.port == nullptr) continue;
    const auto port = mesh::target_port(*path.to.port, *pod);
    if (port) ports[pod].push_back(*port);
    ports[pod].push_back(path.to.port->port);   // a headless Service's pods are dialled on its own port
  }
  return ports;
}

}  // namespace

Stage stage_for(const Evidence& evidence, const mesh::Complaint& ask) {
  Stage stage{evidence, ""};
  const mesh::View view(stage.evidence, ask.home());
  const auto bare = mesh::follow(view, ask);
  if (!bare.caller.meshed()) return stage;
  const Pod& caller = *bare.caller.pod;
  const auto told = bare.caller.gateway ? forecast::through_gateway(view, caller, bare.request, ask.port.value_or(80))
                                        : forecast::through_sidecar(view, caller, bare.to, bare.request);
  stage.unknown = told.unknown;
  if (!told.known()) return stage;
  const auto add = [&](const run::CommandResult& dump) {
    if (!stage.evidence.asked(*key_of(dump.argv))) stage.evidence.add(dump);
  };
  for (const auto& dump : forecast::dumps_of(told, caller)) add(dump);
  for (const auto& [pod, ports] : ports_of(view, mesh::follow(view, ask))) {
    if (!pod->meshed() || pod == &caller) continue;
    const auto listeners = forecast::inbound(view, *pod, ports);
    if (!listeners.empty()) add(forecast::dump_of(listeners, *pod));
  }
  return stage;
}

namespace {

/// A VirtualService that answers or redirects by itself needs no endpoint.
bool answers_itself(const Evidence& evidence, const mesh::Complaint& ask) {
  const auto path = mesh::follow(mesh::View(evidence, ask.home()), ask);
  const bool direct = path.walk.end == mesh::Walk::End::direct_response || path.walk.end == mesh::Walk::End::redirect;
  return path.walked && direct && (path.walk.route == nullptr || path.walk.route->config);
}

/// What must hold for a request to be said to get through, as far as configuration, pods and endpoints tell.
std::vector<std::string> sound_when(const Question& question) {
  std::vector<std::string> facts = {"destination.exists", "hop.reaches-endpoints", "hop.route-harmless"};
  if (!question.by_hand) facts.push_back("hop.tls-fits");
  return facts;
}

std::string open_reason(const diagnose::Verdict& verdict) {
  for (const auto& check : verdict.checks) {
    if (check.finding->truth == Tri::no) return check.finding->text;
  }
  for (const auto& check : verdict.checks) {
    if (check.finding->truth == Tri::unknown) return check.finding->why;
  }
  return "";
}

}  // namespace

Subject& Surveyor::subject(const std::string& name) {
  auto& found = m_subjects[name];
  found.name = name;
  return found;
}

void Surveyor::leave_open(const std::string& name, const std::string& why) {
  auto& about = subject(name);
  if (about.state == Subject::State::sound) about.state = Subject::State::open;
  add_once(about.open, why);
}

void Surveyor::ask(const Evidence& bare, const Question& question) {
  const auto [evidence, unknown] = stage_for(bare, question.ask);
  auto& about = subject(question.subject);
  ++about.requests;
  diagnose::Question asked;
  for (const auto& cause : m_causes) asked.causes.push_back(&cause);
  asked.healthy_when = sound_when(question);
  const facts::FactBase facts(evidence, question.ask);
  const auto verdict = diagnose::diagnose(asked, facts);
  for (const auto& result : verdict.causes) keep(bare, question, result, result.state);
  // What holds by itself, and may follow from something that a survey cannot see, is likely: it fails either way.
  for (const auto& result : verdict.not_checked) {
    if (!verdict.causes.empty() || diagnose::evaluate(result.cause->when, facts) != Tri::yes) continue;
    diagnose::Question alone;
    alone.causes = {result.cause};
    for (const auto& own : diagnose::diagnose(alone, facts).causes) keep(bare, question, own, diagnose::State::likely);
  }
  const bool faulty = verdict.outcome == diagnose::Outcome::cause;
  if (faulty) about.state = Subject::State::faulty;
  if (faulty || verdict.outcome == diagnose::Outcome::healthy || answers_itself(evidence, question.ask)) return;
  if (about.state == Subject::State::sound) about.state = Subject::State::open;
  add_once(about.open, unknown.empty() ? open_reason(verdict) : unknown);
}

void Surveyor::keep(const Evidence& evidence, const Question& question, const diagnose::CauseResult& result, diagnose::State state) {
  const auto key = result.cause->id + "\n" + result.object + "\n" + result.message;
  const auto [place, fresh] = m_index.emplace(key, m_problems.size());
  if (fresh) {
    Problem problem;
    problem.id = result.cause->id;
    problem.code = result.cause->code;
    problem.title = result.cause->title;
    problem.state = state;
    problem.hop = result.cause->hop;
    problem.object = result.object;
    problem.message = result.message;
    const auto holds_after = [&](const Evidence& edited) {
      const auto stage = stage_for(edited, question.ask);
      return diagnose::evaluate(diagnose::condition_of(result), facts::FactBase(stage.evidence, question.ask));
    };
    problem.fixes = fix::make_fixes(result, evidence, m_context_flags, holds_after);
    m_problems.push_back(std::move(problem));
  }
  auto& problem = m_problems[place->second];
  add_once(problem.subjects, question.subject);
  add_once(problem.requests, request_text(question.ask), k_kept_requests);
  for (const auto& explained : result.explains) add_once(problem.explains, explained.cause->code + " " + explained.cause->id + ": " + explained.message);
}

Survey Surveyor::result() const {
  Survey survey;
  survey.problems = m_problems;
  std::map<std::string, std::size_t> tried;
  for (const auto& [name, about] : m_subjects) {
    survey.subjects.push_back(about);
    tried[name] = about.requests;
  }
  const auto rank = [&](const Problem& p) {
    std::size_t all = 0;
    for (const auto& name : p.subjects) all += tried[name];
    const bool some = p.requests.size() < std::min(all, k_kept_requests);
    return std::make_tuple(p.state, some, -static_cast<long>(p.subjects.size()), p.hop, p.code, p.object);
  };
  std::stable_sort(survey.problems.begin(), survey.problems.end(), [&](const Problem& a, const Problem& b) { return rank(a) < rank(b); });
  return survey;
}

}  // namespace meshdx::survey
