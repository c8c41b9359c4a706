// Envoy's virtual host and route matching (config.route.v3 VirtualHost, RouteMatch, HeaderMatcher).
#include <algorithm>

#include "mesh/route_walk.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

std::string without_port(const std::string& host) {
  if (host.empty() || host.front() == '[') return host.substr(0, host.find(']') + 1);
  const auto colon = host.find(':');
  // more than one colon: a bare IPv6 address
  if (colon == std::string::npos || host.find(':', colon + 1) != std::string::npos) return host;
  return host.substr(0, colon);
}

/// How well a domain fits a host: 0 not at all; exact beats suffix wildcards beats prefix wildcards beats `*`; longer is better.
std::size_t domain_rank(const std::string& domain, const std::string& host) {
  constexpr std::size_t exact = 3'000'000, suffix = 2'000'000, prefix = 1'000'000;
  if (domain == "*") return 1;
  if (domain.front() == '*') {
    const auto tail = std::string_view(domain).substr(1);
    return host.size() > tail.size() && ends_with(host, tail) ? suffix + tail.size() : 0;
  }
  if (domain.back() == '*') {
    const auto head = std::string_view(domain).substr(0, domain.size() - 1);
    return host.size() > head.size() && starts_with(host, head) ? prefix + head.size() : 0;
  }
  return domain == host ? exact : 0;
}

bool string_matches(const StringMatch& match, const std::string& value) {
  const auto fold = [&](const std::string& s) { return match.ignore_case ? lower(s) : s; };
  const std::string text = fold(value), wanted = fold(match.value);
  switch (match.type) {
    case StringMatch::Type::exact: return text == wanted;
    case StringMatch::Type::prefix: return starts_with(text, wanted);
    case StringMatch::Type::suffix: return ends_with(text, wanted);
    case StringMatch::Type::contains: return contains(text, wanted);
    case StringMatch::Type::regex: return full_match(value, match.value);
    case StringMatch::Type::present: return true;
    case StringMatch::Type::range: {
      const auto number = to_number(value);
      const auto n = number ? static_cast<std::int64_t>(*number) : 0;
      return number && n >= match.range_start && n < match.range_end;
    }
  }
  return false;
}

std::optional<std::string> header_of(const Request& request, const std::string& name) {
  if (name == ":method") return request.method;
  if (name == ":authority" || name == "host") return request.host;
  if (name == ":path") return request.path + (request.query.empty() ? "" : "?" + request.query);
  if (name == ":scheme") return std::string(request.tls ? "https" : "http");
  for (const auto& header : request.headers) {
    if (header.first == name) return header.second;
  }
  return std::nullopt;
}

std::optional<std::string> query_of(const Request& request, const std::string& name) {
  for (const auto& part : split(request.query, '&')) {
    const auto equals = part.find('=');
    if (part.substr(0, equals) == name) return equals == std::string::npos ? "" : part.substr(equals + 1);
  }
  return std::nullopt;
}

bool named_matches(const NamedMatch& named, const std::optional<std::string>& value) {
  if (named.match.type == StringMatch::Type::present) return value.has_value() != named.match.invert;
  // A matcher on an absent header fails; an inverted one (withoutHeaders) takes it for an empty one: Istio sets
  // treat_missing_header_as_empty with it.
  if (!value && !named.match.invert) return false;
  return string_matches(named.match, value.value_or("")) != named.match.invert;
}

bool path_matches(const Route& route, const std::string& given) {
  const auto fold = [&](const std::string& s) { return route.case_sensitive ? s : lower(s); };
  const std::string path = fold(given), wanted = fold(route.path);
  switch (route.path_type) {
    case Route::Path::prefix: return starts_with(path, wanted);
    case Route::Path::exact: return path == wanted;
    case Route::Path::separated_prefix: return path == wanted || starts_with(path, wanted + "/");
    case Route::Path::regex: return full_match(given, route.path);
    case Route::Path::other: return false;
  }
  return false;
}

}  // namespace

namespace {

/// How well a virtual host's domain fits a host in lower case and without a port.
std::size_t rank_of(const std::string& domain, const std::string& host) {
  return domain.empty() ? 0 : std::max(domain_rank(lower(without_port(domain)), host), domain_rank(lower(domain), host));
}

}  // namespace

bool domain_takes(const std::string& domain, const std::string& host) { return rank_of(domain, lower(without_port(host))) > 0; }

const VirtualHost* find_virtual_host(const RouteConfiguration& config, const std::string& host, std::string* domain) {
  const std::string wanted = lower(without_port(host));
  const VirtualHost* best = nullptr;
  std::size_t best_rank = 0;
  for (const auto& vhost : config.virtual_hosts) {
    for (const auto& candidate : vhost.domains) {
      const auto rank = rank_of(candidate, wanted);
      if (rank <= best_rank) continue;
      best = &vhost;
      best_rank = rank;
      if (domain != nullptr) *domain = candidate;
    }
  }
  return best;
}

bool route_matches(const Route& route, const Request& request) {
  if (!path_matches(route, request.path)) return false;
  for (const auto& header : route.headers) {
    if (!named_matches(header, header_of(request, header.name))) return false;
  }
  for (const auto& parameter : route.query) {
    if (!named_matches(parameter, query_of(request, parameter.name))) return false;
  }
  return true;
}

}  // namespace meshdx::mesh
