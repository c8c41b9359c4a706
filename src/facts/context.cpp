#include "facts/context.hpp"

#include <algorithm>

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;

Finding yes(std::string text, Bindings bindings) {
  Finding finding;
  finding.truth = Tri::yes;
  finding.text = std::move(text);
  finding.bindings = std::move(bindings);
  return finding;
}

Finding no(std::string text, Bindings bindings) {
  Finding finding = yes(std::move(text), std::move(bindings));
  finding.truth = Tri::no;
  return finding;
}

Finding unknown(std::string why) {
  Finding finding;
  finding.why = std::move(why);
  return finding;
}

Finding none_seen(Context& c, std::string text) {
  const auto& why = c.traffic().unreadable;
  return unknown(why.empty() ? std::move(text) : why);
}

Finding decide(bool truth, std::string text, Bindings bindings) {
  return truth ? yes(std::move(text), std::move(bindings)) : no(std::move(text), std::move(bindings));
}

std::string pod_ref(const Pod& pod) { return pod.meta.ns + "/" + pod.meta.name; }

std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ",") + key + "=" + value;
  return text;
}

const mesh::Path& Context::path() {
  return part(m_path, [&] { return mesh::follow(view, ask); });
}

const mesh::Traffic& Context::traffic() {
  return part(m_traffic, [&] {
    const auto& p = path();
    return mesh::observe(view, ask, p.caller, p.to, p.servers);
  });
}

namespace {

bool bad(const Leg& leg) {
  return leg.state == Leg::State::missing || leg.state == Leg::State::empty || leg.state == Leg::State::none_healthy ||
         leg.state == Leg::State::all_ejected;
}

const Leg* leg_that_matters(const mesh::Walk& walk) {
  for (const auto& leg : walk.legs) {
    if (bad(leg)) return &leg;
  }
  for (const auto& leg : walk.legs) {
    if (leg.name) return &leg;
  }
  return nullptr;
}

const ServicePort* port_numbered(const Service* service, std::uint16_t number) {
  if (service == nullptr) return nullptr;
  const auto found = std::find_if(service->ports.begin(), service->ports.end(), [&](const auto& port) { return port.port == number; });
  return found == service->ports.end() ? nullptr : &*found;
}

Serving serving_of_walk(const mesh::View& view, const mesh::Walk& walk) {
  Serving serving;
  serving.leg = leg_that_matters(walk);
  if (serving.leg == nullptr || !serving.leg->name) return serving;
  serving.host = serving.leg->name->host;
  serving.subset = serving.leg->name->subset;
  serving.port_number = serving.leg->name->port;
  serving.service = mesh::service_of(view, serving.host, &serving.known);
  serving.port = port_numbered(serving.service, serving.port_number);
  return serving;
}

Serving serving_as_asked(const mesh::Destination& to) {
  Serving serving;
  serving.known = to.state != mesh::Destination::State::unknown;
  serving.service = to.service;
  serving.port = to.port;
  serving.host = to.host;
  serving.port_number = to.port_number;
  return serving;
}

}  // namespace

const Serving& Context::serving() {
  return part(m_serving, [&] {
    const auto& p = path();
    if (p.walked && leg_that_matters(p.walk) != nullptr) return serving_of_walk(view, p.walk);
    if (p.walked && p.walk.end == mesh::Walk::End::unknown) return Serving{};
    return serving_as_asked(p.to);
  });
}

std::optional<Finding> need_walk(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) {
    const bool absent = path.caller.state == mesh::Caller::State::absent;
    return unknown(absent ? "no pod of the caller " + path.caller.name + " in " + path.caller.ns : path.caller.why);
  }
  if (!path.walked) {
    if (mesh::in_ambient(c.view, *path.caller.pod)) return unknown(pod_ref(*path.caller.pod) + " is in ambient mode: it has no sidecar whose routes could be read");
    if (path.caller.meshed()) return no("the request does not pass the sidecar of " + pod_ref(*path.caller.pod));
    return no(pod_ref(*path.caller.pod) + " has no sidecar");
  }
  if (path.walk.end == mesh::Walk::End::unknown) return unknown(path.walk.why);
  return std::nullopt;
}

}  // namespace meshdx::facts
