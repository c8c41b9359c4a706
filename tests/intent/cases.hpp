// The cases of writes/*.yaml: what is asked of which mesh.
#pragma once

#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "intent/plan.hpp"
#include "util/yaml.hpp"

namespace meshdx::intent::test {

using EKind = evidence::Kind;

inline Json load(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const auto document = parse_yaml(path.string(), std::string(std::istreambuf_iterator<char>(file), {}));
  const std::string error = document ? "" : document.error();
  REQUIRE_MESSAGE(document.ok(), error);
  return document->value;
}

inline const Json& base() {
  static const Json value = load(SOURCE_DIR "/tests/intent/base.yaml");
  return value;
}

inline const std::vector<EKind> mesh_kinds = {EKind::virtual_services, EKind::destination_rules, EKind::http_routes, EKind::sidecars, EKind::service_entries, EKind::peer_authentications};
inline const std::vector<EKind> namespaced = {EKind::services, EKind::pods};

inline void add(evidence::Evidence& evidence, const evidence::Key& key, const std::string& out, bool forbidden = false) {
  run::CommandResult result;
  result.argv = evidence::command_for(key);
  result.out = out;
  if (forbidden) {
    result.exit_code = 1;
    result.err = "Error from server (Forbidden): things is forbidden: User \"u\" cannot list resource \"things\" in API group \"\" at the cluster scope";
  }
  evidence.add(result);
}

inline evidence::Evidence world(const Json& one) {
  std::map<std::pair<EKind, std::string>, Json> lists;
  for (const auto* objects : {&base(), &at(one, "mesh")}) {
    for (const auto& object : *objects) {
      const auto kind = evidence::Evidence::list_kind(text_at(object, "kind"));
      REQUIRE_MESSAGE(kind.has_value(), dump_json(object));
      const bool by_namespace = std::find(namespaced.begin(), namespaced.end(), *kind) != namespaced.end();
      lists[{*kind, by_namespace ? text_at(at(object, "metadata"), "namespace") : ""}].push_back(object);
    }
  }
  for (const auto kind : mesh_kinds) lists[{kind, ""}];
  evidence::Evidence evidence;
  for (const auto& [key, items] : lists) {
    const Json list = {{"kind", "List"}, {"items", items.is_array() ? items : Json::array()}};
    const auto& unread = at(one, "unread");
    const bool hidden = unread.is_array() && std::find(unread.begin(), unread.end(), evidence::kind_name(key.first)) != unread.end();
    add(evidence, {key.first, key.second, "", ""}, hidden ? "" : dump_json(list), hidden);
  }
  add(evidence, {EKind::mesh_config, "", "", ""}, R"({"kind":"ConfigMap","metadata":{"name":"istio","namespace":"istio-system"},"data":{"mesh":"rootNamespace: istio-system\n"}})");
  for (const auto& log : at(one, "log").items()) add(evidence, {EKind::log, "shop", log.key(), ""}, log.value().get<std::string>());
  return evidence;
}

inline std::vector<std::string> words(const Json& list) {
  std::vector<std::string> all;
  for (const auto& word : list) all.push_back(word.get<std::string>());
  return all;
}

inline Wish wish(const Json& one) {
  Asked asked;
  asked.words = words(at(one, "ask"));
  asked.ns = text_at(one, "ns", "shop");
  asked.ns_given = true;
  asked.headers = words(at(one, "headers"));
  for (const auto& flag : at(one, "flags").items()) asked.values[flag.key()] = flag.value().get<std::string>();
  const auto made = make_wish(asked);
  const std::string error = made ? "" : made.error();
  REQUIRE_MESSAGE(made.ok(), error);
  return *made;
}

/// Calls `check` with every case and says how many there are.
template <class Check>
std::size_t for_each_case(Check check) {
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SOURCE_DIR "/tests/intent/writes")) {
    for (const auto& one : load(entry.path())) {
      INFO(entry.path().filename().string() << ": " << text_at(one, "case"));
      check(one);
      ++cases;
    }
  }
  return cases;
}

}  // namespace meshdx::intent::test
