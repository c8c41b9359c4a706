// What all kinds of configuration are put together with. Private to intent.
#pragma once

#include <string>
#include <vector>

#include "intent/plan.hpp"
#include "mesh/complaint.hpp"
#include "mesh/request.hpp"

namespace meshdx::intent {

/// The pods a wish is about: of its workload or Service, or all of the namespace. Empty when they were not read.
std::vector<const evidence::Pod*> pods_of(const mesh::View& view, const Wish& wish);

/// The question that a playbook would be asked about the wish's target.
mesh::Complaint complaint_of(const Wish& wish);

/// A plan under way. Methods that can fail give the refusal: the object, the reason, the way out.
class Draft {
 public:
  Draft(const mesh::View& view, const Wish& wish, const std::vector<std::string>& flags) : m_view(view), m_wish(wish), m_flags(flags) {}

  [[nodiscard]] const mesh::View& view() const { return m_view; }
  [[nodiscard]] const mesh::Names& names() const { return m_view.names(); }
  [[nodiscard]] const Wish& wish() const { return m_wish; }
  [[nodiscard]] const std::vector<std::string>& flags() const { return m_flags; }
  Plan plan;

  /// Looks the Service up, and notes what makes HTTP rules useless for it.
  Expected<Done> find_service();
  [[nodiscard]] const evidence::Service& service() const { return *m_service; }
  [[nodiscard]] std::string host() const { return names().fqdn(m_wish.name, m_wish.ns); }

  /// Refuses when a list that decides between editing and creating was not read where it counts.
  Expected<Done> need(mesh::Kind kind, const std::string& ns) const;
  /// Notes it when not all namespaces were read.
  void note_unseen(mesh::Kind kind, const std::string& what);

  /// Adds the edit; when the object is so already, a note. `then`: commands that must follow, in both directions.
  Expected<Done> edit(const evidence::Object& object, const Json& patch, const std::string& what, const std::vector<fix::Argv>& then = {});
  /// Adds a new object under a free name that begins with `name`.
  Expected<Done> create(mesh::Kind kind, const std::string& name, Json spec, const std::string& what);

  void warn(const std::string& sentence);
  void note(const std::string& sentence) { plan.notes.push_back(sentence); }

 private:
  [[nodiscard]] std::string free_name(mesh::Kind kind, const std::string& name) const;

  const mesh::View& m_view;
  const Wish& m_wish;
  const std::vector<std::string>& m_flags;
  const evidence::Service* m_service = nullptr;
};

// One a kind, each in the file that its objects are in.
Expected<Done> plan_canary(Draft& draft);
Expected<Done> plan_header_routing(Draft& draft);
Expected<Done> plan_fault_injection(Draft& draft);
Expected<Done> plan_retries(Draft& draft);
Expected<Done> plan_circuit_breaker(Draft& draft);
Expected<Done> plan_isolation(Draft& draft);
Expected<Done> plan_mtls(Draft& draft);
Expected<Done> plan_injection(Draft& draft);

// DestinationRules (subsets.cpp).
/// The oldest DestinationRule of exactly this host in the Service's namespace that callers everywhere see; nullptr: none.
const evidence::Object* own_rule(const Draft& draft);
/// Sees to it that the subsets are there, and warns of those without a ready pod. `weights`: shares, for the warning.
Expected<Done> need_subsets(Draft& draft, const std::vector<std::string>& names);
/// Warns of other DestinationRules that stand before, or behind, the Service's own.
void warn_of_other_rules(Draft& draft, const evidence::Object* edited);

/// VERIFY counts only requests of after the paste: those before it would speak for what was there then.
inline constexpr const char* k_since = "30s";

/// "shop/web".
inline std::string full_name(const evidence::Meta& meta) { return meta.ns + "/" + meta.name; }

}  // namespace meshdx::intent
