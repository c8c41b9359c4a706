// The mesh configuration: YAML text in `data.mesh` of ConfigMap istio.
#include <cstddef>
#include <exception>

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include "evidence/kube.hpp"
#include "evidence/kube_read.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

/// etcd takes no object above 1.5 MiB, so what is larger is not a ConfigMap's content.
constexpr std::size_t max_bytes = std::size_t{2} * 1024 * 1024;

/// A scalar's text; an absent, empty or structured value leaves the default.
void read_text(const YAML::Node& map, const char* key, std::string& target) {
  const YAML::Node value = map[key];
  if (value && value.IsScalar() && !value.Scalar().empty()) target = value.Scalar();
}

std::vector<std::string> read_texts(const YAML::Node& map, const char* key) {
  std::vector<std::string> texts;
  const YAML::Node list = map[key];
  if (!list || !list.IsSequence()) return texts;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].IsScalar()) texts.push_back(list[i].Scalar());
  }
  return texts;
}

std::vector<AuthorizationProvider> read_providers(const YAML::Node& list) {
  std::vector<AuthorizationProvider> providers;
  for (std::size_t i = 0; list && list.IsSequence() && i < list.size(); ++i) {
    if (!list[i].IsMap()) continue;
    for (const char* kind : {"envoyExtAuthzHttp", "envoyExtAuthzGrpc"}) {
      const YAML::Node settings = list[i][kind];
      if (!settings || !settings.IsMap()) continue;
      AuthorizationProvider provider;
      std::string port;
      read_text(list[i], "name", provider.name);
      read_text(settings, "service", provider.service);
      read_text(settings, "port", port);
      if (const auto number = to_number(port); number && *number < 65536) provider.port = static_cast<std::uint16_t>(*number);
      providers.push_back(std::move(provider));
    }
  }
  return providers;
}

/// Names and defaults: istio.io/api mesh/v1alpha1 MeshConfig and istio/pkg/config/mesh/mesh.go DefaultMeshConfig.
MeshConfig read_mesh(const YAML::Node& mesh) {
  MeshConfig config;
  read_text(mesh, "rootNamespace", config.root_namespace);
  read_text(mesh, "trustDomain", config.trust_domain);
  config.trust_domain_aliases = read_texts(mesh, "trustDomainAliases");
  const YAML::Node auto_mtls = mesh["enableAutoMtls"];
  if (auto_mtls && auto_mtls.IsScalar()) config.auto_mtls = auto_mtls.as<bool>(config.auto_mtls);
  const YAML::Node outbound = mesh["outboundTrafficPolicy"];
  if (outbound && outbound.IsMap()) read_text(outbound, "mode", config.outbound_mode);
  read_text(mesh, "accessLogFile", config.access_log_file);
  read_text(mesh, "accessLogEncoding", config.access_log_encoding);
  read_text(mesh, "accessLogFormat", config.access_log_format);
  config.authorization_providers = read_providers(mesh["extensionProviders"]);
  config.default_service_export_to = read_texts(mesh, "defaultServiceExportTo");
  config.default_virtual_service_export_to = read_texts(mesh, "defaultVirtualServiceExportTo");
  config.default_destination_rule_export_to = read_texts(mesh, "defaultDestinationRuleExportTo");
  return config;
}

}  // namespace

Expected<MeshConfig> parse_mesh_config(std::string_view json) {
  const auto items = list_items(json, "ConfigMap");
  if (!items) return Error{items.error()};
  if (items->size() != 1) return Error{"not one ConfigMap"};
  const Json& text = at(items->front(), {"data", "mesh"});
  if (!text.is_string()) return Error{"the ConfigMap has no data.mesh"};
  const auto& yaml = text.get_ref<const std::string&>();
  if (yaml.size() > max_bytes) return Error{"data.mesh is larger than any ConfigMap can be"};
  try {
    const YAML::Node mesh = YAML::Load(yaml);
    if (mesh.IsNull()) return MeshConfig{};
    if (!mesh.IsMap()) return Error{"data.mesh is not a YAML map"};
    return read_mesh(mesh);
  } catch (const std::exception& e) {   // yaml-cpp throws its own exceptions and those of the standard library
    return Error{fmt::format("data.mesh is not YAML ({})", printable(e.what()))};
  }
}

}  // namespace meshdx::evidence
