#include "intent/wish.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>

#include "fix/command.hpp"
#include "mesh/request.hpp"
#include "mesh/route_walk.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

const std::vector<KindRow>& kind_rows() {
  static const std::vector<KindRow> rows = {
      {Kind::canary, "canary", Scope::service, "SERVICE --split v1=90,v2=10", "split the requests between subsets by weight", {"--split"}, {},
       "meshdx write canary web -n shop --split v1=90,v2=10"},
      {Kind::header_routing, "header-routing", Scope::service, "SERVICE --header NAME=VALUE --to SUBSET [--default SUBSET]", "send requests with a header to a subset", {"--header", "--to"}, {"--default", "--match"},
       "meshdx write header-routing web -n shop --header x-user=tester --to v2"},
      {Kind::circuit_breaker, "circuit-breaker", Scope::service, "SERVICE [--max-requests N] [--consecutive-5xx N] ...", "limit what a caller may have under way, eject pods that fail", {},
       {"--max-connections", "--max-pending", "--max-requests", "--consecutive-5xx", "--interval", "--base-ejection", "--max-ejection"},
       "meshdx write circuit-breaker web -n shop --max-requests 100 --consecutive-5xx 5"},
      {Kind::fault_injection, "fault-injection", Scope::service, "SERVICE --abort 503=10%|--delay 2s=50% [--header NAME=VALUE]", "make a share of the requests fail or wait", {}, {"--abort", "--delay", "--header", "--match"},
       "meshdx write fault-injection web -n shop --abort 503=10% --header x-user=tester"},
      {Kind::retries, "retries", Scope::service, "SERVICE --attempts N [--per-try TIME] [--on LIST] [--timeout TIME]", "retry requests that fail", {"--attempts"}, {"--per-try", "--on", "--timeout"},
       "meshdx write retries web -n shop --attempts 3 --per-try 2s --on 5xx,reset --timeout 10s"},
      {Kind::isolation, "isolation", Scope::workload_or_namespace, "[WORKLOAD] [--allow NS/HOST,...]", "let a workload (or all of -n NS) reach nothing but these hosts; without --allow: what its log shows it calls", {}, {"--allow"},
       "meshdx write isolation client -n shop --allow shop/web.shop.svc.cluster.local"},
      {Kind::mtls, "mtls", Scope::workload_or_namespace, "[WORKLOAD] --strict|--permissive [--port N]", "mode of mutual TLS of a namespace (-n NS), of a workload or of one of its ports", {}, {"--strict", "--permissive", "--port"},
       "meshdx write mtls -n shop --strict"},
      {Kind::injection, "injection", Scope::namespace_only, "-n NS [--revision REV]", "have the pods of a namespace injected, by label and restart", {}, {"--revision"},
       "meshdx write injection -n shop"},
  };
  return rows;
}

const KindRow& row_of(Kind kind) {
  const auto& rows = kind_rows();
  return *std::find_if(rows.begin(), rows.end(), [&](const KindRow& row) { return row.kind == kind; });
}

