#include "survey/sweep.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

#include "mesh/istio_config.hpp"
#include "survey/needs.hpp"
#include "survey/scope.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

using namespace evidence;

std::size_t shard_of(const std::string& ns, std::size_t shards) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const unsigned char c : ns) hash = (hash ^ c) * 1099511628211ULL;
  return shards < 2 ? 0 : static_cast<std::size_t>(hash % shards);
}

bool says_in_mesh(const Labels& labels) {
  const auto injection = labels.find("istio-injection");
  const auto mode = labels.find("istio.io/dataplane-mode");
  return (injection != labels.end() && injection->second == "enabled") || labels.count("istio.io/rev") > 0 || (mode != labels.end() && mode->second != "none");
}

namespace {

/// Namespaces that are gathered and asked about at a time.
constexpr std::size_t k_window = 8;
/// Where no selector query tells where gateways' pods are: up to so many namespaces with proxies are read for them.
constexpr std::size_t k_few_namespaces = 12;

const std::vector<Kind>& mesh_kinds() {
  static const std::vector<Kind> kinds = {Kind::virtual_services, Kind::destination_rules, Kind::gateways, Kind::service_entries, Kind::workload_entries, Kind::sidecars,
                                          Kind::envoy_filters, Kind::peer_authentications, Kind::request_authentications, Kind::authorization_policies};
  return kinds;
}

const std::vector<Kind>& namespace_kinds() {
  static const std::vector<Kind> kinds = {Kind::services, Kind::endpointslices, Kind::pods, Kind::deployments, Kind::replicasets, Kind::statefulsets};
  return kinds;
}

Key list_key(Kind kind, const std::string& ns) { return Key{kind, ns, "", ""}; }

class Sweeper {
 public:
  Sweeper(run::CommandRunner& runner, const std::vector<diagnose::Cause>& causes, const SweepOptions& options)
      : m_runner(runner), m_options(options), m_surveyor(causes, options.context_flags), m_view(m_evidence) {}

  Sweep go();

 private:
  std::vector<run::CommandResult> run(const std::vector<run::Argv>& commands);
  void gather(const std::vector<run::Argv>& commands);
  void gather_mesh();
  void gather_control_plane(const mesh::ControlPlane& plane, std::vector<run::Argv> others);
  void gather_control_planes();
  void forget_unneeded();
  void gather_where_allowed(const std::vector<std::string>& namespaces);
  bool choose_namespaces();
  void find_gateways();
  void load(const std::set<std::string>& namespaces);
  std::set<std::string> all_needs(const std::string& ns) const;
  void ask_about(const Scope& scope, const std::string& ns);
  void ask_gateways(const Scope& scope, const std::string& ns);
  void progress(const std::string& line) const {
    if (m_options.progress) m_options.progress(line);
  }

