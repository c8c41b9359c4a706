// VirtualServices: canary, header routing, fault injection, retries. The one that rules a Service's requests in sidecars is
// edited; a second one beside it would do nothing, or take its place.
#include <algorithm>

#include <fmt/core.h>

#include "intent/draft.hpp"
#include "mesh/istio_config.hpp"
#include "mesh/rule_match.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

using evidence::Object;

namespace {

bool names_host(const mesh::Names& names, const Object& vs, const std::string& host) {
  const auto hosts = mesh::strings_at(vs.spec(), "hosts");
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return names.resolve(h, vs.meta.ns) == host; });
}

/// The VirtualService that is to be edited (nullptr: there is none), and its http rules, with what is to be done to them.
class Rules {
 public:
  explicit Rules(Draft& draft) : m_draft(draft) {}

  /// Finds it, and warns of all that stands beside it.
  Expected<Done> find();
  [[nodiscard]] const Object* object() const { return m_vs; }
  [[nodiscard]] const Json& list() const { return m_vs == nullptr ? m_none : at(m_vs->spec(), "http"); }
  [[nodiscard]] std::size_t size() const { return list().is_array() ? list().size() : 0; }
  /// Whether all destinations of a rule are the Service.
  [[nodiscard]] bool leads_here(const Json& rule) const;
  /// The first rule that takes everything; size() when there is none.
  [[nodiscard]] std::size_t last() const;
  /// A destination of the Service; `like`: a rule whose way of writing it is kept. subset "" for all pods.
  [[nodiscard]] Json destination(const std::string& subset, const Json& like) const;
  [[nodiscard]] Json to_subset(const std::string& subset, const Json& like) const { return Json::array({{{"destination", destination(subset, like)}}}); }

  void set(std::size_t rule, const char* key, Json value) { m_changes.push_back({{"op", "add"}, {"path", path(rule) + "/" + key}, {"value", std::move(value)}}); }
  void insert_before(std::size_t rule, Json value) { m_insertions.emplace_back(rule, std::move(value)); }
  void append(Json value) { m_appended.push_back(std::move(value)); }
  /// The edit or the new object.
  Expected<Done> finish(const std::string& what);

 private:
  [[nodiscard]] static std::string path(std::size_t rule) { return "/spec/http/" + std::to_string(rule); }
  void warn_of_others(const std::vector<const Object*>& in_mesh);
  void warn_of_gateways(const Object& vs);
  void warn_of_routes();

  Draft& m_draft;
  const Object* m_vs = nullptr;
  const Json m_none = Json::array();
  Json m_changes = Json::array(), m_appended = Json::array();
  std::vector<std::pair<std::size_t, Json>> m_insertions;   ///< in the order of the rules
};

Expected<Done> Rules::find() {
  const auto& ns = m_draft.wish().ns;
  if (auto read = m_draft.need(mesh::Kind::virtual_services, ns); !read) return read;
  const auto in_mesh = mesh::mesh_virtual_services(m_draft.view(), m_draft.host(), ns);
  const auto found = std::find_if(in_mesh.begin(), in_mesh.end(), [&](const Object* vs) { return names_host(m_draft.names(), *vs, m_draft.host()); });
  if (found != in_mesh.end()) m_vs = *found;
  warn_of_others(in_mesh);
  warn_of_routes();
  m_draft.note_unseen(mesh::Kind::virtual_services, "one there may rule the requests of the Service too.");
  if (m_vs == nullptr) return Done{};
  m_draft.note(m_vs->ref() + " rules the requests to the Service in sidecars: it is edited.");
  for (std::size_t i = 0; i < size(); ++i) {
    if (at(list()[i], "delegate").empty()) continue;
    return Error{m_vs->ref() + " hands requests over to VirtualService " + text_at(at(list()[i], "delegate"), "namespace", m_vs->meta.ns) + "/" + text_at(at(list()[i], "delegate"), "name") +
                 " (http rule " + std::to_string(i + 1) + "), where the rules stand: edit that one by hand."};
  }
  return Done{};
}

