#include "evidence/kube_read.hpp"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

/// What is wrong with an item, "" when nothing is.
std::string fault_of(const Json& item, std::string_view kind) {
  if (!item.is_object()) return "is not an object";
  const std::string own = text_at(item, "kind");
  if (own.empty()) return "has no kind";
  if (text_at(at(item, "metadata"), "name").empty()) return "has no metadata.name";
  if (!kind.empty() && own != kind) return fmt::format("is a {}, not a {}", printable(own), kind);
  return "";
}

/// Items of a typed list (PodList, as the API prints it) do not repeat the kind: it is filled in from the list's.
void inherit_kind(Json& item, const std::string& list_kind, const std::string& api_version) {
  if (!item.is_object() || item.contains("kind") || list_kind == "List") return;
  item["kind"] = list_kind.substr(0, list_kind.size() - std::string_view("List").size());
  if (!item.contains("apiVersion")) item["apiVersion"] = api_version;
}

}  // namespace

Expected<Json> parse_output(std::string_view text) {
  if (trim(text).empty()) return Error{"printed nothing"};
  auto json = parse_json(text);
  if (!json) return Error{fmt::format("cut off or not JSON ({})", printable(json.error()))};
  return json;
}

Expected<std::vector<Json>> list_items(std::string_view text, std::string_view kind) {
  auto json = parse_output(text);
  if (!json) return Error{json.error()};
  if (!json->is_object()) return Error{"not a Kubernetes object or List"};

  const std::string list_kind = text_at(*json, "kind");
  if (!ends_with(list_kind, "List")) {
    const std::string fault = fault_of(*json, kind);
    if (!fault.empty()) return Error{"the object " + fault};
    std::vector<Json> one;
    one.push_back(std::move(*json));
    return one;
  }

  const auto found = json->find("items");
  // Go prints a nil slice as null: an empty list all the same.
  const bool a_list = found != json->end() && (found->is_array() || found->is_null());
  if (!a_list) return Error{fmt::format("the {} has no items", printable(list_kind))};
  std::vector<Json> items;
  if (found->is_array()) items = std::move(found->get_ref<Json::array_t&>());
  const std::string api_version = text_at(*json, "apiVersion");
  for (std::size_t i = 0; i < items.size(); ++i) {
    inherit_kind(items[i], list_kind, api_version);
    const std::string fault = fault_of(items[i], kind);
    if (!fault.empty()) return Error{fmt::format("item {} of the list {}", i, fault)};
  }
  return items;
}

Labels labels_at(const Json& object, const char* key) {
  Labels labels;
  const Json& value = at(object, key);
  if (!value.is_object()) return labels;
  for (const auto& member : value.items()) {
    if (member.value().is_string()) labels.emplace(member.key(), member.value().get<std::string>());
  }
  return labels;
}

std::vector<std::string> texts_at(const Json& object, const char* key) {
  std::vector<std::string> texts;
  for (const Json& value : elements(at(object, key))) {
    if (value.is_string()) texts.push_back(value.get<std::string>());
  }
  return texts;
}

const Json::array_t& elements(const Json& value) {
  static const Json::array_t none;
  return value.is_array() ? value.get_ref<const Json::array_t&>() : none;
}

std::uint16_t port_of(const Json& value) {
  if (!value.is_number_integer()) return 0;
  const auto number = value.get<long long>();
  return number > 0 && number <= 65535 ? static_cast<std::uint16_t>(number) : std::uint16_t{0};
}

int int_at(const Json& object, const char* key, int fallback) {
  constexpr long long most = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp(number_at(object, key, fallback), -most, most));
}

}  // namespace meshdx::evidence
