// The pods behind the request, also where the walk leads to none.
#pragma once

#include <optional>
#include <vector>

#include "facts/context.hpp"

namespace meshdx::facts {

/// Those that serve the request; when there is none, those that the Service of the route selects (an empty list: none).
/// nullopt: not known.
std::optional<std::vector<const evidence::Pod*>> server_pods(Context& c);

}  // namespace meshdx::facts