void Rules::warn_of_others(const std::vector<const Object*>& in_mesh) {
  for (const auto* vs : in_mesh) {
    if (vs == m_vs) continue;
    if (names_host(m_draft.names(), *vs, m_draft.host())) m_draft.warn(vs->ref() + " is for the same host and younger: sidecars go by " + m_vs->ref() + " alone.");
    else if (m_vs == nullptr) m_draft.warn(vs->ref() + " (host " + join(mesh::strings_at(vs->spec(), "hosts"), ", ") + ") rules these requests now; a VirtualService of the exact host takes them over, and its rules no longer apply.");
  }
  for (const auto* vs : m_draft.view().objects(mesh::Kind::virtual_services).items) {
    if (vs != m_vs) warn_of_gateways(*vs);
  }
  if (m_vs == nullptr) return;
  std::vector<std::string> others;
  for (const auto& host : mesh::strings_at(m_vs->spec(), "hosts")) {
    if (m_draft.names().resolve(host, m_vs->meta.ns) != m_draft.host()) others.push_back(host);
  }
  for (const auto& gateway : mesh::bound_gateways(*m_vs)) {
    if (gateway != "mesh") others.push_back("Gateway " + gateway);
  }
  if (!others.empty()) m_draft.warn(m_vs->ref() + " is also for " + join(others, ", ") + ": the change holds there as well.");
}

/// Requests that come in through a gateway follow the VirtualService that is bound to it.
void Rules::warn_of_gateways(const Object& vs) {
  const auto gateways = mesh::bound_gateways(vs);
  if (gateways.empty() || std::find(gateways.begin(), gateways.end(), "mesh") != gateways.end()) return;
  for (const auto& rule : at(vs.spec(), "http")) {
    for (const auto& route : at(rule, "route")) {
      if (m_draft.names().resolve(text_at(at(route, "destination"), "host"), vs.meta.ns) != m_draft.host()) continue;
      return m_draft.warn(vs.ref() + " leads requests of Gateway " + join(gateways, ", ") + " to the Service and is not touched: they are ruled by it alone.");
    }
  }
}

/// Routes of the Gateway API whose parent is the Service.
void Rules::warn_of_routes() {
  for (const auto* route : m_draft.view().objects(mesh::Kind::http_routes).items) {
    for (const auto& parent : at(route->spec(), "parentRefs")) {
      const bool here = text_at(parent, "kind") == "Service" && text_at(parent, "name") == m_draft.wish().name && text_at(parent, "namespace", route->meta.ns) == m_draft.wish().ns;
      if (here) m_draft.warn(route->ref() + " (Gateway API) rules requests to the Service too: one of the two has no effect.");
    }
  }
}

bool Rules::leads_here(const Json& rule) const {
  const Json& route = at(rule, "route");
  if (!route.is_array() || route.empty()) return false;
  return std::all_of(route.begin(), route.end(), [&](const Json& one) { return m_draft.names().resolve(text_at(at(one, "destination"), "host"), m_vs->meta.ns) == m_draft.host(); });
}

std::size_t Rules::last() const {
  for (std::size_t i = 0; i < size(); ++i) {
    const Json& match = at(list()[i], "match");
    const bool all = match.empty() || std::any_of(match.begin(), match.end(), [](const Json& one) { return one.empty(); });
    if (all) return i;
  }
  return size();
}

Json Rules::destination(const std::string& subset, const Json& like) const {
  const Json& route = at(like, "route");
  Json made = route.is_array() && !route.empty() ? at(route.front(), "destination") : Json{{"host", m_vs == nullptr || m_vs->meta.ns == m_draft.wish().ns ? m_draft.wish().name : m_draft.host()}};
  made.erase("subset");
  if (!subset.empty()) made["subset"] = subset;
  return made;
}

Expected<Done> Rules::finish(const std::string& what) {
  if (m_vs == nullptr) {
    Json rules = Json::array();
    for (auto& [before, rule] : m_insertions) rules.push_back(rule);
    for (auto& rule : m_appended) rules.push_back(rule);
    return m_draft.create(mesh::Kind::virtual_services, m_draft.wish().name, {{"hosts", {m_draft.wish().name}}, {"http", rules}}, what);
  }
  // Later places first, so that the numbers of the rules before them hold.
  Json patch = m_changes;
  for (const auto& rule : m_appended) patch.push_back({{"op", "add"}, {"path", "/spec/http/-"}, {"value", rule}});
  for (auto one = m_insertions.rbegin(); one != m_insertions.rend(); ++one) patch.push_back({{"op", "add"}, {"path", path(one->first)}, {"value", one->second}});
  return m_draft.edit(*m_vs, patch, what);
}

