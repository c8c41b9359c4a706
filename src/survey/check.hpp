// A survey of manifests: what is wrong with them, as far as they alone decide it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "survey/manifest.hpp"
#include "survey/survey.hpp"

namespace meshdx::survey {

struct Checked {
  Survey survey;
  std::vector<std::string> assumed;       ///< what the files refer to and do not hold: taken for right
  /// Where each problem stands: the manifest and the pointer in it; none for a problem of no one object.
  std::map<std::size_t, std::pair<const Manifest*, std::string>> places;
};

/// Confirmed are problems that no object outside the files could take away; likely are those that only more pods could, where
/// the files seem to hold the workload. `complete`: the namespaces of the files hold nothing else, so what is missing there
/// is wrong.
Checked check(const Manifests& manifests, const std::vector<diagnose::Cause>& causes, bool complete);

}  // namespace meshdx::survey
