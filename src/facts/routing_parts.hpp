// What the facts about routes share.
#pragma once

#include <string>

#include "facts/context.hpp"

namespace meshdx::facts {

/// The VirtualService that a walk's route or virtual host was made from; empty when none.
evidence::ConfigRef virtual_service_ref(const mesh::Walk& walk);
/// The object of a list by namespace and name, or nullptr.
const evidence::Object* find_object(const mesh::ObjectList& list, const std::string& ns, const std::string& name);

}  // namespace meshdx::facts
