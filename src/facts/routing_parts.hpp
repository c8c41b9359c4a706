// What the facts about routes share.
#pragma once

#include <string>

#include "facts/context.hpp"

namespace meshdx::facts {

/// The VirtualService that a walk's route or virtual host was made from; empty when none.
evidence::ConfigRef virtual_service_ref(const mesh::Walk& walk);
/// The walk of the request as it was typed ends without a route: unknown where what failed in the log did have one, so that it was
/// another (with a path or headers that nobody typed), and where no path was typed and none is seen.
std::optional<Finding> need_same_request(Context& c);
/// The object of a list by namespace and name, or nullptr.
const evidence::Object* find_object(const mesh::ObjectList& list, const std::string& ns, const std::string& name);

}  // namespace meshdx::facts
