#include "intent/draft.hpp"

#include <algorithm>

#include "mesh/istio_config.hpp"
#include "mesh/path.hpp"
#include "mesh/protocol.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

using evidence::Object;
using evidence::Pod;
using evidence::Service;

namespace {

/// What a new object of a kind is called.
struct Form {
  mesh::Kind kind;
  const char* word;          ///< "VirtualService"
  const char* api_version;   ///< the current one
};

const Form& form_of(mesh::Kind kind) {
  static const std::vector<Form> forms = {{mesh::Kind::virtual_services, "VirtualService", "networking.istio.io/v1"},
                                          {mesh::Kind::destination_rules, "DestinationRule", "networking.istio.io/v1"},
                                          {mesh::Kind::sidecars, "Sidecar", "networking.istio.io/v1"},
                                          {mesh::Kind::http_routes, "HTTPRoute", "gateway.networking.k8s.io/v1"},
                                          {mesh::Kind::peer_authentications, "PeerAuthentication", "security.istio.io/v1"}};
  return *std::find_if(forms.begin(), forms.end(), [&](const Form& form) { return form.kind == kind; });
}

std::vector<std::string> names_of(const std::vector<Service>& services) {
  std::vector<std::string> names;
  for (const auto& service : services) names.push_back(service.meta.name);
  return names;
}

std::string no_such_service(const Wish& wish, const std::vector<Service>& services) {
  const auto names = names_of(services);
  const auto close = nearest(wish.name, names);
  std::string text = "There is no Service " + wish.ns + "/" + wish.name;
  if (!close.empty()) return text + "; did you mean " + close + "?";
  if (names.empty()) return text + "; the namespace has none: name another with -n.";
  const bool many = names.size() > 8;
  return text + "; the namespace has " + join(std::vector<std::string>(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(many ? 8 : names.size())), ", ") + (many ? " and others." : ".");
}

}  // namespace

mesh::Complaint complaint_of(const Wish& wish) {
  mesh::Complaint ask;
  ask.ns = wish.ns;
  ask.target = ask.host = wish.name;
  ask.of_workload = true;
  return ask;
}

std::vector<const Pod*> pods_of(const mesh::View& view, const Wish& wish) {
  std::vector<const Pod*> found;
  if (!wish.name.empty()) {
    // The workload itself, whether or not a Service of its name selects it now.
    if (const auto* pods = view.pods(wish.ns)) found = mesh::pods_named(*pods, wish.name);
    const auto behind = found.empty() ? mesh::target_pods(view, complaint_of(wish)) : std::nullopt;
    if (behind) found = *behind;
  } else if (const auto* pods = view.pods(wish.ns)) {
    for (const auto& pod : *pods) found.push_back(&pod);
  }
  found.erase(std::remove_if(found.begin(), found.end(), [](const Pod* pod) { return mesh::gone(*pod); }), found.end());
  return found;
}

void Draft::warn(const std::string& sentence) {
  if (std::find(plan.warnings.begin(), plan.warnings.end(), sentence) == plan.warnings.end()) plan.warnings.push_back(sentence);
}

Expected<Done> Draft::need(mesh::Kind kind, const std::string& ns) const {
  if (m_view.objects(kind).covers(ns)) return Done{};
  auto why = m_view.evidence().source({kind, ns, "", ""}).why;
  if (m_view.evidence().source({kind, ns, "", ""}).gap == evidence::Gap::not_asked) why = m_view.evidence().source({kind, "", "", ""}).why;
  return Error{std::string("Whether a ") + form_of(kind).word + " that would have to be edited is in " + ns + " could not be read: " + why +
               " A second one beside it could take its place, so nothing is written. Read " + evidence::kind_name(kind) + " there, or ask someone who may."};
}

void Draft::note_unseen(mesh::Kind kind, const std::string& what) {
  if (m_view.objects(kind).everywhere) return;
  plan.unknown.push_back(std::string(form_of(kind).word) + "s of other namespaces were not read" + (what.empty() ? "." : ": " + what));
}

