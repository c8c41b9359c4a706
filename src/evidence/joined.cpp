#include "evidence/joined.hpp"

#include <algorithm>
#include <map>

#include "evidence/json_slices.hpp"
#include "evidence/kinds.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

/// "virtualservices.networking.istio.io" → "networking.istio.io"; "" for Kubernetes' core kinds.
std::string group_of(std::string_view resource) {
  const auto dot = resource.find('.');
  return dot == std::string_view::npos ? std::string() : std::string(resource.substr(dot + 1));
}

/// Kinds that a cluster has together or not at all.
std::string family_of(std::string_view resource) {
  const auto group = group_of(resource);
  if (ends_with(group, ".istio.io")) return "istio.io";
  return group == "gateway.networking.k8s.io" ? group : std::string();
}

/// The resource with its version. kubectl takes `a.b.c` for resource, version and group first, finds none of that name and
/// reads the whole discovery anew: two round trips and 30 ms of CPU a process. Versions that every supported release of
/// Kubernetes and Istio serves (v1beta1: also those before 1.22); where one is missing the parts are asked for singly.
std::string versioned(std::string_view resource) {
  static const std::map<std::string, std::string> versions = {
      {"networking.istio.io", "v1beta1"}, {"security.istio.io", "v1beta1"},    {"telemetry.istio.io", "v1alpha1"},
      {"discovery.k8s.io", "v1"},         {"networking.k8s.io", "v1"},         {"admissionregistration.k8s.io", "v1"},
      {"gateway.networking.k8s.io", "v1"}};
  const auto group = group_of(resource);
  const auto version = versions.find(group);
  if (version == versions.end()) return std::string(resource);
  std::string number = version->second;
  if (starts_with(resource, "envoyfilters.")) number = "v1alpha3";
  if (starts_with(resource, "referencegrants.")) number = "v1beta1";
  return std::string(resource.substr(0, resource.find('.'))) + "." + number + "." + group;
}

/// The row of a command in its canonical form; nullptr for every other one, which is left alone.
const KindRow* row_of_command(const run::Argv& argv, Key& key) {
  const auto found = key_of(argv);
  if (!found || command_for(*found) != argv) return nullptr;
  key = *found;
  return &row_of(key.kind);
}

bool in_config_dump(Kind kind) {
  return kind == Kind::clusters || kind == Kind::listeners || kind == Kind::routes || kind == Kind::secrets;
}

/// What the commands of one bucket have in common.
struct Bucket {
  std::string scope;    ///< namespace, "" for -A; the pod for proxies
  std::string family;
  bool proxy = false;
  bool operator<(const Bucket& o) const { return std::tie(scope, family, proxy) < std::tie(o.scope, o.family, o.proxy); }
};

run::Argv joined_argv(const Bucket& bucket, const std::vector<const KindRow*>& rows) {
  if (bucket.proxy) return {"istioctl", "proxy-config", "all", bucket.scope, "-o", "json"};
  std::vector<std::string> resources;
  for (const auto* row : rows) resources.push_back(versioned(row->resource));
  run::Argv argv{"kubectl", "get", meshdx::join(resources, ",")};
  if (bucket.scope.empty()) argv.emplace_back("-A");
  else argv.insert(argv.end(), {"-n", bucket.scope});
  argv.insert(argv.end(), {"-o", "json"});
  return argv;
}

struct Sorted {
  std::vector<std::pair<Bucket, std::vector<std::size_t>>> buckets;   ///< in the order they came up
  std::vector<std::size_t> anywhere;                                  ///< kinds without namespace go with any of them

  std::vector<std::size_t>& at(const Bucket& wanted) {
    for (auto& [bucket, members] : buckets) {
      if (!(bucket < wanted) && !(wanted < bucket)) return members;
    }
    return buckets.emplace_back(wanted, std::vector<std::size_t>()).second;
  }
};

