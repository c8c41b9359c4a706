#include "playbook/preflight.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <fmt/core.h>

#include "evidence/evidence.hpp"
#include "playbook/access.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

using evidence::Gap;
using evidence::Source;
using run::Argv;
using run::CommandResult;

/// A name that no namespace can have: what may be done there may be done everywhere.
constexpr const char* k_nowhere = "meshdx.none";

const Argv k_kube_version = {"kubectl", "version", "-o", "json"};
const Argv k_istioctl_version = {"istioctl", "version", "--remote=false", "-o", "json"};
const Argv k_telemetries = {"kubectl", "get", "telemetries.telemetry.istio.io", "-A", "-o", "json"};

Argv list_in(const std::string& ns) { return {"kubectl", "auth", "can-i", "--list", "-n", ns}; }

/// `kubectl auth can-i create serviceaccounts/default --subresource=token -n istio-system`.
Argv single(const evidence::Action& action, const std::string& ns) {
  Argv argv = {"kubectl", "auth", "can-i", action.verb, action.resource + (action.group.empty() ? "" : "." + action.group)};
  if (!action.name.empty()) argv.back() += "/" + action.name;
  if (!action.subresource.empty()) argv.push_back("--subresource=" + action.subresource);
  if (ns.empty()) argv.emplace_back("-A");
  else argv.insert(argv.end(), {"-n", ns});
  return argv;
}

/// `istioctl version`, of istiod too.
Argv version_of(const mesh::ControlPlane& plane) {
  Argv argv = {"istioctl", "version", "-o", "json"};
  if (!plane.usual()) argv.insert(argv.begin() + 2, {"-i", plane.ns, "-r", plane.revision});
  return argv;
}

class Asking {
 public:
  Asking(const std::vector<Playbook>& playbooks, const std::vector<diagnose::Cause>& causes, bool probe, run::CommandRunner& runner,
         std::chrono::milliseconds timeout, mesh::ControlPlane plane)
      : m_playbooks(playbooks), m_causes(causes), m_probe(probe), m_runner(runner), m_timeout(timeout), m_plane(std::move(plane)),
        m_mesh_config(evidence::command_for(m_plane.config_key())), m_istio_version(version_of(m_plane)) {}

  Preflight go(const std::string& ns);

 private:
  void run(const std::vector<Argv>& commands);
  const CommandResult& result(const Argv& argv) const { return m_results.at(argv); }
  void say(const char* id, Tri works, std::string text, const Argv& command) { m_preflight.prerequisites.push_back({id, works, std::move(text), command}); }

  bool kubectl();
  using Gone = std::function<bool(const Permission&)>;
  void add(const std::vector<Right>& rights, bool substitute);
  Tri has(const Right& right, const Gone& gone) const;
  void permissions();
  void decide(Permission& permission);
  void ask_singly();
  void istio();
  void istioctl();
  void istiod(const evidence::IstioVersion& version);
  void access_log();
  std::string logs_by_telemetry();
  bool may(const evidence::Action& action, const std::string& ns) const;

  const std::vector<Playbook>& m_playbooks;
  const std::vector<diagnose::Cause>& m_causes;
  bool m_probe;
  run::CommandRunner& m_runner;
  std::chrono::milliseconds m_timeout;
  mesh::ControlPlane m_plane;
  Argv m_mesh_config, m_istio_version;
  std::map<Argv, CommandResult> m_results;
  Preflight m_preflight;
};

/// Runs commands side by side; each has a result when it returns.
void Asking::run(const std::vector<Argv>& commands) {
  std::size_t next = 0, running = 0;
  while (next < commands.size() || running > 0) {
    for (; next < commands.size() && m_runner.can_start(); ++next, ++running) m_runner.start(next, commands[next], m_timeout);
    auto finished = m_runner.wait();
    if (!finished) break;
    --running;
    auto argv = finished->result.argv;
    m_results[std::move(argv)] = std::move(finished->result);
  }
}

