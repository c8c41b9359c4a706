#include "mesh/rule_match.hpp"

#include <algorithm>

#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::mesh {

using namespace evidence;

namespace {

bool string_match(const Json& match, const std::string& value, bool ignore_case = false) {
  const auto fold = [&](const std::string& s) { return ignore_case ? lower(s) : s; };
  if (at(match, "exact").is_string()) return fold(value) == fold(text_at(match, "exact"));
  if (at(match, "prefix").is_string()) return starts_with(fold(value), fold(text_at(match, "prefix")));
  if (at(match, "regex").is_string()) return full_match(value, text_at(match, "regex"));
  return true;    // {}: present
}

/// "= beta", "begins with /x", "fits v[0-9]+", "is there".
std::string string_text(const Json& match) {
  if (at(match, "exact").is_string()) return "= " + text_at(match, "exact");
  if (at(match, "prefix").is_string()) return "begins with " + text_at(match, "prefix");
  if (at(match, "regex").is_string()) return "fits " + text_at(match, "regex");
  return "is there";
}

std::optional<std::string> header(const Request& request, const std::string& name) {
  for (const auto& given : request.headers) {
    if (given.first == name) return given.second;
  }
  return std::nullopt;
}

std::string headers_mismatch(const Json& wanted, const Request& request, bool without) {
  if (!wanted.is_object()) return "";
  for (auto it = wanted.begin(); it != wanted.end(); ++it) {
    const auto value = header(request, lower(it.key()));
    const bool matches = value && string_match(*it, *value);
    if (matches != without) continue;
    const std::string what = "header " + it.key() + " " + string_text(*it);
    if (without) return "it wants none with " + what;
    return "it wants " + what + (value ? "" : ", which the request has not got");
  }
  return "";
}

std::string query_mismatch(const Json& wanted, const Request& request) {
  if (!wanted.is_object()) return "";
  for (auto it = wanted.begin(); it != wanted.end(); ++it) {
    bool matched = false;
    for (const auto& part : split(request.query, '&')) {
      const auto equals = part.find('=');
      const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
      matched = matched || (part.substr(0, equals) == it.key() && string_match(*it, value));
    }
    if (!matched) return "it wants query parameter " + it.key() + " " + string_text(*it);
  }
  return "";
}

std::string source_mismatch(const Json& match, const Sender& sender) {
  const std::string ns = text_at(match, "sourceNamespace");
  if (!ns.empty() && ns != sender.ns) return "it wants callers of namespace " + ns;
  const auto wanted = labels_at(match, "sourceLabels");
  return wanted.empty() || selects(wanted, sender.labels) ? "" : "it wants callers with other labels (sourceLabels)";
}

/// A match's own `gateways`; none given: all that the VirtualService is bound to.
std::string gateway_mismatch(const Json& match, const Sender& sender, const std::string& ns) {
  const auto names = strings_at(match, "gateways");
  const bool here = names.empty() || std::any_of(names.begin(), names.end(), [&](const auto& name) { return resolve_gateway(name, ns) == sender.gateway; });
  return here ? "" : "it is for gateway " + join(names, ", ");
}

bool all_of_match(const Json& rule, std::size_t i) {
  const Json& match = at(rule, "match")[i];
  return !match.is_object() || match.empty();
}

}  // namespace

std::string mismatch(const Json& match, const std::string& ns, const Request& request, const Sender& sender) {
  for (auto why : {gateway_mismatch(match, sender, ns), source_mismatch(match, sender)}) {
    if (!why.empty()) return why;
  }
  const auto port = number_at(match, "port", 0);
  // On a gateway `port` is that of the Gateway's server, which is the Service's, not the pod's (gateway.go).
  if (port != 0 && port != (request.dialled != 0 ? request.dialled : request.port)) return "it wants port " + std::to_string(port);
  const auto text = [&](const char* key, const std::string& value, bool fold = false) {
    return string_match(at(match, key), value, fold) ? std::string() : std::string("it wants ") + key + " " + string_text(at(match, key));
  };
  for (auto why : {text("uri", request.path, bool_at(match, "ignoreUriCase")), text("method", request.method), text("authority", request.host),
                   text("scheme", request.tls ? "https" : "http"), headers_mismatch(at(match, "headers"), request, false),
                   headers_mismatch(at(match, "withoutHeaders"), request, true), query_mismatch(at(match, "queryParams"), request)}) {
    if (!why.empty()) return why;
  }
  return "";
}

