// AuthorizationPolicies that apply to the server, and whether they let the caller in (F7).
#include <algorithm>

#include "facts/context.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::facts {

using namespace evidence;

namespace {

const std::vector<Kind> authorization_needs = {Kind::authorization_policies, Kind::mesh_config, Kind::services, Kind::pods, Kind::service_entries,
                                               Kind::namespaces, Kind::gateways, Kind::api_gateways, Kind::listeners, Kind::routes, Kind::clusters, Kind::endpoints, Kind::log};

std::vector<const Object*> applying(const mesh::View& view, const mesh::ObjectList& policies, const Pod& pod, const std::string& action) {
  std::vector<const Object*> found;
  const std::string root = view.root_namespace();
  for (const auto* policy : policies.items) {
    const auto selector = mesh::labels_at(at(policy->spec(), "selector"), "matchLabels");
    const bool scope = policy->meta.ns == pod.meta.ns || policy->meta.ns == root;
    const bool targets = at(policy->spec(), "targetRefs").is_array() || at(policy->spec(), "targetRef").is_object();
    if (!scope || targets || !(selector.empty() || selects(selector, pod.meta.labels))) continue;
    if (text_at(policy->spec(), "action", "ALLOW") == action) found.push_back(policy);
  }
  return found;
}

bool covers(const std::string& pattern, const std::string& value) {
  if (pattern == "*" || pattern == value) return true;
  if (ends_with(pattern, "*")) return starts_with(value, pattern.substr(0, pattern.size() - 1));
  return starts_with(pattern, "*") && ends_with(value, pattern.substr(1));
}

/// A rule that asks for nothing but a source, and takes the caller's.
bool lets_in(const Json& rule, const std::string& principal, const std::string& ns) {
  if (at(rule, "to").is_array() || at(rule, "when").is_array()) return false;
  const Json& from = at(rule, "from");
  if (!from.is_array()) return true;
  for (const auto& entry : from) {
    const Json& source = at(entry, "source");
    const auto principals = mesh::strings_at(source, "principals"), namespaces = mesh::strings_at(source, "namespaces");
    const bool other = at(source, "ipBlocks").is_array() || at(source, "requestPrincipals").is_array() || at(source, "notPrincipals").is_array();
    const auto any = [](const std::vector<std::string>& list, const std::string& value) {
      return list.empty() || std::any_of(list.begin(), list.end(), [&](const auto& p) { return covers(p, value); });
    };
    if (!other && any(principals, principal) && any(namespaces, ns)) return true;
  }
  return false;
}

std::string principal_of(Context& c, const Pod& pod) {
  const auto* config = c.view.mesh_config();
  const std::string domain = config == nullptr ? "cluster.local" : config->trust_domain;
  return domain + "/ns/" + pod.meta.ns + "/sa/" + (pod.service_account.empty() ? "default" : pod.service_account);
}

/// What a rule asks for besides the caller's identity: "a token", "POST", "/admin*", ...; a principal alone does not meet it.
std::string other_demands(const Object& policy) {
  std::vector<std::string> demands;
  for (const auto& rule : at(policy.spec(), "rules")) {
    bool token = false;
    for (const auto& entry : at(rule, "from")) token = token || at(at(entry, "source"), "requestPrincipals").is_array();
    for (const auto& condition : at(rule, "when")) {
      const std::string key = text_at(condition, "key");
      if (starts_with(key, "request.auth")) token = true;
      else demands.push_back(key);
    }
    if (token) demands.emplace_back("a token that a RequestAuthentication accepts");
    for (const auto& entry : at(rule, "to")) {
      for (const char* part : {"methods", "paths", "ports", "hosts", "notMethods", "notPaths"}) {
        const auto listed = mesh::strings_at(at(entry, "operation"), part);
        if (!listed.empty()) demands.push_back(std::string(part) + " " + join(listed, ", "));
      }
    }
  }
  return join(demands, "; ");
}

std::string advice_for(const std::string& action, const std::string& ref, const std::string& demands, const std::string& principal) {
  if (action == "DENY") return "DENY policy " + ref + " wins over every ALLOW: narrow its rules (" + (demands.empty() ? "they name sources only" : demands) + ") when the request is meant to pass.";
  if (action == "CUSTOM") return "CUSTOM policy " + ref + " asks an external provider: read why it refuses, in the provider's own log.";
  if (!demands.empty()) return "Policy " + ref + " also asks for " + demands + ": send a request that meets it, or add a rule for " + principal + " with just what it needs, when it is meant to call.";
  return "Decide whether " + principal + " is meant to be let in; if so, add it to policy " + ref + ".";
}

/// What denies: a DENY policy that applies, or ALLOW policies of which none lets the caller in.
Finding denies(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  const auto policies = c.view.objects(Kind::authorization_policies);
  const Pod& server = *path.servers.front();
  const std::string principal = principal_of(c, *path.caller.pod);
  Bindings b = {{"caller.principal", principal}, {"server.workload", mesh::workload_of(server)}, {"server.namespace", server.meta.ns}};
  const auto deny = applying(c.view, policies, server, "DENY");
  const auto allow = applying(c.view, policies, server, "ALLOW");
  for (const auto* policy : allow) {
    for (const auto& rule : at(policy->spec(), "rules")) {
      if (lets_in(rule, principal, path.caller.pod->meta.ns) && deny.empty()) return no("AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + " lets " + principal + " in");
    }
  }
  const auto custom = applying(c.view, policies, server, "CUSTOM");
  const Object* shown = !deny.empty() ? deny.front() : !allow.empty() ? allow.front() : !custom.empty() ? custom.front() : nullptr;
  if (shown == nullptr) return policies.covers(server.meta.ns) && policies.covers(c.view.root_namespace()) ? no("no AuthorizationPolicy applies to the server") : unknown();
  b["policy.name"] = shown->meta.name;
  b["policy.namespace"] = shown->meta.ns;
  b["policy.action"] = text_at(shown->spec(), "action", "ALLOW");
  b["policy.demands"] = other_demands(*shown);
  b["policy.advice"] = advice_for(b["policy.action"].get<std::string>(), shown->meta.ns + "/" + shown->meta.name, b["policy.demands"].get<std::string>(), principal);
  const Json rule = Json::object({{"from", Json::array({Json::object({{"source", Json::object({{"principals", Json::array({principal})}})}})})}});
  b["policy.patch"] = at(shown->spec(), "rules").is_array() ? Json::array({{{"op", "add"}, {"path", "/spec/rules/-"}, {"value", rule}}})
                                                            : Json::array({{{"op", "add"}, {"path", "/spec/rules"}, {"value", Json::array({rule})}}});
  return yes("AuthorizationPolicy " + shown->meta.ns + "/" + shown->meta.name + " (" + b["policy.action"].get<std::string>() + ") applies to the server and does not let " + principal + " in", b);
}

/// An ALLOW policy that asks for identities only, no DENY: the caller's principal can be added to it. A caller without a
/// certificate has no principal, and where a rule asks for a token or a method, a principal alone would open too much.
Finding can_allow(Context& c) {
  const auto f = denies(c);
  if (f.truth != Tri::yes) return f;
  const bool plain = c.caller()->meshed() && f.bindings.at("policy.action") == "ALLOW" && f.bindings.at("policy.demands") == "";
  return decide(plain, "the caller's identity can be added to the ALLOW policy", f.bindings);
}

/// What a rule asks that only an HTTP request has.
std::string http_demand(const Object& policy) {
  for (const auto& rule : at(policy.spec(), "rules")) {
    for (const auto& entry : at(rule, "to")) {
      for (const char* part : {"methods", "paths", "hosts", "notMethods", "notPaths", "notHosts"}) {
        const auto listed = mesh::strings_at(at(entry, "operation"), part);
        if (!listed.empty()) return std::string(part) + " " + join(listed, ", ");
      }
    }
    for (const auto& entry : at(rule, "from")) {
      if (!mesh::strings_at(at(entry, "source"), "requestPrincipals").empty()) return "requestPrincipals";
    }
    for (const auto& condition : at(rule, "when")) {
      if (starts_with(text_at(condition, "key"), "request.")) return text_at(condition, "key");
    }
  }
  return "";
}

/// C2: on a TCP port a policy's HTTP conditions have nothing to look at: an ALLOW rule with one never matches.
Finding http_rules_on_tcp(Context& c) {
  const auto& path = c.path();
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  const auto policies = c.view.objects(Kind::authorization_policies);
  const Pod& server = *path.servers.front();
  for (const char* action : {"ALLOW", "DENY"}) {
    for (const auto* policy : applying(c.view, policies, server, action)) {
      const std::string demand = http_demand(*policy);
      if (demand.empty()) continue;
      return yes("AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + " (" + action + ") asks for " + demand + ", which only HTTP requests have",
                 {{"policy.name", policy->meta.name}, {"policy.namespace", policy->meta.ns}, {"tcp.unused", "AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + "'s " + demand}});
    }
  }
  return policies.covers(server.meta.ns) && policies.covers(c.view.root_namespace()) ? no("no AuthorizationPolicy of the server asks for what only HTTP has") : unknown();
}

/// The one server whose policies are looked at, with the caller's pod; otherwise what to answer.
std::optional<Finding> need_both(Context& c) {
  const auto& path = c.path();
  if (path.caller.pod == nullptr) return unknown();
  if (path.servers.empty()) return path.servers_known ? no("there is no server pod") : unknown();
  return std::nullopt;
}

/// What to answer when no policy shows the slip.
Finding no_policy_has_it(Context& c, const mesh::ObjectList& policies, const char* text) {
  const bool all = policies.covers(c.path().servers.front()->meta.ns) && policies.covers(c.view.root_namespace());
  return all ? no(text) : unknown();
}

Bindings policy_bindings(const Object& policy, const Pod& server) {
  return {{"policy.name", policy.meta.name}, {"policy.namespace", policy.meta.ns}, {"policy.action", text_at(policy.spec(), "action", "ALLOW")},
          {"server.workload", mesh::workload_of(server)}, {"server.namespace", server.meta.ns}};
}

/// A principal written as in the certificate: istiod adds spiffe:// itself, so with it in front the text matches nobody.
Finding spiffe_prefix(Context& c) {
  if (auto stop = need_both(c)) return *stop;
  const Pod& server = *c.path().servers.front();
  const auto policies = c.view.objects(Kind::authorization_policies);
  const std::string principal = principal_of(c, *c.caller());
  for (const auto* policy : applying(c.view, policies, server, "ALLOW")) {
    const Json& rules = at(policy->spec(), "rules");
    for (std::size_t r = 0; rules.is_array() && r < rules.size(); ++r) {
      const Json& from = at(rules[r], "from");
      for (std::size_t f = 0; from.is_array() && f < from.size(); ++f) {
        const auto principals = mesh::strings_at(at(from[f], "source"), "principals");
        for (std::size_t p = 0; p < principals.size(); ++p) {
          if (!starts_with(principals[p], "spiffe://") || !covers(principals[p].substr(9), principal)) continue;
          auto b = policy_bindings(*policy, server);
          b["principal.written"] = principals[p];
          b["principal.meant"] = principals[p].substr(9);
          b["policy.patch"] = Json::array({{{"op", "replace"}, {"path", "/spec/rules/" + std::to_string(r) + "/from/" + std::to_string(f) + "/source/principals/" + std::to_string(p)}, {"value", principals[p].substr(9)}}});
          return yes("AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + " names " + principals[p] + ", and no principal begins with spiffe://", b);
        }
      }
    }
  }
  return no_policy_has_it(c, policies, "no ALLOW policy names the caller with spiffe:// in front");
}

/// A rule that would let the caller in if it came with its identity, which a plaintext connection does not carry.
Finding needs_identity(Context& c) {
  if (auto stop = need_both(c)) return *stop;
  const Pod& server = *c.path().servers.front();
  const auto policies = c.view.objects(Kind::authorization_policies);
  const std::string principal = principal_of(c, *c.caller());
  for (const auto* policy : applying(c.view, policies, server, "ALLOW")) {
    for (const auto& rule : at(policy->spec(), "rules")) {
      const Json& from = at(rule, "from");
      if (!from.is_array()) continue;
      const bool by_identity = std::any_of(from.begin(), from.end(), [](const Json& entry) {
        const Json& source = at(entry, "source");
        return at(source, "principals").is_array() || at(source, "namespaces").is_array() || at(source, "serviceAccounts").is_array();
      });
      Json sources = Json::object({{"from", from}});
      if (!by_identity || !lets_in(sources, principal, c.caller()->meta.ns)) continue;
      auto b = policy_bindings(*policy, server);
      b["caller.pod"] = c.caller()->meta.name;
      b["caller.namespace"] = c.caller()->meta.ns;
      b["caller.principal"] = principal;
      return yes("AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + " lets " + principal + " in, an identity that only a mutual TLS connection carries", b);
    }
  }
  return no_policy_has_it(c, policies, "no ALLOW policy that names identities would let the caller in");
}

/// Fields that only an HTTP request has (istio pilot/pkg/security/authz/model: they are invalid on TCP).
std::vector<std::string> http_fields(const Json& rule) {
  std::vector<std::string> found;
  for (const auto& entry : at(rule, "to")) {
    for (const char* key : {"methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"}) {
      if (at(at(entry, "operation"), key).is_array()) found.emplace_back(key);
    }
  }
  for (const auto& entry : at(rule, "from")) {
    if (at(at(entry, "source"), "requestPrincipals").is_array()) found.emplace_back("requestPrincipals");
  }
  for (const auto& condition : at(rule, "when")) {
    if (starts_with(text_at(condition, "key"), "request.")) found.push_back(text_at(condition, "key"));
  }
  return found;
}

/// On a TCP port an ALLOW rule with an HTTP field is skipped, and a DENY rule is kept without it, so it denies more.
Finding http_rule_on_tcp(Context& c) {
  if (auto stop = need_both(c)) return *stop;
  const auto& traffic = c.traffic();
  const auto denied = [](const AccessLine* l) { return l != nullptr && l->method.empty() && starts_with(l->termination, "rbac_access_denied"); };
  const auto seen = std::find_if(traffic.requests.begin(), traffic.requests.end(), [&](const mesh::Sighting& s) { return denied(s.server) || denied(s.caller); });
  if (seen == traffic.requests.end()) return traffic.requests.empty() ? none_seen(c) : no("no TCP connection was denied");
  const AccessLine& line = denied(seen->server) ? *seen->server : *seen->caller;
  const bool by_deny = !contains(line.termination, "[none]");
  const Pod& server = *c.path().servers.front();
  const auto policies = c.view.objects(Kind::authorization_policies);
  for (const auto* policy : applying(c.view, policies, server, by_deny ? "DENY" : "ALLOW")) {
    if (by_deny && !contains(line.termination, "policy[" + policy->meta.name + "]")) continue;
    for (const auto& rule : at(policy->spec(), "rules")) {
      const auto fields = http_fields(rule);
      Json sources = Json::object();
      if (at(rule, "from").is_array()) sources["from"] = at(rule, "from");
      if (fields.empty() || (!by_deny && !lets_in(sources, principal_of(c, *c.caller()), c.caller()->meta.ns))) continue;
      auto b = policy_bindings(*policy, server);
      b["policy.fields"] = join(fields, ", ");
      b["port.target"] = c.path().to.port == nullptr ? 0 : mesh::target_port(*c.path().to.port, server).value_or(0);
      b["policy.effect"] = by_deny ? "a DENY rule is applied without them, so it denies every connection" : "an ALLOW rule is skipped, so it lets no connection in";
      b["policy.advice"] = by_deny ? "Name the HTTP ports of the pod in the same operation (`ports: [\"8080\"]`), so that the rule is not applied to port " + std::to_string(b["port.target"].get<int>()) + "."
                                   : "Add a rule without these fields for the port (`to: [{operation: {ports: [\"" + std::to_string(b["port.target"].get<int>()) + "\"]}}]`), with the callers in `from`.";
      return yes("AuthorizationPolicy " + policy->meta.ns + "/" + policy->meta.name + " (" + b["policy.action"].get<std::string>() + ") asks for " + join(fields, ", ") + ", which a TCP connection does not have", b);
    }
  }
  return no_policy_has_it(c, policies, "no policy that applies asks for HTTP fields");
}

}  // namespace

const std::vector<Fact>& authorization_facts() {
  static const std::vector<Fact> facts = {
      {"authorization.keeps-caller-out", "The AuthorizationPolicies of the server do not let the caller in", authorization_needs, denies, {Kind::authorization_policies}},
      {"authorization.http-rules-on-tcp", "An AuthorizationPolicy of the server asks for what only HTTP requests have", authorization_needs, http_rules_on_tcp, {Kind::authorization_policies}},
      {"authorization.spiffe-prefix", "An ALLOW policy names the caller with spiffe:// in front", authorization_needs, spiffe_prefix, {Kind::authorization_policies}},
      {"authorization.needs-identity", "An ALLOW policy would let the caller in by its identity", authorization_needs, needs_identity, {Kind::authorization_policies}},
      {"authorization.http-rule-on-tcp", "A policy with HTTP fields decides a TCP connection", authorization_needs, http_rule_on_tcp, {Kind::authorization_policies, Kind::log}},
      {"authorization.caller-can-be-added", "The caller's identity can be added to the ALLOW policy", authorization_needs, can_allow, {Kind::authorization_policies}},
  };
  return facts;
}

}  // namespace meshdx::facts
