// Whether a split that was asked for is what arrives (drill canary): weights, subsets and their pods, shares in the log.
#include <algorithm>
#include <cmath>
#include <map>

#include "facts/rules.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Leg;

namespace {

std::vector<Kind> canary_needs() {
  auto needs = rule_needs();
  needs.push_back(Kind::destination_rules);
  return needs;
}

/// The rule that divides the requests: the one that takes this request when it does, else the first that does at all.
std::optional<std::size_t> split_rule(const Rules& rules) {
  const Json& list = rules.list();
  const auto splits = [&](std::size_t i) { return at(list[i], "route").is_array() && at(list[i], "route").size() > 1; };
  if (rules.taken >= 0 && splits(static_cast<std::size_t>(rules.taken))) return static_cast<std::size_t>(rules.taken);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (splits(i)) return i;
  }
  return std::nullopt;
}

Bindings vs_bindings(const Rules& rules) { return {{"vs.name", rules.vs->meta.name}, {"vs.namespace", rules.vs->meta.ns}}; }

Finding split_asked(Context& c) {
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no) return no("no VirtualService is for the host, so nothing splits its requests");
  const auto split = split_rule(rules);
  if (!split) return no("no rule of " + rules.name() + " has more than one destination");
  return yes(rules.name() + " asks for a split in " + rule_name(rules, *split) + ": " + mesh::action_text(rules.list()[*split]), vs_bindings(rules));
}

/// A split for other requests only (a header, a path) is no fault: then the question lacks an -H or a path.
Finding split_taken(Context& c) {
  const auto f = split_asked(c);
  if (f.truth != Tri::yes) return f;
  const auto rules = rules_of(c);
  const auto split = *split_rule(rules);
  if (rules.taken == static_cast<int>(split)) return yes("the request takes the rule with the split", vs_bindings(rules));
  const auto why = mesh::rule_mismatch(rules.list()[split], rules.vs->meta.ns, c.path().request, rules.sender);
  return no("the request does not take " + rule_name(rules, split) + ", which splits" + (why.empty() ? "" : ": " + why), vs_bindings(rules));
}

/// The pods of one destination: those of its Service that the subset's labels pick.
struct Members {
  bool known = false;
  std::vector<const Pod*> pods;
  Labels labels;
  [[nodiscard]] std::size_t ready() const {
    return static_cast<std::size_t>(std::count_if(pods.begin(), pods.end(), [](const Pod* p) { return p->ready; }));
  }
};

Members members_of(Context& c, const Share& share) {
  Members members;
  const auto* service = mesh::service_of(c.view, share.host);
  const auto pods = service == nullptr ? std::nullopt : mesh::selected_pods(c.view, *service);
  if (!pods) return members;
  if (share.subset.empty()) return {true, *pods, {}};
  for (const auto* rule : mesh::destination_rules(c.view, share.host, mesh::reader_of(*c.caller()), service->meta.ns)) {
    for (const auto& subset : at(rule->spec(), "subsets")) {
      if (text_at(subset, "name") != share.subset) continue;
      members.known = true;
      members.labels = mesh::labels_at(subset, "labels");
      for (const auto* pod : *pods) {
        if (members.labels.empty() || selects(members.labels, pod->meta.labels)) members.pods.push_back(pod);
      }
      return members;
    }
  }
  return members;
}

/// A destination that a rule names twice gets both weights, and its requests cannot be told apart.
std::vector<Share> asked_shares(Context& c, const Rules& rules) {
  const auto split = split_rule(rules);
  std::vector<Share> shares;
  for (const auto& next : split ? shares_of(c.view.names(), rules.list()[*split], rules.vs->meta.ns) : std::vector<Share>{}) {
    const auto same = std::find_if(shares.begin(), shares.end(), [&](const Share& s) { return s.host == next.host && s.subset == next.subset && s.port == next.port; });
    if (same == shares.end()) shares.push_back(next);
    else same->percent += next.percent;
  }
  return shares;
}

