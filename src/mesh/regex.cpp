// The one translation unit that pays for RE2, the engine Envoy itself matches with.
#include <re2/re2.h>

#include "mesh/route_walk.hpp"

namespace meshdx::mesh {

namespace {

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  return options;
}

}  // namespace

bool full_match(const std::string& text, const std::string& pattern) {
  const RE2 re(pattern, quiet());
  return re.ok() && RE2::FullMatch(text, re);
}

bool is_regex(const std::string& pattern) { return RE2(pattern, quiet()).ok(); }

}  // namespace meshdx::mesh
