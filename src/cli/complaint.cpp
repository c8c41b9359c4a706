#include "cli/complaint.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "util/text.hpp"

namespace meshdx::cli {

namespace {

using mesh::Complaint;
using Named = Complaint::Named;

Error target_error(const std::string& target, const std::string& reason) {
  return Error{"The target '" + target + "' " + reason + "; type a URL, a Service or a workload: http://web.shop/, web, svc/web.shop, deploy/web."};
}

bool host_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_'; }

bool is_ipv6(std::string_view text) {
  const auto fits = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':' || c == '.'; };
  return std::count(text.begin(), text.end(), ':') >= 2 && std::all_of(text.begin(), text.end(), fits);
}

bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '-' || text.front() == '.') return false;
  if (is_ipv6(text)) return true;
  return std::all_of(text.begin(), text.end(), host_char) && !contains(text, "..");
}

bool is_ipv4(std::string_view text) {
  const auto parts = split(text, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return to_number(part).value_or(256) < 256; });
}

/// Kinds that a target or caller may be written with: `deploy/web`.
struct KindWord {
  const char* word;
  Named named;
};
constexpr KindWord k_kinds[] = {
    {"svc", Named::service},       {"service", Named::service},     {"services", Named::service},
    {"deploy", Named::workload},   {"deployment", Named::workload}, {"deployments", Named::workload},
    {"pod", Named::workload},      {"pods", Named::workload},       {"po", Named::workload},
    {"sts", Named::workload},      {"statefulset", Named::workload}, {"ds", Named::workload},
    {"daemonset", Named::workload}, {"job", Named::workload},       {"rs", Named::workload},
    {"replicaset", Named::workload},
};

const KindWord* find_kind(std::string_view word) {
  const auto found = std::find_if(std::begin(k_kinds), std::end(k_kinds), [&](const KindWord& kind) { return kind.word == word; });
  return found == std::end(k_kinds) ? nullptr : found;
}

/// `host`, `host:port`, `[v6]`, `[v6]:port` or a bare v6 address into host and port. False when it is none of them.
bool read_authority(std::string_view text, Complaint& complaint) {
  std::string_view host = text, port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(1, close - 1);
    const auto rest = text.substr(close + 1);
    has_port = !rest.empty();
    if (!is_ipv6(host) || (has_port && rest.front() != ':')) return false;
    port = has_port ? rest.substr(1) : rest;
  } else if (!is_ipv6(text)) {
    const auto colon = text.rfind(':');
    has_port = colon != std::string_view::npos;
    host = text.substr(0, colon);
    port = has_port ? text.substr(colon + 1) : std::string_view{};
  }
  if (has_port) {
    const auto number = to_number(port).value_or(0);
    if (number == 0 || number > 65535) return false;
    complaint.port = static_cast<std::uint16_t>(number);
  }
  complaint.host = lower(host);
  if (ends_with(complaint.host, ".")) complaint.host.pop_back();
  return is_host(complaint.host);
}

Expected<Done> read_url(const std::string& target, std::size_t scheme_end, Complaint& complaint) {
  complaint.scheme = lower(target.substr(0, scheme_end));
  const std::vector<std::string> schemes = {"http", "https", "grpc", "grpcs", "ws", "wss", "tcp", "tls"};
  if (std::find(schemes.begin(), schemes.end(), complaint.scheme) == schemes.end()) {
    return target_error(target, "has the scheme '" + complaint.scheme + "', which meshdx does not know");
  }
  auto rest = target.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto slash = rest.find_first_of("/?");
  const auto authority = rest.substr(0, slash);
  if (contains(authority, "@")) return target_error("(not shown)", "holds a user or password; leave that out");
  if (!read_authority(authority, complaint)) return target_error(target, "has no host and port that can be read");
  if (slash != std::string::npos) {
    const auto mark = rest.find('?', slash);
    complaint.path = rest.substr(slash, mark == std::string::npos ? mark : mark - slash);
    if (mark != std::string::npos) complaint.query = rest.substr(mark + 1);
  }
  if (complaint.path.empty()) complaint.path = "/";
  complaint.path_given = true;
  complaint.named = Named::host;
  if (!complaint.port) {
    const bool secure = complaint.scheme == "https" || complaint.scheme == "wss";
    const bool clear = complaint.scheme == "http" || complaint.scheme == "ws";
    if (secure || clear) complaint.port = secure ? 443 : 80;
  }
  return Done{};
}

Expected<Done> read_target(const std::string& target, Complaint& complaint) {
  complaint.target = target;
  const auto scheme_end = target.find("://");
  if (scheme_end != std::string::npos) return read_url(target, scheme_end, complaint);
  const auto slash = target.find('/');
  if (slash != std::string::npos) {
    const auto* kind = find_kind(lower(target.substr(0, slash)));
    const auto name = target.substr(slash + 1);
    if (kind == nullptr) return target_error(target, "is no URL (http:// is missing?) and begins with no kind that meshdx knows");
    if (contains(name, "/") || !read_authority(name, complaint)) return target_error(target, "names nothing that can be read");
    complaint.named = kind->named;
    return Done{};
  }
  if (!read_authority(target, complaint)) return target_error(target, "is no host, Service or workload");
  const bool address = is_ipv4(complaint.host) || is_ipv6(complaint.host);
  const bool short_name = std::count(complaint.host.begin(), complaint.host.end(), '.') <= 1;
  complaint.named = !address && short_name && !complaint.port ? Named::any : Named::host;
  return Done{};
}