const KindRow* find_kind(const std::string& name) {
  const auto& rows = kind_rows();
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const KindRow& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

std::string split_text(const std::vector<std::pair<std::string, int>>& split) {
  double sum = 0;
  for (const auto& [name, share] : split) sum += share;
  std::vector<std::string> parts;
  for (const auto& [name, share] : split) parts.push_back(fmt::format("{} {:.4g} %", name, sum > 0 ? 100.0 * share / sum : 0));
  return join(parts, ", ");
}

namespace {

/// A subset is part of a cluster's name, a namespace a DNS label.
bool is_label(const std::string& word) { return fix::is_name(word) && word.size() <= 63 && !contains(word, "."); }

/// Collects the wish; the first complaint wins.
class Reader {
 public:
  explicit Reader(const Asked& asked) : m_asked(asked) {}
  Expected<Wish> read();

 private:
  void complain(const std::string& sentence) {
    if (m_error.empty()) m_error = sentence;
  }
  [[nodiscard]] std::string value(const std::string& flag) const {
    const auto found = m_asked.values.find(flag);
    return found == m_asked.values.end() ? "" : found->second;
  }
  [[nodiscard]] bool given(const std::string& flag) const { return flag == "--header" ? !m_asked.headers.empty() : !value(flag).empty(); }
  /// "for example meshdx write ...".
  [[nodiscard]] std::string example() const { return std::string("for example: ") + m_row->example; }
  [[nodiscard]] std::string command() const { return std::string("'meshdx write ") + m_row->name + "'"; }
  void check_flags();
  void read_target();
  void read_subset(const char* flag, std::string& name);
  void read_split();
  void read_headers();
  std::optional<int> read_number(const char* flag, int least, int most, std::string text);
  std::optional<int> read_number(const char* flag, int least, int most) { return read_number(flag, least, most, value(flag)); }
  void check_time(const char* flag, const std::string& text);
  void read_time(const char* flag, std::string& into);
  double read_percent(const char* flag, std::string text);
  void read_fault();
  void read_limits();
  void read_retries();
  void read_hosts();
  void read_mode();
  void read_kind();

  const Asked& m_asked;
  const KindRow* m_row = nullptr;
  Wish m_wish;
  std::string m_error;
};

void Reader::check_flags() {
  const auto has = [](const std::vector<std::string>& list, const std::string& flag) { return std::find(list.begin(), list.end(), flag) != list.end(); };
  for (const auto& other : kind_rows()) {
    for (const auto* list : {&other.needs, &other.takes}) {
      for (const auto& flag : *list) {
        if (given(flag) && !has(m_row->needs, flag) && !has(m_row->takes, flag)) complain(command() + " takes no " + flag + "; " + example() + ".");
      }
    }
  }
  for (const auto& flag : m_row->needs) {
    if (!given(flag)) complain(command() + " lacks " + flag + "; " + example() + ".");
  }
}

/// `web`, `svc/web`, `deploy/web`, `web.shop`, `web.shop.svc.cluster.local`.
void Reader::read_target() {
  const auto& words = m_asked.words;
  const bool none = m_row->scope == Scope::namespace_only;
  if (none && words.size() > 1) return complain("'" + words[1] + "' is one word too many: the namespace is said with -n; " + example() + ".");
  if (words.size() == 1) {
    if (m_row->scope == Scope::service) return complain(command() + " lacks its Service; " + example() + ".");
    if (!m_asked.ns_given) complain(command() + (none ? "" : " without a workload is about a whole namespace, and") + " needs -n NAMESPACE; " + example() + ".");
    return;
  }
  const auto& typed = words[1];
  const auto slash = typed.find('/');
  const auto name = mesh::service_name(lower(typed.substr(slash == std::string::npos ? 0 : slash + 1)), m_asked.ns);
  if (!name || contains(typed, "://") || !fix::is_name(name->name) || !is_label(name->ns)) {
    return complain("'" + typed + "' names no Service or workload; type web, web.shop, svc/web or deploy/web, without a port or path.");
  }
  m_wish.name = name->name;
  m_wish.ns = name->ns;
}

void Reader::read_subset(const char* flag, std::string& name) {
  name = value(flag);
  if (!name.empty() && !is_label(name)) complain(std::string(flag) + " " + name + " is no name of a subset: lower-case letters, digits and -, like v2.");
}

void Reader::read_split() {
  constexpr std::uint64_t most = 1'000'000;
  std::uint64_t sum = 0;
  const auto typed = value("--split");
  for (const auto& part : split(typed, ',')) {
    const auto equals = part.find('=');
    const std::string name(trim(part.substr(0, equals)));
    std::optional<std::uint64_t> share;
    if (equals != std::string::npos) share = to_number(trim(std::string_view(part).substr(equals + 1)));
    if (!is_label(name) || share.value_or(most + 1) > most) return complain("--split " + typed + ": '" + part + "' is no SUBSET=WEIGHT with a whole weight; for example --split v1=90,v2=10.");
    const bool twice = std::any_of(m_wish.split.begin(), m_wish.split.end(), [&](const auto& other) { return other.first == name; });
    if (twice) return complain("--split " + typed + " names " + name + " twice.");
    m_wish.split.emplace_back(name, static_cast<int>(*share));
    sum += *share;
  }
  // istio pkg/config/validation validateHTTPRouteDestinations: "total destination weight = 0".
  if (sum == 0) complain("--split " + typed + ": all weights are 0, which Istio refuses; for example --split v1=90,v2=10.");
}

void Reader::read_headers() {
  const auto match = value("--match");
  if (!match.empty()) m_wish.match = match;
  if (m_wish.match != "exact" && m_wish.match != "prefix" && m_wish.match != "regex") complain("--match " + match + " is not known; it takes exact, prefix or regex.");
  if (!match.empty() && m_asked.headers.empty()) complain("--match says how the value of --header is meant; for example --header x-user=test --match prefix.");
  for (const auto& typed : m_asked.headers) {
    const auto end = typed.find_first_of("=:");
    const std::string name = end == std::string::npos ? "" : lower(trim(typed.substr(0, end)));
    const std::string text = end == std::string::npos ? "" : std::string(trim(std::string_view(typed).substr(end + 1)));
    const auto token = [](unsigned char c) { return std::isalnum(c) != 0 || contains("!#$%&'*+-.^_`|~", std::string(1, static_cast<char>(c))); };
    if (name.empty() || text.empty() || !std::all_of(name.begin(), name.end(), token) || printable_line(text) != text) {
      return complain("--header '" + typed + "' is no NAME=VALUE; for example --header x-user=tester.");
    }
    const bool twice = std::any_of(m_wish.headers.begin(), m_wish.headers.end(), [&](const auto& other) { return other.first == name; });
    if (twice) return complain("--header names " + name + " twice: one request cannot meet both.");
    if (m_wish.match == "regex" && !mesh::is_regex(text)) return complain("--header '" + typed + "': the value is no regular expression that Envoy (RE2) takes; for example --header 'x-user=test.*' --match regex.");
    m_wish.headers.emplace_back(name, text);
  }
}

std::optional<int> Reader::read_number(const char* flag, int least, int most, std::string text) {
  if (text.empty()) return std::nullopt;
  if (ends_with(text, "%")) text.pop_back();
  const auto number = to_number(text).value_or(static_cast<std::uint64_t>(most) + 1);
  if (number <= static_cast<std::uint64_t>(most) && static_cast<int>(number) >= least) return static_cast<int>(number);
  complain(fmt::format("{} {} is not a number from {} to {}.", flag, value(flag), least, most));
  return std::nullopt;
}

/// Istio takes no duration below 1 ms (pkg/config/validation ValidateDuration).
void Reader::check_time(const char* flag, const std::string& text) {
  const auto time = duration_ms(text);
  if (!time || *time < 1) complain(std::string(flag) + " " + value(flag) + ": '" + text + "' is no duration of 1ms or more, like 2s, 500ms or 1m.");
}

void Reader::read_time(const char* flag, std::string& into) {
  into = value(flag);
  if (!into.empty()) check_time(flag, into);
}

/// "10%", "10", "0.5%". Envoy counts in millionths: four digits behind the point.
double Reader::read_percent(const char* flag, std::string text) {
  if (ends_with(text, "%")) text.pop_back();
  const auto dot = text.find('.');
  const auto whole = to_number(text.substr(0, dot));
  const bool digits = dot == std::string::npos || (to_number(text.substr(dot + 1)).has_value() && text.size() - dot - 1 <= 4);
  const double percent = whole && digits && *whole <= 100 ? std::stod(text) : 0;
  if (percent > 0 && percent <= 100) return percent;
  complain(std::string(flag) + " " + value(flag) + ": '" + text + "' is no share above 0 % and up to 100 %; for example " + (std::string(flag) == "--abort" ? "--abort 503=10%." : "--delay 2s=50%."));
  return 0;
}

void Reader::read_fault() {
  const auto parts = [&](const char* flag, std::string& what, double& percent) {
    const auto text = value(flag);
    if (text.empty()) return;
    const auto equals = text.find('=');
    what = text.substr(0, equals);
    percent = read_percent(flag, equals == std::string::npos ? "" : text.substr(equals + 1));
  };
  std::string code;
  auto& fault = m_wish.fault;
  parts("--abort", code, fault.code_percent);
  parts("--delay", fault.delay, fault.delay_percent);
  fault.code = read_number("--abort", 200, 599, code);
  if (!fault.delay.empty()) check_time("--delay", fault.delay);
  if (code.empty() && fault.delay.empty()) complain(command() + " lacks --abort CODE=SHARE or --delay TIME=SHARE; " + example() + ".");
}

void Reader::read_limits() {
  constexpr int most = 1'000'000;
  auto& limits = m_wish.limits;
  limits.connections = read_number("--max-connections", 1, most);
  limits.pending = read_number("--max-pending", 1, most);
  limits.requests = read_number("--max-requests", 1, most);
  limits.errors = read_number("--consecutive-5xx", 1, most);
  limits.max_ejection = read_number("--max-ejection", 1, 100);
  read_time("--interval", limits.interval);
  read_time("--base-ejection", limits.ejection);
  const bool pool = limits.connections || limits.pending || limits.requests;
  const bool how = !limits.interval.empty() || !limits.ejection.empty() || limits.max_ejection;
  if (how && !limits.errors) complain("--interval, --base-ejection and --max-ejection say how pods are ejected; --consecutive-5xx N must say after how many failures.");
  if (!pool && !limits.errors) complain(command() + " lacks a limit: --max-connections, --max-pending, --max-requests or --consecutive-5xx; " + example() + ".");
}

/// Envoy's policies for HTTP and gRPC (x-envoy-retry-on, x-envoy-retry-grpc-on); bare codes Istio turns into
/// retriable-status-codes (pilot/pkg/networking/core/route/retry parseRetryOn).
const std::vector<std::string>& retry_words() {
  static const std::vector<std::string> words = {"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx", "refused-stream",
                                                 "retriable-status-codes", "retriable-headers", "http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"};
  return words;
}

void Reader::read_retries() {
  m_wish.attempts = read_number("--attempts", 0, 100).value_or(0);
  read_time("--per-try", m_wish.per_try);
  read_time("--timeout", m_wish.timeout);
  m_wish.retry_on = value("--on");
  if (m_wish.attempts == 0 && (given("--on") || given("--per-try"))) complain("--attempts 0 switches retries off: it takes no --on and no --per-try.");
  if (m_wish.retry_on.empty()) return;
  for (const auto& word : split(m_wish.retry_on, ',')) {
    const auto code = to_number(word).value_or(0);
    const bool known = std::find(retry_words().begin(), retry_words().end(), word) != retry_words().end() || (code >= 100 && code <= 599);
    const auto close = nearest(word, retry_words());
    if (!known) return complain("--on '" + word + "' is no reason to retry that Envoy knows" + (close.empty() ? "; it knows " + join(retry_words(), ", ") + ", or a code like 503." : "; did you mean " + close + "?"));
  }
}

/// api Sidecar egress hosts: "namespace/dnsName"; namespace "*", ".", "~" or a name.
void Reader::read_hosts() {
  if (value("--allow").empty()) return;
  for (const auto& part : split(value("--allow"), ',')) {
    const std::string typed(trim(part));
    const auto slash = typed.find('/');
    const auto ns = typed.substr(0, slash);
    const auto host = slash == std::string::npos ? "" : typed.substr(slash + 1);
    const bool place = ns == "." || ns == "*" || ns == "~" || is_label(ns);
    if (slash == std::string::npos || !place || !(host == "*" || fix::is_name(starts_with(host, "*.") ? host.substr(2) : host))) {
      return complain("--allow '" + typed + "' is no NAMESPACE/HOST; for example ./* or shop/api.shop.svc.cluster.local.");
    }
    if (!contains(host, ".") && host != "*") return complain("--allow '" + typed + "': a Sidecar takes full names; for example " + ns + "/" + host + "." + (ns == "." || ns == "*" ? m_wish.ns : ns) + ".svc.cluster.local, with the cluster's own domain where that is another.");
    m_wish.hosts.push_back(typed);
  }
}

void Reader::read_mode() {
  if (given("--strict") == given("--permissive")) complain(command() + " takes one of --strict and --permissive; " + example() + ".");
  m_wish.mode = given("--strict") ? "STRICT" : "PERMISSIVE";
  m_wish.port = read_number("--port", 1, 65535);
  if (m_wish.port && m_wish.name.empty()) complain("--port is a port of a workload's pods: name the workload; for example: meshdx write mtls web -n shop --strict --port 8080.");
}

void Reader::read_kind() {
  switch (m_wish.kind) {
    case Kind::canary: return read_split();
    case Kind::header_routing:
      read_headers();
      read_subset("--to", m_wish.to);
      return read_subset("--default", m_wish.otherwise);
    case Kind::circuit_breaker: return read_limits();
    case Kind::fault_injection:
      read_headers();
      return read_fault();
    case Kind::retries: return read_retries();
    case Kind::isolation: return read_hosts();
    case Kind::mtls: return read_mode();
    case Kind::injection:
      m_wish.revision = value("--revision");
      if (!m_wish.revision.empty() && !is_label(m_wish.revision)) complain("--revision " + m_wish.revision + " can be no revision's name; for example --revision canary.");
  }
}

Expected<Wish> Reader::read() {
  const auto word = m_asked.words.empty() ? "" : m_asked.words.front();
  m_row = find_kind(word);
  if (m_row == nullptr) {
    std::vector<std::string> names;
    for (const auto& row : kind_rows()) names.emplace_back(row.name);
    if (word.empty()) return Error{"Say what is to be written: " + join(names, ", ") + "; for example: " + kind_rows().front().example + "."};
    const auto close = nearest(word, names);
    return Error{"meshdx can write no '" + word + "'" + (close.empty() ? "; it writes " + join(names, ", ") + "." : "; did you mean " + close + "?")};
  }
  m_wish.kind = m_row->kind;
  m_wish.ns = m_asked.ns;
  if (!is_label(m_asked.ns)) complain("-n '" + m_asked.ns + "' can be no namespace's name.");
  read_target();
  check_flags();
  if (m_error.empty()) read_kind();
  if (!m_error.empty()) return Error{m_error};
  return m_wish;
}

}  // namespace

Expected<Wish> make_wish(const Asked& asked) { return Reader(asked).read(); }

}  // namespace meshdx::intent
