// The requests a survey tries in thought: for every port of every Service one for each rule that may take it, and for every
// Gateway one for each host.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evidence/evidence.hpp"
#include "mesh/complaint.hpp"
#include "mesh/view.hpp"

namespace meshdx::survey {

class Scope;

/// One request, and the object it is about.
struct Question {
  mesh::Complaint ask;
  std::string subject;          ///< "Service shop/web", "Gateway shop/gw"
  bool by_hand = false;         ///< the Service has no selector: its endpoints are kept by hand, their pods are not known
};

/// The caller that questions ask from: a pod with a sidecar, without labels, in the namespace. No such pod exists; it stands
/// for any caller there that no selector singles out.
inline constexpr const char* k_any_caller = "any-caller";

/// A copy with that pod among a namespace's pods. Where they were not read it is not added: the list would claim to be whole.
evidence::Evidence with_any_caller(const evidence::Evidence& evidence, const std::string& ns);

/// The "playbook" of a question that nobody asked (fact complaint.is-survey).
inline constexpr const char* k_survey = "sweep";

/// The questions about a namespace's Services, asked from the namespace itself and from those whose VirtualServices and
/// DestinationRules are for these Services; only from where any_caller is. Services without TCP port and those that name
/// an outside host give none. `scope` is that of the view's evidence.
std::vector<Question> service_questions(const mesh::View& view, const Scope& scope, const std::string& ns);
/// Services with ports that requests could go to, and that none of the questions is about.
std::vector<std::string> unasked_services(const mesh::View& view, const std::string& ns, const std::set<std::string>& asked);

/// Which hosts of a Gateway are asked for.
enum class Unbound { ask, leave_out };   ///< a host that no VirtualService is bound for: 404, or served from elsewhere

/// The questions about a namespace's Gateways: every host that a bound VirtualService has, and with Unbound::ask every host
/// the Gateway itself names.
std::vector<Question> gateway_questions(const mesh::View& view, const std::string& ns, Unbound unbound);

/// Those about a namespace's Gateways of the Gateway API, part of gateway_questions: every match of every HTTPRoute that
/// names them as a parent.
std::vector<Question> api_gateway_questions(const mesh::View& view, const std::string& ns);

/// Those Gateways of it that none of the questions is about, each with the reason.
std::vector<std::pair<std::string, std::string>> unasked_api_gateways(const mesh::View& view, const std::string& ns, const std::set<std::string>& asked);

/// "GET http://web.shop.svc.cluster.local:80/cart", with headers and the caller where they matter.
std::string request_text(const mesh::Complaint& ask);

}  // namespace meshdx::survey