Sorted sort_out(const std::vector<run::Argv>& commands) {
  Sorted sorted;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    Key key;
    const auto* row = row_of_command(commands[i], key);
    if (row == nullptr) continue;
    if (row->family == Family::list) sorted.at({key.ns, family_of(row->resource), false}).push_back(i);
    else if (row->family == Family::cluster_list) sorted.anywhere.push_back(i);
    else if (in_config_dump(key.kind)) sorted.at({key.name + "." + key.ns, "", true}).push_back(i);
  }
  for (const auto i : sorted.anywhere) {
    Key key;
    const auto family = family_of(row_of_command(commands[i], key)->resource);
    const auto find = [&](auto fits) {
      return std::find_if(sorted.buckets.begin(), sorted.buckets.end(), [&](const auto& entry) { return !entry.first.proxy && fits(entry.first); });
    };
    // With Istio's lists rather than with a namespace's: those are asked for in two processes anyway, and what waits for all
    // of a namespace waits for one list less. In front, where the first half is that others wait for.
    const auto istio = find([](const Bucket& bucket) { return bucket.scope.empty() && bucket.family == "istio.io"; });
    if (family.empty() && istio != sorted.buckets.end() && istio->second.size() > 1) {
      istio->second.insert(istio->second.begin(), i);
      continue;
    }
    const auto place = find([&](const Bucket& bucket) { return bucket.family == family; });
    if (place != sorted.buckets.end()) place->second.push_back(i);
  }
  return sorted;
}

/// Cuts a bucket into parts of about the same size, none above `most`.
void cut(const Bucket& bucket, const std::vector<std::size_t>& members, const std::vector<run::Argv>& commands, std::size_t most,
         std::vector<Join>& joins) {
  const std::size_t parts = bucket.proxy ? 1 : (members.size() + most - 1) / most;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto from = members.begin() + static_cast<std::ptrdiff_t>(members.size() * part / parts);
    const auto to = members.begin() + static_cast<std::ptrdiff_t>(members.size() * (part + 1) / parts);
    if (to - from < 2) continue;
    std::vector<const KindRow*> rows;
    Key key;
    for (auto at = from; at != to; ++at) rows.push_back(row_of_command(commands[*at], key));
    joins.push_back({joined_argv(bucket, rows), {from, to}});
  }
}

/// One part of a joined answer, as a command of its own would have printed it.
run::CommandResult part_of(const run::CommandResult& joined, const run::Argv& member) {
  run::CommandResult part;
  part.argv = member;
  part.end = joined.end;
  part.exit_code = joined.exit_code;
  part.took = joined.took;
  part.why = joined.why;
  part.together = joined.argv;
  return part;
}

/// The items of a joined list by what they are ("networking.istio.io/VirtualService"); nullopt when it is no list.
using Items = std::map<std::string, std::vector<std::string_view>>;
std::optional<Items> items_by_kind(std::string_view text) {
  const auto list = member_slice(text.substr(json_start(text)), "items");
  JsonScanner scan(list, 0);
  Items items;
  if (!scan.take('[')) return std::nullopt;
  if (scan.take(']')) return items;
  const auto unquoted = [](std::string_view word) { return word.size() < 2 ? std::string_view() : word.substr(1, word.size() - 2); };
  do {
    scan.peek();
    const auto item = scan.value();
    const auto version = unquoted(member_slice(item, "apiVersion"));
    const auto kind = unquoted(member_slice(item, "kind"));
    if (version.empty() || kind.empty()) return std::nullopt;
    const auto slash = version.find('/');
    const auto group = slash == std::string_view::npos ? std::string_view() : version.substr(0, slash);
    items[std::string(group) + "/" + std::string(kind)].push_back(item);
  } while (scan.take(','));
  return scan.take(']') ? std::optional<Items>(items) : std::nullopt;
}

/// As kubectl prints a list.
std::string list_text(const std::vector<std::string_view>& items) {
  std::string text = "{\n    \"apiVersion\": \"v1\",\n    \"items\": [";
  for (std::size_t i = 0; i < items.size(); ++i) text.append(i == 0 ? "\n        " : ",\n        ").append(items[i]);
  text += items.empty() ? "]" : "\n    ]";
  return text + ",\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n";
}

