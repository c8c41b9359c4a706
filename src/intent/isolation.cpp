// Isolation: the Sidecar that lets a workload, or a namespace, reach so much and no more.
#include <algorithm>
#include <set>

#include "facts/fact.hpp"
#include "intent/selectors.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

using evidence::Object;
using evidence::Pod;

namespace {

/// What the logs of the wish's workloads show that they call, by the same reading as `meshdx isolation`.
struct Called {
  std::set<std::string> hosts;
  std::set<std::string> silent;      ///< workloads whose log was not read or shows no call
};

Called called_by(Draft& draft, const std::vector<const Pod*>& pods) {
  Called called;
  std::set<std::string> workloads;
  for (const auto* pod : pods) {
    if (pod->meshed()) workloads.insert(mesh::workload_of(*pod));
  }
  for (const auto& workload : workloads) {
    auto one = draft.wish();
    one.name = workload;
    auto ask = complaint_of(one);
    ask.named = mesh::Complaint::Named::workload;
    ask.playbook = "isolation";
    const facts::FactBase facts(draft.view().evidence(), ask);
    const auto& calls = facts.answer("isolation.calls");
    if (!calls.why.empty() || calls.rows.empty()) {
      called.silent.insert(workload);
      continue;
    }
    for (const auto& egress : at(at(calls.manifest, "spec"), "egress")) {
      for (const auto& host : mesh::strings_at(egress, "hosts")) called.hosts.insert(host);
    }
    for (const auto& remark : calls.remarks) {
      if (contains(remark, "ServiceEntry")) draft.warn(workload + ": " + remark);
    }
  }
  return called;
}

Expected<std::vector<std::string>> hosts_of(Draft& draft, const std::vector<const Pod*>& pods) {
  if (!draft.wish().hosts.empty()) return draft.wish().hosts;
  const auto called = called_by(draft, pods);
  if (called.hosts.empty()) return Error{"What " + target_text(draft.wish()) + " calls is not known: no proxy's log shows a call of its own. Name the hosts with --allow, for example --allow " + draft.wish().ns + "/*."};
  if (!called.silent.empty()) draft.warn("No call was seen of " + join(std::vector<std::string>(called.silent.begin(), called.silent.end()), ", ") + ": what they need is not in the list.");
  draft.note("The hosts are those that the proxies' logs show; what is called less often is not in them: add it with --allow.");
  return std::vector<std::string>(called.hosts.begin(), called.hosts.end());
}

/// A host of this namespace that nothing defines lets nothing through.
void check_hosts(Draft& draft, const std::vector<std::string>& hosts) {
  const auto* services = draft.view().services(draft.wish().ns);
  const auto entries = draft.view().objects(mesh::Kind::service_entries);
  if (services == nullptr || !entries.everywhere) return;
  for (const auto& typed : hosts) {
    const auto ns = typed.substr(0, typed.find('/')), host = typed.substr(typed.find('/') + 1);
    if ((ns != "." && ns != draft.wish().ns) || host == "*") continue;
    const auto covers = [&](const std::string& name) { return mesh::host_covers(host, lower(name)) || mesh::host_covers(lower(name), host); };
    bool there = std::any_of(services->begin(), services->end(), [&](const auto& s) { return covers(draft.names().fqdn(s.meta.name, s.meta.ns)); });
    for (const auto* entry : entries.items) {
      const auto names = mesh::strings_at(entry->spec(), "hosts");
      there = there || std::any_of(names.begin(), names.end(), covers);
    }
    if (!there) draft.warn("--allow " + typed + ": no Service of " + draft.wish().ns + " and no ServiceEntry has that name, so it lets nothing through.");
  }
}

/// Sidecars with a selector stand before the namespace's.
void warn_of_other_sidecars(Draft& draft, const Object* edited) {
  for (const auto* sidecar : draft.view().objects(mesh::Kind::sidecars).items) {
    if (sidecar == edited || sidecar->meta.ns != draft.wish().ns || !draft.wish().name.empty()) continue;
    if (selector_of(*sidecar).empty()) draft.warn(sidecar->ref() + " is for the whole namespace too, and younger: it does not count.");
    else draft.warn(sidecar->ref() + " stands before the namespace's for the pods it selects.");
  }
}

}  // namespace

Expected<Done> plan_isolation(Draft& draft) {
  const auto& wish = draft.wish();
  if (auto read = draft.need(mesh::Kind::sidecars, wish.ns); !read) return read;
  draft.plan.object = target_text(wish);
  const auto labels = wish.name.empty() ? Expected<evidence::Labels>(evidence::Labels{}) : labels_of_workload(draft);
  if (!labels) return Error{labels.error()};
  const auto sidecar = own_object(draft, mesh::Kind::sidecars);
  if (!sidecar) return Error{sidecar.error()};
  const auto pods = pods_of(draft.view(), wish);
  const bool meshed = std::any_of(pods.begin(), pods.end(), [](const Pod* pod) { return pod->meshed(); });
  if (draft.view().pods(wish.ns) != nullptr && !meshed) draft.warn("No pod of " + target_text(wish) + " has a sidecar, so nothing limits what they reach.");
  const auto hosts = hosts_of(draft, pods);
  if (!hosts) return Error{hosts.error()};
  check_hosts(draft, *hosts);
  warn_of_other_sidecars(draft, *sidecar);
  draft.plan.title = "Let " + target_text(wish) + " reach " + join(*hosts, ", ") + " and nothing else";
  draft.note("A limit for what goes through the sidecar, not a wall: a NetworkPolicy is one.");
  draft.plan.verify = verify_by(draft, "isolation");
  const Json egress = Json::array({{{"hosts", *hosts}}});
  // Without it what is not imported goes out unrecognised (ALLOW_ANY), as if it were a host outside.
  const Json policy = {{"mode", "REGISTRY_ONLY"}};
  const auto what = join(*hosts, ", ");
  if (*sidecar == nullptr) {
    Json spec = {{"egress", egress}, {"outboundTrafficPolicy", policy}};
    if (!labels->empty()) spec["workloadSelector"] = {{"labels", *labels}};
    return draft.create(mesh::Kind::sidecars, wish.name.empty() ? "default" : wish.name, spec, what);
  }
  if (at((*sidecar)->spec(), "egress").size() > 1) draft.warn((*sidecar)->ref() + " has several egress listeners: this one takes the place of all.");
  return draft.edit(**sidecar, Json::array({{{"op", "add"}, {"path", "/spec/egress"}, {"value", egress}}, {{"op", "add"}, {"path", "/spec/outboundTrafficPolicy"}, {"value", policy}}}), what);
}

}  // namespace meshdx::intent
