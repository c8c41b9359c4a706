#include "playbook/versions.hpp"

#include "evidence/evidence.hpp"

namespace meshdx::playbook {

std::map<std::string, std::string> read_versions(run::CommandRunner& runner, std::chrono::milliseconds timeout) {
  using evidence::Kind;
  evidence::Evidence evidence;
  std::size_t ticket = 0;
  for (const auto kind : {Kind::kube_version, Kind::istio_version}) runner.start(ticket++, evidence::command_for({kind, "", "", ""}), timeout);
  while (const auto finished = runner.wait()) evidence.add(finished->result);
  std::map<std::string, std::string> versions;
  const auto& kube = evidence.get<Kind::kube_version>();
  if (kube.ok()) versions = {{"kubernetes", kube.value.server}, {"kubectl", kube.value.client}};
  const auto& istio = evidence.get<Kind::istio_version>();
  if (istio.ok()) versions["istioctl"] = istio.value.client;
  if (istio.ok() && !istio.value.control_planes.empty()) versions["istio"] = istio.value.control_planes.front();
  return versions;
}

}  // namespace meshdx::playbook