/// The line of stderr that forbids the resource, "" when none does. `understood` counts them.
std::string refusal_of(const std::vector<std::string>& lines, std::string_view resource, std::size_t& understood) {
  const std::string name(resource.substr(0, resource.find('.')));
  const std::string words = "cannot list resource \"" + name + "\" in API group \"" + group_of(resource) + "\"";
  for (const auto& line : lines) {
    if (!contains(line, words)) continue;
    ++understood;
    return line + "\n";
  }
  return "";
}

std::optional<std::vector<run::CommandResult>> lists_of(const std::vector<run::Argv>& members, const run::CommandResult& joined) {
  auto items = items_by_kind(joined.out);
  if (!items) return std::nullopt;
  std::vector<std::string> lines;
  for (const auto& line : split(joined.err, '\n')) {
    if (!trim(line).empty()) lines.emplace_back(line);
  }
  std::vector<run::CommandResult> parts;
  std::size_t understood = 0;
  for (const auto& member : members) {
    Key key;
    const auto* row = row_of_command(member, key);
    if (row == nullptr) return std::nullopt;
    auto& part = parts.emplace_back(part_of(joined, member));
    const std::string_view kind = row->kubernetes_kind;   // the Gateway API's Gateway has its group behind it
    const auto own = items->extract(group_of(row->resource) + "/" + std::string(kind.substr(0, kind.find('.'))));
    part.out = list_text(own.empty() ? std::vector<std::string_view>() : own.mapped());
    part.err = refusal_of(lines, row->resource, understood);
    part.exit_code = part.err.empty() ? 0 : joined.exit_code;
  }
  // An item nobody asked for, or an error that is none of these refusals: the answer is not what it should be.
  const bool clear = items->empty() && (joined.exit_code == 0 || (understood == lines.size() && understood > 0));
  return clear ? std::optional(parts) : std::nullopt;
}

const char* section_of(Kind kind) {
  switch (kind) {
    case Kind::clusters: return "ClustersConfigDump\"";
    case Kind::listeners: return "ListenersConfigDump\"";
    case Kind::routes: return "RoutesConfigDump\"";
    default: return "SecretsConfigDump\"";
  }
}

std::optional<std::vector<run::CommandResult>> sections_of(const std::vector<run::Argv>& members, const run::CommandResult& joined) {
  if (joined.exit_code != 0) return std::nullopt;
  const std::string_view text = joined.out;
  JsonScanner scan(member_slice(text.substr(json_start(text)), "configs"), 0);
  if (!scan.take('[')) return std::nullopt;
  std::vector<std::string_view> sections;
  do {
    scan.peek();
    sections.push_back(scan.value());
  } while (scan.take(','));
  if (!scan.take(']')) return std::nullopt;
  std::vector<run::CommandResult> parts;
  for (const auto& member : members) {
    Key key;
    if (row_of_command(member, key) == nullptr) return std::nullopt;
    const auto section = std::find_if(sections.begin(), sections.end(), [&](std::string_view slice) {
      return ends_with(member_slice(slice, "@type"), std::string(".") + section_of(key.kind));
    });
    if (section == sections.end()) return std::nullopt;
    parts.push_back(part_of(joined, member));
    parts.back().out = "{\n \"configs\": [\n  " + std::string(*section) + "\n ]\n}\n";
  }
  return parts;
}

}  // namespace

std::vector<Join> joins_of(const std::vector<run::Argv>& commands, std::size_t most) {
  std::vector<Join> joins;
  for (const auto& [bucket, members] : sort_out(commands).buckets) cut(bucket, members, commands, most, joins);
  return joins;
}

std::optional<std::vector<run::CommandResult>> take_apart(const std::vector<run::Argv>& members, const run::CommandResult& joined) {
  if (joined.end != run::End::exited || joined.truncated) return std::nullopt;
  const bool proxy = !joined.argv.empty() && joined.argv.front() == "istioctl";
  return proxy ? sections_of(members, joined) : lists_of(members, joined);
}

}  // namespace meshdx::evidence
