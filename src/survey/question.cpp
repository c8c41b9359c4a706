#include "survey/question.hpp"

#include <algorithm>
#include <set>

#include "mesh/istio_config.hpp"
#include "mesh/protocol.hpp"
#include "survey/scope.hpp"
#include "util/text.hpp"

namespace meshdx::survey {

using namespace evidence;
using mesh::Complaint;
using mesh::View;

Evidence with_any_caller(const Evidence& evidence, const std::string& ns) {
  const Json proxy = {{"name", "istio-proxy"}, {"args", {"proxy", "sidecar"}}};
  const Json raw = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", k_any_caller}, {"namespace", ns}}},
                    {"spec", {{"containers", Json::array({proxy})}}},
                    {"status", {{"phase", "Running"}, {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}}})}}}};
  return evidence.with_object(Kind::pods, raw);
}

namespace {

/// "mesh" or "ns/name" of a gateway as an object of `ns` writes it.
std::string resolved(const std::string& name, const std::string& ns) {
  Object by;
  by.meta.ns = ns;
  by.raw = {{"spec", {{"gateways", Json::array({name})}}}};
  return mesh::bound_gateways(by).front();
}

/// A text that a string match takes; nullopt for a regular expression that is not simply everything.
std::optional<std::string> sample(const Json& match) {
  if (at(match, "exact").is_string()) return text_at(match, "exact");
  if (at(match, "prefix").is_string()) return text_at(match, "prefix");
  if (!at(match, "regex").is_string()) return "any";
  const auto regex = text_at(match, "regex");
  return regex == ".*" || regex == "*" || regex == ".+" ? std::optional<std::string>("/any") : std::nullopt;
}

/// Fills in a request that a match takes. False when none can be made up: a regular expression, a condition on the caller.
bool fill_in(const Json& match, Complaint& ask) {
  if (!mesh::labels_at(match, "sourceLabels").empty()) return false;
  const std::string from = text_at(match, "sourceNamespace");
  if (!from.empty() && from != ask.from_ns) return false;
  if (number_at(match, "port", *ask.port) != *ask.port) return false;
  if (at(match, "uri").is_object()) {
    const auto path = sample(at(match, "uri"));
    if (!path || !starts_with(*path, "/")) return false;
    ask.path = *path;
    ask.path_given = true;
  }
  if (at(match, "method").is_object()) {
    const auto method = sample(at(match, "method"));
    if (!method) return false;
    ask.method = *method;
  }
  if (at(match, "authority").is_object() || at(match, "scheme").is_object()) return false;
  const Json& headers = at(match, "headers");
  for (auto it = headers.begin(); headers.is_object() && it != headers.end(); ++it) {
    const auto value = sample(*it);
    if (!value) return false;
    ask.headers.emplace_back(lower(it.key()), *value);
  }
  const Json& query = at(match, "queryParams");
  for (auto it = query.begin(); query.is_object() && it != query.end(); ++it) {
    const auto value = sample(*it);
    if (!value) return false;
    ask.query += (ask.query.empty() ? "" : "&") + it.key() + "=" + *value;
  }
  return true;
}

/// A request for each way into a VirtualService's rules; `gateway`: by which of them ("mesh", "ns/name").
void sample_rules(const Object& vs, const std::string& gateway, const Question& plain, std::vector<Question>& questions) {
  for (const auto& rule : at(vs.spec(), "http")) {
    const Json& matches = at(rule, "match");
    if (!matches.is_array() || matches.empty()) {
      questions.push_back(plain);
      continue;
    }
    for (const auto& match : matches) {
      const auto own = mesh::strings_at(match, "gateways");
      const bool here = own.empty() || std::any_of(own.begin(), own.end(), [&](const auto& name) { return resolved(name, vs.meta.ns) == gateway; });
      Question question = plain;
      if (here && fill_in(match, question.ask)) questions.push_back(std::move(question));
    }
  }
}

/// Whether a rule of these VirtualServices may concern requests for the port from the namespace: one that asks for another port
/// or sender is left out of the port's routes, and with all of them left out istiod routes as if there were no rules.
bool concerned(const std::vector<const Object*>& services, const Complaint& ask) {
  const auto here = [&](const Json& match, const Object& vs) {
    const std::string from = text_at(match, "sourceNamespace");
    const auto own = mesh::strings_at(match, "gateways");
    const bool way = own.empty() || std::any_of(own.begin(), own.end(), [&](const auto& name) { return resolved(name, vs.meta.ns) == "mesh"; });
    return way && number_at(match, "port", *ask.port) == *ask.port && (from.empty() || from == ask.from_ns);
  };
  for (const auto* vs : services) {
    for (const auto& rule : at(vs->spec(), "http")) {
      const Json& matches = at(rule, "match");
      if (!matches.is_array() || matches.empty() || std::any_of(matches.begin(), matches.end(), [&](const Json& match) { return here(match, *vs); })) return true;
    }
  }
  return false;
}

void drop_twins(std::vector<Question>& questions) {
  std::set<std::string> seen;
  const auto twin = [&](const Question& q) { return !seen.insert(q.subject + " " + request_text(q.ask)).second; };
  questions.erase(std::remove_if(questions.begin(), questions.end(), twin), questions.end());
}

Complaint from_anywhere(const std::string& ns) {
  Complaint ask;
  ask.playbook = k_survey;
  ask.from = Complaint::From::workload;
  ask.from_name = k_any_caller;
  ask.from_ns = ask.ns = ns;
  return ask;
}

/// Namespaces whose rules for the host count for their own callers first.
std::set<std::string> vantages(const View& view, const std::string& host, const std::string& ns) {
  std::set<std::string> found = {ns};
  for (const auto* rule : view.objects(Kind::destination_rules).items) {
    if (mesh::host_covers(view.names().resolve(text_at(rule->spec(), "host"), rule->meta.ns), host)) found.insert(rule->meta.ns);
  }
  for (const auto* vs : view.objects(Kind::virtual_services).items) {
    const auto hosts = mesh::strings_at(vs->spec(), "hosts");
    const auto gateways = mesh::bound_gateways(*vs);
    const bool mesh = std::find(gateways.begin(), gateways.end(), "mesh") != gateways.end();
    if (mesh && std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return mesh::host_covers(view.names().resolve(h, vs->meta.ns), host); })) found.insert(vs->meta.ns);
  }
  if (view.root_namespace() != ns) found.erase(view.root_namespace());
  return found;
}