std::string share_name(const Share& share) { return share.subset.empty() ? share.host : share.subset; }

/// Two subsets of the split that pick the same pod: its requests count for both.
Finding subsets_overlap(Context& c) {
  const auto f = split_asked(c);
  if (f.truth != Tri::yes) return f;
  const auto rules = rules_of(c);
  const auto shares = asked_shares(c, rules);
  bool unsure = false;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    for (std::size_t j = i + 1; j < shares.size(); ++j) {
      if (shares[i].host != shares[j].host || shares[i].subset == shares[j].subset || shares[i].subset.empty() || shares[j].subset.empty()) continue;
      const auto a = members_of(c, shares[i]), b = members_of(c, shares[j]);
      unsure = unsure || !a.known || !b.known;
      const auto both = std::find_if(a.pods.begin(), a.pods.end(), [&](const Pod* pod) { return std::find(b.pods.begin(), b.pods.end(), pod) != b.pods.end(); });
      if (!a.known || !b.known || both == a.pods.end()) continue;
      auto bindings = vs_bindings(rules);
      bindings["subset.a"] = shares[i].subset;
      bindings["subset.b"] = shares[j].subset;
      bindings["subset.a-labels"] = a.labels.empty() ? std::string("no label") : labels_text(a.labels);
      bindings["subset.b-labels"] = b.labels.empty() ? std::string("no label") : labels_text(b.labels);
      bindings["pod.name"] = (*both)->meta.name;
      bindings["service.host"] = shares[i].host;
      return yes("subsets " + shares[i].subset + " and " + shares[j].subset + " of " + shares[i].host + " both pick pod " + (*both)->meta.name, bindings);
    }
  }
  return unsure ? unknown() : no("no pod is in two subsets of the split");
}

Finding members_ready(Context& c) {
  const auto f = split_asked(c);
  if (f.truth != Tri::yes) return f;
  const auto rules = rules_of(c);
  bool unsure = false;
  std::vector<std::string> parts;
  for (const auto& share : asked_shares(c, rules)) {
    const auto members = members_of(c, share);
    unsure = unsure || !members.known;
    if (members.known && members.ready() == 0) {
      auto b = vs_bindings(rules);
      b["subset.name"] = share_name(share);
      b["subset.share"] = percent_text(share.percent);
      return no(share_name(share) + " gets " + percent_text(share.percent) + " and has no ready pod", b);
    }
    parts.push_back(share_name(share) + " " + std::to_string(members.ready()) + " of " + std::to_string(members.pods.size()));
  }
  return unsure ? unknown() : yes("every destination of the split has ready pods: " + join(parts, ", "));
}

struct Arrived {
  std::map<std::string, std::size_t> by;      ///< requests by upstream cluster
  std::size_t total = 0;
  std::size_t elsewhere = 0;                  ///< to clusters that the split does not name: not by this rule
};

bool is_of(const ClusterName& name, const Share& share) {
  return name.host == share.host && name.subset == share.subset && (share.port == 0 || name.port == share.port);
}

/// Requests by the cluster that the caller's proxy chose, whatever became of them; those that it sent nowhere count not.
Arrived arrived(Context& c, const std::vector<Share>& shares) {
  Arrived result;
  for (const auto& seen : c.traffic().requests) {
    const auto name = seen.caller == nullptr ? std::nullopt : ClusterName::parse(seen.caller->upstream_cluster);
    if (!name) continue;
    if (std::none_of(shares.begin(), shares.end(), [&](const Share& share) { return is_of(*name, share); })) {
      ++result.elsewhere;
      continue;
    }
    ++result.by[seen.caller->upstream_cluster];
    ++result.total;
  }
  return result;
}

std::size_t arrived_at(const Arrived& arrived, const Share& share) {
  std::size_t n = 0;
  for (const auto& [cluster, requests] : arrived.by) {
    const auto name = ClusterName::parse(cluster);
    if (name && is_of(*name, share)) n += requests;
  }
  return n;
}

