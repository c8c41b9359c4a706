// Commands and keys: what a command asks for, and how to ask for it (design.md 6).
#include <algorithm>
#include <array>
#include <initializer_list>
#include <tuple>

#include "evidence/evidence.hpp"
#include "evidence/kinds.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

struct Flag {
  const char* spelling;
  const char* name;    ///< what the rest of this file calls it; "pass" does not change what is asked
  bool has_value;
};

constexpr std::array<Flag, 25> flags{{
    {"-n", "namespace", true},          {"--namespace", "namespace", true},
    {"-A", "all", false},               {"--all-namespaces", "all", false},
    {"-o", "output", true},             {"--output", "output", true},
    {"-c", "container", true},          {"--container", "container", true},
    {"-i", "istio-namespace", true},    {"--istioNamespace", "istio-namespace", true},
    {"-r", "revision", true},           {"--revision", "revision", true},
    {"-v", "verbosity", true},          {"--verbosity", "verbosity", true},
    {"--tail", "window", true},         {"--since", "window", true},
    {"--since-time", "window", true},   {"--limit-bytes", "window", true},
    {"--context", "pass", true},        {"--kubeconfig", "pass", true},
    {"--as", "pass", true},             {"--as-group", "pass", true},
    {"--request-timeout", "pass", true}, {"--chunk-size", "pass", true},
    {"--kubeclient-timeout", "pass", true},
}};

/// A command line taken apart. Not known: it has a flag that the table does not.
struct Words {
  std::vector<std::string> plain;
  std::map<std::string, std::string> flag;
  std::vector<std::string> after_dashes;
  bool known = true;

  [[nodiscard]] std::string value(const char* name) const {
    const auto found = flag.find(name);
    return found == flag.end() ? "" : found->second;
  }
  [[nodiscard]] bool has(const char* name) const { return flag.count(name) > 0; }
  [[nodiscard]] bool json() const { return value("output") == "json"; }
  /// Whether there is no flag but these (and those that do not change what is asked).
  [[nodiscard]] bool only(std::initializer_list<std::string_view> names) const {
    return std::all_of(flag.begin(), flag.end(), [&](const auto& entry) {
      return entry.first == "pass" || std::find(names.begin(), names.end(), entry.first) != names.end();
    });
  }
};

/// Reads the flag at argv[i], in any of the forms of pflag: `--flag=v`, `--flag v`, `-f v`, `-fv`, `-f=v`. Moves `i` to
/// its last word.
bool read_flag(const run::Argv& argv, std::size_t& i, Words& words) {
  const std::string& word = argv[i];
  const bool is_long = starts_with(word, "--");
  const std::string spelling = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
  const auto known =
      std::find_if(flags.begin(), flags.end(), [&](const Flag& flag) { return flag.spelling == spelling; });
  if (known == flags.end()) return false;
  std::string rest = word.substr(spelling.size());
  if (!known->has_value) {
    words.flag[known->name] = "";
    return rest.empty();
  }
  if (rest.empty()) {
    if (++i == argv.size()) return false;
    rest = argv[i];
  } else if (rest.front() == '=') {
    rest.erase(0, 1);
  }
  words.flag[known->name] = rest;
  return true;
}

Words take_apart(const run::Argv& argv) {
  Words words;
  for (std::size_t i = 1; i < argv.size() && words.known; ++i) {
    if (argv[i] == "--") {
      words.after_dashes.assign(argv.begin() + static_cast<std::ptrdiff_t>(i) + 1, argv.end());
      break;
    }
    if (argv[i].size() > 1 && argv[i].front() == '-') words.known = read_flag(argv, i, words);
    else words.plain.push_back(argv[i]);
  }
  return words;
}

/// `pods`, `deployments.apps` or its short form `deployments`: the row of a resource that kubectl lists. Of Istio kinds
/// only the full name, because `gateways` may be those of the Gateway API.
const KindRow* listed(const std::string& resource) {
  for (const auto& row : kind_rows()) {
    if (!row.is_list()) continue;
    const std::string_view full = row.resource;
    const bool extension = ends_with(full, ".istio.io") || ends_with(full, ".gateway.networking.k8s.io");
    if (full == resource || (!extension && row.plural() == resource)) return &row;
  }
  return nullptr;
}

/// The namespace a list is about: nullopt when neither -n nor -A says it (the context would decide).
std::optional<std::string> list_namespace(const Words& words) {
  if (words.has("all")) return "";
  if (words.value("namespace").empty()) return std::nullopt;
  return words.value("namespace");
}

