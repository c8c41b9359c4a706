#include "fix/patch.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "fix/fix.hpp"

namespace meshdx::fix {
namespace {

Error no_such(const Tokens& path) { return Error{fmt::format("there is no {}", to_pointer(path))}; }

/// A list's index for an add: "-" and the list's size are its end.
std::optional<std::size_t> insert_index(const Json& list, const std::string& token) {
  if (token == "-") return list.size();
  const auto index = to_index(token);
  return index && *index <= list.size() ? index : std::nullopt;
}

Expected<Done> add(Json& root, const Tokens& path, Json value) {
  if (path.empty()) {
    root = std::move(value);
    return Done{};
  }
  Json* parent = find(root, path, path.size() - 1);
  if (parent == nullptr) return no_such(Tokens(path.begin(), path.end() - 1));
  if (parent->is_object()) {
    (*parent)[path.back()] = std::move(value);
    return Done{};
  }
  const std::string container = path.size() == 1 ? "the whole value" : to_pointer(path, path.size() - 1);
  if (!parent->is_array()) return Error{fmt::format("{} is no map or list", container)};
  const auto index = insert_index(*parent, path.back());
  if (!index) return Error{fmt::format("{} has no index {}", container, path.back())};
  parent->insert(parent->begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
  return Done{};
}

Expected<Done> remove(Json& root, const Tokens& path) {
  if (path.empty()) return Error{"the whole value cannot be removed"};
  if (find(root, path) == nullptr) return no_such(path);
  Json& parent = *find(root, path, path.size() - 1);
  if (parent.is_object()) parent.erase(path.back());
  else parent.erase(*to_index(path.back()));
  return Done{};
}

Expected<Done> move_or_copy(Json& root, const Operation& operation) {
  const Json* source = find(root, operation.from);
  if (source == nullptr) return no_such(operation.from);
  Json value = *source;
  if (operation.op == "copy") return add(root, operation.path, std::move(value));
  if (operation.from == operation.path) return Done{};
  const bool into_itself = operation.from.size() < operation.path.size() &&
                           std::equal(operation.from.begin(), operation.from.end(), operation.path.begin());
  if (into_itself) return Error{"a value cannot be moved into itself"};
  auto removed = remove(root, operation.from);
  if (!removed.ok()) return removed;
  return add(root, operation.path, std::move(value));
}

}  // namespace

Expected<Operation> parse_operation(const Json& json) {
  static constexpr std::array<std::string_view, 6> names = {"add", "remove", "replace", "move", "copy", "test"};
  if (!json.is_object()) return Error{"is no map"};
  Operation operation;
  operation.op = text_at(json, "op");
  if (std::find(names.begin(), names.end(), operation.op) == names.end()) return Error{"has no op that RFC 6902 knows"};
  if (!at(json, "path").is_string()) return Error{"has no path"};
  const auto path = parse_pointer(text_at(json, "path"));
  if (!path) return Error{"its path is no JSON pointer"};
  operation.path = *path;
  if (operation.op == "move" || operation.op == "copy") {
    if (!at(json, "from").is_string()) return Error{"has no from"};
    const auto from = parse_pointer(text_at(json, "from"));
    if (!from) return Error{"its from is no JSON pointer"};
    operation.from = *from;
  } else if (operation.op != "remove") {
    if (!json.contains("value")) return Error{"has no value"};
    operation.value = json["value"];
  }
  return operation;
}

Expected<Done> apply_operation(Json& root, const Operation& operation) {
  if (operation.op == "add") return add(root, operation.path, operation.value);
  if (operation.op == "remove") return remove(root, operation.path);
  if (operation.op == "move" || operation.op == "copy") return move_or_copy(root, operation);
  Json* target = find(root, operation.path);
  if (target == nullptr) return no_such(operation.path);
  if (operation.op == "replace") {
    *target = operation.value;
  } else if (*target != operation.value) {
    return Error{fmt::format("the value is {}, not {}", dump_json(*target), dump_json(operation.value))};
  }
  return Done{};
}

Error operation_error(std::size_t index, const Json& json, const std::string& reason) {
  const std::string op = text_at(json, "op", "?");
  const std::string path = text_at(json, "path", "?");
  return Error{fmt::format("operation {} ({} {}): {}", index + 1, op, path.empty() ? "\"\"" : path, reason)};
}

Json make_operation(const char* op, const Tokens& path, Json value) {
  Json json = make_remove(path);
  json["op"] = op;
  json["value"] = std::move(value);
  return json;
}

Json make_remove(const Tokens& path) {
  Json json = Json::object();
  json["op"] = "remove";
  json["path"] = to_pointer(path);
  return json;
}

Expected<Json> apply_patch(const Json& object, const Json& patch) {
  if (!patch.is_array()) return Error{"a patch must be a list of operations"};
  Json result = object;
  for (std::size_t i = 0; i < patch.size(); ++i) {
    const auto operation = parse_operation(patch[i]);
    if (!operation.ok()) return operation_error(i, patch[i], operation.error());
    const auto applied = apply_operation(result, *operation);
    if (!applied.ok()) return operation_error(i, patch[i], applied.error());
  }
  return result;
}

}  // namespace meshdx::fix