std::string rule_mismatch(const Json& rule, const std::string& ns, const Request& request, const Sender& sender) {
  const Json& matches = at(rule, "match");
  if (!matches.is_array() || matches.empty()) return "";
  std::string first;
  for (const auto& match : matches) {
    auto why = mismatch(match, ns, request, sender);
    if (why.empty()) return "";
    if (first.empty()) first = std::move(why);
  }
  return first;
}

int matching_rule(const Object& vs, const Request& request, const Sender& sender) {
  const Json& rules = at(vs.spec(), "http");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    if (rule_mismatch(rules[i], vs.meta.ns, request, sender).empty()) return static_cast<int>(i);
  }
  return -1;
}

std::optional<Delegate> delegate_of(const ObjectList& virtual_services, const Json& rule, const std::string& ns) {
  const Json& written = at(rule, "delegate");
  if (!written.is_object()) return std::nullopt;
  Delegate delegate{text_at(written, "namespace"), text_at(written, "name")};
  if (delegate.ns.empty()) delegate.ns = ns;
  for (const auto* vs : virtual_services.items) {
    if (vs->meta.ns == delegate.ns && vs->meta.name == delegate.name) delegate.object = vs;
  }
  return delegate;
}

std::vector<CountingRule> counting_rules(const ObjectList& virtual_services, const Object& vs) {
  std::vector<CountingRule> counting;
  const Json& rules = at(vs.spec(), "http");
  for (std::size_t i = 0; rules.is_array() && i < rules.size(); ++i) {
    const auto delegate = delegate_of(virtual_services, rules[i], vs.meta.ns);
    if (!delegate) counting.push_back({&rules[i], &rules[i], &vs, i});
    if (!delegate || delegate->object == nullptr) continue;
    const Json& own = at(delegate->object->spec(), "http");
    for (std::size_t j = 0; own.is_array() && j < own.size(); ++j) counting.push_back({&rules[i], &own[j], delegate->object, j});
  }
  return counting;
}

bool takes(const CountingRule& rule, const std::string& root_ns, const Request& request, const Sender& sender) {
  return rule_mismatch(*rule.root, root_ns, request, sender).empty() && (rule.rule == rule.root || rule_mismatch(*rule.rule, rule.owner->meta.ns, request, sender).empty());
}

namespace {

/// Whether a StringMatch takes all that another takes. `uri` paths always begin with "/".
bool string_covers(const Json& a, const Json& b, bool uri, bool a_folds, bool b_folds) {
  const bool prefix = at(a, "prefix").is_string();
  if (uri && prefix && text_at(a, "prefix") == "/") return true;
  if (prefix && text_at(a, "prefix").empty() && !b.is_null()) return true;
  if (at(a, "regex").is_string() && (text_at(a, "regex") == ".*" || (uri && text_at(a, "regex") == "/.*"))) return uri || !b.is_null();
  if (!b.is_object()) return false;
  if (a.is_object() && a.empty()) return true;               // present: whatever b asks of it, it is there
  if (b_folds && !a_folds) return false;
  const auto fold = [&](const std::string& s) { return a_folds ? lower(s) : s; };
  if (at(a, "regex").is_string()) return a == b || (at(b, "exact").is_string() && full_match(text_at(b, "exact"), text_at(a, "regex")));
  if (at(a, "exact").is_string()) return at(b, "exact").is_string() && fold(text_at(a, "exact")) == fold(text_at(b, "exact"));
  if (!prefix) return false;
  const std::string narrower = at(b, "exact").is_string() ? text_at(b, "exact") : text_at(b, "prefix");
  return (at(b, "exact").is_string() || at(b, "prefix").is_string()) && starts_with(fold(narrower), fold(text_at(a, "prefix")));
}

bool map_covers(const Json& a, const Json& b) {
  if (!a.is_object()) return false;
  for (auto it = a.begin(); it != a.end(); ++it) {
    const Json* found = nullptr;
    for (auto other = b.begin(); b.is_object() && other != b.end(); ++other) {
      if (lower(other.key()) == lower(it.key())) found = &*other;
    }
    if (found == nullptr || !string_covers(*it, *found, false, false, false)) return false;
  }
  return true;
}

bool list_covers(const Json& a, const Json& b) {
  if (!a.is_array() || !b.is_array() || b.empty()) return false;
  return std::all_of(b.begin(), b.end(), [&](const Json& name) { return std::find(a.begin(), a.end(), name) != a.end(); });
}

bool labels_cover(const Json& a, const Json& b) {
  for (auto it = a.begin(); it != a.end(); ++it) {
    if (!b.is_object() || at(b, it.key().c_str()) != *it) return false;
  }
  return true;
}

}  // namespace

