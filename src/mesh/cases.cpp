#include "mesh/cases.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "mesh/callers.hpp"
#include "mesh/gateway_hosts.hpp"
#include "mesh/passed_on.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

std::string with_ns(const std::string& name, const std::string& ns, const std::string& home) {
  return ns.empty() || ns == home ? name : name + "." + ns;
}

std::string caller_text(const Complaint& complaint, const std::string& home) {
  const auto name = with_ns(complaint.from_name, complaint.from_ns, home);
  if (complaint.from == Complaint::From::gateway) return complaint.from_name.empty() ? "gateway" : "gateway " + complaint.from_name;
  return complaint.from == Complaint::From::workload ? name : "";
}

std::string target_text(const Complaint& complaint, const std::string& home) {
  const auto port = complaint.port && *complaint.port != 80 ? ":" + std::to_string(*complaint.port) : "";
  const auto name = complaint.from == Complaint::From::gateway ? std::nullopt : service_name(complaint.host, complaint.ns);
  return (name ? with_ns(name->name, name->ns, home) : complaint.host) + port;
}

void name(Case& found, const std::string& home) {
  found.from = caller_text(found.complaint, home);
  found.to = target_text(found.complaint, home);
}

std::string counted(const CallerSeen& caller) {
  return std::to_string(caller.failed) + " of " + count(caller.ok + caller.failed, "request");
}

std::string listed(const std::vector<CallerSeen>& callers, const std::string& home) {
  std::vector<std::string> names;
  for (const auto& caller : callers) {
    const auto numbers = caller.calls() ? " (" + counted(caller) + ")" : "";
    if (names.size() < 6) names.push_back(caller_text(caller.complaint, home) + numbers);
  }
  if (callers.size() > names.size()) names.push_back("and " + std::to_string(callers.size() - names.size()) + " more");
  return join(names, ", ");
}

Case::Why why_of(const CallerSeen& caller) { return caller.failed > 0 ? Case::Why::failing : caller.ok > 0 ? Case::Why::calling : Case::Why::vantage; }

/// What is said of the callers that were found.
void remark_callers(const Callers& callers, const Complaint& complaint, Cases& cases) {
  if (callers.examined.empty()) return;
  const auto names = listed(callers.examined, complaint.ns);
  const auto& first = callers.examined.front();
  const std::string start = "Nobody was named with --from: ";
  if (first.failed > 0) cases.remarks.push_back(start + "this is seen from those whose requests fail in the logs, " + names + ".");
  else if (first.calls()) cases.remarks.push_back(start + "the logs show no failed request; this is seen from those who call, " + names + ".");
  else cases.remarks.push_back(start + "the logs show nobody calling; this is seen from " + names + ", a vantage with a sidecar.");
  if (!callers.others.empty()) cases.remarks.push_back("Not examined: " + listed(callers.others, complaint.ns) + "; name one with --from.");
}

void remark_strangers(const Callers& callers, Cases& cases) {
  if (callers.strangers.empty()) return;
  auto shown = callers.strangers;
  if (shown.size() > 3) shown.resize(3);
  const auto more = callers.strangers.size() - shown.size();
  cases.remarks.push_back("Requests from " + join(shown, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "") +
                          " fail too: no pod of the namespaces that were read has that address; name the caller with --from WORKLOAD.NAMESPACE.");
}

void add_callers(const View& view, const Complaint& complaint, Cases& cases) {
  const auto callers = callers_of(view, complaint);
  cases.settled = callers.settled;
  if (!callers.settled || callers.examined.empty()) {
    cases.all.push_back(Case{complaint});
    if (!callers.settled) cases.remarks.push_back("Nobody was named with --from, and the logs that tell who calls were not read.");
    return;
  }
  for (const auto& caller : callers.examined) {
    Case found{caller.complaint};
    found.why = why_of(caller);
    found.ok = caller.ok;
    found.failed = caller.failed;
    cases.all.push_back(std::move(found));
  }
  const auto fails = [](const CallerSeen& caller) { return caller.failed > 0; };
  cases.complete = callers.strangers.empty() && std::none_of(callers.others.begin(), callers.others.end(), fails);
  remark_callers(callers, complaint, cases);
  remark_strangers(callers, cases);
}

/// Nobody typed a URL: the path that most of the failing requests in the log call is the one to look at. All of them still count.
void take_path(const View& view, Complaint& complaint, Cases& cases) {
  if (complaint.path_given || complaint.path != "/" || complaint.scheme == "tcp" || complaint.of_workload) return;
  const auto to = find_destination(view, complaint);
  const auto path = follow(view, complaint);
  std::map<std::string, std::size_t> failed;
  std::map<std::string, std::string> methods;
  for (const auto& seen : observe(view, complaint, path.caller, to, path.servers).requests) {
    const auto* line = seen.caller != nullptr ? seen.caller : seen.server;
    if (seen.result != Sighting::Result::failed || line->method.empty() || !starts_with(line->path, "/")) continue;
    const auto own = line->path.substr(0, line->path.find('?'));
    ++failed[own];
    methods[own] = line->method;
  }
  const auto most = std::max_element(failed.begin(), failed.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == failed.end() || most->first == complaint.path) return;
  complaint.path = most->first;
  if (complaint.method == "GET") complaint.method = methods[most->first];
  cases.remarks.push_back("No URL was asked about: of the requests that failed in the log " + std::to_string(most->second) + " called " + complaint.method + " " + complaint.path + ", which is what is looked at.");
}

