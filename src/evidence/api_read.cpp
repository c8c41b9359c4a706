#include "evidence/api_read.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "evidence/evidence.hpp"
#include "evidence/json_slices.hpp"
#include "evidence/kinds.hpp"
#include "evidence/source.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

/// Names of objects (RFC 1123) need no escaping; what is none is left to kubectl.
bool is_name(std::string_view text) {
  const auto plain = [](unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  return !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), plain);
}

/// "/apis/networking.istio.io/v1beta1"; "" where the group's version is not known here.
std::string version_path(const KindRow& row) {
  static const std::map<std::string, std::string, std::less<>> versions = {
      {"apps", "v1"},
      {"discovery.k8s.io", "v1"},
      {"networking.k8s.io", "v1"},
      {"admissionregistration.k8s.io", "v1"},
      {"gateway.networking.k8s.io", "v1"},
      {"networking.istio.io", "v1beta1"},
      {"security.istio.io", "v1beta1"},
      {"telemetry.istio.io", "v1alpha1"}};
  if (row.group().empty()) return "/api/v1";
  const auto group = versions.find(row.group());
  if (group == versions.end()) return "";
  std::string version = group->second;
  if (row.kind == Kind::envoy_filters) version = "v1alpha3";
  if (row.kind == Kind::reference_grants) version = "v1beta1";
  return "/apis/" + group->first + "/" + version;
}

bool is_log(const Key& key) { return key.kind == Kind::log || key.kind == Kind::app_log; }

/// "/namespaces/shop", "" for all of them; nullopt for what is no name.
std::optional<std::string> namespace_path(const std::string& ns) {
  if (ns.empty()) return "";
  return is_name(ns) ? std::optional("/namespaces/" + ns) : std::nullopt;
}

std::optional<std::string> list_path(const Key& key) {
  const auto& row = row_of(key.kind);
  const auto version = version_path(row);
  const auto scope = namespace_path(key.ns);
  if (version.empty() || !scope) return std::nullopt;
  return version + *scope + "/" + std::string(row.plural());
}

/// `kubectl get configmap istio -n istio-system -o json`
std::optional<std::string> config_map_path(const run::Argv& command) {
  const std::string& name = command[3];
  const std::string& ns = command[5];
  if (!is_name(name) || !is_name(ns)) return std::nullopt;
  return "/api/v1/namespaces/" + ns + "/configmaps/" + name;
}

/// `kubectl logs POD -n NS -c CONTAINER --tail=N`
std::optional<std::string> log_path(const run::Argv& command, const Key& key) {
  const std::string container = key.container.empty() ? "istio-proxy" : key.container;
  const std::string lines = command.back().substr(std::min<std::size_t>(7, command.back().size()));
  if (command != run::Argv{"kubectl", "logs", key.name, "-n", key.ns, "-c", container, "--tail=" + lines}) return std::nullopt;
  if (!to_number(lines) || !is_name(key.name) || !is_name(key.ns) || !is_name(container)) return std::nullopt;
  return "/api/v1/namespaces/" + key.ns + "/pods/" + key.name + "/log?container=" + container + "&tailLines=" + lines;
}

std::optional<std::string> path_of(const run::Argv& command) {
  const auto key = key_of(command);
  if (!key || command.front() != "kubectl") return std::nullopt;
  if (is_log(*key)) return log_path(command, *key);
  if (command_for(*key) != command) return std::nullopt;
  if (key->kind == Kind::mesh_config) return config_map_path(command);
  return row_of(key->kind).is_list() ? list_path(*key) : std::nullopt;
}

std::string_view unquoted(std::string_view word) {
  return word.size() < 2 ? std::string_view() : word.substr(1, word.size() - 2);
}

/// The object without `metadata.managedFields`: who set which field, half of many an object, and never printed by kubectl.
std::string without_managed_fields(std::string_view object) {
  const auto metadata = member_slice(object, "metadata");
  const auto value = member_slice(metadata, "managedFields");
  if (value.empty()) return std::string(object);
  const auto place = [&](std::string_view part) { return static_cast<std::size_t>(part.data() - object.data()); };
  std::size_t from = object.rfind("\"managedFields\"", place(value));
  std::size_t to = place(value) + value.size();
  const auto next = object.find_first_not_of(" \t\r\n", to);
  const auto before = object.find_last_not_of(" \t\r\n", from - 1);
  if (next != std::string_view::npos && object[next] == ',') to = next + 1;
  else if (object[before] == ',') from = before;
  return std::string(object.substr(0, from)).append(object.substr(to));
}

