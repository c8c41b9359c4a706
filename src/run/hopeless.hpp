// What a child says when it waits for something that will not come.
#pragma once

#include <string_view>

#include "util/text.hpp"

namespace meshdx::run {

/// The line that tells that RBAC, a login that is not valid or an unknown certificate keeps from a child what it watches; "" when
/// none does. client-go's informers, which
/// `istioctl proxy-status` waits for (MutatingWebhookConfigurations, for the revision tags), list again for ever: the child
/// would only end with its timeout, and say no more. It is a line of istioctl's log, which goes to stdout. Only the
/// beginning of an output is looked at: such a child prints nothing else.
inline std::string_view vain_line(std::string_view printed) {
  printed = printed.substr(0, 4096);
  const auto at = printed.find("failed to list ");
  if (at == std::string_view::npos) return {};
  const auto line = printed.substr(at, printed.find('\n', at) - at);
  for (const auto* reason : {" is forbidden: ", "Unauthorized", "provide credentials", "getting credentials: ", "failed to verify certificate"}) {
    if (contains(line, reason)) return line;
  }
  return {};
}

}  // namespace meshdx::run