void ask_port(const View& view, const Service& service, const ServicePort& port, const std::string& from, std::vector<Question>& questions) {
  Question plain;
  plain.subject = "Service " + service.meta.ns + "/" + service.meta.name;
  plain.by_hand = service.selector.empty();
  plain.ask = from_anywhere(from);
  plain.ask.host = view.names().fqdn(service.meta.name, service.meta.ns);
  plain.ask.target = plain.ask.host + ":" + std::to_string(port.port);
  plain.ask.named = Complaint::Named::service;
  plain.ask.port = port.port;
  const auto rules = mesh::mesh_virtual_services(view, plain.ask.host, from);
  const auto protocol = mesh::declared_protocol(port);
  const auto before = questions.size();
  if (mesh::is_http(protocol) || protocol == mesh::Protocol::automatic) {
    for (const auto* vs : rules) sample_rules(*vs, "mesh", plain, questions);
  } else {
    plain.ask.scheme = "tcp";
  }
  // No rule that a request could be made up for: the plain one is what is left to ask, unless rules would refuse it.
  const bool ruled = questions.size() == before && concerned(rules, plain.ask);
  if (questions.size() == before && (!ruled || plain.ask.scheme == "tcp")) questions.push_back(plain);
}

}  // namespace

std::vector<Question> service_questions(const View& view, const Scope& scope, const std::string& ns) {
  std::vector<Question> questions;
  const auto* services = view.services(ns);
  if (services == nullptr) return questions;
  for (const auto& service : *services) {
    if (service.type == "ExternalName") continue;
    const auto host = view.names().fqdn(service.meta.name, ns);
    const View near(scope.about(host));
    for (const auto& from : vantages(near, host, ns)) {
      if (view.pods(from) == nullptr || view.pod(from, k_any_caller) == nullptr) continue;
      for (const auto& port : service.ports) {
        if (port.protocol == "TCP") ask_port(near, service, port, from, questions);
      }
    }
  }
  drop_twins(questions);
  return questions;
}

std::vector<std::string> unasked_services(const View& view, const std::string& ns, const std::set<std::string>& asked) {
  std::vector<std::string> names;
  const auto* services = view.services(ns);
  for (const auto& service : services == nullptr ? Services{} : *services) {
    const bool reachable = service.type != "ExternalName" && std::any_of(service.ports.begin(), service.ports.end(), [](const ServicePort& p) { return p.protocol == "TCP"; });
    const auto name = "Service " + service.full_name();
    if (reachable && asked.count(name) == 0) names.push_back(name);
  }
  return names;
}

