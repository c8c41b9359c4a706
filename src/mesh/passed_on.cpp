#include "mesh/passed_on.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>

#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

/// Above this a coincidence in time says nothing.
constexpr double k_tie_chance = 0.01;

/// Durations are whole milliseconds, and the two readings of the clock are not one.
constexpr std::int64_t k_slack_ms = 2;

struct Span {
  std::int64_t from = 0, to = 0;
  [[nodiscard]] bool holds(const Span& inner) const { return inner.from >= from && inner.to <= to + k_slack_ms; }
};

std::optional<Span> span_of(const AccessLine& line) {
  const auto start = milliseconds(line.start);
  return start ? std::optional<Span>({*start, *start + line.duration_ms}) : std::nullopt;
}

/// What one server's proxy logged of the requests that it took and of those that its application made.
struct Served {
  std::vector<Sighting*> failed;                                      ///< that its application answered
  std::vector<const AccessLine*> well;                                ///< requests from anybody that it answered well
  std::map<Sent, std::vector<const AccessLine*>> made;                ///< its own requests by where they went
};

bool outbound(const AccessLine& line, const Pod& pod) {
  if (line.inbound() || pod.has_address(address_of(line.downstream_local))) return false;
  return !line.upstream_cluster.empty() || !line.authority.empty();
}

bool bad(const AccessLine& line, const Complaint& complaint) { return result_of(line, complaint) == Sighting::Result::failed; }

/// With the id as a witness a 404 of the next service may be a reason too.
bool refused(const AccessLine& line, const Complaint& complaint) { return line.code >= 400 || bad(line, complaint); }

Served served_by(const View& view, const Pod& pod, const Complaint& complaint) {
  Served served;
  const auto* log = view.log(pod);
  if (log == nullptr) return served;
  for (const auto& line : log->access) {
    if (line.inbound() && result_of(line, complaint) == Sighting::Result::ok) served.well.push_back(&line);
    if (!outbound(line, pod)) continue;
    const auto to = sent_to(line);
    if (!to.host.empty()) served.made[to].push_back(&line);
  }
  return served;
}

/// The last request of each id: an earlier one that failed was tried again.
class LastById {
 public:
  explicit LastById(const std::vector<const AccessLine*>& lines) {
    for (const auto* line : lines) {
      auto& last = m_last[line->request_id];
      if (last == nullptr || line->start >= last->start) last = line;
    }
  }
  /// nullptr: none has the id.
  [[nodiscard]] const AccessLine* at(const std::string& id) const {
    const auto found = m_last.find(id);
    return id.empty() || found == m_last.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::string_view, const AccessLine*> m_last;
};

/// Whether the application hands on the ids of the requests it serves.
bool passes_ids(const Served& served) {
  std::set<std::string> own;
  for (const auto& [to, lines] : served.made) {
    for (const auto* line : lines) own.insert(line->request_id);
  }
  own.erase("");
  const auto known = [&](const AccessLine& line) { return own.count(line.request_id) > 0; };
  return std::any_of(served.well.begin(), served.well.end(), [&](const auto* line) { return known(*line); }) ||
         std::any_of(served.failed.begin(), served.failed.end(), [&](const auto* seen) { return known(*seen->server); });
}

void link(Sighting& seen, const AccessLine* next, Sighting::Link how) {
  if (seen.next != nullptr && seen.next->start <= next->start) return;   // the first failure is what it answers for
  seen.next = next;
  seen.link = how;
}

void link_by_id(const Served& served, const Complaint& complaint) {
  for (const auto& [to, lines] : served.made) {
    const LastById own(lines);
    const auto tolerated = std::count_if(served.well.begin(), served.well.end(), [&](const auto* line) {
      const auto* last = own.at(line->request_id);
      return last != nullptr && refused(*last, complaint);
    });
    std::vector<std::pair<Sighting*, const AccessLine*>> linked;
    for (auto* seen : served.failed) {
      const auto* last = own.at(seen->server->request_id);
      if (last != nullptr && refused(*last, complaint)) linked.emplace_back(seen, last);
    }
    if (static_cast<std::size_t>(tolerated) * 5 >= linked.size()) continue;
    for (const auto& [seen, next] : linked) link(*seen, next, Sighting::Link::request_id);
  }
}

/// Whether so many of the failed lines lie inside those spans by chance, being spread evenly over the log's time.
bool by_chance(const std::vector<Span>& spans, const std::vector<Span>& lines, std::size_t inside) {
  Span all = lines.front();
  std::int64_t covered = 0;
  for (const auto& span : spans) covered += span.to - span.from + 1 + k_slack_ms;
  for (const auto* list : {&spans, &lines}) {
    for (const auto& span : *list) all = {std::min(all.from, span.from), std::max(all.to, span.to)};
  }
  const double share = static_cast<double>(covered) / static_cast<double>(all.to - all.from + 1);
  return share >= 1 || chance_of(inside, lines.size(), share) > k_tie_chance;
}

void link_by_time(const Served& served, const Complaint& complaint) {
  for (const auto& [to, lines] : served.made) {
    std::vector<std::pair<Span, const AccessLine*>> failures;
    std::vector<Span> spans, failed_spans;
    for (const auto* line : lines) {
      const auto span = span_of(*line);
      if (span && bad(*line, complaint)) failures.emplace_back(*span, line), failed_spans.push_back(*span);
    }
    if (failures.empty()) continue;
    const auto inside = [&](const AccessLine& line) -> const AccessLine* {
      const auto span = span_of(line);
      const auto found = std::find_if(failures.begin(), failures.end(), [&](const auto& failure) { return span && span->holds(failure.first); });
      return found == failures.end() ? nullptr : found->second;
    };
    std::vector<std::pair<Sighting*, const AccessLine*>> linked;
    for (auto* seen : served.failed) {
      if (const auto span = span_of(*seen->server)) spans.push_back(*span);
      if (const auto* next = inside(*seen->server)) linked.emplace_back(seen, next);
    }
    const auto beside = static_cast<std::size_t>(std::count_if(served.well.begin(), served.well.end(), [&](const auto* line) { return inside(*line) != nullptr; }));
    if (linked.size() * 5 < served.failed.size() * 4 || beside * 5 >= linked.size()) continue;
    if (by_chance(spans, failed_spans, linked.size())) continue;
    for (const auto& [seen, next] : linked) link(*seen, next, Sighting::Link::time);
  }
}

}  // namespace

