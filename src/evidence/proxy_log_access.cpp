#include <algorithm>
#include <charconv>

#include "evidence/proxy_log_parts.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

std::string access_field(std::string_view field) { return field == "-" ? std::string() : std::string(field); }

std::vector<std::string> access_flags(std::string_view field) {
  if (field.empty() || field == "-") return {};
  auto flags = split(field, ',');
  std::sort(flags.begin(), flags.end());
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  return flags;
}

std::string access_cluster(std::string_view field) {
  if (ends_with(field, ";")) field.remove_suffix(1);
  return access_field(field);
}

namespace {

using View = std::string_view;

/// Takes the text before the next blank (or all) off the front.
View take_token(View& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto token = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return token;
}

/// A whole number or "-", which reads as 0.
bool read_number(View token, std::int64_t& number) {
  number = 0;
  if (token == "-") return true;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  return error == std::errc() && end == token.data() + token.size() && number >= 0;
}

/// `[START] "METHOD PATH PROTOCOL" CODE FLAGS `. A path may hold quotes: the request ends at one before a number.
bool read_head(View& rest, AccessLine& line) {
  const auto bracket = rest.find("] \"");
  if (bracket == View::npos || bracket > 64 || rest[0] != '[') return false;
  line.start = rest.substr(1, bracket - 1);
  rest.remove_prefix(bracket + 3);
  for (auto quote = rest.find("\" "); quote != View::npos; quote = rest.find("\" ", quote + 1)) {
    auto after = rest.substr(quote + 2);
    std::int64_t code = 0;
    const auto token = take_token(after);
    if (token == "-" || token.size() > 3 || !read_number(token, code)) continue;
    line.code = static_cast<int>(code);
    const auto flags = take_token(after);
    if (flags.empty() || flags.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ,-") != View::npos) return false;
    line.flags = access_flags(flags);
    const auto request = rest.substr(0, quote);
    const auto first = request.find(' '), last = request.rfind(' ');
    if (first == View::npos || first == last) return false;
    line.method = access_field(request.substr(0, first));
    line.path = access_field(request.substr(first + 1, last - first - 1));
    line.protocol = access_field(request.substr(last + 1));
    rest = after;
    return true;
  }
  return false;
}

/// `RX TX DURATION UPSTREAM_TIME "`, up to and without the quote.
bool read_numbers(View& rest, AccessLine& line) {
  auto at = rest;
  if (!read_number(take_token(at), line.bytes_received) || !read_number(take_token(at), line.bytes_sent) ||
      !read_number(take_token(at), line.duration_ms)) {
    return false;
  }
  const auto upstream_time = take_token(at);
  if (upstream_time.empty() || contains(upstream_time, "\"") || !starts_with(at, "\"")) return false;
  line.upstream_service_time = access_field(upstream_time);
  rest = at;
  return true;
}

/// `DETAILS TERMINATION` without quotes. Details of some filters hold blanks, then "-" on one side tells the border.
void read_details(View region, AccessLine& line) {
  auto border = region.find(' ');
  if (border != View::npos && region.substr(0, 2) != "- ") border = region.rfind(' ');
  line.details = access_field(region.substr(0, border));
  if (border != View::npos) line.termination = access_field(region.substr(border + 1));
}

/// From behind the flags to the quote of X-Forwarded-For. The failure reason is found by the numbers behind it, whatever
/// stands before: `DETAILS TERMINATION "REASON"` since 1.9, `"MIXER STATUS" "REASON"` or `"REASON"` earlier.
bool read_middle(View& rest, AccessLine& line) {
  for (auto close = rest.find("\" "); close != View::npos; close = rest.find("\" ", close + 1)) {
    auto after = rest.substr(close + 2);
    if (!read_numbers(after, line)) continue;
    const auto open = close == 0 ? View::npos : rest.rfind('"', close - 1);
    if (open == View::npos) return false;
    line.transport_failure = access_field(rest.substr(open + 1, close - open - 1));
    const auto region = trim(rest.substr(0, open));
    if (!region.empty() && region[0] != '"') read_details(region, line);
    rest = after;
    return true;
  }
  return false;
}

bool is_address(View token) { return token == "-" || token.find_first_of(":/@") != View::npos; }

/// ` CLUSTER UPSTREAM_LOCAL DOWNSTREAM_LOCAL DOWNSTREAM_REMOTE SNI [ROUTE]`; what follows are custom fields.
bool read_tail(View rest, AccessLine& line) {
  const auto cluster = take_token(rest), upstream_local = take_token(rest), local = take_token(rest);
  const auto remote = take_token(rest), sni = take_token(rest), route = take_token(rest);
  if (cluster.empty() || sni.empty() || contains(cluster, "\"")) return false;
  if (!is_address(upstream_local) || !is_address(local) || !is_address(remote)) return false;
  line.upstream_cluster = access_cluster(cluster);
  line.upstream_local = access_field(upstream_local);
  line.downstream_local = access_field(local);
  line.downstream_remote = access_field(remote);
  line.sni = access_field(sni);
  line.route_name = access_field(route);
  return true;
}

constexpr View quote_gap = "\" \"";

/// Five quoted fields from the front, where no field holds quotes.
bool read_quoted_forward(View rest, View (&fields)[5], View& tail) {
  rest.remove_prefix(1);
  for (int i = 0; i < 4; ++i) {
    const auto end = rest.find('"');
    if (end == View::npos || rest.substr(end, quote_gap.size()) != quote_gap) return false;
    fields[i] = rest.substr(0, end);
    rest.remove_prefix(end + quote_gap.size());
  }
  const auto end = rest.find("\" ");
  if (end == View::npos || end != rest.find('"')) return false;
  fields[4] = rest.substr(0, end);
  tail = rest.substr(end + 2);
  return true;
}

/// The same from the back: a client may send quotes in User-Agent, and must not forge the fields behind it.
bool read_quoted_backward(View rest, View (&fields)[5], View& tail) {
  auto end = rest.rfind("\" ");
  if (end == View::npos || end == 0) return false;
  tail = rest.substr(end + 2);
  rest = rest.substr(1, end - 1);
  for (int i = 4; i >= 2; --i) {
    const auto start = rest.rfind(quote_gap);
    if (start == View::npos) return false;
    fields[i] = rest.substr(start + quote_gap.size());
    rest = rest.substr(0, start);
  }
  end = rest.find(quote_gap);
  if (end == View::npos) return false;
  fields[0] = rest.substr(0, end);
  fields[1] = rest.substr(end + quote_gap.size());
  return true;
}

/// From the quote of X-Forwarded-For to the end. Quotes behind the fifth field are either a forged User-Agent, which
/// reads right from the back, or custom fields, which do not and are read from the front then.
bool read_rest(View rest, AccessLine& line) {
  View fields[5], tail;
  const bool plain = read_quoted_forward(rest, fields, tail) && !contains(tail, "\"") && read_tail(tail, line);
  const bool read = plain || (read_quoted_backward(rest, fields, tail) && read_tail(tail, line)) ||
                    (read_quoted_forward(rest, fields, tail) && read_tail(tail, line));
  if (!read) return false;
  line.forwarded_for = access_field(fields[0]);
  line.user_agent = access_field(fields[1]);
  line.request_id = access_field(fields[2]);
  line.authority = access_field(fields[3]);
  line.upstream_host = access_field(fields[4]);
  return true;
}

}  // namespace

bool read_access_text(std::string_view line, AccessLine& access) {
  return !line.empty() && read_head(line, access) && read_middle(line, access) && read_rest(line, access);
}

}  // namespace meshdx::evidence
