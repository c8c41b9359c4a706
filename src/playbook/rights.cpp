#include "playbook/rights.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "evidence/evidence.hpp"
#include "facts/fact.hpp"
#include "playbook/placeholder.hpp"
#include "run/verbs.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

using evidence::Action;
using Rights = std::vector<Right>;
using Words = std::vector<std::string>;

/// With something in the place of each placeholder: what, makes no difference here, but for where the control plane is.
Words filled(const Words& words) {
  Chosen chosen;
  for (const auto& name : placeholders_in(words)) chosen[name.substr(0, name.find('.'))][name.substr(name.find('.') + 1)] = "1";
  chosen["control"] = {{"namespace", k_control_plane}, {"revision", "default"}, {"config-map", "istio"}};
  return fill(words, chosen);
}

/// `configmap` is what kubectl takes, `configmaps` what RBAC knows.
std::string plural(const std::string& resource) { return resource == "configmap" || resource == "cm" ? "configmaps" : resource; }

Action action_on(const std::string& verb, const std::string& resource, const std::string& subresource = "", const std::string& name = "") {
  const auto dot = resource.find('.');
  return {verb, plural(resource.substr(0, dot)), subresource, dot == resource.npos ? "" : resource.substr(dot + 1), name};
}

Scope scope_of(const run::ParsedCommand& command) {
  const auto ns = command.flag("namespace");
  if (ns.empty()) return Scope::cluster;
  return ns == k_control_plane ? Scope::control_plane : Scope::asked;
}

/// `kubectl get KIND[,KIND...] [NAME]`.
Rights of_get(const run::ParsedCommand& command) {
  Rights rights;
  const bool one = command.words.size() > 1;
  for (const auto& resource : split(command.words.front(), ',')) {
    rights.push_back({action_on(one ? "get" : "list", resource, "", one ? command.words[1] : ""), scope_of(command)});
  }
  return rights;
}

/// A connection to a pod's port. `create` serves both protocols: kubectl and istioctl try a WebSocket (which the API
/// server took as `get` before 1.35), and fall back to SPDY's POST when that is refused.
Rights of_port_forward(Scope scope) { return {{action_on("get", "pods"), scope}, {action_on("create", "pods", "portforward"), scope}}; }

/// istioctl finds revisions by the injectors' webhooks: without `list` it waits for ever, without `watch` it prints log lines in
/// front of its answer. Then it looks for istiod.
Rights of_istiod() {
  const std::string webhooks = "mutatingwebhookconfigurations.admissionregistration.k8s.io";
  Rights rights = {{action_on("list", webhooks), Scope::cluster}, {action_on("watch", webhooks), Scope::cluster}, {action_on("list", "pods"), Scope::control_plane}};
  for (auto& right : of_port_forward(Scope::control_plane)) rights.push_back(std::move(right));
  return rights;
}

/// proxy-status signs in at istiod's secure port with a token of this account.
Rights of_proxy_status() {
  auto rights = of_istiod();
  rights.push_back({action_on("create", "serviceaccounts", "token", "default"), Scope::control_plane});
  return rights;
}

Rights of_pod(const run::ParsedCommand& command, const std::string& verb, const std::string& subresource) {
  return {{action_on("get", "pods"), scope_of(command)}, {action_on(verb, "pods", subresource), scope_of(command)}};
}

Tri can(const Words& way, const std::function<Tri(const Right&)>& has) {
  Tri all = Tri::yes;
  for (const auto& right : rights_of(way)) {
    const auto one = has(right);
    if (one == Tri::no) return Tri::no;
    if (one == Tri::unknown) all = one;
  }
  return all;
}

/// How far a step can be done: its first way whole, or something of it in one way or another, or nothing.
Tri can(const Step& step, const std::function<Tri(const Right&)>& has) {
  const auto first = can(step.run, has);
  if (first != Tri::no) return first;
  const auto& others = step.otherwise;
  const bool any = std::any_of(others.begin(), others.end(), [&](const Words& way) { return can(way, has) != Tri::no; });
  return any ? Tri::unknown : Tri::no;
}

using Kinds = std::set<evidence::Kind>;

