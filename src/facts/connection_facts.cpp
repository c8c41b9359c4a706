// The connection to the application, as the proxy next to it logs it: closed while idle, closed instead of an answer, or
// its stream reset (A6, A7, A9). The proxy next to an application is its sidecar; for a pod without one it is the caller's.
#include <algorithm>
#include <iterator>
#include <map>

#include "facts/context.hpp"
#include "facts/tables.hpp"
#include "util/text.hpp"
#include "util/time.hpp"

namespace meshdx::facts {

using namespace evidence;
using mesh::Maker;
using mesh::Sighting;

namespace {

const std::vector<Kind> connection_needs = {Kind::log, Kind::services, Kind::pods, Kind::service_entries, Kind::namespaces, Kind::gateways, Kind::api_gateways,
                                            Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints};

/// A request that the application ended without an answer.
struct Ended {
  const AccessLine* line = nullptr;   ///< of the proxy next to the application
  const Pod* proxy = nullptr;         ///< whose log holds it
  const Pod* server = nullptr;
};

using Marked = bool (*)(const AccessLine&);
bool was_closed(const AccessLine& line) { return line.has_flag("UC"); }
bool was_reset(const AccessLine& line) { return line.has_flag("UR"); }
/// An answer that ends before its Content-Length is a violation of the protocol to Envoy, who closed or not.
bool cut_off(const AccessLine& line) { return was_closed(line) || (line.has_flag("UPE") && contains(line.details, "after_response_started")); }

std::optional<Ended> ended_by_application(Context& c, const Sighting& seen, Marked marked) {
  if (seen.result != Sighting::Result::failed) return std::nullopt;
  // An answer that is cut off is marked by both proxies: the one next to the application says who cut it.
  if (seen.server != nullptr && marked(*seen.server) && starts_with(seen.server->upstream_cluster, "inbound|")) return Ended{seen.server, seen.server_pod, seen.server_pod};
  if (seen.caller == nullptr || seen.maker != Maker::caller_proxy || !marked(*seen.caller)) return std::nullopt;
  const auto& host = seen.caller->upstream_host;
  const auto* pod = c.view.pod_by_ip(mesh::address_of(host));
  if (pod == nullptr || pod->meshed() || pod->ambient()) return std::nullopt;
  return Ended{seen.caller, seen.caller_pod, pod};
}

std::vector<Ended> all_ended(Context& c, Marked marked) {
  std::vector<Ended> found;
  for (const auto& seen : c.traffic().requests) {
    if (auto ended = ended_by_application(c, seen, marked)) found.push_back(*ended);
  }
  return found;
}

/// What to say when no failing request was ended so: no, when every failure is known to be of another kind.
Finding none_ended(Context& c) {
  const auto& traffic = c.traffic();
  const bool traced = std::none_of(traffic.requests.begin(), traffic.requests.end(), [](const Sighting& s) { return s.result == Sighting::Result::failed && s.maker == Maker::unknown; });
  return traced && traffic.failed + traffic.ok > 0 ? no("no request in the log was ended so") : unknown();
}

Bindings ended_bindings(Context& c, const Ended& ended) {
  auto b = service_bindings(c.serving());
  b["server.pod"] = ended.server->meta.name;
  b["server.namespace"] = ended.server->meta.ns;
  b["server.workload"] = mesh::workload_of(*ended.server);
  b["proxy.pod"] = pod_ref(*ended.proxy);
  b["shown.pod"] = ended.proxy->meta.name;
  b["line.path"] = ended.line->path;
  b["line.time"] = ended.line->start;
  b["line.duration"] = ended.line->duration_ms;
  b["line.details"] = ended.line->details;
  return b;
}

std::string seconds(std::int64_t ms) {
  std::string text = std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100);
  return text + " s";
}

/// The pauses on a log's connections. Each line is looked at once: asking line by line for the one before it would take the
/// square of a long log.
class Pauses {
 public:
  explicit Pauses(const ProxyLog& log) {
    for (const auto& line : log.access) {
      const auto began = utc_ms(line.start);
      if (began && !line.upstream_local.empty()) m_ends[connection(line)].emplace_back(line.start, *began + line.duration_ms);
    }
    for (auto& [connection, ends] : m_ends) {
      std::sort(ends.begin(), ends.end());
      for (std::size_t i = 1; i < ends.size(); ++i) ends[i].second = std::max(ends[i].second, ends[i - 1].second);
    }
    for (const auto& line : log.access) {
      if (line.has_flag("UC") || line.code == 0) continue;
      auto& longest = m_survived[line.upstream_cluster];
      longest = std::max(longest, before(line).value_or(0));
    }
  }

