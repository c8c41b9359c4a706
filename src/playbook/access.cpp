#include "playbook/access.hpp"

#include <fmt/core.h>

#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::playbook {

namespace {

using evidence::Gap;

constexpr std::chrono::seconds k_local{5};   ///< reading a file takes no longer

/// The context that kubectl takes, and where it leads; "" for what is not known.
struct Access {
  std::string context, server;
};

Access access_of(run::CommandRunner& runner) {
  const run::Argv view{"kubectl", "config", "view", "--minify", "-o", "json"};
  runner.start(0, view, k_local);
  auto finished = runner.wait();
  while (finished && finished->result.argv != view) finished = runner.wait();   // what the run did not wait for
  if (!finished || !evidence::classify(finished->result).ok()) return {};
  const auto config = parse_json(finished->result.out);
  if (!config) return {};
  const auto& clusters = at(*config, "clusters");
  const bool one = clusters.is_array() && !clusters.empty();
  return {text_at(*config, "current-context"), one ? text_at(at(clusters.front(), "cluster"), "server") : ""};
}

/// Without the gap's word in front: the sentence has its own.
std::string bare(Gap gap, const std::string& why) {
  const auto word = std::string(evidence::gap_word(gap)) + ": ";
  return starts_with(why, word) ? why.substr(word.size()) : why;
}

}  // namespace

std::string no_access(Gap gap, const std::string& why, run::CommandRunner& runner) {
  const std::string nothing = "Nothing could be read from a cluster: ";
  if (gap == Gap::no_tool) return nothing + why;
  if (gap == Gap::no_kubeconfig) return fmt::format("{}the kubeconfig does not lead to one: check --kubeconfig, --context and $KUBECONFIG. kubectl said: {}", nothing, bare(gap, why));
  const auto access = access_of(runner);
  const auto context = access.context.empty() ? "this kubeconfig" : "kubeconfig context " + access.context;
  const auto server = access.server.empty() ? "" : " (" + access.server + ")";
  const auto said = bare(gap, why);
  if (gap == Gap::login) return fmt::format("{}the login in {} is missing, wrong or has expired: log in again. kubectl said: {}", nothing, context, said);
  if (gap == Gap::unreachable || gap == Gap::timed_out) {
    return fmt::format("{}the API server of {}{} does not answer: check the network and --context. {}", nothing, context, server,
                       gap == Gap::timed_out ? said : "kubectl said: " + said);
  }
  return nothing + why;
}

}  // namespace meshdx::playbook
