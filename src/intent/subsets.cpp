// DestinationRules: subsets, connection pool and outlier detection.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "intent/draft.hpp"
#include "mesh/istio_config.hpp"
#include "util/text.hpp"

namespace meshdx::intent {

using evidence::Labels;
using evidence::Object;
using evidence::Pod;

namespace {

std::string host_of(const mesh::Names& names, const Object& rule) { return names.resolve(text_at(rule.spec(), "host"), rule.meta.ns); }

/// Rules of exactly the Service's host in its own namespace, as callers of that namespace see them, oldest first.
std::vector<const Object*> exact_rules(const Draft& draft) {
  std::vector<const Object*> found;
  const auto& ns = draft.wish().ns;
  for (const auto* rule : mesh::destination_rules(draft.view(), draft.host(), {ns, {}}, ns)) {
    if (rule->meta.ns == ns && host_of(draft.names(), *rule) == draft.host() && at(rule->spec(), "workloadSelector").empty()) found.push_back(rule);
  }
  return found;
}

const Json* subset_in(const std::vector<const Object*>& rules, const std::string& name) {
  for (const auto* rule : rules) {
    for (const auto& subset : at(rule->spec(), "subsets")) {
      if (text_at(subset, "name") == name) return &subset;
    }
  }
  return nullptr;
}

std::string labels_text(const Labels& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) parts.push_back(key + "=" + value);
  return join(parts, ",");
}

/// The label that tells the Service's pods apart by these names: `version` before others; nothing when no pod has one.
std::string label_for(const std::vector<const Pod*>& pods, const std::string& subset) {
  std::set<std::string> keys;
  for (const auto* pod : pods) {
    for (const auto& [key, value] : pod->meta.labels) {
      if (value == subset && key != "pod-template-hash") keys.insert(key);
    }
  }
  for (const char* usual : {"version", "app.kubernetes.io/version"}) {
    if (keys.count(usual) > 0) return usual;
  }
  return keys.empty() ? "" : *keys.begin();
}

std::size_t ready_pods(const std::vector<const Pod*>& pods, const Labels& labels) {
  return static_cast<std::size_t>(std::count_if(pods.begin(), pods.end(), [&](const Pod* pod) { return pod->ready && (labels.empty() || evidence::selects(labels, pod->meta.labels)); }));
}

/// Warns of a subset's pods; 0 weight needs none.
void check_pods(Draft& draft, const std::vector<const Pod*>& pods, const std::string& subset, const Labels& labels) {
  for (const auto& [name, share] : draft.wish().split) {
    if (name == subset && share == 0) return;
  }
  if (ready_pods(pods, labels) > 0) return;
  draft.warn(fmt::format("Subset {} ({}) selects no ready pod of Service {}: requests sent to it answer 503 (UH, no healthy upstream).", subset, labels_text(labels), full_name(draft.service().meta)));
}

}  // namespace

const Object* own_rule(const Draft& draft) {
  const auto rules = exact_rules(draft);
  return rules.empty() ? nullptr : rules.front();
}

void warn_of_other_rules(Draft& draft, const Object* edited) {
  const auto& ns = draft.wish().ns;
  for (const auto* rule : draft.view().objects(mesh::Kind::destination_rules).items) {
    if (rule == edited || !mesh::host_covers(host_of(draft.names(), *rule), draft.host())) continue;
    const bool selective = !at(rule->spec(), "workloadSelector").empty();
    if (rule->meta.ns != ns && rule->meta.ns != draft.view().root_namespace()) {
      draft.warn(rule->ref() + " is for the same host: callers in " + rule->meta.ns + " go by it and not by this one.");
    } else if (selective) {
      draft.warn(rule->ref() + " is for the same host and stands first for the callers it selects.");
    } else if (edited == nullptr && host_of(draft.names(), *rule) != draft.host()) {
      // Rules are not merged: the most specific host, and the Service's namespace before the root, takes all.
      draft.warn(rule->ref() + " (host " + text_at(rule->spec(), "host") + ") applies to the Service now and no longer will: what it sets is not merged into the new one.");
    }
  }
  draft.note_unseen(mesh::Kind::destination_rules, "callers there may go by one of their own.");
}

Expected<Done> need_subsets(Draft& draft, const std::vector<std::string>& names) {
  if (auto read = draft.need(mesh::Kind::destination_rules, draft.wish().ns); !read) return read;
  const auto rules = exact_rules(draft);
  const auto pods = mesh::selected_pods(draft.view(), draft.service());
  if (!pods) draft.plan.unknown.push_back("The pods of " + draft.wish().ns + " were not read: which labels tell the versions apart, and whether they are ready, is not known.");
  const std::vector<const Pod*> known = pods ? *pods : std::vector<const Pod*>{};
  Json added = Json::array();
  std::vector<std::string> said;
  for (const auto& name : names) {
    Labels labels;
    if (const auto* subset = subset_in(rules, name)) {
      labels = mesh::labels_at(*subset, "labels");
    } else {
      const auto key = label_for(known, name);
      labels = {{key.empty() ? "version" : key, name}};
      added.push_back({{"name", name}, {"labels", labels}});
      said.push_back(name + " (" + labels_text(labels) + ")");
    }
    if (pods) check_pods(draft, known, name, labels);
  }
  const auto* rule = rules.empty() ? nullptr : rules.front();
  warn_of_other_rules(draft, rule);
  const auto what = std::string(added.size() == 1 ? "subset " : "subsets ") + join(said, ", ");
  if (added.empty()) return Done{};
  if (rule == nullptr) return draft.create(mesh::Kind::destination_rules, draft.wish().name, {{"host", draft.wish().name}, {"subsets", added}}, what);
  Json patch = Json::array();
  if (!at(rule->spec(), "subsets").is_array()) patch.push_back({{"op", "add"}, {"path", "/spec/subsets"}, {"value", added}});
  else for (const auto& subset : added) patch.push_back({{"op", "add"}, {"path", "/spec/subsets/-"}, {"value", subset}});
  return draft.edit(*rule, patch, what);
}