/// `istio`, or `istio-REVISION`; the installation has other ConfigMaps whose names begin alike.
bool is_mesh_config(const std::string& name) {
  const bool other = starts_with(name, "istio-sidecar-injector") || starts_with(name, "istio-ca-") || starts_with(name, "istio-cni");
  return name == "istio" || (starts_with(name, "istio-") && !other);
}

std::optional<Key> key_of_get(const Words& words) {
  if (!words.json() || !words.only({"namespace", "all", "output"}) || words.plain.size() < 2) return std::nullopt;
  const std::string& resource = words.plain[1];
  if (words.plain.size() == 3) {
    const bool config_map = resource == "configmap" || resource == "configmaps" || resource == "cm";
    const std::string name = words.plain[2], ns = words.value("namespace");
    if (!config_map || !is_mesh_config(name) || ns.empty()) return std::nullopt;
    return Key{Kind::mesh_config, ns == "istio-system" ? "" : ns, name == "istio" ? "" : name, ""};
  }
  const KindRow* row = words.plain.size() == 2 ? listed(resource) : nullptr;
  if (row == nullptr) return std::nullopt;
  if (row->family == Family::cluster_list) return Key{row->kind, "", "", ""};
  const auto ns = list_namespace(words);
  if (!ns) return std::nullopt;
  return Key{row->kind, *ns, "", ""};
}

/// The pod of `kubectl logs` and `exec`: NAME or pod/NAME. Other kinds (deploy/web) leave the choice to kubectl.
std::optional<std::string> pod_of(const Words& words) {
  const bool complete = !words.value("namespace").empty() && !words.value("container").empty();
  if (words.plain.size() != 2 || !complete) return std::nullopt;
  std::string pod = words.plain[1];
  if (starts_with(pod, "pod/")) pod.erase(0, 4);
  if (pod.empty() || contains(pod, "/")) return std::nullopt;
  return pod;
}

std::optional<Key> key_of_kubectl(const Words& words) {
  const std::string& verb = words.plain[0];
  if (verb == "get") return key_of_get(words);
  if (verb == "version") {
    if (!words.json() || !words.only({"output"}) || words.plain.size() != 1) return std::nullopt;
    return Key{Kind::kube_version, "", "", ""};
  }
  const auto pod = pod_of(words);
  if (!pod) return std::nullopt;
  const std::string container = words.value("container");
  if (verb == "logs" && words.only({"namespace", "container", "window"})) {
    const bool proxy = container == "istio-proxy";
    return Key{proxy ? Kind::log : Kind::app_log, words.value("namespace"), *pod, proxy ? "" : container};
  }
  static const run::Argv tables{"cat", "/proc/net/tcp", "/proc/net/tcp6"};
  if (verb == "exec" && words.only({"namespace", "container"}) && words.after_dashes == tables) {
    return Key{Kind::sockets, words.value("namespace"), *pod, ""};   // all containers of a pod share the tables
  }
  return std::nullopt;
}

/// Sub-commands of proxy-config and their aliases (formats.md 2.1).
std::optional<Kind> section(const std::string& word) {
  struct Alias {
    const char* word;
    Kind kind;
  };
  static constexpr std::array<Alias, 15> aliases{
      {{"cluster", Kind::clusters},   {"clusters", Kind::clusters},   {"c", Kind::clusters},
       {"listener", Kind::listeners}, {"listeners", Kind::listeners}, {"l", Kind::listeners},
       {"route", Kind::routes},       {"routes", Kind::routes},       {"r", Kind::routes},
       {"endpoint", Kind::endpoints}, {"endpoints", Kind::endpoints}, {"ep", Kind::endpoints},
       {"secret", Kind::secrets},     {"secrets", Kind::secrets},
       {"s", Kind::secrets}}};
  const auto found =
      std::find_if(aliases.begin(), aliases.end(), [&](const Alias& alias) { return alias.word == word; });
  return found == aliases.end() ? std::nullopt : std::optional<Kind>(found->kind);
}

std::optional<Key> key_of_proxy_config(const Words& words) {
  if (words.plain.size() != 3 || !words.json() || !words.only({"namespace", "output"})) return std::nullopt;
  const auto kind = section(words.plain[1]);
  std::string pod = words.plain[2];
  if (starts_with(pod, "pod/")) pod.erase(0, 4);
  // istioctl cuts at the last dot even when -n is given (formats.md 2.1).
  const auto dot = pod.rfind('.');
  const std::string ns = dot == std::string::npos ? words.value("namespace") : pod.substr(dot + 1);
  pod.erase(std::min(dot, pod.size()));
  if (!kind || pod.empty() || ns.empty() || contains(pod, "/")) return std::nullopt;
  return Key{*kind, ns, pod, ""};
}

