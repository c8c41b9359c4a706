// `istioctl proxy-status` in every layout of formats.md 1: tables of istioctl 1.18 to 1.32, and -o json.
#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "evidence/control.hpp"
#include "evidence/kube_read.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

/// A status cell or configStatus: "SYNCED", "STALE (Never Acknowledged)", "NOT SENT", "NOT_SENT" (formats.md 1.3).
Sync to_sync(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Sync>, 6> words{{{"SYNCED", Sync::synced},
                                                                           {"STALE", Sync::stale},
                                                                           {"NOT SENT", Sync::not_sent},
                                                                           {"NOT_SENT", Sync::not_sent},
                                                                           {"IGNORED", Sync::ignored},
                                                                           {"ERROR", Sync::error}}};
  const auto word = trim(text.substr(0, text.find('(')));   // the rest is an age
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& entry) { return entry.first == word; });
  return found == words.end() ? Sync::unknown : found->second;
}

/// Short names as the tables have them (istio/pkg/model/xds.go GetShortType); others keep the whole URL, as there.
std::string short_type(const std::string& url) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 10> names{
      {{"envoy.config.cluster.v3.Cluster", "CDS"},
       {"envoy.config.listener.v3.Listener", "LDS"},
       {"envoy.config.endpoint.v3.ClusterLoadAssignment", "EDS"},
       {"envoy.config.route.v3.RouteConfiguration", "RDS"},
       {"envoy.config.core.v3.TypedExtensionConfig", "ECDS"},
       {"envoy.extensions.transport_sockets.tls.v3.Secret", "SDS"},
       {"istio.networking.nds.v1.NameTable", "NDS"},
       {"istio.mesh.v1alpha1.ProxyConfig", "PCDS"},
       {"istio.workload.Address", "WDS"},
       {"istio.security.Authorization", "WADS"}}};
  for (const auto& [suffix, name] : names) {
    if (ends_with(url, suffix)) return name;
  }
  return url;
}

/// NAME is pod.namespace; a whole node id "sidecar~IP~pod.ns~domain" is taken too.
void set_name(ProxyState& proxy, std::string_view id) {
  const auto parts = split(id, '~');
  const std::string name = parts.size() == 4 ? parts[2] : std::string(id);
  const auto dot = name.rfind('.');
  proxy.pod = name.substr(0, dot);
  if (dot != std::string::npos) proxy.ns = name.substr(dot + 1);
}

// --- tables -----------------------------------------------------------------------------------------------------

struct Column {
  std::string name;
  std::size_t start = 0;
};

/// Columns of a tabwriter header: names hold single blanks ("SUBSCRIBED TYPES"), columns are two or more apart.
std::vector<Column> read_header(std::string_view line) {
  std::vector<Column> columns;
  std::size_t i = 0;
  while ((i = line.find_first_not_of(' ', i)) != std::string_view::npos) {
    const auto end = std::min(line.find("  ", i), line.size());
    columns.push_back(Column{std::string(trim(line.substr(i, end - i))), i});
    i = end;
  }
  return columns;
}

bool is_header(const std::vector<Column>& columns) {
  const auto has = [&](std::string_view name) {
    return std::any_of(columns.begin(), columns.end(), [&](const Column& column) { return column.name == name; });
  };
  return !columns.empty() && columns.front().name == "NAME" && columns.front().start == 0 && has("CLUSTER") &&
         has("ISTIOD") && has("VERSION");
}

bool is_type(const Column& column) {
  static constexpr std::array<std::string_view, 5> others{"NAME", "CLUSTER", "ISTIOD", "VERSION", "SUBSCRIBED TYPES"};
  return std::find(others.begin(), others.end(), column.name) == others.end();
}

void set_cell(ProxyState& proxy, const Column& column, std::string_view cell) {
  if (column.name == "NAME") {
    set_name(proxy, cell);
  } else if (column.name == "CLUSTER") {
    proxy.cluster = cell;
  } else if (column.name == "ISTIOD") {
    proxy.istiod = cell;
  } else if (column.name == "VERSION") {
    // 1.18 to 1.21 mark a version that only the proxy told with `*`.
    proxy.version = ends_with(cell, "*") ? cell.substr(0, cell.size() - 1) : cell;
  } else if (is_type(column) && !cell.empty()) {   // an empty cell: the reply did not mention the type (1.22 mixed)
    proxy.types[column.name] = to_sync(cell);
  }
}

Expected<ProxyState> read_row(std::string_view line, const std::vector<Column>& columns) {
  ProxyState proxy;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto start = columns[i].start;
    if (start > line.size()) break;
    if (start > 0 && line[start - 1] != ' ') return Error{"does not line up with the header"};
    const auto length = i + 1 < columns.size() ? columns[i + 1].start - start : std::string_view::npos;
    set_cell(proxy, columns[i], trim(line.substr(start, length)));
  }
  if (proxy.pod.empty()) return Error{"has no name"};
  return proxy;
}

