// The side of the hop without a sidecar, which facts on injection share.
#pragma once

#include <optional>

#include "facts/context.hpp"

namespace meshdx::facts {

struct Bare {
  const evidence::Pod* pod = nullptr;
  const char* side = "";
};

/// A pod of the hop without a sidecar that is not in ambient mode either; the caller first.
std::optional<Bare> bare_side(Context& c);

/// `hop.side-without-sidecar`: which side, why the injector left it alone, and the labels that would change that.
Finding bare_finding(Context& c);

}  // namespace meshdx::facts
