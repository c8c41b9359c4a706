// Where a piece of evidence came from, and when there is none, why.
#pragma once

#include <string>

#include "run/command.hpp"

namespace meshdx::evidence {

/// Why a command gave no evidence.
enum class Gap {
  none,         ///< there is evidence
  not_asked,    ///< no step ran the command
  not_found,    ///< the object does not exist
  forbidden,    ///< RBAC
  no_such_kind, ///< the CRD is not installed
  unreachable,  ///< no connection to the API server, istiod or the proxy
  no_kubeconfig,///< no kubeconfig that leads to a cluster
  login,        ///< credentials expired or missing
  timed_out,
  interrupted,
  no_tool,      ///< kubectl or istioctl is not on PATH
  not_recorded, ///< the recording does not hold it
  damaged,      ///< cut off, or not what its format says
  unsupported,  ///< this version of the tool has no such flag or sub-command (istioctl: exit code 64)
  failed,       ///< any other error
};

/// The command behind a piece of evidence and what became of it.
struct Source {
  run::Argv argv;
  Gap gap = Gap::not_asked;
  std::string why;   ///< one sentence, when there is a gap

  [[nodiscard]] bool ok() const { return gap == Gap::none; }
};

/// A parsed record with its source. `value` is meaningful only when ok().
template <class T>
struct Loaded {
  Source source;
  T value{};

  [[nodiscard]] bool ok() const { return source.ok(); }
};

/// "forbidden", "timed out", ...: the word for a gap in reports.
const char* gap_word(Gap gap);

/// Reads a finished command's way of ending and its stderr (formats.md 5 and 6: kubectl's and istioctl's error texts by
/// version) into a gap and a sentence. Gap::none when it succeeded; noise on stderr of a successful one is ignored.
Source classify(const run::CommandResult& result);

}  // namespace meshdx::evidence
