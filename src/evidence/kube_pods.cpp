// Pods: containers joined with their statuses, and what tells a mesh member.
#include <algorithm>
#include <initializer_list>

#include <fmt/core.h>

#include "evidence/kube.hpp"
#include "evidence/kube_read.hpp"

namespace meshdx::evidence {
namespace {

std::optional<std::int64_t> run_as_user(const Json& holder) {
  const Json& user = at(holder, {"securityContext", "runAsUser"});
  if (!user.is_number_integer()) return std::nullopt;
  return user.get<std::int64_t>();
}

Container read_container(const Json& json, bool init) {
  Container container;
  container.name = text_at(json, "name");
  container.image = text_at(json, "image");
  container.init = init;
  container.restart_always = text_at(json, "restartPolicy") == "Always";
  container.args = texts_at(json, "args");
  container.command = texts_at(json, "command");
  container.run_as_user = run_as_user(json);
  container.has_readiness_probe = at(json, "readinessProbe").is_object();
  for (const Json& entry : elements(at(json, "ports"))) {
    ContainerPort port;
    port.name = text_at(entry, "name");
    port.protocol = text_at(entry, "protocol", "TCP");
    port.port = port_of(at(entry, "containerPort"));
    container.ports.push_back(std::move(port));
  }
  for (const Json& entry : elements(at(json, "env"))) {
    // A literal may be absent when empty; what comes from a Secret or a field is not known here.
    if (at(entry, "valueFrom").is_null()) container.env[text_at(entry, "name")] = text_at(entry, "value");
  }
  return container;
}

void read_status(const Json& json, Container& container) {
  container.has_status = true;
  container.ready = bool_at(json, "ready");
  container.started = bool_at(json, "started");
  container.restarts = int_at(json, "restartCount");
  const Json& waiting = at(json, {"state", "waiting"});
  container.waiting_reason = text_at(waiting, "reason");
  container.waiting_message = text_at(waiting, "message");
  // A container that has ended and is not restarted yet has no lastState: its end stands in `state`.
  const Json& before = at(json, {"lastState", "terminated"});
  const Json& ended = before.is_object() ? before : at(json, {"state", "terminated"});
  container.last_terminated_reason = text_at(ended, "reason");
  if (at(ended, "exitCode").is_number_integer()) container.last_exit_code = int_at(ended, "exitCode");
}

/// Containers of one of spec's lists with their statuses, which are joined by name: their order is not promised.
void read_containers(const Json& raw, bool init, std::vector<Container>& containers) {
  const Json& statuses = at(raw, {"status", init ? "initContainerStatuses" : "containerStatuses"});
  for (const Json& json : elements(at(raw, {"spec", init ? "initContainers" : "containers"}))) {
    Container container = read_container(json, init);
    for (const Json& status : elements(statuses)) {
      if (text_at(status, "name") == container.name) read_status(status, container);
    }
    containers.push_back(std::move(container));
  }
}

void read_ready_condition(Pod& pod) {
  for (const Json& condition : elements(at(pod.raw, {"status", "conditions"}))) {
    if (text_at(condition, "type") != "Ready") continue;
    pod.ready = text_at(condition, "status") == "True";
    if (pod.ready) return;
    const std::string reason = text_at(condition, "reason");
    const std::string message = text_at(condition, "message");
    const bool one = reason.empty() || message.empty();
    pod.not_ready_reason = one ? reason + message : fmt::format("{}: {}", reason, message);
  }
}

bool has_arg(const Container* container, std::initializer_list<std::string_view> words) {
  if (container == nullptr) return false;
  return std::any_of(container->args.begin(), container->args.end(), [&](const std::string& arg) {
    return std::find(words.begin(), words.end(), arg) != words.end();
  });
}

}  // namespace

const Container* Pod::container(std::string_view name) const {
  const auto found = std::find_if(containers.begin(), containers.end(), [&](const auto& c) { return c.name == name; });
  return found == containers.end() ? nullptr : &*found;
}

bool Pod::has_address(std::string_view address) const { return !address.empty() && (ip == address || std::find(ips.begin(), ips.end(), address) != ips.end()); }

bool Pod::meshed() const { return proxy() != nullptr && !has_arg(proxy(), {"ztunnel"}); }

bool Pod::router() const { return has_arg(proxy(), {"router", "waypoint"}); }

bool Pod::waypoint() const { return has_arg(proxy(), {"waypoint"}); }

bool Pod::ambient() const {
  const auto found = meta.annotations.find("ambient.istio.io/redirection");
  return found != meta.annotations.end() && found->second == "enabled";
}

Expected<Pod> to_pod(Json raw) {
  auto object = to_object(std::move(raw));
  if (!object) return Error{object.error()};
  Pod pod;
  static_cast<Object&>(pod) = std::move(*object);
  const Json& spec = pod.spec();
  const Json& status = at(pod.raw, "status");
  pod.ip = text_at(status, "podIP");
  for (const Json& entry : elements(at(status, "podIPs"))) pod.ips.push_back(text_at(entry, "ip"));
  if (pod.ips.empty() && !pod.ip.empty()) pod.ips.push_back(pod.ip);
  pod.phase = text_at(status, "phase");
  pod.service_account = text_at(spec, "serviceAccountName", "default");
  pod.node = text_at(spec, "nodeName");
  pod.host_network = bool_at(spec, "hostNetwork");
  pod.run_as_user = run_as_user(spec);
  read_containers(pod.raw, true, pod.containers);
  read_containers(pod.raw, false, pod.containers);
  read_ready_condition(pod);
  return pod;
}

}  // namespace meshdx::evidence
