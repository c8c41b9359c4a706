// The part of a mesh's configuration that one question can meet. Facts look through whole lists; over thousands of Services
// each with rules of its own that would make a survey quadratic.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "evidence/evidence.hpp"
#include "survey/question.hpp"

namespace meshdx::survey {

class Scope {
 public:
  /// Keeps a reference to the evidence.
  explicit Scope(const evidence::Evidence& evidence);

  /// The evidence with those VirtualServices and DestinationRules alone whose hosts could be meant with the question's or
  /// with one that rules send it to: those that share its first label in any namespace (short names, wrong namespaces), and
  /// patterns. A question at a gateway keeps all VirtualServices, since facts ask what else is bound there. The last answer
  /// is kept: most questions are about the Service of the one before. It holds until the next question.
  [[nodiscard]] const evidence::Evidence& of(const Question& question) const;
  /// The same for any request to a host from a sidecar.
  [[nodiscard]] const evidence::Evidence& about(const std::string& host) const;

 private:
  using ByLabel = std::map<std::string, std::set<std::size_t>>;
  /// One list as it was read, and which of its objects have hosts of which first label; "*" for patterns.
  struct List {
    evidence::Key key;
    const evidence::Objects* objects = nullptr;
    ByLabel by_label;
  };

  void index(evidence::Kind kind, std::vector<List>& lists);
  [[nodiscard]] const evidence::Evidence& narrowed(const std::string& host, bool gateway) const;
  [[nodiscard]] std::set<std::string> destinations(const std::set<std::string>& labels) const;

  const evidence::Evidence& m_evidence;
  std::vector<List> m_services, m_rules;
  std::map<std::string, const evidence::Object*> m_by_name;   ///< VirtualServices by "ns/name": delegates
  mutable std::optional<evidence::Evidence> m_last;
  mutable std::pair<std::string, bool> m_last_asked;               ///< the host, and whether at a gateway
};

}  // namespace meshdx::survey
