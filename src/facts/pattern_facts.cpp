// When only some requests fail: what the failing ones share.
#include "facts/context.hpp"
#include "mesh/pattern.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> pattern_needs = {Kind::log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                         Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};

/// Both patterns need requests of both kinds.
std::optional<Finding> need_both(Context& c) {
  const auto& traffic = c.traffic();
  if (c.caller() == nullptr || traffic.requests.empty()) return none_seen(c);
  if (traffic.failed > 0 && traffic.ok > 0) return std::nullopt;
  return no(traffic.failed > 0 ? "no request succeeded" : "no request failed");
}

std::string share(std::size_t failed, std::size_t seen) { return std::to_string(failed) + " of " + std::to_string(seen); }

Finding gathered(Context& c) {
  if (auto stop = need_both(c)) return *stop;
  const auto found = mesh::gathering_of(c.view, c.traffic());
  if (!found) return no("the failing requests have nothing in common that the others lack, as far as the log tells");
  const char* by = found->by == mesh::Gathering::By::subset       ? "subset"
                   : found->by == mesh::Gathering::By::workload   ? "workload"
                   : found->by == mesh::Gathering::By::pod        ? "pod"
                   : found->by == mesh::Gathering::By::caller_pod ? "caller-pod"
                                                                  : "path";
  return yes("the failures gather at " + found->value + ": " + share(found->failed, found->seen) + " failed there, " + share(found->other_failed, found->other_seen) + " elsewhere",
             {{"pattern.by", by}, {"pattern.value", found->value}, {"pattern.failed", found->failed}, {"pattern.seen", found->seen}});
}

Finding turned(Context& c) {
  if (auto stop = need_both(c)) return *stop;
  const auto turn = mesh::turn_of(c.traffic());
  if (!turn) return no("failing and successful requests follow each other");
  Bindings b = {{"pattern.by", "time"}, {"pattern.value", turn->time}};
  if (turn->began) return yes("all of the last " + count(turn->after, "request") + ", from " + turn->time + " on, failed; the " + std::to_string(turn->before) + " before succeeded", b);
  return yes("the last " + count(turn->after, "request") + " succeeded, after " + std::to_string(turn->before) + " that failed until " + turn->time + ": it may be over (--since asks about the time after)", b);
}

}  // namespace

const std::vector<Fact>& pattern_facts() {
  static const std::vector<Fact> facts = {
      {"requests.gather", "The failing requests share a pod, a subset or another trait that the others lack", pattern_needs, gathered, {Kind::log}},
      {"requests.turn", "The requests fail since, or failed until, one moment", pattern_needs, turned, {Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