constexpr std::size_t k_enough = 10;          ///< fewer requests prove no split

/// Whether k of n is what a share lets expect: within four standard deviations (and one request) of the mean, so that
/// chance alone says no once in some ten thousand times.
bool plausible(std::size_t k, std::size_t n, double percent) {
  const double p = percent / 100, mean = static_cast<double>(n) * p;
  return std::abs(static_cast<double>(k) - mean) <= 4 * std::sqrt(mean * (1 - p)) + 1;
}

Finding arrives_as_asked(Context& c) {
  const auto taken = split_taken(c);
  if (taken.truth != Tri::yes) return taken;
  const auto rules = rules_of(c);
  const auto log = arrived(c, asked_shares(c, rules));
  if (!c.traffic().caller_read) return unknown();
  if (log.total < k_enough) return none_seen(c, count(log.total, "request") + " of this kind in the caller's log: too few to tell a share, send " + std::to_string(k_enough) + " or more and ask again");
  std::vector<std::string> parts;
  for (const auto& share : asked_shares(c, rules)) {
    const auto n = arrived_at(log, share);
    const std::string text = std::to_string(n) + " of " + std::to_string(log.total) + " to " + share_name(share);
    if (!plausible(n, log.total, share.percent)) return no(text + ", " + percent_text(share.percent) + " was asked for; requests from before a change of the weights count too: --since leaves them out");
    parts.push_back(text);
  }
  return yes("what arrived fits the split: " + join(parts, ", "));
}

/// D3 for a split: another VirtualService of the host has one, and sidecars do not use it.
Finding split_ignored(Context& c) {
  if (auto stop = need_walk(c)) return *stop;
  if (c.path().caller.gateway) return no("gateways merge VirtualServices of one host");
  const auto list = c.view.objects(Kind::virtual_services);
  const auto rules = rules_of(c);
  if (rules.exist == Tri::unknown) return unknown();
  if (rules.exist == Tri::no || split_rule(rules)) return no("no other VirtualService is in the way of a split");
  for (const auto* vs : mesh::mesh_virtual_services(c.view, c.path().to.host, c.caller()->meta.ns)) {
    if (vs == rules.vs) continue;
    for (const auto& rule : at(vs->spec(), "http")) {
      if (at(rule, "route").size() < 2) continue;
      return yes("VirtualService " + vs->meta.ns + "/" + vs->meta.name + " asks for a split of the host, and sidecars use " + rules.name() + " alone",
                 {{"vs.used", rules.vs->meta.ns + "/" + rules.vs->meta.name}, {"vs.ignored", vs->meta.ns + "/" + vs->meta.name}, {"request.path", c.ask.path}});
    }
  }
  return list.everywhere ? no("no other VirtualService of the host asks for a split") : unknown();
}

Json in_proxy(Context& c, const Share& share) {
  const auto& path = c.path();
  if (!path.walked || path.walk.end != mesh::Walk::End::clusters) return nullptr;
  double sum = 0, own = 0;
  for (const auto& leg : path.walk.legs) {
    const double weight = path.walk.legs.size() == 1 ? 100 : leg.weight;
    sum += weight;
    if (leg.name && leg.name->host == share.host && leg.name->subset == share.subset && (share.port == 0 || leg.name->port == share.port)) own += weight;
  }
  return sum > 0 ? Json(percent_text(own * 100 / sum)) : Json();
}

/// Ready pods of the Service that no destination of the split reaches.
void add_uncovered(Context& c, const std::vector<Share>& shares, Answer& answer) {
  const auto* service = shares.empty() ? nullptr : mesh::service_of(c.view, shares.front().host);
  const auto pods = service == nullptr ? std::nullopt : mesh::selected_pods(c.view, *service);
  if (!pods) return;
  std::vector<std::string> outside;
  for (const auto* pod : *pods) {
    const bool inside = std::any_of(shares.begin(), shares.end(), [&](const Share& share) {
      const auto members = members_of(c, share);
      return !members.known || std::find(members.pods.begin(), members.pods.end(), pod) != members.pods.end();
    });
    if (pod->ready && !inside) outside.push_back(pod->meta.name);
  }
  if (!outside.empty()) answer.remarks.push_back("No destination of the split reaches " + join(outside, ", ") + ": " + (outside.size() == 1 ? "its" : "their") + " labels fit no subset.");
}