Expected<ProxyStatus> read_table(std::string_view text) {
  const auto lines = split(text, '\n');
  const auto columns = read_header(lines.front());
  if (!is_header(columns)) return Error{"not the output of istioctl proxy-status"};
  ProxyStatus status;
  status.says_sync = std::any_of(columns.begin(), columns.end(), is_type);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (trim(lines[i]).empty()) continue;
    // Whole output ends with a line break; without one the last row must at least reach the last column.
    const bool cut = i + 1 == lines.size() && lines[i].size() <= columns.back().start;
    auto proxy = cut ? Expected<ProxyState>(Error{"is cut off"}) : read_row(lines[i], columns);
    if (!proxy) return Error{fmt::format("line {} of istioctl proxy-status {}", i + 1, proxy.error())};
    status.proxies.push_back(std::move(*proxy));
  }
  return status;
}

// --- JSON -------------------------------------------------------------------------------------------------------

/// Length of the JSON object at the front of `text` (which starts with a brace); 0 when it is cut off.
std::size_t object_length(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

/// Why a proxy rejected a push: `errorState.details` can hold the rejected resource first and the reason after the last
/// "\n: " (formats.md 1.4).
std::string rejection_reason(const Json& config) {
  const std::string details = text_at(at(config, "errorState"), "details");
  const auto last = details.rfind("\n: ");
  return std::string(trim(last == std::string::npos ? details : details.substr(last + 3)));
}

ProxyState read_client(const Json& resource, const std::string& istiod) {
  ProxyState proxy;
  const Json& metadata = at(resource, {"node", "metadata"});
  set_name(proxy, text_at(at(resource, "node"), "id"));
  if (proxy.ns.empty()) proxy.ns = text_at(metadata, "NAMESPACE");
  proxy.cluster = text_at(metadata, "CLUSTER_ID");
  proxy.version = text_at(metadata, "ISTIO_VERSION");
  proxy.istiod = istiod;
  for (const Json& config : elements(at(resource, "genericXdsConfigs"))) {
    const std::string type = short_type(text_at(config, "typeUrl"));
    const Sync sync = to_sync(text_at(config, "configStatus"));
    if (type.empty()) continue;
    proxy.types[type] = sync;
    if (sync == Sync::error) proxy.errors[type] = rejection_reason(config);
  }
  return proxy;
}

/// One DiscoveryResponse per istiod, one after the other. Without proxies: an object without `resources`.
Expected<ProxyStatus> read_json(std::string_view text) {
  ProxyStatus status;
  status.says_sync = true;
  while (!(text = trim(text)).empty()) {
    const std::size_t length = text.front() == '{' ? object_length(text) : 0;
    const auto response = parse_output(length == 0 ? text : text.substr(0, length));
    if (!response) return Error{response.error()};
    const bool known = response->is_object() && (response->empty() || response->contains("resources") ||
                                                 text_at(*response, "typeUrl") == "istio.io/debug/syncz");
    if (!known) return Error{"not the output of istioctl proxy-status"};
    const auto identifier = parse_json(text_at(at(*response, "controlPlane"), "identifier"));   // JSON in a string
    const std::string istiod = identifier ? text_at(*identifier, "ID") : "";
    for (const Json& resource : elements(at(*response, "resources"))) {
      auto proxy = read_client(resource, istiod);
      if (proxy.pod.empty()) return Error{"istioctl proxy-status names a proxy without node.id"};
      status.proxies.push_back(std::move(proxy));
    }
    text.remove_prefix(length);
  }
  // istiod prints proxies in random order; the tables are sorted by name.
  std::stable_sort(status.proxies.begin(), status.proxies.end(), [](const ProxyState& a, const ProxyState& b) {
    return std::tie(a.pod, a.ns) < std::tie(b.pod, b.ns);
  });
  return status;
}

}  // namespace

Expected<ProxyStatus> parse_proxy_status(std::string_view text) {
  if (trim(text).empty()) return Error{"printed nothing"};
  text.remove_prefix(text.find_first_not_of(" \t\r\n"));
  // istioctl's log goes to stdout as well: lines of it may stand before the answer. What might be a broken answer's own
  // lines is never skipped.
  std::size_t start = 0;
  while (start < text.size() && !contains(" \t{}[]\"", text.substr(start, 1)) && !starts_with(text.substr(start), "NAME ")) {
    start = std::min(text.find('\n', start), text.size() - 1) + 1;
  }
  if (start == text.size()) start = 0;
  return text[start] == '{' ? read_json(text.substr(start)) : read_table(text.substr(start));
}

}  // namespace meshdx::evidence