bool covers(const Json& earlier, const Json& later) {
  for (auto it = earlier.begin(); earlier.is_object() && it != earlier.end(); ++it) {
    const std::string& key = it.key();
    if (key == "name" || key == "statPrefix" || key == "ignoreUriCase") continue;
    const Json& other = at(later, key.c_str());
    bool covered = *it == other;
    if (key == "uri") covered = string_covers(*it, other, true, bool_at(earlier, "ignoreUriCase"), bool_at(later, "ignoreUriCase"));
    else if (key == "method" || key == "authority" || key == "scheme") covered = string_covers(*it, other, false, false, false);
    else if (key == "headers" || key == "queryParams") covered = map_covers(*it, other);
    else if (key == "gateways") covered = list_covers(*it, other);
    else if (key == "sourceLabels") covered = it->is_object() && labels_cover(*it, other);
    if (!covered) return false;
  }
  return true;
}

std::optional<std::size_t> unreachable_behind(const Json& rules, std::size_t index) {
  const Json none = Json::object();
  const auto matches_of = [&](const Json& rule) {
    std::vector<const Json*> found;
    const Json& matches = at(rule, "match");
    for (std::size_t i = 0; matches.is_array() && i < matches.size(); ++i) found.push_back(all_of_match(rule, i) ? &none : &matches[i]);
    if (found.empty()) found.push_back(&none);
    return found;
  };
  std::size_t last = 0;
  for (const auto* later : matches_of(rules[index])) {
    std::optional<std::size_t> by;
    for (std::size_t i = 0; i < index && !by; ++i) {
      if (at(rules[i], "delegate").is_object()) continue;
      const auto earlier = matches_of(rules[i]);
      if (std::any_of(earlier.begin(), earlier.end(), [&](const Json* match) { return covers(*match, *later); })) by = i;
    }
    if (!by) return std::nullopt;
    last = std::max(last, *by);
  }
  return last;
}

namespace {

std::string one_match_text(const Json& match) {
  std::vector<std::string> parts;
  for (const char* key : {"uri", "method", "authority", "scheme"}) {
    if (at(match, key).is_object()) parts.push_back(std::string(key) + " " + string_text(at(match, key)));
  }
  const auto add = [&](const char* key, const std::string& word) {
    const Json& map = at(match, key);
    for (auto it = map.begin(); map.is_object() && it != map.end(); ++it) parts.push_back(word + " " + it.key() + " " + string_text(*it));
  };
  add("headers", "header");
  add("withoutHeaders", "no header");
  add("queryParams", "query");
  if (number_at(match, "port", 0) != 0) parts.push_back("port " + std::to_string(number_at(match, "port", 0)));
  for (const auto& [key, value] : labels_at(match, "sourceLabels")) parts.push_back("caller " + key + "=" + value);
  if (const auto ns = text_at(match, "sourceNamespace"); !ns.empty()) parts.push_back("caller in " + ns);
  if (const auto names = strings_at(match, "gateways"); !names.empty()) parts.push_back("gateway " + join(names, ", "));
  return parts.empty() ? "everything" : join(parts, ", ");
}

}  // namespace

std::string match_text(const Json& rule) {
  const Json& matches = at(rule, "match");
  std::vector<std::string> parts;
  for (std::size_t i = 0; matches.is_array() && i < matches.size(); ++i) parts.push_back(one_match_text(matches[i]));
  return parts.empty() ? "everything" : join(parts, "; or ");
}

std::string action_text(const Json& rule) {
  if (at(rule, "redirect").is_object()) return "redirect";
  if (at(rule, "directResponse").is_object()) return "direct response " + std::to_string(number_at(at(rule, "directResponse"), "status"));
  if (at(rule, "delegate").is_object()) return "delegate " + text_at(at(rule, "delegate"), "name");
  const Json& routes = at(rule, "route");
  std::vector<std::string> parts;
  for (std::size_t i = 0; routes.is_array() && i < routes.size(); ++i) {
    const Json& destination = at(routes[i], "destination");
    const std::string subset = text_at(destination, "subset");
    const bool weighted = routes.size() > 1 || at(routes[i], "weight").is_number();
    parts.push_back(text_at(destination, "host") + (subset.empty() ? "" : " " + subset) + (weighted ? " " + std::to_string(number_at(routes[i], "weight")) + " %" : ""));
  }
  return parts.empty() ? "nothing" : join(parts, ", ");
}

}  // namespace meshdx::mesh
