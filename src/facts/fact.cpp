#include "facts/fact.hpp"

#include <algorithm>
#include <cassert>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "util/shell.hpp"

namespace meshdx::facts {

namespace {

/// Whoever rests on the path of a request rests on what tells the gateway that took it (mesh/asked_gateway.hpp): the same for all, so
/// it is said here once. A table that names the Gateways of both APIs reads paths.
template <class Row>
void add_what_tells_gateways(std::vector<Row>& rows) {
  for (auto& row : rows) {
    const auto reads = [&](evidence::Kind kind) { return std::find(row.needs.begin(), row.needs.end(), kind) != row.needs.end(); };
    if (!reads(evidence::Kind::api_gateways)) continue;
    for (const auto kind : {evidence::Kind::virtual_services, evidence::Kind::http_routes, evidence::Kind::grpc_routes, evidence::Kind::proxy_status}) {
      if (!reads(kind)) row.needs.push_back(kind);
    }
  }
}

std::vector<Fact> all_tables() {
  std::vector<Fact> all;
  for (const auto* table : {&path_facts(), &endpoint_facts(), &workload_facts(), &candidate_facts(), &probe_facts(), &connection_facts(), &inbound_facts(), &peer_policy_facts(), &socket_facts(), &tls_facts(), &identity_facts(), &routing_facts(), &target_facts(),
                            &visibility_facts(), &policy_facts(), &protocol_facts(), &authorization_facts(), &gateway_facts(), &gateway_api_facts(), &edge_facts(), &ownership_facts(), &request_facts(), &pattern_facts(), &control_facts(),
                            &injection_facts(), &health_facts(), &capture_facts(), &lifecycle_facts(), &network_facts(), &refusal_facts(), &envoy_filter_facts(), &alias_facts(), &entry_facts(), &ingress_facts(),
                            &rule_facts(), &canary_facts(), &breaker_facts(), &fault_facts(), &retry_facts(), &isolation_facts(), &sidecar_facts()}) {
    all.insert(all.end(), table->begin(), table->end());
  }
  add_what_tells_gateways(all);
  std::sort(all.begin(), all.end(), [](const Fact& a, const Fact& b) { return std::string_view(a.id) < b.id; });
  return all;
}

std::vector<AnswerKind> all_answers() {
  std::vector<AnswerKind> all;
  for (const auto* table : {&rule_answers(), &canary_answers(), &breaker_answers(), &fault_answers(), &retry_answers(), &isolation_answers(), &sidecar_answers()}) {
    all.insert(all.end(), table->begin(), table->end());
  }
  add_what_tells_gateways(all);
  std::sort(all.begin(), all.end(), [](const AnswerKind& a, const AnswerKind& b) { return std::string_view(a.id) < b.id; });
  return all;
}

/// What the gaps met on the way say: the reason of an unknown.
std::string why_not(const std::vector<evidence::Source>& read) {
  std::string text;
  int named = 0;
  for (const auto& source : read) {
    if (source.ok() || named == 3) continue;
    text += (text.empty() ? "" : ", and ") + ("`" + shell_join(source.argv) + "` " + (source.why.empty() ? evidence::gap_word(source.gap) : source.why));
    ++named;
  }
  return text.empty() ? k_no_reason : text;
}

/// Where istiod is, for what advice says of it.
void name_control_plane(const mesh::ControlPlane& plane, Bindings& bindings) {
  bindings["control.namespace"] = plane.ns;
  bindings["control.istiod"] = plane.istiod();
}

}  // namespace

const std::vector<Fact>& registry() {
  static const std::vector<Fact> facts = all_tables();
  return facts;
}

const Fact* find_fact(std::string_view id) {
  const auto& facts = registry();
  const auto found = std::lower_bound(facts.begin(), facts.end(), id, [](const Fact& fact, std::string_view wanted) { return std::string_view(fact.id) < wanted; });
  return found == facts.end() || found->id != id ? nullptr : &*found;
}

const std::vector<AnswerKind>& answer_registry() {
  static const std::vector<AnswerKind> answers = all_answers();
  return answers;
}

const AnswerKind* find_answer(std::string_view id) {
  const auto& all = answer_registry();
  const auto found = std::find_if(all.begin(), all.end(), [&](const AnswerKind& kind) { return kind.id == id; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<evidence::Source> main_sources(std::string_view id, const Finding& finding) {
  std::vector<evidence::Source> main;
  const Fact* fact = find_fact(id);
  if (fact == nullptr || fact->shows.empty()) return finding.read;
  const auto shown = finding.bindings.find("shown.pod");   // of several proxies, the one that the sentence speaks of
  for (const auto kind : fact->shows) {
    auto end_of_shown = main.size();
    for (const auto& source : finding.read) {
      const auto key = evidence::key_of(source.argv);
      if (!key || key->kind != kind) continue;
      const bool first = shown != finding.bindings.end() && shown->second == key->name;
      main.insert(first ? main.begin() + static_cast<std::ptrdiff_t>(end_of_shown++) : main.end(), source);
    }
  }
  return main.empty() ? finding.read : main;
}

struct FactBase::Impl {
  Impl(const evidence::Evidence& evidence, const mesh::Complaint& complaint) : context(evidence, complaint) {}
  Context context;
  std::map<std::string, Finding, std::less<>> known;
  std::map<std::string, Answer, std::less<>> answers;
};

FactBase::FactBase(const evidence::Evidence& evidence, const mesh::Complaint& complaint)
    : m_impl(std::make_unique<Impl>(evidence, complaint)) {}
FactBase::~FactBase() = default;

const Finding& FactBase::operator[](std::string_view id) const {
  const auto kept = m_impl->known.find(id);
  if (kept != m_impl->known.end()) return kept->second;
  const Fact* fact = find_fact(id);
  assert(fact != nullptr);
  auto& context = m_impl->context;
  context.view.begin();
  Finding finding = fact->compute(context);
  for (const auto& key : context.view.end()) finding.read.push_back(context.view.evidence().source(key));
  if (finding.truth == Tri::unknown && finding.why.empty()) finding.why = why_not(finding.read);
  if (finding.truth == Tri::yes) name_control_plane(context.view.control_plane(), finding.bindings);
  return m_impl->known.emplace(std::string(id), std::move(finding)).first->second;
}

const Answer& FactBase::answer(std::string_view id) const {
  const auto kept = m_impl->answers.find(id);
  if (kept != m_impl->answers.end()) return kept->second;
  const AnswerKind* kind = find_answer(id);
  assert(kind != nullptr);
  auto& context = m_impl->context;
  context.view.begin();
  Answer answer = kind->compute(context);
  for (const auto& key : context.view.end()) answer.read.push_back(context.view.evidence().source(key));
  if (answer.why == k_unknown) answer.why = why_not(answer.read);
  return m_impl->answers.emplace(std::string(id), std::move(answer)).first->second;
}

}  // namespace meshdx::facts
