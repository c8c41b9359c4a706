// What `meshdx write` prints: configuration to paste, with its undo and how to verify it, as text or JSON (meshdx.write/v1).
#pragma once

#include <string>

#include "intent/plan.hpp"
#include "report/report.hpp"

namespace meshdx::report {

struct Written {
  std::string kind;                ///< "canary"
  std::string verify;              ///< the whole command, quoted
  intent::Plan plan;
};

std::string to_text(const Written& written, const TextOptions& options);
Json json_of(const Written& written);

}  // namespace meshdx::report