  /// The time between a request and the one before it on the same connection (the proxy's own address of it); nullopt: it is
  /// the first that the log shows.
  [[nodiscard]] std::optional<std::int64_t> before(const AccessLine& line) const {
    const auto start = utc_ms(line.start);
    const auto found = m_ends.find(connection(line));
    if (!start || found == m_ends.end()) return std::nullopt;
    const auto later = std::lower_bound(found->second.begin(), found->second.end(), line.start, [](const End& end, const std::string& at) { return end.first < at; });
    if (later == found->second.begin()) return std::nullopt;
    return std::max<std::int64_t>(*start - std::prev(later)->second, 0);
  }

  /// The longest time a connection to the application was idle and still took a request.
  [[nodiscard]] std::int64_t survived(const AccessLine& like) const {
    const auto found = m_survived.find(like.upstream_cluster);
    return found == m_survived.end() ? 0 : found->second;
  }

 private:
  using End = std::pair<std::string, std::int64_t>;   ///< a request's start, and the latest end of it and those before

  static std::pair<std::string, std::string> connection(const AccessLine& line) { return {line.upstream_local, line.upstream_cluster}; }

  std::map<std::pair<std::string, std::string>, std::vector<End>> m_ends;
  std::map<std::string, std::int64_t> m_survived;   ///< by cluster
};

constexpr std::int64_t brief = 250, idle = 500;   // ms: a request that met a closing connection ends at once

bool answered(const AccessLine& line) { return !line.method.empty() && line.details == "via_upstream"; }

/// A6: each of the requests came over a connection that had been kept, after a pause that none survives, and ended at once.
Finding closed_while_idle(Context& c) {
  const auto ended = all_ended(c, was_closed);
  if (ended.empty()) return none_ended(c);
  if (c.traffic().ok == 0) return no("no request to the application succeeds");
  std::int64_t shortest = -1, survived = 0;
  std::map<const ProxyLog*, Pauses> pauses;
  for (const auto& request : ended) {
    const auto* log = c.view.log(*request.proxy);
    if (log == nullptr) return unknown();
    const auto& known = pauses.try_emplace(log, *log).first->second;
    const auto pause = known.before(*request.line);
    // The window may have cut off what came before on the connection.
    if (!pause && !log->access.empty() && log->lines >= 500) return unknown("the log does not reach back to the connection's start: ask again with more --log-lines");
    if (!pause || *pause < idle || request.line->duration_ms > brief) return no("a request was ended on a fresh connection, or late");
    if (shortest < 0 || *pause < shortest) shortest = *pause;
    survived = std::max(survived, known.survived(*request.line));
  }
  if (survived > shortest) return no("connections that were idle for " + seconds(survived) + " still took requests");
  auto b = ended_bindings(c, ended.back());
  b["idle.time"] = seconds(shortest);
  b["requests.hits"] = ended.size();
  return yes(count(ended.size(), "request") + " met a kept-alive connection that the application in " + pod_ref(*ended.back().server) + " was closing, after it had been idle for " + seconds(shortest), b);
}

Finding closed_by_application(Context& c) {
  const auto ended = all_ended(c, was_closed);
  if (ended.empty()) return none_ended(c);
  const auto& shown = ended.back();
  if (ended.size() * 5 < c.traffic().failed) return no("few of the failing requests were ended so");
  return yes("the application in " + pod_ref(*shown.server) + " closed the connection on " + count(ended.size(), "request") + " instead of answering", ended_bindings(c, shown));
}

/// When a container ended (RFC 3339): the run before, and the present one when it is over.
std::vector<std::string> ends_of(const Pod& pod, const std::string& container) {
  std::vector<std::string> ends;
  for (const auto& status : at(pod.raw, {"status", "containerStatuses"})) {
    if (text_at(status, "name") != container) continue;
    for (const char* state : {"lastState", "state"}) {
      const std::string finished = text_at(at(status, {state, "terminated"}), "finishedAt");
      if (!finished.empty()) ends.push_back(finished);
    }
  }
  return ends;
}

struct Death {
  const Container* container = nullptr;
  std::string at;
};

/// Whether a container of the server ended while the request was under way. Kubernetes gives whole seconds.
Death died_during(const Ended& ended) {
  const auto start = utc_ms(ended.line->start);
  if (!start) return {};
  for (const auto& container : ended.server->containers) {
    if (container.name == "istio-proxy" || container.init) continue;
    for (const auto& end : ends_of(*ended.server, container.name)) {
      const auto finished = utc_ms(end);
      if (finished && *finished >= *start - 1000 && *finished <= *start + ended.line->duration_ms + 1500) return {&container, end};
    }
  }
  return {};
}

Finding died_meanwhile(Context& c) {
  const auto ended = all_ended(c, cut_off);
  if (ended.empty()) return none_ended(c);
  for (auto request = ended.rbegin(); request != ended.rend(); ++request) {
    const auto death = died_during(*request);
    const auto* container = death.container;
    if (container == nullptr) continue;
    auto b = ended_bindings(c, *request);
    b["pod.container"] = container->name;
    b["closed.how"] = "container " + container->name + " ended (" + container->last_terminated_reason + (container->last_exit_code ? ", exit code " + std::to_string(*container->last_exit_code) : "") + ") while it worked on a request";
    return yes("container " + container->name + " of " + pod_ref(*request->server) + " ended (" + container->last_terminated_reason + ") at " + death.at + ", while a request was under way", b);
  }
  return no("no container of the server ended at that time");
}

/// A timeout of the application's server: all the requests end after the same time.
Finding fixed_time(Context& c) {
  const auto ended = all_ended(c, was_closed);
  if (ended.empty()) return none_ended(c);
  const auto [least, most] = std::minmax_element(ended.begin(), ended.end(), [](const Ended& a, const Ended& b) { return a.line->duration_ms < b.line->duration_ms; });
  const auto low = least->line->duration_ms, high = most->line->duration_ms;
  if (ended.size() < 3 || low < 1000 || high - low > std::max<std::int64_t>(100, low / 50)) return no("the requests were not ended after one and the same time");
  auto b = ended_bindings(c, ended.back());
  b["closed.how"] = "it closes the connection " + seconds(low) + " after each request began: a timeout of its own";
  return yes("all " + std::to_string(ended.size()) + " requests were ended " + seconds(low) + " after they began", b);
}

/// The application does speak HTTP on the port: others were answered.
Finding answers_others(Context& c) {
  const auto ended = all_ended(c, was_closed);
  if (ended.empty()) return none_ended(c);
  const auto& shown = ended.back();
  const auto* log = c.view.log(*shown.proxy);
  if (log == nullptr) return unknown();
  const bool any = std::any_of(log->access.begin(), log->access.end(), [&](const AccessLine& line) { return line.upstream_cluster == shown.line->upstream_cluster && answered(line); });
  auto b = ended_bindings(c, shown);
  b["closed.how"] = "it closes the connection on some requests and answers others";
  return decide(any, any ? "the application answers other requests on the same port" : "the log shows no request that the application answered", b);
}

Finding stream_reset(Context& c) {
  const auto ended = all_ended(c, was_reset);
  if (ended.empty()) return none_ended(c);
  if (ended.size() * 5 < c.traffic().failed) return no("few of the failing requests were ended so");
  const auto& shown = ended.back();
  auto b = ended_bindings(c, shown);
  b["requests.hits"] = ended.size();
  return yes("the application in " + pod_ref(*shown.server) + " reset the stream of " + count(ended.size(), "request") + ": " + shown.line->details, b);
}

}  // namespace

const std::vector<Fact>& connection_facts() {
  static const std::vector<Fact> facts = {
      {"connection.closed", "The application closed the connection instead of answering (UC)", connection_needs, closed_by_application, {Kind::log}},
      {"connection.closed-while-idle", "The application closed connections that were kept alive, as the next request came", connection_needs, closed_while_idle, {Kind::log}},
      {"connection.closed-after-fixed-time", "The application closes the connection always after the same time", connection_needs, fixed_time, {Kind::log}},
      {"connection.others-answered", "The application answers other requests on the same port", connection_needs, answers_others, {Kind::log}},
      {"connection.stream-reset", "The application reset the stream (UR)", connection_needs, stream_reset, {Kind::log}},
      {"application.ended-meanwhile", "A container of the server ended while the request was under way", connection_needs, died_meanwhile, {Kind::pods, Kind::log}},
  };
  return facts;
}

}  // namespace meshdx::facts
