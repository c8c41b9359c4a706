// The one translation unit that pays for RE2, the engine Envoy itself matches with.
#include <re2/re2.h>

#include "mesh/route_walk.hpp"

namespace meshdx::mesh {

bool full_match(const std::string& text, const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  const RE2 re(pattern, options);
  return re.ok() && RE2::FullMatch(text, re);
}

}  // namespace meshdx::mesh