/// kubectl itself, and whether it reaches a cluster. False when it does not.
bool Asking::kubectl() {
  const auto& answer = result(k_kube_version);
  const auto source = evidence::classify(answer);
  if (source.gap == Gap::no_tool) {
    m_preflight.no_cluster = source.why;
    say("kubectl", Tri::no, source.why, k_kube_version);
    return false;
  }
  const auto version = evidence::parse_kube_version(answer.out);
  if (version) say("kubectl", Tri::yes, "kubectl " + version->client, k_kube_version);
  else say("kubectl", Tri::unknown, "kubectl does not tell its version: " + (source.ok() ? version.error() : source.why), k_kube_version);
  const bool reached = version && !version->server.empty();
  if (reached) {
    say("cluster", Tri::yes, "the cluster answers: Kubernetes " + version->server, k_kube_version);
    return true;
  }
  m_preflight.no_cluster = source.ok() ? "the API server does not tell its version" : no_access(source.gap, source.why, m_runner);
  say("cluster", Tri::no, m_preflight.no_cluster, k_kube_version);
  return false;
}

bool Asking::may(const evidence::Action& action, const std::string& ns) const {
  const auto found = std::find_if(m_preflight.permissions.begin(), m_preflight.permissions.end(), [&](const Permission& p) {
    return p.ns == ns && p.right.action.verb == action.verb && evidence::resource_text(p.right.action) == evidence::resource_text(action);
  });
  return found == m_preflight.permissions.end() || found->granted != Tri::no;
}

/// By the list of the permission's namespace. A list that is incomplete proves what it holds, and nothing else.
void Asking::decide(Permission& permission) {
  const auto& answer = result(list_in(permission.ns.empty() ? k_nowhere : permission.ns));
  const auto source = evidence::classify(answer);
  if (!source.ok()) {
    permission.why = source.why;
    return;
  }
  const auto grants = evidence::parse_grants(answer.out);
  if (!grants) {
    permission.why = grants.error();
    return;
  }
  const bool complete = !contains(answer.err, "may be incomplete");
  if (evidence::allows(*grants, permission.right.action)) permission.granted = Tri::yes;
  else if (complete) permission.granted = Tri::no;
}

/// What the lists left undecided.
void Asking::ask_singly() {
  std::vector<Argv> commands;
  for (const auto& permission : m_preflight.permissions) {
    if (permission.granted == Tri::unknown) commands.push_back(single(permission.right.action, permission.ns));
  }
  run(commands);
  for (auto& permission : m_preflight.permissions) {
    if (permission.granted != Tri::unknown) continue;
    const auto& answer = result(single(permission.right.action, permission.ns));
    const auto word = trim(answer.out);
    if (word == "yes") permission.granted = Tri::yes;
    else if (starts_with(word, "no") && answer.end == run::End::exited) permission.granted = Tri::no;   // "no - <reason>"
    else permission.why = evidence::classify(answer).why;
  }
}

void Asking::add(const std::vector<Right>& rights, bool substitute) {
  for (const auto& right : rights) {
    if (right.scope == Scope::cluster) m_preflight.permissions.push_back({right, "", substitute});
    if (right.scope == Scope::asked && m_preflight.ns != m_plane.ns) m_preflight.permissions.push_back({right, m_preflight.ns, substitute});
    if (right.scope != Scope::cluster) m_preflight.permissions.push_back({at_control_plane(right, m_plane), m_plane.ns, substitute});
  }
}

/// Whether a right is there when some permissions are not. One for the namespaces asked about may be lacking in istiod's only.
Tri Asking::has(const Right& right, const Gone& gone) const {
  Tri all = Tri::yes;
  const auto action = at_control_plane(right, m_plane).action;
  for (const auto& p : m_preflight.permissions) {
    if (!(p.right.action == action) || !gone(p) || (right.scope == Scope::cluster) != p.ns.empty()) continue;
    if (right.scope == Scope::control_plane && p.ns != m_plane.ns) continue;
    const bool elsewhere = right.scope == Scope::asked && p.ns == m_plane.ns && p.ns != m_preflight.ns;
    if (!elsewhere) return Tri::no;
    all = Tri::unknown;
  }
  return all;
}

