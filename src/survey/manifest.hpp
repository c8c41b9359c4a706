// Manifests: Kubernetes objects as files hold them, each with its place.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.hpp"
#include "util/expected.hpp"
#include "util/json.hpp"
#include "util/yaml.hpp"

namespace meshdx::survey {

struct Manifest {
  std::shared_ptr<const YamlDocument> document;
  std::string base;                 ///< pointer of the object in its document: "" or "/items/3" of a List
  Json object;                      ///< with its namespace filled in
  std::string group, kind, ns, name;

  /// Where the object stands, or the part of it at `pointer` ("/spec/selector/app"): the nearest that has a place.
  [[nodiscard]] Mark place(const std::string& pointer) const;
};

struct Manifests {
  std::vector<Manifest> objects;
  std::vector<std::string> skipped;   ///< "values.yaml: no Kubernetes object": files of a folder that hold none, what must be rendered first
  std::size_t files = 0;

  std::map<std::string, std::size_t> index;   ///< objects by "kind ns/name"

  [[nodiscard]] const Manifest* find(const std::string& kind, const std::string& ns, const std::string& name) const;
};

/// What a document that is no Kubernetes object means: in a folder's walk there are others; a file that was named should
/// hold nothing else.
enum class Strangers { skip, refuse };

/// The list that takes objects of a kind; nullopt for kinds meshdx does not read. `Gateway` is of Istio or of the Gateway API.
std::optional<evidence::Kind> list_of(const std::string& group, const std::string& kind);

/// Reads one file's text: YAML documents or JSON, objects and Lists of them. Objects without a namespace get `ns`. The
/// error is one sentence, "file:line:column: reason".
Expected<Done> read_manifests(const std::string& file, std::string_view text, const std::string& ns, Strangers strangers, Manifests& into);

}  // namespace meshdx::survey
