// When only some requests fail: what those have in common that the others lack, if more than chance says so.
#pragma once

#include <optional>
#include <string>

#include "mesh/traffic.hpp"
#include "mesh/view.hpp"

namespace meshdx::mesh {

/// Failures that gather at one value of one trait.
struct Gathering {
  enum class By { subset, workload, pod, caller_pod, path } by = By::pod;
  std::string value;                           ///< "v2 of api.shop.svc.cluster.local", "shop/api-v2-abc"
  std::size_t failed = 0, seen = 0;            ///< at the value
  std::size_t other_failed = 0, other_seen = 0;   ///< at all other values
  double chance = 1;                           ///< of failures spread blindly being gathered so
};

/// The trait whose value at least nine of ten failures share, and hardly a success (share of failures there at least twice
/// that of all), when that comes about by chance less than once in a hundred, all traits and values that were looked at
/// counted. Of traits that say the same the coarser one: a subset before its only pod. nullopt: none, or all or no
/// requests failed.
std::optional<Gathering> gathering_of(const View& view, const Traffic& traffic);

/// Failures that begin or end at a moment.
struct Turn {
  bool began = false;            ///< from then on all failed; else: since then none
  std::string time;              ///< of the first (last) failure
  std::size_t before = 0, after = 0;   ///< requests on either side
};

/// Failed and successful requests on either side of one moment, under the same test.
std::optional<Turn> turn_of(const Traffic& traffic);

/// The probability that of `drawn` requests taken blindly from `all`, `marked` of which failed, at least `hits` failed
/// (hypergeometric, Fisher's exact test on one side).
double chance_of_gathering(std::size_t hits, std::size_t drawn, std::size_t marked, std::size_t all);

}  // namespace meshdx::mesh