/// Envoy chooses by a number that it derives from x-request-id when the caller sends one: one id, one destination.
void add_sticky(Context& c, Answer& answer) {
  std::map<std::string, std::size_t> ids;
  std::size_t most = 0, total = 0;
  for (const auto& seen : c.traffic().requests) {
    if (seen.caller == nullptr || seen.caller->request_id.empty()) continue;
    most = std::max(most, ++ids[seen.caller->request_id]);
    ++total;
  }
  if (most > 1 && most * 2 > total) answer.remarks.push_back(std::to_string(most) + " of " + std::to_string(total) + " requests carry the same x-request-id, by which Envoy picks the destination: they all go to one.");
}

Answer canary_split(Context& c) {
  Answer answer;
  const auto f = split_asked(c);
  if (f.truth != Tri::yes) {
    answer.why = f.truth == Tri::no ? f.text : f.why.empty() ? k_unknown : f.why;
    return answer;
  }
  const auto rules = rules_of(c);
  const auto split = *split_rule(rules);
  const auto shares = asked_shares(c, rules);
  const auto log = arrived(c, shares);
  const bool taken = rules.taken == static_cast<int>(split);
  for (const auto& share : shares) {
    const auto members = members_of(c, share);
    Json came;
    const auto n = arrived_at(log, share);
    if (log.total > 0 && taken) came = std::to_string(n) + " of " + std::to_string(log.total) + " (" + percent_text(static_cast<double>(n) * 100 / static_cast<double>(log.total)) + ")";
    const Json pods = members.known ? Json(std::to_string(members.ready()) + " of " + std::to_string(members.pods.size())) : Json();
    answer.rows.push_back({share.subset.empty() ? "-" : share.subset, percent_text(share.percent), taken ? in_proxy(c, share) : Json(), came, pods, share.host});
  }
  answer.says = rule_name(rules, split) + " of " + rules.name() + (taken ? "" : ", which this request does not take");
  if (log.elsewhere > 0) answer.remarks.push_back(count(log.elsewhere, "request") + " in the log went to none of these: by another rule, or before this one was there.");
  add_uncovered(c, shares, answer);
  add_sticky(c, answer);
  return answer;
}

}  // namespace

const std::vector<Fact>& canary_facts() {
  static const std::vector<Fact> facts = {
      {"canary.split-asked", "A VirtualService splits the requests", canary_needs(), split_asked, {Kind::virtual_services}},
      {"canary.split-taken", "The request takes the rule that splits", canary_needs(), split_taken, {Kind::virtual_services}},
      {"canary.split-ignored", "A VirtualService with a split is not the one that sidecars use", canary_needs(), split_ignored, {Kind::virtual_services, Kind::routes}},
      {"canary.members-ready", "Every destination of the split has ready pods", canary_needs(), members_ready, {Kind::pods, Kind::destination_rules}},
      {"canary.subsets-overlap", "Two subsets of the split pick the same pod", canary_needs(), subsets_overlap, {Kind::destination_rules, Kind::pods}},
      {"canary.arrives-as-asked", "The requests in the caller's log are split as asked", canary_needs(), arrives_as_asked, {Kind::log}},
  };
  return facts;
}

const std::vector<AnswerKind>& canary_answers() {
  static const std::vector<AnswerKind> answers = {
      {"canary.split", "SPLIT", {{"subset", "SUBSET"}, {"asked", "ASKED"}, {"proxy", "IN ENVOY"}, {"arrived", "ARRIVED"}, {"ready", "READY PODS"}, {"host", "HOST"}}, canary_needs(), canary_split},
  };
  return answers;
}

}  // namespace meshdx::facts