Sent sent_to(const AccessLine& line) {
  if (const auto cluster = ClusterName::parse(line.upstream_cluster); cluster && cluster->direction == "outbound") return {cluster->host, cluster->port};
  auto host = lower(address_of(line.authority));
  if (host.empty()) host = address_of(line.downstream_local);
  return {host, port_of(line.downstream_local).value_or(80)};
}

std::optional<std::int64_t> milliseconds(const std::string& time) {
  // "2026-11-22T17:07:11.948Z": where each number stands
  if (time.size() < 20 || time.back() != 'Z') return std::nullopt;
  std::int64_t parts[6] = {};
  constexpr std::size_t starts[6] = {0, 5, 8, 11, 14, 17};
  for (std::size_t i = 0; i < 6; ++i) {
    const auto number = to_number(std::string_view(time).substr(starts[i], i == 0 ? 4 : 2));
    if (!number) return std::nullopt;
    parts[i] = static_cast<std::int64_t>(*number);
  }
  const std::string fraction = time[19] == '.' ? (time.substr(20, time.size() - 21) + "000").substr(0, 3) : "0";
  const auto thousandths = to_number(fraction);
  if (!thousandths) return std::nullopt;
  // Days since the epoch by the civil calendar: years begin in March, so that the leap day comes last.
  const std::int64_t year = parts[1] <= 2 ? parts[0] - 1 : parts[0];
  const std::int64_t era = year / 400, of_era = year - era * 400;
  const std::int64_t of_year = (153 * (parts[1] + (parts[1] > 2 ? -3 : 9)) + 2) / 5 + parts[2] - 1;
  const std::int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
  return (((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]) * 1000 + static_cast<std::int64_t>(*thousandths);
}

double chance_of(std::size_t hits, std::size_t tries, double p) {
  if (hits == 0) return 1;
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  double sum = 0;
  const auto n = static_cast<double>(tries);
  for (std::size_t i = hits; i <= tries; ++i) {
    const auto k = static_cast<double>(i);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(p) + (n - k) * std::log1p(-p));
  }
  return std::min(sum, 1.0);
}

void link_passed_on(const View& view, const Complaint& complaint, Traffic& traffic) {
  std::map<const Pod*, std::vector<Sighting*>> by_pod;
  for (auto& seen : traffic.requests) {
    const bool passed = seen.result == Sighting::Result::failed && seen.maker == Maker::application && seen.server != nullptr;
    if (passed && seen.server_pod != nullptr) by_pod[seen.server_pod].push_back(&seen);
  }
  for (auto& [pod, failed] : by_pod) {
    auto served = served_by(view, *pod, complaint);
    served.failed = std::move(failed);
    if (passes_ids(served)) link_by_id(served, complaint);
    else link_by_time(served, complaint);
  }
}

}  // namespace meshdx::mesh