std::optional<Key> key_of_istioctl(const Words& words) {
  const std::string& verb = words.plain[0];
  if (verb == "proxy-config" || verb == "pc") return key_of_proxy_config(words);
  if (words.plain.size() != 1) return std::nullopt;   // proxy-status POD is a diff, analyze FILE reads no cluster
  if (verb == "proxy-status" || verb == "ps") {
    const std::string output = words.value("output");
    const bool read = output.empty() || output == "json" || output == "table";
    if (!read || !words.only({"output", "verbosity", "istio-namespace", "revision"})) return std::nullopt;
    return Key{Kind::proxy_status, words.value("istio-namespace"), words.value("revision"), ""};
  }
  if (!words.json()) return std::nullopt;
  if (verb == "version" && words.only({"output"})) return Key{Kind::istio_version, "", "", ""};
  const auto ns = list_namespace(words);
  if (verb == "analyze" && ns && words.only({"output", "namespace", "all"})) return Key{Kind::analyze, *ns, "", ""};
  return std::nullopt;
}

/// `-n NS`, or `-A` for cluster-wide.
void add_namespace(run::Argv& argv, const std::string& ns) {
  if (ns.empty()) argv.emplace_back("-A");
  else argv.insert(argv.end(), {"-n", ns});
}

run::Argv other_command(const Key& key) {
  switch (key.kind) {
    case Kind::mesh_config:
      return {"kubectl", "get", "configmap", key.name.empty() ? "istio" : key.name, "-n", key.ns.empty() ? "istio-system" : key.ns, "-o", "json"};
    case Kind::log: return {"kubectl", "logs", key.name, "-n", key.ns, "-c", "istio-proxy", "--tail=500"};
    case Kind::app_log: return {"kubectl", "logs", key.name, "-n", key.ns, "-c", key.container, "--tail=50"};
    case Kind::sockets:
      return {"kubectl", "exec", key.name, "-n", key.ns, "-c", "istio-proxy",
              "--", "cat", "/proc/net/tcp", "/proc/net/tcp6"};
    case Kind::proxy_status:
      if (key.ns.empty()) return {"istioctl", "proxy-status", "-v", "1"};
      return {"istioctl", "proxy-status", "-i", key.ns, "-r", key.name, "-v", "1"};
    case Kind::istio_version: return {"istioctl", "version", "-o", "json"};
    case Kind::kube_version: return {"kubectl", "version", "-o", "json"};
    case Kind::analyze: break;
    default: return {};   // the other families are command_for()'s
  }
  run::Argv argv{"istioctl", "analyze"};
  add_namespace(argv, key.ns);
  argv.insert(argv.end(), {"-o", "json"});
  return argv;
}

}  // namespace

bool Key::operator<(const Key& other) const {
  return std::tie(kind, ns, name, container) < std::tie(other.kind, other.ns, other.name, other.container);
}

bool Key::operator==(const Key& other) const {
  return std::tie(kind, ns, name, container) == std::tie(other.kind, other.ns, other.name, other.container);
}

const char* kind_name(Kind kind) { return row_of(kind).name; }

const std::vector<Kind>& all_kinds() {
  static const std::vector<Kind> kinds = [] {
    std::vector<Kind> list;
    for (const auto& row : kind_rows()) list.push_back(row.kind);
    return list;
  }();
  return kinds;
}

std::optional<Key> key_of(const run::Argv& argv) {
  if (argv.empty()) return std::nullopt;
  const Words words = take_apart(argv);
  if (!words.known || words.plain.empty()) return std::nullopt;
  const std::string tool = argv[0].substr(argv[0].rfind('/') + 1);
  if (tool == "kubectl") return key_of_kubectl(words);
  if (tool == "istioctl") return key_of_istioctl(words);
  return std::nullopt;
}

run::Argv command_for(const Key& key) {
  const KindRow& row = row_of(key.kind);
  run::Argv argv;
  switch (row.family) {
    case Family::other: return other_command(key);
    case Family::proxy_config: return {"istioctl", "proxy-config", row.resource, key.name + "." + key.ns, "-o", "json"};
    case Family::cluster_list: return {"kubectl", "get", row.resource, "-o", "json"};
    case Family::list: break;
  }
  argv = {"kubectl", "get", row.resource};
  add_namespace(argv, key.ns);
  argv.insert(argv.end(), {"-o", "json"});
  return argv;
}

}  // namespace meshdx::evidence