std::string rule_text(const Rules& rules, std::size_t index) { return "http rule " + std::to_string(index + 1) + " (" + mesh::match_text(rules.list()[index]) + ")"; }

/// The rules that stay as they are, by a sentence; "" when there are none.
void note_kept(Draft& draft, const Rules& rules, std::size_t changed, const char* why) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i != changed && i < rules.last()) kept.push_back(rule_text(rules, i));
  }
  if (!kept.empty()) draft.warn(join(kept, ", ") + (kept.size() == 1 ? " comes first and stays as it is: " : " come first and stay as they are: ") + why);
}

}  // namespace

Expected<Done> plan_canary(Draft& draft) {
  const auto& split = draft.wish().split;
  draft.plan.title = "Split requests to " + draft.plan.object + ": " + split_text(split);
  int sum = 0;
  std::vector<std::string> names;
  for (const auto& [name, share] : split) {
    sum += share;
    names.push_back(name);
  }
  if (sum != 100) draft.warn(fmt::format("The weights make {}, not 100: they are taken as proportions, which is {}.", sum, split_text(split)));
  if (auto done = need_subsets(draft, names); !done) return done;
  Rules rules(draft);
  if (auto done = rules.find(); !done) return done;
  const auto last = rules.last();
  const bool has = last < rules.size();
  const Json like = has ? rules.list()[last] : Json::object();
  if (has && !rules.leads_here(like)) {
    return Error{rules.object()->ref() + ", " + rule_text(rules, last) + " takes all requests to the Service elsewhere (" + mesh::action_text(like) + "): decide by hand whether they are to be split."};
  }
  Json route = Json::array();
  for (const auto& [name, share] : split) route.push_back({{"destination", rules.destination(name, like)}, {"weight", share}});
  if (has) rules.set(last, "route", route);
  else rules.append({{"route", route}});
  if (rules.size() > 0 && !has) draft.warn("No rule of " + rules.object()->ref() + " takes the requests that are left over, which answer 404 now: the new last rule splits them.");
  note_kept(draft, rules, last, "the requests it takes are not split.");
  draft.plan.verify = {"canary", draft.wish().name, "-n", draft.wish().ns, "--since", k_since};
  return rules.finish(split_text(split));
}

namespace {

/// The condition that the headers make.
Json headers_match(const Wish& wish) {
  Json headers = Json::object();
  for (const auto& [name, value] : wish.headers) headers[name] = {{wish.match, value}};
  return headers;
}

std::string headers_text(const Wish& wish) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : wish.headers) parts.push_back(name + (wish.match == "exact" ? " = " : " " + wish.match + " ") + value);
  return join(parts, " and ");
}

/// A rule's own conditions and the headers' together: its requests, as far as they have the headers. Empty: none can.
Json narrowed(const Json& rule, const Json& headers) {
  Json matches = Json::array();
  const Json& own = at(rule, "match");
  const Json everything = Json::array({Json::object()});
  for (const auto& match : own.empty() ? everything : own) {
    Json both = match;
    bool possible = true;
    for (const auto& header : headers.items()) {
      const Json& before = at(at(match, "headers"), header.key().c_str());
      possible = possible && (before.is_null() || before == header.value());
      both["headers"][header.key()] = header.value();
    }
    if (possible) matches.push_back(both);
  }
  return matches;
}