namespace {

/// What two hosts have in common: the narrower of the two; "" when nothing.
std::string common(const std::string& a, const std::string& b) { return mesh::host_covers(a, b) ? b : mesh::host_covers(b, a) ? a : ""; }

/// A name for a host that is a pattern: `*` takes any.
std::string concrete(const std::string& host) {
  if (host == "*") return "any.example";
  return starts_with(host, "*.") ? "any" + host.substr(1) : host;
}

struct Entry {
  std::string host, scheme;
  std::uint16_t port = 0;
};

/// By which servers of the Gateway a host comes in. One that none serves is asked of the first where it can be meant for no
/// other (`only`): a VirtualService may be bound to several gateways, each for some of its hosts.
std::vector<Entry> entries_for(const Object& gateway, const std::string& host, bool only) {
  std::vector<Entry> found, all;
  for (const auto& server : at(gateway.spec(), "servers")) {
    const auto protocol = text_at(at(server, "port"), "protocol");
    const bool secure = protocol == "HTTPS";
    if (!secure && !starts_with(protocol, "HTTP") && !starts_with(protocol, "GRPC")) continue;
    const Entry entry{host, secure ? "https" : "http", static_cast<std::uint16_t>(number_at(at(server, "port"), "number"))};
    if (bool_at(at(server, "tls"), "httpsRedirect")) continue;
    all.push_back(entry);
    for (const auto& written : mesh::strings_at(server, "hosts")) {
      const auto both = common(lower(written.substr(written.find('/') + 1)), host);
      if (!both.empty()) found.push_back({both, entry.scheme, entry.port});
    }
  }
  if (only && found.empty() && !all.empty()) found.push_back(all.front());
  return found;
}

Question at_gateway(const Object& gateway, const Entry& entry) {
  Question question;
  question.subject = "Gateway " + gateway.meta.ns + "/" + gateway.meta.name;
  question.ask.playbook = k_survey;
  question.ask.ns = gateway.meta.ns;
  question.ask.from = Complaint::From::gateway;
  question.ask.from_name = gateway.meta.name;
  question.ask.from_ns = gateway.meta.ns;
  question.ask.scheme = entry.scheme;
  question.ask.host = concrete(entry.host);
  question.ask.named = Complaint::Named::host;
  question.ask.port = entry.port;
  question.ask.target = entry.scheme + "://" + question.ask.host + "/";
  return question;
}

}  // namespace

std::vector<Question> gateway_questions(const View& view, const std::string& ns, Unbound unbound) {
  std::vector<Question> questions;
  const auto services = view.objects(Kind::virtual_services);
  for (const auto* gateway : view.objects(Kind::gateways).items) {
    if (gateway->meta.ns != ns) continue;
    const auto name = gateway->meta.ns + "/" + gateway->meta.name;
    const auto before = questions.size();
    for (const auto* vs : services.items) {
      const auto bound = mesh::bound_gateways(*vs);
      if (std::find(bound.begin(), bound.end(), name) == bound.end()) continue;
      for (const auto& host : mesh::strings_at(vs->spec(), "hosts")) {
        for (const auto& entry : entries_for(*gateway, view.names().resolve(host, vs->meta.ns), bound.size() == 1)) {
          sample_rules(*vs, name, at_gateway(*gateway, entry), questions);
        }
      }
    }
    if (unbound == Unbound::leave_out || questions.size() > before) continue;
    for (const auto& server : at(gateway->spec(), "servers")) {
      for (const auto& host : mesh::strings_at(server, "hosts")) {
        for (const auto& entry : entries_for(*gateway, lower(host.substr(host.find('/') + 1)), true)) questions.push_back(at_gateway(*gateway, entry));
      }
    }
  }
  for (auto& question : api_gateway_questions(view, ns)) questions.push_back(std::move(question));
  drop_twins(questions);
  return questions;
}

std::string request_text(const Complaint& ask) {
  std::string text = ask.scheme == "tcp" ? "tcp://" : ask.method + " " + ask.scheme + "://";
  text += ask.host + ":" + std::to_string(ask.port.value_or(80));
  if (ask.scheme != "tcp") text += ask.path + (ask.query.empty() ? "" : "?" + ask.query);
  for (const auto& [name, value] : ask.headers) text += " (" + name + ": " + value + ")";
  const bool elsewhere = ask.from == Complaint::From::workload && !contains(ask.host, "." + ask.from_ns + ".svc");
  if (ask.from == Complaint::From::gateway) text += " at Gateway " + ask.from_ns + "/" + ask.from_name;
  return text + (elsewhere ? " from " + ask.from_ns : "");
}

}  // namespace meshdx::survey
