#include "mesh/injection.hpp"

#include "mesh/selector.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

std::string label(const Labels& labels, const char* key, const char* fallback) {
  const auto found = labels.find(key);
  return found == labels.end() ? fallback : found->second;
}

/// A selector left out takes everything.
bool selector_takes(const Json& webhook, const char* key, const Labels& labels) {
  return !at(webhook, key).is_object() || label_selector_takes(at(webhook, key), labels);
}

}  // namespace

std::optional<std::vector<Injector>> injectors(const View& view) {
  const auto* configurations = view.read<Objects>({Kind::webhooks, "", "", ""});
  if (configurations == nullptr) return std::nullopt;
  std::vector<Injector> found;
  for (const auto& configuration : *configurations) {
    const Json& webhooks = at(configuration.raw, "webhooks");
    for (std::size_t i = 0; webhooks.is_array() && i < webhooks.size(); ++i) {
      const std::string name = text_at(webhooks[i], "name");
      if (!ends_with(name, "sidecar-injector.istio.io")) continue;
      const Json& service = at(webhooks[i], {"clientConfig", "service"});
      const std::string address = service.is_object() ? text_at(service, "namespace") + "/" + text_at(service, "name") : "";
      found.push_back({&configuration, name, label(configuration.meta.labels, "istio.io/rev", "default"), label(configuration.meta.labels, "istio.io/tag", ""), address, webhooks[i]});
    }
  }
  return found;
}

bool takes(const Injector& injector, const Labels& ns, const Labels& pod) {
  return selector_takes(injector.raw, "namespaceSelector", ns) && selector_takes(injector.raw, "objectSelector", pod);
}

}  // namespace meshdx::mesh
