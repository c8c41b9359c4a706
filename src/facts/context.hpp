// What fact functions work with: the evidence behind a View, the complaint, and the parts of the picture that many facts
// share (computed once; whoever uses a part has read what it was made from).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "facts/fact.hpp"
#include "mesh/path.hpp"
#include "mesh/traffic.hpp"
#include "mesh/view.hpp"

namespace meshdx::facts {

/// The Service behind the leg of the walk that matters: the failing one, else the first; without a walk the one asked for.
struct Serving {
  bool known = false;                              ///< false: the walk is unknown, or the namespace was not read
  const mesh::Leg* leg = nullptr;
  const evidence::Service* service = nullptr;      ///< nullptr with known: there is no such Service
  const evidence::ServicePort* port = nullptr;
  std::string host, subset;
  std::uint16_t port_number = 0;
};

class Context {
 public:
  Context(const evidence::Evidence& evidence, const mesh::Complaint& complaint) : view(evidence, complaint.home()), ask(complaint) {}

  const mesh::Path& path();
  const mesh::Traffic& traffic();
  const Serving& serving();

  [[nodiscard]] const evidence::Pod* caller() { return path().caller.pod; }
  [[nodiscard]] const mesh::Walk& walk() { return path().walk; }

  const mesh::View view;
  const mesh::Complaint& ask;

 private:
  template <class T>
  struct Part {
    std::optional<T> value;
    std::vector<mesh::Key> reads;
  };
  template <class T, class Make>
  const T& part(Part<T>& part, Make make) {
    if (!part.value) {
      view.begin();
      T made = make();
      part.reads = view.end();
      part.value = std::move(made);
    }
    view.note(part.reads);
    return *part.value;
  }

  Part<mesh::Path> m_path;
  Part<mesh::Traffic> m_traffic;
  Part<Serving> m_serving;
};

// Results.
Finding yes(std::string text, Bindings bindings = {});
Finding no(std::string text, Bindings bindings = {});
/// Unknown; an empty `why` is filled in from the gaps that were met.
Finding unknown(std::string why = "");
/// Unknown, because the logs show no request of the kind: they hold none (`text`), or cannot be read.
Finding none_seen(Context& c, std::string text = "the log holds no request of this kind");
Finding decide(bool truth, std::string text, Bindings bindings = {});

/// Walk facts need a caller with a proxy: unknown when it is not known, no when it has none.
std::optional<Finding> need_walk(Context& c);

/// Names and addresses of the Service behind a leg.
Bindings service_bindings(const Serving& serving);

/// "shop/web".
std::string pod_ref(const evidence::Pod& pod);
/// "app=web,version=v1".
std::string labels_text(const evidence::Labels& labels);

// The tables of facts, one a file.
const std::vector<Fact>& path_facts();
const std::vector<Fact>& endpoint_facts();
const std::vector<Fact>& candidate_facts();
const std::vector<Fact>& socket_facts();
const std::vector<Fact>& tls_facts();
const std::vector<Fact>& identity_facts();
const std::vector<Fact>& routing_facts();
const std::vector<Fact>& target_facts();
const std::vector<Fact>& visibility_facts();
const std::vector<Fact>& policy_facts();
const std::vector<Fact>& protocol_facts();
const std::vector<Fact>& authorization_facts();
const std::vector<Fact>& gateway_facts();
const std::vector<Fact>& gateway_api_facts();
const std::vector<Fact>& edge_facts();
const std::vector<Fact>& ownership_facts();
const std::vector<Fact>& request_facts();
const std::vector<Fact>& pattern_facts();
const std::vector<Fact>& control_facts();
const std::vector<Fact>& injection_facts();
const std::vector<Fact>& capture_facts();
const std::vector<Fact>& lifecycle_facts();
const std::vector<Fact>& network_facts();
const std::vector<Fact>& refusal_facts();
const std::vector<Fact>& health_facts();

// The drills' own facts and answers, a file each.
const std::vector<Fact>& rule_facts();
const std::vector<AnswerKind>& rule_answers();
const std::vector<Fact>& canary_facts();
const std::vector<AnswerKind>& canary_answers();
const std::vector<Fact>& breaker_facts();
const std::vector<AnswerKind>& breaker_answers();
const std::vector<Fact>& fault_facts();
const std::vector<AnswerKind>& fault_answers();
const std::vector<Fact>& retry_facts();
const std::vector<AnswerKind>& retry_answers();
const std::vector<Fact>& isolation_facts();
const std::vector<AnswerKind>& isolation_answers();
const std::vector<Fact>& sidecar_facts();
const std::vector<AnswerKind>& sidecar_answers();

}  // namespace meshdx::facts
