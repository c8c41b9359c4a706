#include "evidence/evidence.hpp"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "evidence/kinds.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

/// The template's labels instead of the old template's; those that others put there (pod-template-hash, the
/// injector's security.istio.io/tlsMode) stay.
void relabel(Pod& pod, const Labels& before, const Labels& after) {
  for (const auto& label : before) pod.meta.labels.erase(label.first);
  for (const auto& [name, value] : after) pod.meta.labels[name] = value;
  Json labels = Json::object();
  for (const auto& [name, value] : pod.meta.labels) labels[name] = value;
  pod.raw["metadata"]["labels"] = std::move(labels);
}

/// A Deployment names its ReplicaSets NAME-HASH, the hash being the pods' label (kube deployment controller, sync.go).
bool owned_by_name(const Pod& pod, const Deployment& deployment) {
  const auto hash = pod.meta.labels.find("pod-template-hash");
  return hash != pod.meta.labels.end() && pod.meta.owner_name == deployment.meta.name + "-" + hash->second &&
         selects(deployment.selector, pod.meta.labels);
}

/// Part by part where it is too big to be held and the kind's parser can; what fails so is read whole, for the reason.
Parsed parse_output_of(const run::CommandResult& result, const KindRow& row, const Source& source) {
  if (!result.stored) {
    const Input text(result.out);
    return row.parse(source, &text);
  }
  if (row.family == Family::proxy_config) {
    const Input parts = result.stored();
    auto parsed = row.parse(source, &parts);
    if (parsed.error.empty()) return parsed;
  }
  const auto whole = result.stored().whole();
  if (!whole) return {std::any(), whole.error(), 0};
  const Input text(*whole);
  return row.parse(source, &text);
}

}  // namespace

Reading read_output(const run::CommandResult& result) {
  const auto key = key_of(result.argv);
  if (!key) return {};
  const KindRow& row = row_of(key->kind);
  Source source = classify(result);
  Parsed parsed = source.ok() ? parse_output_of(result, row, source) : row.parse(source, nullptr);
  if (!parsed.error.empty()) {
    source.gap = Gap::damaged;
    source.why = fmt::format("`{}`: {}", shell_join(result.argv), parsed.error);
    parsed = row.parse(source, nullptr);
  }
  return {key, std::move(source), std::make_shared<const std::any>(std::move(parsed.record)), parsed.rank};
}

void Evidence::add(const run::CommandResult& result) {
  auto reading = m_reader(result);
  if (reading.key) file(std::move(reading));
}

void Evidence::file(Reading reading) {
  const Key& key = *reading.key;
  const Source& source = reading.source;
  const auto known = m_sources.find(key);
  if (known != m_sources.end()) {
    const Source& old = known->second;
    // Of two failures the first stays, unless it only said that the tool is too old for one way of asking.
    const bool better_failure = old.gap == Gap::unsupported && source.gap != Gap::unsupported;
    const bool better = source.ok() ? !old.ok() || reading.rank >= m_ranks[key] : !old.ok() && better_failure;
    if (!better) return;
  }
  m_items[key] = std::move(reading.record);
  m_sources[key] = std::move(reading.source);
  m_ranks[key] = reading.rank;
  forget(key.kind);
}

void Evidence::take(const Key& key, const Evidence& other) {
  const auto item = other.m_items.find(key);
  if (item == other.m_items.end() || !other.asked(key)) return;
  m_items[key] = item->second;
  m_sources[key] = other.source(key);
  const auto rank = other.m_ranks.find(key);
  m_ranks[key] = rank == other.m_ranks.end() ? 0 : rank->second;
  forget(key.kind);
}

std::vector<Key> Evidence::keys(Kind kind) const {
  std::vector<Key> keys;
  for (const auto& entry : m_sources) {
    if (entry.first.kind == kind) keys.push_back(entry.first);
  }
  return keys;
}

std::vector<Source> Evidence::gaps() const {
  std::vector<Source> gaps;
  for (const auto& entry : m_sources) {
    if (!entry.second.ok()) gaps.push_back(entry.second);
  }
  return gaps;
}