bool rests_on(const std::string& fact, const Kinds& kinds) {
  const auto* known = facts::find_fact(fact);
  if (known == nullptr) return false;
  const auto& read = known->shows.empty() ? known->needs : known->shows;
  return std::any_of(read.begin(), read.end(), [&](evidence::Kind kind) { return kinds.count(kind) != 0; });
}

bool rests_on(const std::vector<std::string>& facts, const Kinds& kinds) {
  return std::any_of(facts.begin(), facts.end(), [&](const std::string& fact) { return rests_on(fact, kinds); });
}

std::set<Right> as_set(const Rights& rights) { return {rights.begin(), rights.end()}; }

template <class Fn>
void each_step(const std::vector<Playbook>& playbooks, bool probe, Fn fn) {
  for (const auto& playbook : playbooks) {
    for (const auto& step : playbook.steps) {
      if (!step.probe || probe) fn(step);
    }
  }
}

void add_once(std::vector<std::string>& list, const std::string& word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
}

}  // namespace

bool Right::operator<(const Right& other) const {
  const auto key = [](const Right& r) { return std::tie(r.scope, r.action.group, r.action.resource, r.action.subresource, r.action.name, r.action.verb); };
  return key(*this) < key(other);
}

bool Right::operator==(const Right& other) const { return !(*this < other) && !(other < *this); }

Right at_control_plane(Right right, const mesh::ControlPlane& plane) {
  if (right.scope == Scope::control_plane && right.action.resource == "configmaps" && right.action.name == mesh::ControlPlane().config_map()) right.action.name = plane.config_map();
  return right;
}

std::vector<Right> rights_of(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const auto command = run::parse_command(filled(words));
  if (!command) return {};
  const auto verb = run::verb_name(*command->verb);
  if (verb == "kubectl get" && !command->words.empty()) return of_get(*command);
  if (verb == "kubectl logs") return of_pod(*command, "get", "log");
  if (verb == "kubectl exec") return of_pod(*command, "create", "exec");
  if (verb == "istioctl version") return of_istiod();
  if (verb == "istioctl proxy-status") return of_proxy_status();
  if (starts_with(verb, "istioctl proxy-config")) return of_port_forward(Scope::asked);
  return {};
}

std::vector<Right> rights_of(const std::vector<Playbook>& playbooks, bool probe) {
  std::set<Right> rights;
  each_step(playbooks, probe, [&](const Step& step) { rights.merge(as_set(rights_of(step.run))); });
  // What is given for the namespaces asked about is given for istiod's, which is one of them.
  for (auto it = rights.begin(); it != rights.end();) {
    const bool twice = it->scope == Scope::control_plane && rights.count({it->action, Scope::asked}) != 0;
    it = twice ? rights.erase(it) : std::next(it);
  }
  return {rights.begin(), rights.end()};
}

std::vector<Right> substitutes_of(const std::vector<Playbook>& playbooks, bool probe) {
  const auto needed = as_set(rights_of(playbooks, probe));
  std::set<Right> rights;
  each_step(playbooks, probe, [&](const Step& step) {
    for (const auto& way : step.otherwise) rights.merge(as_set(rights_of(way)));
  });
  std::vector<Right> others;
  for (const auto& right : rights) {
    const bool known = needed.count(right) != 0 || needed.count({right.action, Scope::asked}) != 0;
    if (!known) others.push_back(right);
  }
  return others;
}

Open left_open(const std::vector<Playbook>& playbooks, const std::vector<diagnose::Cause>& causes, bool probe,
               const std::function<Tri(const Right&)>& has) {
  Open open;
  Kinds lost;
  each_step(playbooks, probe, [&](const Step& step) {
    const auto how = can(step, has);
    if (how == Tri::unknown) add_once(open.partly, step.id);
    if (how != Tri::no) return;
    add_once(open.lost, step.id);
    if (const auto key = evidence::key_of(step.run)) lost.insert(key->kind);
  });
  for (const auto& cause : causes) {
    const bool rests = rests_on(diagnose::facts_of(cause.when), lost) || (cause.likely_when && rests_on(diagnose::facts_of(*cause.likely_when), lost));
    if (rests) open.causes.push_back(cause.id);
  }
  open.health = std::any_of(playbooks.begin(), playbooks.end(), [&](const Playbook& p) { return rests_on(p.healthy_when, lost); });
  return open;
}

}  // namespace meshdx::playbook