/// Which of several gateways it is seen from. Until their logs were asked for that is not settled.
void remark_gateway(const View& view, const Complaint& complaint, Cases& cases) {
  const auto caller = find_caller(view, complaint, {});
  const auto& logs = caller.witnesses;
  cases.settled = std::all_of(logs.begin(), logs.end(), [&](const Pod* pod) { return view.evidence().asked({Kind::log, pod->meta.ns, pod->meta.name, ""}); });
  if (!caller.remark.empty()) cases.remarks.push_back(caller.remark);
}

/// The failed requests of a hop that its application passed on, by where its own went.
struct Behind {
  Sent to;
  std::vector<const Sighting*> seen;
};

Behind most_behind(const Traffic& traffic) {
  std::map<Sent, std::vector<const Sighting*>> found;
  for (const auto& seen : traffic.requests) {
    if (seen.next != nullptr) found[sent_to(*seen.next)].push_back(&seen);
  }
  Behind most;
  for (auto& [to, seen] : found) {
    if (seen.size() > most.seen.size()) most = {to, std::move(seen)};
  }
  return most;
}

/// The question about the hop behind: the server asks now.
Case next_case(const Complaint& complaint, const Behind& behind) {
  const auto& last = *behind.seen.back();
  const auto& line = *last.next;
  const bool one_path = std::all_of(behind.seen.begin(), behind.seen.end(), [&](const auto* seen) { return seen->next->path == line.path; });
  Complaint next;
  next.playbook = complaint.playbook;
  next.code = line.code;
  next.ns = last.server_pod->meta.ns;
  next.since = complaint.since;
  next.follow = complaint.follow;
  next.named = Complaint::Named::host;
  next.scheme = line.method.empty() ? "tcp" : "http";
  next.host = behind.to.host;
  next.port = behind.to.port;
  if (!line.method.empty()) next.method = line.method;
  const auto mark = line.path.find('?');
  if (!line.path.empty()) next.path = line.path.substr(0, mark);
  next.path_given = one_path && !line.path.empty();
  next.target = next.scheme + "://" + next.host + ":" + std::to_string(behind.to.port) + next.path;
  next.from = Complaint::From::workload;
  next.from_name = workload_of(*last.server_pod);
  next.from_ns = last.server_pod->meta.ns;
  next.from_pod = last.server_pod->meta.name;

  Case found{std::move(next)};
  found.why = Case::Why::followed;
  return found;
}

bool same_hop(const Complaint& a, const Complaint& b) {
  return a.from_name == b.from_name && a.from_ns == b.from_ns && a.host == b.host && a.port == b.port && a.path == b.path;
}

/// Ties a case to the one behind it, and says whether that one is new. One that the chain has had ends it.
bool tie(std::size_t at, const std::set<std::size_t>& chain, Case next, Cases& cases) {
  const auto known = std::find_if(cases.all.begin(), cases.all.end(), [&](const Case& c) { return same_hop(c.complaint, next.complaint); });
  const auto place = static_cast<std::size_t>(known - cases.all.begin());
  if (chain.count(place) > 0) {
    cases.remarks.push_back("The failing requests go round: " + cases.all[at].from + " calls " + cases.all[at].to + ", and " + next.from + " calls " + next.to + " again.");
    return false;
  }
  const bool fresh = known == cases.all.end();
  if (fresh) cases.all.push_back(std::move(next));
  cases.all[at].next = place;
  return fresh;
}

/// Goes on from one case as far as the chain leads.
void follow_chain(const View& view, const Complaint& asked, std::size_t start, Cases& cases) {
  std::set<std::size_t> chain = {start};
  for (std::size_t at = start; chain.size() < k_most_hops && cases.all.size() < k_most_cases;) {
    const auto complaint = cases.all[at].complaint;
    const auto path = follow(view, complaint);
    const auto traffic = observe(view, complaint, path.caller, path.to, path.servers);
    const auto behind = most_behind(traffic);
    // A fifth is what a signature needs to count as well.
    if (behind.seen.empty() || behind.seen.size() * 5 < traffic.failed) return;
    cases.all[at].link = behind.seen.back()->link;
    cases.all[at].linked = behind.seen.size();
    cases.all[at].of = traffic.failed;
    auto next = next_case(complaint, behind);
    name(next, asked.ns);
    if (!tie(at, chain, std::move(next), cases)) return;
    at = cases.all.size() - 1;
    chain.insert(at);
  }
}

}  // namespace

Cases cases_of(const View& view, const Complaint& complaint) {
  Cases cases;
  if (complaint.of_workload) {
    cases.all.push_back(Case{complaint});   // the workload itself is asked about, whoever calls it
    name(cases.all.front(), complaint.ns);
    return cases;
  }
  if (complaint.from == Complaint::From::unknown) {
    add_callers(view, complaint, cases);
  } else if (complaint.from == Complaint::From::gateway) {
    auto at_host = at_gateway(view, complaint);
    if (!at_host.remark.empty()) cases.remarks.push_back(std::move(at_host.remark));
    remark_gateway(view, at_host.complaint, cases);
    cases.all.push_back(Case{std::move(at_host.complaint)});
  } else {
    cases.all.push_back(Case{complaint});
  }
  for (auto& found : cases.all) {
    if (cases.settled && (complaint.playbook == "503" || complaint.playbook == "404")) take_path(view, found.complaint, cases);
    name(found, complaint.ns);
  }
  const auto roots = cases.all.size();
  const bool of_failures = complaint.playbook == "503" || complaint.playbook == "404";   // the others ask about one hop
  for (std::size_t i = 0; cases.settled && complaint.follow && of_failures && i < roots; ++i) follow_chain(view, complaint, i, cases);
  return cases;
}

}  // namespace meshdx::mesh