const Source& Evidence::source(const Key& key) const {
  const auto found = m_sources.find(key);
  if (found != m_sources.end()) return found->second;
  Source& missing = m_missing_sources[key];
  if (missing.argv.empty()) {
    missing.argv = command_for(key);
    missing.why = fmt::format("not asked: no step ran `{}`", shell_join(missing.argv));
  }
  return missing;
}

bool Evidence::asked(const Key& key) const { return m_sources.count(key) > 0; }

Evidence Evidence::with_object(Kind kind, const Json& object) const {
  Evidence copy = *this;
  const KindRow& row = row_of(kind);
  const auto typed = to_object(object);
  if (row.put == nullptr || !typed) return copy;
  const auto& meta = typed->meta;
  copy.forget(kind);
  if (kind == Kind::deployments) {
    const Json* old = find_object("Deployment", meta.ns, meta.name);
    const auto before = old == nullptr ? Expected<Deployment>(Error{}) : to_deployment(*old);
    const auto after = to_deployment(object);
    if (before && after) copy.carry_labels(*before, *after);
  }
  for (const std::string& ns : std::set<std::string>{"", meta.ns}) {
    const auto list = copy.m_items.find(Key{kind, ns, "", ""});
    if (list == copy.m_items.end()) continue;
    auto changed = row.put(*list->second, object);
    if (changed) list->second = std::make_shared<const std::any>(std::move(*changed));
  }
  return copy;
}

void Evidence::keep_only(const Key& key, const std::set<std::size_t>& places) {
  const auto found = m_items.find(key);
  const auto* loaded = found == m_items.end() ? nullptr : std::any_cast<Loaded<Objects>>(found->second.get());
  if (loaded == nullptr || !loaded->ok()) return;
  Loaded<Objects> kept{loaded->source, {}};
  for (const auto place : places) kept.value.push_back(loaded->value.at(place));
  found->second = std::make_shared<const std::any>(std::move(kept));
  forget(key.kind);
}

void Evidence::forget(Kind kind) {
  for (auto kept = m_derived.begin(); kept != m_derived.end();) kept = kept->second.of.count(kind) > 0 ? m_derived.erase(kept) : std::next(kept);
}

void Evidence::carry_labels(const Deployment& before, const Deployment& after) {
  forget(Kind::pods);
  const std::string& ns = before.meta.ns;
  const auto owned_by_chain = [&](const Pod& pod) {
    const Json* set = find_object("ReplicaSet", ns, pod.meta.owner_name);
    if (set == nullptr) return owned_by_name(pod, before);
    const auto owner = to_object(*set);
    return owner && owner->meta.owner_kind == "Deployment" && owner->meta.owner_name == before.meta.name;
  };
  for (const std::string& list_ns : std::set<std::string>{"", ns}) {
    const auto found = m_items.find(Key{Kind::pods, list_ns, "", ""});
    if (found == m_items.end()) continue;
    const auto* loaded = std::any_cast<Loaded<Pods>>(found->second.get());
    if (loaded == nullptr || !loaded->ok()) continue;
    Loaded<Pods> pods = *loaded;
    for (Pod& pod : pods.value) {
      const bool owned = pod.meta.ns == ns && pod.meta.owner_kind == "ReplicaSet" && owned_by_chain(pod);
      if (owned) relabel(pod, before.template_labels, after.template_labels);
    }
    found->second = std::make_shared<const std::any>(std::move(pods));
  }
}

std::optional<Kind> Evidence::list_kind(std::string_view kubernetes_kind) {
  for (const auto& row : kind_rows()) {
    if (!kubernetes_kind.empty() && row.kubernetes_kind == kubernetes_kind) return row.kind;
  }
  return std::nullopt;
}

const Json* Evidence::find_object(std::string_view kubernetes_kind, std::string_view ns, std::string_view name) const {
  const auto kind = list_kind(kubernetes_kind);
  if (!kind) return nullptr;
  for (const std::string& list_ns : std::set<std::string>{"", std::string(ns)}) {
    const auto list = m_items.find(Key{*kind, list_ns, "", ""});
    if (list == m_items.end()) continue;
    const Object* object = row_of(*kind).find(*list->second, ns, name);
    if (object != nullptr) return &object->raw;
  }
  return nullptr;
}

}  // namespace meshdx::evidence