void Asking::permissions() {
  add(rights_of(m_playbooks, m_probe), false);
  add(substitutes_of(m_playbooks, m_probe), true);
  for (auto& permission : m_preflight.permissions) decide(permission);
  ask_singly();
  const auto missing = [](const Permission& p) { return p.granted != Tri::yes; };
  for (auto& permission : m_preflight.permissions) {
    if (!missing(permission) || permission.substitute) continue;
    const auto gone = [&](const Permission& p) { return &p == &permission || (p.substitute && missing(p)); };
    permission.open = left_open(m_playbooks, m_causes, m_probe, [&](const Right& right) { return has(right, gone); });
  }
  m_preflight.open = left_open(m_playbooks, m_causes, m_probe, [&](const Right& right) { return has(right, missing); });
}

void Asking::istioctl() {
  const auto& answer = result(k_istioctl_version);
  const auto source = evidence::classify(answer);
  const auto version = evidence::parse_istio_version(answer.out);
  if (source.gap == Gap::no_tool) {
    say("istioctl", Tri::no, source.why + "; what proxies hold stays unseen: install the istioctl of the mesh's version", k_istioctl_version);
  } else if (version) {
    say("istioctl", Tri::yes, "istioctl " + version->client, k_istioctl_version);
  } else {
    say("istioctl", Tri::unknown, "istioctl does not tell its version: " + (source.ok() ? version.error() : source.why), k_istioctl_version);
  }
}

/// 1 and 30 of "1.30.2"; nothing for what has no such form.
std::optional<std::pair<std::uint64_t, std::uint64_t>> minor_of(const std::string& version) {
  const auto parts = split(version, '.');
  if (parts.size() < 2) return std::nullopt;
  const auto major = to_number(parts[0]);
  const auto minor = to_number(parts[1].substr(0, parts[1].find_first_not_of("0123456789")));
  if (!major || !minor) return std::nullopt;
  return std::pair{*major, *minor};
}

/// istioctl supports one minor version to either side.
bool fits(const std::string& client, const std::string& server) {
  const auto a = minor_of(client), b = minor_of(server);
  if (!a || !b) return true;
  return a->first == b->first && std::max(a->second, b->second) - std::min(a->second, b->second) <= 1;
}

void Asking::istiod(const evidence::IstioVersion& version) {
  if (version.control_planes.empty()) {
    say("istiod", Tri::no, "no istiod answered in " + m_plane.ns + (m_plane.revision == "default" ? "" : ", revision " + m_plane.revision) + " (-i and --revision say where else): whether proxies have its configuration stays unseen", m_istio_version);
  }
  for (const auto& server : version.control_planes) {
    const bool ok = fits(version.client, server);
    say("istiod", ok ? Tri::yes : Tri::no,
        "istiod " + server + (ok ? "" : ": more than one minor version from istioctl " + version.client + ", which may misread it; use istioctl " + server), m_istio_version);
  }
  std::map<std::string, std::size_t> proxies;
  for (const auto& [id, proxy] : version.proxies) ++proxies[proxy];
  std::vector<std::string> parts;
  for (const auto& [proxy, number] : proxies) parts.push_back(std::to_string(number) + " of " + (proxy.empty() ? "unknown version" : proxy));
  if (!parts.empty()) say("proxies", Tri::yes, "proxies known to istiod: " + join(parts, ", "), m_istio_version);
}