/// "client.shop" → name and namespace; the namespace is what stands after the last dot.
Expected<Done> read_caller_name(const std::string& typed, std::string name, Complaint& complaint) {
  name = name.substr(0, name.find(".svc."));
  if (ends_with(name, ".svc")) name.resize(name.size() - 4);
  if (ends_with(name, ".")) name.clear();
  const auto dot = name.rfind('.');
  complaint.from_name = lower(name.substr(0, dot));
  if (dot != std::string::npos) complaint.from_ns = lower(name.substr(dot + 1));
  const bool right = is_host(complaint.from_name) && (complaint.from_ns.empty() || is_namespace_name(complaint.from_ns));
  if (right) return Done{};
  return Error{"--from " + typed + " names no caller; type a workload (client, client.shop, deploy/client) or gateway[/name[.namespace]]."};
}

Expected<Done> read_from(const std::string& from, Complaint& complaint) {
  if (from.empty()) return Done{};
  const auto slash = from.find('/');
  const auto kind = slash == std::string::npos ? std::string() : lower(from.substr(0, slash));
  if (from == "gateway" || kind == "gateway" || kind == "gw") {
    complaint.from = Complaint::From::gateway;
    return slash == std::string::npos ? Expected<Done>(Done{}) : read_caller_name(from, from.substr(slash + 1), complaint);
  }
  if (slash != std::string::npos && find_kind(kind) == nullptr) {
    return Error{"--from " + from + " begins with no kind that meshdx knows; type a workload (client, client.shop, deploy/client) or gateway[/name[.namespace]]."};
  }
  complaint.from = Complaint::From::workload;
  auto done = read_caller_name(from, slash == std::string::npos ? from : from.substr(slash + 1), complaint);
  if (done && complaint.from_ns.empty()) complaint.from_ns = complaint.ns;
  return done;
}

Expected<Done> read_headers(const std::vector<std::string>& headers, Complaint& complaint) {
  for (const auto& header : headers) {
    const auto colon = header.find(':');
    const auto name = lower(trim(header.substr(0, colon)));
    if (colon == std::string::npos || name.empty() || name.find_first_of(" \t") != std::string::npos) {
      return Error{"-H '" + header + "' is no header; type it as in curl: -H 'Name: value'."};
    }
    complaint.headers.emplace_back(name, std::string(trim(std::string_view(header).substr(colon + 1))));
  }
  return Done{};
}

}  // namespace

std::optional<int> read_code(std::string_view word) {
  const auto number = to_number(word);
  if (word.size() != 3 || !number) return std::nullopt;
  const bool seen = *number == 0 || (*number >= 100 && *number <= 599);
  return seen ? std::optional<int>(static_cast<int>(*number)) : std::nullopt;
}

bool is_namespace_name(std::string_view word) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !word.empty() && word.size() <= 63 && word.front() != '-' && word.back() != '-' && std::all_of(word.begin(), word.end(), fits);
}

Expected<Complaint> make_complaint(const Asked& asked) {
  Complaint complaint;
  complaint.playbook = asked.playbook;
  complaint.code = asked.code;
  complaint.of_workload = asked.playbook == "injection" || asked.playbook == "isolation";
  complaint.ns = asked.ns;
  if (!is_namespace_name(asked.ns)) return Error{"-n '" + asked.ns + "' can be no namespace's name."};
  complaint.method = asked.method;
  std::transform(complaint.method.begin(), complaint.method.end(), complaint.method.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto letters = [](unsigned char c) { return std::isalpha(c) != 0 || c == '-'; };
  if (complaint.method.empty() || !std::all_of(complaint.method.begin(), complaint.method.end(), letters)) {
    return Error{"-X '" + asked.method + "' is no HTTP method."};
  }
  for (const auto& done : {read_target(asked.target, complaint), read_from(asked.from, complaint), read_headers(asked.headers, complaint)}) {
    if (!done) return Error{done.error()};
  }
  return complaint;
}

std::string question_text(const Complaint& complaint, const std::string& from) {
  std::string what = complaint.playbook;
  if (complaint.code) {
    const auto digits = std::to_string(*complaint.code);
    what = std::string(3 - std::min<std::size_t>(digits.size(), 3), '0') + digits;
  }
  return what + (from.empty() ? "" : " from " + from) + (complaint.of_workload ? " of " : " to ") + complaint.target + " (namespace " + complaint.ns + ")";
}

std::string symptom_text(const Complaint& complaint) {
  if (complaint.code) return *complaint.code == 0 ? "a request without an answer" : "a " + std::to_string(*complaint.code);
  return complaint.playbook == "mtls" ? "a hop that is not mutual TLS" : "";
}

}  // namespace meshdx::cli