namespace {

/// One field of a traffic policy.
struct Setting {
  std::vector<const char*> path;
  Json value;
};

std::vector<Setting> settings_of(const Limits& limits) {
  std::vector<Setting> settings;
  const auto number = [&](const std::optional<int>& value, std::vector<const char*> path) {
    if (value) settings.push_back({std::move(path), *value});
  };
  const auto text = [&](const std::string& value, std::vector<const char*> path) {
    if (!value.empty()) settings.push_back({std::move(path), value});
  };
  number(limits.connections, {"connectionPool", "tcp", "maxConnections"});
  number(limits.pending, {"connectionPool", "http", "http1MaxPendingRequests"});
  number(limits.requests, {"connectionPool", "http", "http2MaxRequests"});   // of HTTP/1.1 too (api ConnectionPoolSettings)
  number(limits.errors, {"outlierDetection", "consecutive5xxErrors"});
  text(limits.interval, {"outlierDetection", "interval"});
  text(limits.ejection, {"outlierDetection", "baseEjectionTime"});
  number(limits.max_ejection, {"outlierDetection", "maxEjectionPercent"});
  return settings;
}

std::string settings_text(const std::vector<Setting>& settings) {
  std::vector<std::string> parts;
  for (const auto& setting : settings) parts.push_back(std::string(setting.path.back()) + " " + (setting.value.is_string() ? setting.value.get<std::string>() : std::to_string(setting.value.get<int>())));
  return join(parts, ", ");
}

Json policy_of(const std::vector<Setting>& settings) {
  Json policy = Json::object();
  for (const auto& setting : settings) {
    Json* place = &policy;
    for (const auto* key : setting.path) place = &(*place)[key];
    *place = setting.value;
  }
  return policy;
}

/// Subsets and ports with a policy of their own do not inherit these parts (api Subset.trafficPolicy, PortTrafficPolicy).
void warn_of_overrides(Draft& draft, const Object& rule, const Json& policy) {
  const auto check = [&](const Json& own, const std::string& whose) {
    for (const char* part : {"connectionPool", "outlierDetection"}) {
      if (policy.contains(part) && !at(own, part).is_null()) draft.warn(whose + " of " + rule.ref() + " has its own " + part + ", which stands there instead of this one.");
    }
  };
  for (const auto& subset : at(rule.spec(), "subsets")) check(at(subset, "trafficPolicy"), "Subset " + text_at(subset, "name"));
  for (const auto& port : at(at(rule.spec(), "trafficPolicy"), "portLevelSettings")) check(port, "Port " + std::to_string(number_at(at(port, "port"), "number")));
}

void warn_of_ejection(Draft& draft, int percent) {
  const auto pods = mesh::selected_pods(draft.view(), draft.service());
  if (!pods) return;
  const auto ready = ready_pods(*pods, {});
  if (ready == 1) {
    draft.warn(fmt::format("The Service has one ready pod: ejecting it helps nobody, as all requests answer 503 (UH) until it is back{}.", percent < 100 ? ", and with maxEjectionPercent below 100 it may never be ejected" : ""));
  } else if (ready > 1 && static_cast<int>(ready) * percent < 100) {
    draft.warn(fmt::format("{} % of {} pods is less than one: Envoy may eject none of them. --max-ejection {} allows one.", percent, ready, (100 + static_cast<int>(ready) - 1) / static_cast<int>(ready)));
  }
}

}  // namespace

Expected<Done> plan_circuit_breaker(Draft& draft) {
  if (auto read = draft.need(mesh::Kind::destination_rules, draft.wish().ns); !read) return read;
  const auto settings = settings_of(draft.wish().limits);
  const auto policy = policy_of(settings);
  draft.plan.title = "Circuit breaker for " + draft.plan.object + ": " + settings_text(settings);
  const auto* rule = own_rule(draft);
  warn_of_other_rules(draft, rule);
  constexpr int istio_default = 10;   // api OutlierDetection.maxEjectionPercent
  if (draft.wish().limits.errors) {
    const auto set = rule == nullptr ? istio_default : static_cast<int>(number_at(at(at(rule->spec(), "trafficPolicy"), "outlierDetection"), "maxEjectionPercent", istio_default));
    warn_of_ejection(draft, draft.wish().limits.max_ejection.value_or(set));
  }
  if (rule == nullptr) return draft.create(mesh::Kind::destination_rules, draft.wish().name, {{"host", draft.wish().name}, {"trafficPolicy", policy}}, settings_text(settings));
  warn_of_overrides(draft, *rule, policy);
  Json patch = Json::array();
  for (const auto& setting : settings) patch.push_back({{"op", "add"}, {"path", "/spec/trafficPolicy/" + join(std::vector<std::string>(setting.path.begin(), setting.path.end()), "/")}, {"value", setting.value}});
  return draft.edit(*rule, patch, settings_text(settings));
}

}  // namespace meshdx::intent
