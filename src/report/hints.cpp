#include "report/hints.hpp"

#include "fix/command.hpp"
#include "mesh/path.hpp"
#include "mesh/traffic.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

/// The labels that say which workload a pod is of: those that charts and people write, not those that controllers add.
Json workload_labels(const evidence::Pod& pod) {
  Json labels = Json::object();
  for (const auto* known : {"app", "app.kubernetes.io/name"}) {
    const auto found = pod.meta.labels.find(known);
    if (found != pod.meta.labels.end()) labels[known] = found->second;
  }
  if (!labels.empty()) return labels;
  for (const auto& [name, value] : pod.meta.labels) {
    const bool added = contains(name, "istio.io/") || contains(name, "kubernetes.io/") || ends_with(name, "-hash") || name == "pod-template-generation";
    if (!added) labels[name] = value;
  }
  return labels;
}

Hint access_log_of(const evidence::Pod& pod, const Json& labels, const std::vector<std::string>& context_flags) {
  const std::string name = "meshdx-access-log";
  const auto& ns = pod.meta.ns;
  const Json telemetry = {{"apiVersion", "telemetry.istio.io/v1"},
                          {"kind", "Telemetry"},
                          {"metadata", {{"name", name}, {"namespace", ns}}},
                          {"spec", {{"selector", {{"matchLabels", labels}}}, {"accessLogging", {{{"providers", {{{"name", "envoy"}}}}}}}}}};
  const auto remove = fix::delete_command({"telemetries.telemetry.istio.io", ns, name});
  return {"The proxy of " + pod.meta.name + " writes no access log, so failed requests stay unseen. This turns it on for its workload alone; "
          "repeat the requests, then ask again.",
          fix::create_text(fix::with_flags({"kubectl", "create", "-f", "-"}, context_flags), {}, telemetry),
          shell_join(fix::with_flags(remove, context_flags))};
}

}  // namespace

std::vector<Hint> hints(const evidence::Evidence& evidence, const mesh::Complaint& complaint, const std::vector<std::string>& context_flags) {
  const mesh::View view(evidence, complaint.home());
  const auto path = mesh::follow(view, complaint);
  const auto* pod = path.caller.pod;
  if (pod == nullptr || !path.caller.meshed() || view.listeners(*pod) == nullptr) return {};
  const auto traffic = mesh::observe(view, complaint, path.caller, path.to, path.servers);
  const auto labels = workload_labels(*pod);
  if (!traffic.caller_read || traffic.caller_logs || labels.empty()) return {};
  return {access_log_of(*pod, labels, context_flags)};
}

}  // namespace meshdx::report
