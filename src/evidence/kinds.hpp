// The one table of kinds: name, resource and parser of each. Internal to src/evidence.
#pragma once

#include <algorithm>
#include <any>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/evidence.hpp"

namespace meshdx::evidence {

/// Which tool and sub-command asks for a kind.
enum class Family {
  list,            ///< kubectl get RESOURCE (-n NS | -A) -o json
  cluster_list,    ///< kubectl get RESOURCE -o json: objects without namespace
  proxy_config,    ///< istioctl proxy-config RESOURCE POD.NS -o json
  other,           ///< has a form of its own
};

/// A command's output, parsed, as std::any of Loaded<Record<kind>>. Output that comes part by part is for the kinds of
/// Family::proxy_config alone. Without output (nullptr): the gap alone.
struct Parsed {
  std::any record;
  std::string error;      ///< why the output could not be read
  std::size_t rank = 0;   ///< among several answers to one question the one of higher rank stays
};
using Parse = Parsed (*)(const Source& source, const Input* output);
/// The object of a list record by namespace and name, or nullptr.
using Find = const Object* (*)(const std::any& record, std::string_view ns, std::string_view name);
/// The list record with `object` in it, instead of the one of its name; nullopt when it cannot be read as the kind.
using Put = std::optional<std::any> (*)(const std::any& record, const Json& object);

struct KindRow {
  Kind kind;
  const char* name;              ///< "virtual_services"
  Family family;
  const char* resource;          ///< "virtualservices.networking.istio.io"
  const char* kubernetes_kind;   ///< "VirtualService"; "" for what is no list of objects
  Parse parse;
  Find find;                     ///< nullptr for what is no list of objects
  Put put;                       ///< nullptr for kinds no fix edits

  /// Whether kubectl lists it.
  [[nodiscard]] bool is_list() const { return family == Family::list || family == Family::cluster_list; }
  /// "virtualservices"
  [[nodiscard]] std::string_view plural() const { return std::string_view(resource).substr(0, std::string_view(resource).find('.')); }
  /// "networking.istio.io"; "" for Kubernetes' core kinds.
  [[nodiscard]] std::string_view group() const { return std::string_view(resource).substr(std::min(plural().size() + 1, std::string_view(resource).size())); }
};

/// All rows, in the order of the enum.
const std::vector<KindRow>& kind_rows();
const KindRow& row_of(Kind kind);

}  // namespace meshdx::evidence