/// Puts before each rule that leads to the Service its twin for requests with the headers, as `change` makes it. A rule that
/// is such a twin already is changed itself. The Error: no rule leads to the Service.
template <class Change>
Expected<Done> branch(Draft& draft, Rules& rules, Change change) {
  bool any = false;
  const auto headers = headers_match(draft.wish());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Json& rule = rules.list()[i];
    if (!rules.leads_here(rule)) {
      if (at(rule, "route").is_array()) draft.note(rule_text(rules, i) + " leads elsewhere and stays as it is.");
      continue;
    }
    any = true;
    const auto matches = narrowed(rule, headers);
    if (matches.empty()) {
      draft.warn(rule_text(rules, i) + " asks the same header for something else and stays as it is: a request that meets both takes it.");
      continue;
    }
    Json twin = rule;
    twin["match"] = matches;
    if (matches == at(rule, "match")) {   // it asks for the headers already
      Json changed = rule;
      change(changed);
      for (const auto& member : changed.items()) {
        if (member.value() != at(rule, member.key().c_str())) rules.set(i, member.key().c_str(), member.value());
      }
      if (matches.size() == 1 && matches[0].size() == 1 && matches[0]["headers"] == headers) return Done{};   // and for nothing else
      continue;
    }
    const auto same = [&](const Json& other) { return at(other, "match") == matches; };
    if (std::any_of(rules.list().begin(), rules.list().begin() + static_cast<std::ptrdiff_t>(i), same)) continue;   // its twin is there
    twin.erase("name");
    change(twin);
    rules.insert_before(i, twin);
  }
  if (any) return Done{};
  return Error{"No http rule of " + rules.object()->ref() + " leads to the Service alone: decide by hand which requests are meant."};
}

}  // namespace

Expected<Done> plan_header_routing(Draft& draft) {
  const auto& wish = draft.wish();
  draft.plan.title = "Send requests with " + headers_text(wish) + " to subset " + wish.to + " of " + draft.plan.object + (wish.otherwise.empty() ? "" : ", all others to " + wish.otherwise);
  std::vector<std::string> names = {wish.to};
  if (!wish.otherwise.empty() && wish.otherwise != wish.to) names.push_back(wish.otherwise);
  if (auto done = need_subsets(draft, names); !done) return done;
  Rules rules(draft);
  if (auto done = rules.find(); !done) return done;
  const auto last = rules.last();
  const bool has = last < rules.size();
  if (rules.object() == nullptr) {
    rules.append({{"match", Json::array({{{"headers", headers_match(wish)}}})}, {"route", rules.to_subset(wish.to, {})}});
    rules.append({{"route", rules.to_subset(wish.otherwise, {})}});
  } else {
    if (auto done = branch(draft, rules, [&](Json& rule) { rule["route"] = rules.to_subset(wish.to, rule); }); !done) return done;
    if (!has) rules.append({{"match", Json::array({{{"headers", headers_match(wish)}}})}, {"route", rules.to_subset(wish.to, {})}});
    if (has && !wish.otherwise.empty() && rules.leads_here(rules.list()[last])) rules.set(last, "route", rules.to_subset(wish.otherwise, rules.list()[last]));
    if (!has && !wish.otherwise.empty()) rules.append({{"route", rules.to_subset(wish.otherwise, {})}});
  }
  if (wish.otherwise.empty() && rules.object() == nullptr) draft.note("Requests without the header go to all pods, those of " + wish.to + " too; --default SUBSET keeps them apart.");
  const auto* port = mesh::pick_port(draft.service(), std::nullopt);
  const auto where = port == nullptr || port->port == 80 ? "" : ":" + std::to_string(port->port);
  std::vector<std::string> verify = {"header-routing", "http://" + wish.name + "." + wish.ns + where + "/", "-n", wish.ns};
  for (const auto& [name, value] : wish.headers) {
    if (wish.match != "regex") verify.insert(verify.end(), {"-H", name + ": " + value});
  }
  draft.plan.verify = verify;
  return rules.finish(headers_text(wish) + " → " + wish.to + (wish.otherwise.empty() ? "" : ", else " + wish.otherwise));
}

