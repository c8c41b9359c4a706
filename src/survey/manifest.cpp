#include "survey/manifest.hpp"

#include <set>

#include "evidence/kinds.hpp"
#include "util/text.hpp"
#include "util/yaml_stream.hpp"

namespace meshdx::survey {

Mark Manifest::place(const std::string& pointer) const {
  std::string at = base + pointer;
  const auto limit = base.size();
  while (true) {
    // A member is pointed at by its key: that is what a reader looks for.
    for (const auto* marks : {&document->keys, &document->marks}) {
      const auto found = marks->find(at);
      if (found != marks->end() && !(at.size() == limit && marks == &document->keys)) return found->second;
    }
    if (at.size() <= limit) return Mark{1, 1};
    at.resize(at.rfind('/'));
  }
}

const Manifest* Manifests::find(const std::string& kind, const std::string& ns, const std::string& name) const {
  const auto found = index.find(kind + " " + ns + "/" + name);
  return found == index.end() ? nullptr : &objects[found->second];
}

std::optional<evidence::Kind> list_of(const std::string& group, const std::string& kind) {
  for (const auto& row : evidence::kind_rows()) {
    // A kind that two groups have is written with its group: Gateway.gateway.networking.k8s.io.
    const bool named = row.kubernetes_kind == kind || row.kubernetes_kind == kind + "." + group;
    if (row.is_list() && named && row.group() == group) return row.kind;
  }
  return std::nullopt;
}

namespace {

/// Kinds without a namespace, of those that turn up beside workloads.
bool cluster_scoped(const std::string& kind) {
  static const std::set<std::string> kinds = {"Namespace", "Node", "PersistentVolume", "StorageClass", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition",
                                              "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "PriorityClass", "GatewayClass", "IngressClass", "APIService"};
  return kinds.count(kind) > 0;
}

/// Whether anything is told from objects of the kind itself. Of others (an IstioOperator, a Grafana dashboard) several may
/// stand under one name, or one without: what istioctl or a controller makes of them is none of ours.
bool is_read(const std::string& group, const std::string& kind, const Json& object) {
  return kind == "Namespace" || list_of(group, kind).has_value() || at(object, {"spec", "template", "spec", "containers"}).is_array();
}

struct Reader {
  std::shared_ptr<const YamlDocument> document;
  const std::string& ns;
  Strangers strangers;
  Manifests& into;

  Expected<Done> refuse(const std::string& base, const std::string& reason) const { return Error{document->at(base, reason)}; }

  Expected<Done> take(const Json& value, const std::string& base) {
    const std::string version = text_at(value, "apiVersion"), kind = text_at(value, "kind");
    if (!value.is_object() || version.empty() || kind.empty()) return stranger(base);
    const bool list = (kind == "List" || ends_with(kind, "List")) && at(value, "items").is_array();
    if (list) return take_items(value, base);
    if (starts_with(version, "kustomize.config.k8s.io/") || starts_with(version, "helm.")) {
      into.skipped.push_back(document->file + ": a " + kind + " must be rendered first (kustomize build or helm template, piped into `meshdx check -`)");
      return Done{};
    }
    Manifest manifest;
    manifest.name = text_at(at(value, "metadata"), "name");
    // generateName is for objects that nothing refers to.
    if (manifest.name.empty() && at(at(value, "metadata"), "generateName").is_string()) return Done{};
    const auto slash = version.find('/');
    manifest.group = slash == std::string::npos ? "" : version.substr(0, slash);
    const bool read = is_read(manifest.group, kind, value);
    if (manifest.name.empty() && read) return refuse(base, "the " + kind + " has no metadata.name");
    manifest.document = document;
    manifest.base = base;
    manifest.object = value;
    manifest.kind = kind;
    if (!cluster_scoped(kind)) {
      manifest.ns = text_at(at(value, "metadata"), "namespace", ns);
      manifest.object["metadata"]["namespace"] = manifest.ns;
    }
    const auto* twin = into.find(kind, manifest.ns, manifest.name);
    if (read && twin != nullptr && twin->group == manifest.group) {
      return refuse(base, kind + " " + (manifest.ns.empty() ? "" : manifest.ns + "/") + manifest.name + " stands twice; first in " + twin->document->at(twin->base, "here"));
    }
    into.index.emplace(kind + " " + manifest.ns + "/" + manifest.name, into.objects.size());
    into.objects.push_back(std::move(manifest));
    return Done{};
  }

  Expected<Done> take_items(const Json& list, const std::string& base) {
    const Json& items = at(list, "items");
    for (std::size_t i = 0; i < items.size(); ++i) {
      Json item = items[i];
      // Items of a typed list need not repeat their kind.
      const std::string kind = text_at(list, "kind");
      if (item.is_object() && !item.contains("kind") && kind != "List") {
        item["kind"] = kind.substr(0, kind.size() - 4);
        item["apiVersion"] = text_at(list, "apiVersion");
      }
      const auto done = take(item, base + "/items/" + std::to_string(i));
      if (!done) return done;
    }
    return Done{};
  }

  Expected<Done> stranger(const std::string& base) const {
    if (strangers == Strangers::refuse) return refuse(base, "no Kubernetes object: apiVersion or kind is missing");
    into.skipped.push_back(document->file + ": no Kubernetes object");
    return Done{};
  }
};

/// JSON that the YAML door does not take (tabs, long lines) has no places, but is as good.
Expected<std::vector<YamlDocument>> documents_of(const std::string& file, std::string_view text) {
  auto documents = parse_yaml_stream(file, text);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (documents || first == std::string_view::npos || text[first] != '{') return documents;
  auto json = parse_json(text);
  if (!json) return Error{file + ":1:1: not JSON: " + printable(json.error())};
  YamlDocument document;
  document.file = file;
  document.value = std::move(*json);
  std::vector<YamlDocument> one;
  one.push_back(std::move(document));
  return one;
}

}  // namespace

Expected<Done> read_manifests(const std::string& file, std::string_view text, const std::string& ns, Strangers strangers, Manifests& into) {
  auto documents = documents_of(file, text);
  if (!documents) return Error{documents.error()};
  ++into.files;
  for (auto& document : *documents) {
    const auto kept = std::make_shared<const YamlDocument>(std::move(document));
    Reader reader{kept, ns, strangers, into};
    const auto done = reader.take(kept->value, "");
    if (!done) return done;
  }
  return Done{};
}

}  // namespace meshdx::survey
