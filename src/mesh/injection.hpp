// Which injector webhook takes a pod: MutatingWebhookConfigurations against the labels of namespace and pod.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mesh/view.hpp"

namespace meshdx::mesh {

/// One webhook of an injector.
struct Injector {
  const evidence::Object* configuration = nullptr;
  std::string webhook;                  ///< "rev.namespace.sidecar-injector.istio.io"
  std::string revision;                 ///< label istio.io/rev of the configuration, "default" when it has none
  std::string tag;                      ///< label istio.io/tag: the configuration stands for a tag
  std::string service;                  ///< "istio-system/istiod"; "" when it is called by URL
  Json raw;                             ///< the webhook itself, as captured
};

/// All injector webhooks; nullopt: the configurations were not read. A webhook is an injector's by its name, which ends in
/// sidecar-injector.istio.io (istio manifests/charts/istio-control/istio-discovery mutatingwebhook.yaml).
std::optional<std::vector<Injector>> injectors(const View& view);

/// Whether a webhook takes a new pod with these labels in a namespace with those (namespaceSelector and objectSelector).
bool takes(const Injector& injector, const evidence::Labels& ns, const evidence::Labels& pod);

}  // namespace meshdx::mesh