namespace {

Json fault_of(const Fault& wanted) {
  Json fault = Json::object();
  if (wanted.code) fault["abort"] = {{"httpStatus", *wanted.code}, {"percentage", {{"value", wanted.code_percent}}}};
  if (!wanted.delay.empty()) fault["delay"] = {{"fixedDelay", wanted.delay}, {"percentage", {{"value", wanted.delay_percent}}}};
  return fault;
}

std::string fault_text(const Fault& wanted) {
  std::string text;
  if (wanted.code) text = fmt::format("{:g} % answer {}", wanted.code_percent, *wanted.code);
  if (!wanted.delay.empty()) text += fmt::format("{}{:g} % wait {}", text.empty() ? "" : ", ", wanted.delay_percent, wanted.delay);
  return text;
}

/// Sets members of every rule that leads to the Service, or of a new one.
Expected<Done> set_everywhere(Draft& draft, Rules& rules, const Json& members, const std::string& what) {
  bool any = false;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!rules.leads_here(rules.list()[i])) {
      draft.note(rule_text(rules, i) + " does not lead to the Service and stays as it is.");
      continue;
    }
    any = true;
    for (const auto& member : members.items()) rules.set(i, member.key().c_str(), member.value());
  }
  if (rules.object() != nullptr && !any) return Error{"No http rule of " + rules.object()->ref() + " leads to the Service alone: decide by hand which requests are meant."};
  if (rules.object() == nullptr) {
    Json rule = members;
    rule["route"] = rules.to_subset("", {});
    rules.append(rule);
  }
  return rules.finish(what);
}

}  // namespace

Expected<Done> plan_fault_injection(Draft& draft) {
  const auto& wish = draft.wish();
  const auto fault = fault_of(wish.fault);
  const auto text = fault_text(wish.fault);
  draft.plan.title = "Inject a fault into requests" + (wish.headers.empty() ? std::string() : " with " + headers_text(wish)) + " to " + draft.plan.object + ": " + text;
  Rules rules(draft);
  if (auto done = rules.find(); !done) return done;
  if (wish.headers.empty()) {
    draft.warn("Every caller in the mesh gets the fault; --header NAME=VALUE limits it to requests with a header.");
    return set_everywhere(draft, rules, {{"fault", fault}}, text);
  }
  if (rules.object() == nullptr) {
    rules.append({{"match", Json::array({{{"headers", headers_match(wish)}}})}, {"fault", fault}, {"route", rules.to_subset("", {})}});
    rules.append({{"route", rules.to_subset("", {})}});
  } else {
    if (auto done = branch(draft, rules, [&](Json& rule) { rule["fault"] = fault; }); !done) return done;
  }
  return rules.finish(headers_text(wish) + ": " + text);
}

Expected<Done> plan_retries(Draft& draft) {
  const auto& wish = draft.wish();
  Json retries = {{"attempts", wish.attempts}};
  if (!wish.per_try.empty()) retries["perTryTimeout"] = wish.per_try;
  if (!wish.retry_on.empty()) retries["retryOn"] = wish.retry_on;
  Json members = {{"retries", retries}};
  if (!wish.timeout.empty()) members["timeout"] = wish.timeout;
  std::string text = wish.attempts == 0 ? "no retries" : count(static_cast<std::size_t>(wish.attempts), "retry");
  if (wish.attempts > 1) text = std::to_string(wish.attempts) + " retries";
  if (!wish.per_try.empty()) text += ", " + wish.per_try + " each";
  if (!wish.retry_on.empty()) text += ", on " + wish.retry_on;
  if (!wish.timeout.empty()) text += ", " + wish.timeout + " in all";
  draft.plan.title = "Retry requests to " + draft.plan.object + ": " + text;
  Rules rules(draft);
  if (auto done = rules.find(); !done) return done;
  for (std::size_t i = 0; i < std::max<std::size_t>(rules.size(), 1); ++i) {
    const Json& rule = rules.size() == 0 ? members : rules.list()[i];
    const auto total = duration_ms(wish.timeout.empty() ? text_at(rule, "timeout") : wish.timeout).value_or(0);
    const auto each = duration_ms(wish.per_try).value_or(0);
    if (total > 0 && each > 0 && each * (wish.attempts + 1) > total) {
      draft.warn(fmt::format("{} tries of {} take {} ms at the longest, and the timeout of {} ms ends the request before: the last tries never happen.", wish.attempts + 1, wish.per_try, each * (wish.attempts + 1), total));
    }
    if (!at(rule, "fault").empty()) draft.warn(rule_text(rules, i) + " injects a fault: what it answers is never retried.");
  }
  if (wish.timeout.empty() && wish.per_try.empty() && wish.attempts > 0) draft.note("Without --timeout and --per-try a try may take as long as the application likes.");
  return set_everywhere(draft, rules, members, text);
}

}  // namespace meshdx::intent