Expected<Done> Draft::find_service() {
  const auto* services = m_view.services(m_wish.ns);
  if (services == nullptr) return Error{"The Services of " + m_wish.ns + " could not be read: " + m_view.evidence().source({mesh::Kind::services, m_wish.ns, "", ""}).why};
  const auto found = std::find_if(services->begin(), services->end(), [&](const Service& s) { return s.meta.name == m_wish.name; });
  if (found == services->end()) return Error{no_such_service(m_wish, *services)};
  m_service = &*found;
  plan.object = "Service " + full_name(found->meta);
  const bool http = std::any_of(found->ports.begin(), found->ports.end(), [](const auto& port) {
    const auto protocol = mesh::declared_protocol(port);
    return mesh::is_http(protocol) || protocol == mesh::Protocol::automatic;
  });
  const bool routes = m_wish.kind != Kind::circuit_breaker;
  if (!http && routes && !found->ports.empty()) {
    const auto& port = found->ports.front();
    warn("Port " + (port.name.empty() ? std::to_string(port.port) : port.name) + " of the Service is " + mesh::protocol_name(mesh::declared_protocol(port)) +
         " by its name or appProtocol, so HTTP rules do not apply to it: name it http-… or set appProtocol: http first.");
  }
  if (found->type == "ExternalName") warn("The Service is an ExternalName: it has no pods of its own, so subsets select none.");
  return Done{};
}

std::string Draft::free_name(mesh::Kind kind, const std::string& name) const {
  const auto list = m_view.objects(kind);
  const auto taken = [&](const std::string& wanted) {
    return std::any_of(list.items.begin(), list.items.end(), [&](const Object* o) { return o->meta.ns == m_wish.ns && o->meta.name == wanted; });
  };
  if (!taken(name)) return name;
  for (int i = 2;; ++i) {
    const auto next = name + "-" + std::to_string(i);
    if (!taken(next)) return next;
  }
}

Expected<Done> Draft::edit(const Object& object, const Json& patch, const std::string& what, const std::vector<fix::Argv>& then) {
  const auto guarded = fix::guard(object.raw, patch);
  const auto after = guarded ? fix::apply_patch(object.raw, *guarded) : Expected<Json>(Error{guarded.error()});
  if (!after) return Error{object.ref() + " is not as expected (" + after.error() + "): edit it by hand."};
  if (*after == object.raw) {
    note(object.ref() + " is so already: " + what + ".");
    return Done{};
  }
  auto made = fix::edit_object(object.raw, patch, then, m_flags);
  if (!made) return Error{object.ref() + " cannot be edited by a command that is safe to paste: change it by hand: " + what + "."};
  plan.steps.push_back({std::move(*made), what});
  return Done{};
}

Expected<Done> Draft::create(mesh::Kind kind, const std::string& name, Json spec, const std::string& what) {
  const Json object = {{"apiVersion", form_of(kind).api_version}, {"kind", form_of(kind).word}, {"metadata", {{"name", free_name(kind, name)}, {"namespace", m_wish.ns}}}, {"spec", std::move(spec)}};
  auto made = fix::new_object(object, m_flags);
  if (!made) return Error{std::string("The ") + form_of(kind).word + " holds what cannot be pasted safely."};
  plan.steps.push_back({std::move(*made), what});
  return Done{};
}

std::vector<std::string> Plan::undo() const {
  std::vector<std::string> commands;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    if (!step->fix.undo.empty()) commands.push_back(step->fix.undo);
  }
  return commands;
}

namespace {

Expected<Done> plan_kind(Draft& draft) {
  switch (draft.wish().kind) {
    case Kind::canary: return plan_canary(draft);
    case Kind::header_routing: return plan_header_routing(draft);
    case Kind::circuit_breaker: return plan_circuit_breaker(draft);
    case Kind::fault_injection: return plan_fault_injection(draft);
    case Kind::retries: return plan_retries(draft);
    case Kind::isolation: return plan_isolation(draft);
    case Kind::mtls: return plan_mtls(draft);
    case Kind::injection: return plan_injection(draft);
  }
  return Done{};
}

}  // namespace

Expected<Plan> make_plan(const mesh::View& view, const Wish& wish, const std::vector<std::string>& context_flags) {
  Draft draft(view, wish, context_flags);
  const auto& row = row_of(wish.kind);
  if (const auto* all = view.namespaces()) {
    const bool there = std::any_of(all->begin(), all->end(), [&](const Object& ns) { return ns.meta.name == wish.ns; });
    if (!there) return Error{"There is no namespace " + wish.ns + "."};
  }
  if (row.scope == Scope::service) {
    const auto found = draft.find_service();
    if (!found) return Error{found.error()};
  }
  const auto done = plan_kind(draft);
  if (!done) return Error{done.error()};
  if (draft.plan.verify.empty()) draft.plan.verify = {row.name, wish.name, "-n", wish.ns};
  draft.plan.verify.insert(draft.plan.verify.end(), context_flags.begin(), context_flags.end());
  return std::move(draft.plan);
}

}  // namespace meshdx::intent
