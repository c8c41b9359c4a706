#include "survey/needs.hpp"

#include <algorithm>

#include "mesh/istio_config.hpp"
#include "mesh/request.hpp"
#include "mesh/rule_match.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

using namespace evidence;
using mesh::Names;
using mesh::ObjectList;

namespace {

/// The namespace of the Service whose name a host is, whatever the domain, which may not be known before pods are read;
/// "" when it is no Service's name.
std::string namespace_of(const std::string& host) {
  const auto name = contains(host, ".svc.") ? mesh::service_name(host, "") : std::nullopt;
  return name ? name->ns : std::string();
}

void add_destinations(const Names& names, const Object& vs, std::set<std::string>& needs) {
  needs.insert(vs.meta.ns);
  for (const char* kind : {"http", "tcp", "tls"}) {
    for (const auto& rule : at(vs.spec(), kind)) {
      for (const auto& route : at(rule, "route")) needs.insert(namespace_of(names.resolve(text_at(at(route, "destination"), "host"), vs.meta.ns)));
    }
  }
}

/// Where a VirtualService's rules lead, those of its delegates with them. A delegate has none itself (api Delegate).
void add_all_destinations(const Names& names, const ObjectList& services, const Object& vs, std::set<std::string>& needs) {
  add_destinations(names, vs, needs);
  for (const auto& rule : at(vs.spec(), "http")) {
    const auto delegate = mesh::delegate_of(services, rule, vs.meta.ns);
    if (delegate && delegate->object != nullptr) add_destinations(names, *delegate->object, needs);
  }
}

/// Whether it has rules for callers in the namespace or for Services there.
bool for_sidecars(const Names& names, const Object& vs, const std::string& ns) {
  const auto hosts = mesh::strings_at(vs.spec(), "hosts");
  return vs.meta.ns == ns || std::any_of(hosts.begin(), hosts.end(), [&](const std::string& written) {
    const auto host = names.resolve(written, vs.meta.ns);
    return namespace_of(host) == ns || (starts_with(host, "*") && mesh::host_covers(host, names.fqdn("any", ns)));
  });
}

bool for_gateways(const Names& names, const Object& vs, const std::vector<Question>& at_gateways) {
  if (at_gateways.empty()) return false;
  const auto bound = mesh::bound_gateways(vs);
  if (std::all_of(bound.begin(), bound.end(), [](const std::string& name) { return name == "mesh"; })) return false;
  const auto hosts = mesh::strings_at(vs.spec(), "hosts");
  return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& written) {
    const auto host = names.resolve(written, vs.meta.ns);
    return std::any_of(at_gateways.begin(), at_gateways.end(), [&](const Question& question) { return mesh::domain_takes(host, question.ask.host); });
  });
}

}  // namespace

std::set<std::string> needs_of(const mesh::View& view, const std::string& ns, const std::vector<Question>& at_gateways) {
  std::set<std::string> needs = {ns, view.root_namespace()};   // istiod itself runs in the latter
  const auto& names = view.names();
  const auto services = view.objects(Kind::virtual_services);
  for (const auto* vs : services.items) {
    if (for_sidecars(names, *vs, ns) || for_gateways(names, *vs, at_gateways)) add_all_destinations(names, services, *vs, needs);
  }
  for (const auto* rule : view.objects(Kind::destination_rules).items) {
    if (namespace_of(names.resolve(text_at(rule->spec(), "host"), rule->meta.ns)) == ns) needs.insert(rule->meta.ns);
  }
  needs.erase("");
  return needs;
}

}  // namespace meshdx::survey
