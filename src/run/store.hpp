// Where the files of a recording lie: in a folder, or in an archive that was unpacked into memory. Both are untrusted.
#pragma once

#include <memory>
#include <string>

#include "run/recording.hpp"

namespace meshdx::run {

/// Opens a folder. Error: it cannot be opened.
Expected<std::shared_ptr<const OutputStore>> open_folder(const std::string& path);

/// Unpacks a .tar.gz into memory, within the bounds of a recording. Error: not an archive, an entry that is neither a
/// folder nor a regular file, a path that leads out of it, or a bound is passed.
Expected<std::shared_ptr<const OutputStore>> open_archive(const std::string& path);

/// Why a path may not be used inside a recording (absolute, `..`, empty parts, control characters), or "".
std::string path_objection(const std::string& path);

}  // namespace meshdx::run
