// The causes as one Markdown page, playbooks/CATALOGUE.md.
#pragma once

#include <string>
#include <vector>

#include "diagnose/cause.hpp"

namespace meshdx::playbook {

/// A table for each group of codes (MDX02.. is group B), each cause with its symptoms, its place in the ranking and
/// whether meshdx prints a fix to paste. Takes causes sorted by code; the same causes give the same bytes.
std::string catalogue(const std::vector<diagnose::Cause>& causes);

}  // namespace meshdx::playbook
