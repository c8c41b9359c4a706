// The (caller, target) pairs that one question comes to: the callers it did not name, and the hops behind the first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mesh/complaint.hpp"
#include "mesh/path.hpp"
#include "mesh/traffic.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// One pair. All pairs of a question are answered from one store of evidence, each by its own complaint.
struct Case {
  Complaint complaint;
  /// How it came to be examined: it was asked for; its requests fail; it calls; it may stand for the callers.
  enum class Why { asked, failing, calling, vantage, followed } why = Why::asked;
  std::size_t ok = 0, failed = 0;         ///< what the search for callers counted
  /// The case behind it, whose failed requests made this one's; several cases may lead to one.
  std::optional<std::size_t> next;
  Sighting::Link link = Sighting::Link::none;   ///< what ties them
  std::size_t linked = 0, of = 0;         ///< tied: so many of the failed requests that the application answered
  std::string from, to;                   ///< "client", "api.shop:8080"; namespaces where they are not the question's
};

struct Cases {
  std::vector<Case> all;                  ///< never empty; the callers' cases first, then those that were followed
  bool settled = true;                    ///< false: who calls is not known yet
  bool complete = true;                   ///< false: requests of others fail too, that were not examined
  std::vector<std::string> remarks;       ///< what was chosen and what was left out, a sentence each
};

/// A chain has at most so many hops, and one question so many cases.
inline constexpr std::size_t k_most_hops = 5, k_most_cases = 8;

/// The cases of a question, as far as the evidence goes. A hop that a chain has had ends it.
Cases cases_of(const View& view, const Complaint& complaint);

}  // namespace meshdx::mesh