/// An item as kubectl prints it: with its apiVersion and kind, which the API leaves out where the list has them.
std::string item_text(std::string_view item, std::string_view version, std::string_view kind) {
  std::string text = without_managed_fields(item);
  if (!member_slice(item, "kind").empty() || text.empty()) return text;
  const std::string head = "{\"apiVersion\":\"" + std::string(version) + "\",\"kind\":\"" + std::string(kind) + "\"";
  const auto first = text.find_first_not_of(" \t\r\n", 1);
  return head + (first == std::string::npos || text[first] == '}' ? "" : ",") + text.substr(1);
}

/// "{"kind":"PodList","apiVersion":"v1","items":[...]}" as `kubectl get pods -o json` prints it; nullopt for what is no whole list.
std::optional<std::string> list_text(std::string_view answer, std::string_view kubernetes_kind) {
  const auto version = unquoted(member_slice(answer, "apiVersion"));
  auto kind = unquoted(member_slice(answer, "kind"));
  if (version.empty() || !ends_with(kind, "List")) return std::nullopt;
  kind.remove_suffix(4);
  if (kind != kubernetes_kind.substr(0, kubernetes_kind.find('.'))) return std::nullopt;
  const auto written = member_slice(answer, "items");
  const auto items = element_slices(written == "null" ? "[]" : written);   // Go's nil slice is null
  if (!items) return std::nullopt;
  std::string text = "{\n    \"apiVersion\": \"v1\",\n    \"items\": [";
  for (const auto item : *items) text.append(item.data() == items->front().data() ? "\n        " : ",\n        ").append(item_text(item, version, kind));
  text += items->empty() ? "]" : "\n    ]";
  return text + ",\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n";
}

/// The output as the command prints it, nullopt when the answer is not what was asked for.
std::optional<std::string> text_of(const Key& key, std::string_view answer) {
  if (is_log(key)) return std::string(answer);
  if (key.kind != Kind::mesh_config) return list_text(answer, row_of(key.kind).kubernetes_kind);
  const auto whole = JsonScanner(answer, 0).value();
  if (unquoted(member_slice(whole, "kind")) != "ConfigMap") return std::nullopt;
  return without_managed_fields(whole) + "\n";
}

/// "/apis/networking.istio.io" for a list of that group's objects, "" for Kubernetes' core kinds and for what is no list.
std::string group_path(const Key& key) {
  const auto& row = row_of(key.kind);
  return row.is_list() && !row.group().empty() ? "/apis/" + std::string(row.group()) : "";
}

bool has_no_such_path(const run::CommandResult& answer) {
  return answer.end == run::End::exited && answer.exit_code != 0 && contains(answer.err, run::g_no_such_path);
}

/// In kubectl's words (cli-runtime's resource builder).
std::string no_such_kind(const Key& key) {
  return "error: the server doesn't have a resource type \"" + std::string(row_of(key.kind).plural()) + "\"\n";
}

/// Whether the error would be the command's as well: it is worded by the API server, or there is none to ask.
bool is_commands_own(const Key& key, const run::CommandResult& answer) {
  switch (classify(answer).gap) {
    case Gap::forbidden:
    case Gap::timed_out:
    case Gap::interrupted: return true;
    case Gap::not_found: return !key.name.empty() || key.kind == Kind::mesh_config;
    default: return false;
  }
}

}  // namespace

std::optional<run::Argv> api_read_for(const run::Argv& command) {
  const auto path = path_of(command);
  if (!path) return std::nullopt;
  return run::api_read(*path);
}

std::optional<run::CommandResult> from_api_read(const run::Argv& command, const run::CommandResult& answer) {
  const auto key = key_of(command);
  if (!key) return std::nullopt;
  auto result = run::in_place_of(command, answer);
  result.err = answer.err;
  if (!answer.argv.empty() && answer.argv.back() == group_path(*key)) {
    if (!has_no_such_path(answer)) return std::nullopt;
    result.err = no_such_kind(*key);
    return result;
  }
  if (answer.end != run::End::exited || answer.exit_code != 0) {
    if (answer.end == run::End::refused || !is_commands_own(*key, answer)) return std::nullopt;
    if (is_log(*key)) result.out = answer.out;
    return result;
  }
  auto text = text_of(*key, answer.out);
  if (!text) return std::nullopt;
  result.out = std::move(*text);
  return result;
}

std::optional<run::Argv> group_read_for(const run::Argv& command, const run::CommandResult& answer) {
  const auto key = key_of(command);
  if (!key || !run::is_api_read(answer.argv) || !has_no_such_path(answer)) return std::nullopt;
  const auto group = group_path(*key);
  if (group.empty() || answer.argv.back() == group) return std::nullopt;
  return run::api_read(group);
}

}  // namespace meshdx::evidence
