// "{client.pod}" in a step's argv: which there are, and every way to fill them. Knows words and values, no commands.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mesh/bind.hpp"
#include "run/command.hpp"

namespace meshdx::playbook {

/// One row of values a group: what a single instance of a step is filled from.
using Chosen = std::map<std::string, std::map<std::string, std::string>>;

/// The names in braces, each once, in order: {"client.pod", "client.namespace"}.
std::vector<std::string> placeholders_in(const std::vector<std::string>& words);

/// Every way to choose a row for each group that the words name, keeping the rows in `fixed`. None when a group has no
/// value yet; exactly one (`fixed` itself) when nothing is left to choose.
std::vector<Chosen> combinations(const std::vector<std::string>& words, const mesh::Values& values, const Chosen& fixed);

/// The words with their placeholders filled; one without a value stays as it is.
run::Argv fill(const std::vector<std::string>& words, const Chosen& chosen);

}  // namespace meshdx::playbook