/// Without these rights istioctl would wait until it is stopped.
void Asking::istio() {
  istioctl();
  const evidence::Action webhooks{"list", "mutatingwebhookconfigurations", "", "admissionregistration.k8s.io", ""};
  if (result(k_istioctl_version).end == run::End::not_started) return;
  if (!may(webhooks, "")) {
    say("istiod", Tri::unknown, "istiod not asked: without " + webhooks.verb + " " + evidence::resource_text(webhooks) + " istioctl waits for ever", m_istio_version);
    return;
  }
  run({m_istio_version});
  const auto& answer = result(m_istio_version);
  const auto source = evidence::classify(answer);
  const auto version = evidence::parse_istio_version(answer.out);
  if (source.ok() && version) istiod(*version);
  else say("istiod", Tri::unknown, "istiod's version is not known: " + (source.ok() ? version.error() : source.why), m_istio_version);
}

/// The Telemetry that turns access logs on where the mesh configuration does not; "" for none.
std::string Asking::logs_by_telemetry() {
  run({k_telemetries});
  const auto& answer = result(k_telemetries);
  if (!evidence::classify(answer).ok()) return "";
  const auto objects = evidence::parse_objects(answer.out);
  if (!objects) return "";
  for (const auto& object : *objects) {
    for (const auto& logging : at(object.spec(), "accessLogging")) {
      const bool here = object.meta.ns == m_plane.ns || object.meta.ns == m_preflight.ns;
      if (here && !bool_at(logging, "disabled")) return object.meta.ns + "/" + object.meta.name;
    }
  }
  return "";
}

void Asking::access_log() {
  const auto& answer = result(m_mesh_config);
  const auto source = evidence::classify(answer);
  const auto config = evidence::parse_mesh_config(answer.out);
  if (!source.ok() || !config) {
    say("access-log", Tri::unknown, "access log not known: " + (source.ok() ? config.error() : source.why), m_mesh_config);
    return;
  }
  if (!config->access_log_file.empty()) {
    say("access-log", Tri::yes, "proxies write access logs, to " + config->access_log_file, m_mesh_config);
    return;
  }
  if (contains(answer.out, "accessLogging")) {   // the mesh configuration knows the word in defaultProviders only
    say("access-log", Tri::yes, "proxies write access logs, by the mesh's default provider", m_mesh_config);
    return;
  }
  const auto telemetry = logs_by_telemetry();
  if (!telemetry.empty()) say("access-log", Tri::yes, "access logs are off in the mesh configuration, on by Telemetry " + telemetry, k_telemetries);
  else say("access-log", Tri::no, "access logs are off: which requests failed stays unseen. A diagnosis prints the Telemetry that turns them on for its workload", m_mesh_config);
}

Preflight Asking::go(const std::string& ns) {
  m_preflight.ns = ns;
  std::set<Argv> first = {k_kube_version, k_istioctl_version, m_mesh_config, list_in(ns), list_in(m_plane.ns), list_in(k_nowhere)};
  run({first.begin(), first.end()});
  m_preflight.interrupted = m_runner.interrupted();
  if (m_preflight.interrupted) return std::move(m_preflight);
  if (!kubectl()) {
    istioctl();
    return std::move(m_preflight);
  }
  permissions();
  istio();
  access_log();
  m_preflight.interrupted = m_runner.interrupted();
  return std::move(m_preflight);
}

}  // namespace

Preflight preflight(const std::vector<Playbook>& playbooks, const std::vector<diagnose::Cause>& causes, const std::string& ns, bool probe,
                    run::CommandRunner& runner, std::chrono::milliseconds timeout, const mesh::ControlPlane& plane) {
  return Asking(playbooks, causes, probe, runner, timeout, plane).go(ns);
}

int exit_code(const Preflight& preflight) {
  if (preflight.interrupted) return 130;
  if (!preflight.no_cluster.empty()) return 1;
  const bool works = std::all_of(preflight.prerequisites.begin(), preflight.prerequisites.end(), [](const auto& p) { return p.works == Tri::yes; });
  const bool granted = std::all_of(preflight.permissions.begin(), preflight.permissions.end(), [](const auto& p) { return p.substitute || p.granted == Tri::yes; });
  return works && granted ? 0 : 3;
}

}  // namespace meshdx::playbook