  run::CommandRunner& m_runner;
  const SweepOptions& m_options;
  Evidence m_mesh;                              ///< what was read for all namespaces
  Evidence m_evidence;                          ///< that, and the namespaces under way
  Surveyor m_surveyor;
  const mesh::View m_view;
  Sweep m_sweep;
  std::set<std::string> m_gateway_namespaces;   ///< where the pods of Gateways are
  bool m_gateways_found = true;                 ///< all of them are known to be there
  std::set<mesh::ControlPlane> m_planes;        ///< that the proxies belong to
  std::set<mesh::ControlPlane> m_planes_asked;
};

std::vector<run::CommandResult> Sweeper::run(const std::vector<run::Argv>& commands) {
  auto results = run::run_all(m_runner, commands, m_options.step_timeout);
  m_sweep.commands += results.size();
  return results;
}

void Sweeper::gather(const std::vector<run::Argv>& commands) {
  for (const auto& result : run(commands)) {
    m_evidence.add(result);
    const auto source = classify(result);
    // What no cluster could answer better: a kind that is not installed is an empty list.
    if (!source.ok() && source.gap != Gap::no_such_kind && source.gap != Gap::interrupted) m_sweep.unread.push_back({result.argv, source.why});
  }
}

void Sweeper::gather_mesh() {
  progress("reading the mesh's configuration");
  std::vector<run::Argv> commands = {command_for({Kind::namespaces, "", "", ""})};
  for (const auto kind : mesh_kinds()) commands.push_back(command_for(list_key(kind, "")));
  gather_control_plane({}, std::move(commands));
}

/// What a control plane has for the whole mesh, and which proxies it knows; `others` are read beside it.
void Sweeper::gather_control_plane(const mesh::ControlPlane& plane, std::vector<run::Argv> others) {
  m_planes_asked.insert(plane);
  const auto status = [&](std::vector<std::string> words) {
    run::Argv argv = {"istioctl", "proxy-status"};
    if (!plane.usual()) argv.insert(argv.end(), {"-i", plane.ns, "-r", plane.revision});
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
  };
  const auto said = [&] { return m_view.read<ProxyStatus>(plane.status_key()) != nullptr; };
  others.insert(others.end(), {command_for(plane.config_key()), status({"-o", "json"})});
  gather(others);
  if (said() || m_runner.interrupted()) return;
  // Before 1.30 there is no JSON, before 1.27 no -v: one of the three is enough.
  const auto before = m_sweep.unread.size();
  gather({status({"-v", "1"})});
  if (!said()) gather({status({})});
  const auto of_it = [&](const Unread& unread) { return key_of(unread.argv) == plane.status_key(); };
  const auto from = said() ? m_sweep.unread.begin() : m_sweep.unread.begin() + static_cast<std::ptrdiff_t>(before);
  m_sweep.unread.erase(std::remove_if(from, m_sweep.unread.end(), of_it), m_sweep.unread.end());
}

/// The control planes that the pods under way belong to, each asked once: a mesh that is upgraded has several.
void Sweeper::gather_control_planes() {
  for (const auto& plane : std::set<mesh::ControlPlane>(m_view.control_planes().all)) {
    m_planes.insert(plane);
    if (m_planes_asked.count(plane) > 0 || m_runner.interrupted()) continue;
    gather_control_plane(plane, {});
    for (const auto& key : {plane.config_key(), plane.status_key()}) m_mesh.take(key, m_evidence);
  }
}

void Sweeper::forget_unneeded() {
  const auto unneeded = [&](const Unread& unread) {
    const auto key = key_of(unread.argv);
    return key && mesh::tells_of_no_proxy(*key, m_planes);
  };
  m_sweep.unread.erase(std::remove_if(m_sweep.unread.begin(), m_sweep.unread.end(), unneeded), m_sweep.unread.end());
}

/// Where a kind may not be listed for all namespaces: those that are checked, and the root namespace.
void Sweeper::gather_where_allowed(const std::vector<std::string>& namespaces) {
  std::set<std::string> where(namespaces.begin(), namespaces.end());
  where.insert(m_view.root_namespace());
  std::vector<run::Argv> commands;
  for (const auto kind : mesh_kinds()) {
    const auto& source = m_evidence.source(list_key(kind, ""));
    if (source.gap != Gap::forbidden && source.gap != Gap::not_recorded) continue;
    for (const auto& ns : where) commands.push_back(command_for(list_key(kind, ns)));
  }
  gather(commands);
}

/// The namespaces to check: the one asked for, or all that have to do with the mesh, of this shard.
bool Sweeper::choose_namespaces() {
  const auto* all = m_view.namespaces();
  if (!m_options.ns.empty()) {
    const bool there = all == nullptr || std::any_of(all->begin(), all->end(), [&](const Object& o) { return o.meta.name == m_options.ns; });
    if (!there) m_sweep.failed = "There is no namespace " + m_options.ns + ".";
    m_sweep.namespaces = {m_options.ns};
    return there;
  }
  if (all == nullptr) {
    m_sweep.failed = "The namespaces could not be listed: " + m_evidence.source({Kind::namespaces, "", "", ""}).why + " Name one with -n.";
    return false;
  }
  std::set<std::string> involved;
  for (const auto kind : mesh_kinds()) {
    for (const auto* object : m_view.objects(kind).items) involved.insert(object->meta.ns);
  }
  if (const auto* status = m_view.proxy_status()) {
    for (const auto& proxy : status->proxies) involved.insert(proxy.ns);
  }
  for (const auto& ns : *all) {
    const bool mesh = involved.count(ns.meta.name) > 0 || says_in_mesh(ns.meta.labels);
    if (!mesh) ++m_sweep.left_out;
    else if (shard_of(ns.meta.name, m_options.shards) == m_options.shard) m_sweep.namespaces.push_back(ns.meta.name);
  }
  std::sort(m_sweep.namespaces.begin(), m_sweep.namespaces.end());
  return true;
}

/// Pods of gateways may run in any namespace. Asking for them by their labels brings few.
void Sweeper::find_gateways() {
  const auto list = m_view.objects(Kind::gateways);
  std::set<std::string> selectors;
  bool any = false;
  for (const auto* gateway : list.items) {
    if (std::find(m_sweep.namespaces.begin(), m_sweep.namespaces.end(), gateway->meta.ns) == m_sweep.namespaces.end()) continue;
    any = true;
    std::string selector;
    for (const auto& [key, value] : mesh::labels_at(gateway->spec(), "selector")) selector += (selector.empty() ? "" : ",") + key + "=" + value;
    if (selector.empty()) m_gateways_found = false;
    else selectors.insert(selector);
  }
  if (!any) return;
  std::vector<run::Argv> commands;
  for (const auto& selector : selectors) commands.push_back({"kubectl", "get", "pods", "-A", "-l", selector, "-o", "json"});
  for (const auto& result : run(commands)) {
    const auto pods = classify(result).ok() ? parse_pods(result.out) : Expected<std::vector<Pod>>(Error{"not read"});
    m_gateways_found = m_gateways_found && pods.ok();
    for (const auto& pod : pods ? *pods : std::vector<Pod>()) m_gateway_namespaces.insert(pod.meta.ns);
  }
  m_gateway_namespaces.insert(m_view.root_namespace());
  const auto* status = m_view.proxy_status();
  if (m_gateways_found || status == nullptr) return;
  std::set<std::string> with_proxies;
  for (const auto& proxy : status->proxies) with_proxies.insert(proxy.ns);
  if (with_proxies.size() > k_few_namespaces) return;
  m_gateway_namespaces.insert(with_proxies.begin(), with_proxies.end());
  m_gateways_found = true;
}

std::set<std::string> Sweeper::all_needs(const std::string& ns) const {
  const auto at_gateways = gateway_questions(m_view, ns, Unbound::ask);
  auto needs = needs_of(m_view, ns, at_gateways);
  if (!at_gateways.empty()) needs.insert(m_gateway_namespaces.begin(), m_gateway_namespaces.end());
  return needs;
}

/// The mesh-wide evidence and these namespaces; what was gathered for others before is gone.
void Sweeper::load(const std::set<std::string>& namespaces) {
  m_evidence = m_mesh;
  const auto* all = m_view.namespaces();
  std::vector<run::Argv> commands;
  for (const auto& ns : namespaces) {
    const bool there = all == nullptr || std::any_of(all->begin(), all->end(), [&](const Object& o) { return o.meta.name == ns; });
    for (const auto kind : namespace_kinds()) {
      // A namespace that does not exist holds nothing; kubectl says the same after asking.
      run::CommandResult nothing;
      nothing.argv = command_for(list_key(kind, ns));
      nothing.out = R"({"kind":"List","items":[]})";
      if (there) commands.push_back(nothing.argv);
      else m_evidence.add(nothing);
    }
  }
  gather(commands);
  gather_control_planes();
  for (const auto& ns : namespaces) m_evidence = with_any_caller(m_evidence, ns);
}

void Sweeper::ask_gateways(const Scope& scope, const std::string& ns) {
  for (auto& question : gateway_questions(m_view, ns, Unbound::ask)) {
    question.ask.gateway_pods_listed = m_gateways_found;
    const auto caller = mesh::find_caller(m_view, question.ask, mesh::find_destination(m_view, question.ask));
    if (caller.pod == nullptr && !m_gateways_found) m_surveyor.leave_open(question.subject, "where its pods run is not known");
    else m_surveyor.ask(scope.of(question), question);
  }
}

void Sweeper::ask_about(const Scope& scope, const std::string& ns) {
  progress("checking " + ns);
  if (m_view.services(ns) == nullptr) m_surveyor.leave_open("Namespace " + ns, "its Services were not read");
  for (const auto& question : service_questions(m_view, scope, ns)) {
    if (m_runner.interrupted()) return;
    m_surveyor.ask(scope.of(question), question);
  }
  if (m_view.services(ns) != nullptr && m_view.pods(ns) == nullptr) m_surveyor.leave_open("Namespace " + ns, "its pods were not read");
  ask_gateways(scope, ns);
}

Sweep Sweeper::go() {
  gather_mesh();
  if (!m_runner.interrupted() && choose_namespaces()) {
    gather_where_allowed(m_sweep.namespaces);
    find_gateways();
    m_mesh = m_evidence;
    for (std::size_t i = 0; i < m_sweep.namespaces.size() && !m_runner.interrupted(); i += k_window) {
      const auto end = std::min(i + k_window, m_sweep.namespaces.size());
      std::set<std::string> needs;
      for (auto k = i; k < end; ++k) needs.merge(all_needs(m_sweep.namespaces[k]));
      load(needs);
      const Scope scope(m_evidence);
      for (auto k = i; k < end; ++k) ask_about(scope, m_sweep.namespaces[k]);
    }
  }
  for (const auto* filter : m_view.objects(Kind::envoy_filters).items) {
    m_sweep.remarks.push_back(filter->ref() + " changes proxies by hand; that is not taken into account.");
  }
  forget_unneeded();
  m_sweep.survey = m_surveyor.result();
  m_sweep.interrupted = m_runner.interrupted();
  return std::move(m_sweep);
}

}  // namespace

Sweep sweep(run::CommandRunner& runner, const std::vector<diagnose::Cause>& causes, const SweepOptions& options) {
  return Sweeper(runner, causes, options).go();
}

}  // namespace meshdx::survey
