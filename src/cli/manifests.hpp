// The manifests that check and write read instead of a cluster.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "survey/manifest.hpp"
#include "util/expected.hpp"

namespace meshdx::cli {

/// All objects of files, folders (what looks like a manifest, below them too) and "-" (stdin); `ns` is the namespace of those
/// without one. What cannot be read goes to stderr, each with its place, and the Error says that `else_done` ("nothing was
/// checked").
Expected<survey::Manifests> manifests_of(const std::vector<std::string>& words, const std::string& ns, const std::string& else_done, const Io& io);

}  // namespace meshdx::cli
