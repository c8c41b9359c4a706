// Reads that the parsers of Kubernetes objects share. Internal to src/evidence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evidence/kube.hpp"
#include "util/expected.hpp"
#include "util/json.hpp"

namespace meshdx::evidence {

/// One JSON text that a command printed. The error says "printed nothing" or "cut off or not JSON (where)".
Expected<Json> parse_output(std::string_view text);

/// The items of a List, or the one object that was printed. Every item is an object with kind and metadata.name, and of
/// `kind` unless that is "": anything else is an error, because a list with holes would prove absence that is none.
Expected<std::vector<Json>> list_items(std::string_view text, std::string_view kind);

/// A map of strings; members of other types are left out.
Labels labels_at(const Json& object, const char* key);
/// An array of strings; elements of other types are left out.
std::vector<std::string> texts_at(const Json& object, const char* key);
/// The elements of an array, or none: for loops over what may be absent, null or of another type.
const Json::array_t& elements(const Json& value);
/// A port number, 0 when it is none.
std::uint16_t port_of(const Json& value);
/// A count, kept within what an int holds.
int int_at(const Json& object, const char* key, int fallback = 0);

/// Reads every item of a List of `kind` with `convert` (Json -> Expected<T>).
template <class T, class Convert>
Expected<std::vector<T>> read_list(std::string_view text, std::string_view kind, Convert convert) {
  auto items = list_items(text, kind);
  if (!items) return Error{items.error()};
  std::vector<T> result;
  result.reserve(items->size());
  for (auto& item : *items) {
    Expected<T> object = convert(std::move(item));
    if (!object) return Error{object.error()};
    result.push_back(std::move(*object));
  }
  return result;
}

}  // namespace meshdx::evidence
