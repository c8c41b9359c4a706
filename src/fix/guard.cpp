// Tests that make a pasted patch fail on an object that is no longer what was captured, and the way back.
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "fix/fix.hpp"
#include "fix/patch.hpp"

namespace meshdx::fix {
namespace {

constexpr std::size_t small_list = 2048;    ///< bytes of JSON up to which a whole list or element is worth testing
constexpr std::size_t small_parent = 512;
constexpr std::size_t most_leaves = 16;

/// captured: the object is as the cluster printed it, so whole values can be tested. assumed: it is what a fix was to
/// make of it, to which the API server may have added defaults since.
enum class Known { captured, assumed };

/// Builds a patch operation by operation, each with its tests in front, on a copy of the object that is edited along.
class Guarded {
 public:
  Guarded(Json object, Known known) : m_state(std::move(object)), m_known(known) {}

  /// Adds one operation. Errors as in apply_operation.
  Expected<Done> take(const Json& json) {
    const auto parsed = parse_operation(json);
    if (!parsed.ok()) return Error{parsed.error()};
    const Operation& operation = *parsed;
    if (operation.op == "test") {
      const auto applied = apply_operation(m_state, operation);
      if (applied.ok()) emit_test(operation.path, operation.value);
      return applied;
    }
    const bool adds = operation.op == "add" || operation.op == "move" || operation.op == "copy";
    if (operation.op == "move" || operation.op == "copy") test_target(operation.from);
    if (adds) {
      make_parents(operation.path);
      test_place(operation.path);
    } else {
      test_target(operation.path);
    }
    return emit(json, operation);
  }

  [[nodiscard]] const Json& state() const { return m_state; }
  [[nodiscard]] const Json& patch() const { return m_patch; }

 private:
  Expected<Done> emit(const Json& json, const Operation& operation) {
    const auto applied = apply_operation(m_state, operation);
    if (applied.ok()) m_patch.push_back(json);
    // Once list elements may have moved, an earlier test says nothing of the place any more.
    if (operation.op != "replace") m_tested.clear();
    return applied;
  }

  void emit_test(const Tokens& path, const Json& value) {
    for (std::size_t i = 0; i <= path.size(); ++i) {
      if (m_tested.count(to_pointer(path, i)) > 0) return;
    }
    m_tested.insert(to_pointer(path));
    m_patch.push_back(make_operation("test", path, value));
  }

  /// Tests a value that is to be replaced, removed or moved, and that its list elements are the right ones.
  void test_target(const Tokens& path) {
    const Json* value = find(m_state, path);
    if (value == nullptr) return;  // applying it gives the error
    test_elements(path);
    test_value(path, *value);
  }

  void test_value(const Tokens& path, const Json& value) {
    if (m_known == Known::captured) return emit_test(path, value);
    std::size_t left = most_leaves;
    test_leaves(path, value, left);
  }

  void test_leaves(const Tokens& path, const Json& value, std::size_t& left) {
    if (left == 0) return;
    if (!value.is_structured() || value.empty()) {
      --left;
      return emit_test(path, value);
    }
    for (const auto& item : value.items()) {
      Tokens inner = path;
      inner.push_back(item.key());
      test_leaves(inner, item.value(), left);
    }
  }

  /// Tests the place where a value is to be added.
  void test_place(const Tokens& path) {
    if (path.empty()) return test_target(path);
    const Tokens parent(path.begin(), path.end() - 1);
    const Json* container = find(m_state, parent);
    if (container == nullptr) return;
    if (container->is_object() && child(*container, path.back()) != nullptr) return test_target(path);
    test_elements(path);
    if (container->is_array()) return test_list(parent, *container, path.back());
    // RFC 6902 cannot test that a member is missing, but its parent as a whole can be. Metadata changes all the time.
    const bool steady = !parent.empty() && parent.front() != "metadata" && parent.front() != "status";
    if (m_known == Known::captured && steady && dump_json(*container).size() <= small_parent)
      emit_test(parent, *container);
  }

  /// Tests a list into which an element is to be put: otherwise pasting a fix twice would put it there twice.
  void test_list(const Tokens& path, const Json& list, const std::string& token) {
    if (m_known == Known::captured && dump_json(list).size() <= small_list) return emit_test(path, list);
    if (list.empty()) return emit_test(path, list);
    const auto index = to_index(token);
    Tokens neighbour = path;
    neighbour.push_back(std::to_string(std::min(index.value_or(list.size()), list.size() - 1)));
    const Json& element = *find(m_state, neighbour);
    if (!identify(neighbour, neighbour.size(), neighbour)) test_value(neighbour, element);
  }

  /// For each list element on the way to a place: tests what tells it from its neighbours.
  void test_elements(const Tokens& path) {
    for (std::size_t i = 1; i < path.size(); ++i) {
      const Json* list = find(m_state, path, i - 1);
      const Json* element = find(m_state, path, i);
      if (list == nullptr || element == nullptr || !list->is_array()) continue;
      const Tokens place(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i));
      if (identify(path, i, path)) continue;
      if (m_known == Known::captured && dump_json(*element).size() <= small_list) emit_test(place, *element);
    }
  }

  /// Tests a name, host or port of the element that the first `length` tokens lead to, or of an object between it and
  /// `target`. False when there is none. The target itself has, or is about to lose, its own.
  bool identify(const Tokens& path, std::size_t length, const Tokens& target) {
    static constexpr std::array<const char*, 4> names = {"name", "host", "port", "number"};
    for (std::size_t i = length; i <= std::max(length, path.size() - 1); ++i) {
      const Json* object = find(m_state, path, i);
      if (object == nullptr || (i > length && object->is_array())) return false;
      for (const char* name : names) {
        const Json& value = at(*object, name);
        if (value.is_null() || value.is_structured()) continue;
        Tokens place(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i));
        place.emplace_back(name);
        if (place == target) return true;
        emit_test(place, value);
        return true;
      }
    }
    return false;
  }

  /// Adds the objects and lists that a path needs and that are not there.
  void make_parents(const Tokens& path) {
    for (std::size_t i = 1; i < path.size(); ++i) {
      if (find(m_state, path, i) != nullptr) continue;
      const Json* parent = find(m_state, path, i - 1);
      if (parent == nullptr || !parent->is_object()) return;  // applying it gives the error
      const Tokens missing(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i));
      test_place(missing);
      Operation operation;
      operation.op = "add";
      operation.path = missing;
      operation.value = path[i] == "-" ? Json(Json::value_t::array) : Json(Json::value_t::object);
      emit(make_operation("add", missing, operation.value), operation);
      m_tested.insert(to_pointer(missing));  // it is what has just been put there
    }
  }

  Json m_state;
  Json m_patch = Json(Json::value_t::array);
  Known m_known;
  std::set<std::string> m_tested;   ///< pointers of what is known to be as in m_state, with all that is in it
};

/// The operation that takes back an add at `path` to `state`.
Json reverse_add(const Json& state, Tokens path) {
  if (path.empty()) return make_operation("replace", path, state);
  const Json& parent = *find(state, path, path.size() - 1);
  if (parent.is_array()) {
    if (path.back() == "-") path.back() = std::to_string(parent.size());
    return make_remove(path);
  }
  const Json* old = child(parent, path.back());
  return old == nullptr ? make_remove(path) : make_operation("replace", path, *old);
}

/// Appends, last first, what takes back an operation on `state`.
void reverse(const Json& state, const Operation& operation, Json& reversed) {
  if (operation.op == "test" || (operation.op == "move" && operation.from == operation.path)) return;
  if (operation.op == "replace") {
    reversed.push_back(make_operation("replace", operation.path, *find(state, operation.path)));
  } else if (operation.op == "remove") {
    reversed.push_back(make_operation("add", operation.path, *find(state, operation.path)));
  } else if (operation.op == "move") {
    const Json& moved = *find(state, operation.from);
    reversed.push_back(make_operation("add", operation.from, moved));
    Json without = state;
    Operation removal;
    removal.op = "remove";
    removal.path = operation.from;
    apply_operation(without, removal);
    reversed.push_back(reverse_add(without, operation.path));
  } else {
    reversed.push_back(reverse_add(state, operation.path));
  }
}

/// Takes away the labels or annotations that a removal left empty: the API server does not keep such a map, so what is to be
/// put back into it must bring the map along (apimachinery ObjectMeta: `json:"labels,omitempty"`).
void drop_emptied(Json& state, const Operation& operation) {
  const Tokens& removed = operation.op == "remove" ? operation.path : operation.from;
  if ((operation.op != "remove" && operation.op != "move") || removed.size() < 3 || removed[removed.size() - 3] != "metadata") return;
  const std::string& map = removed[removed.size() - 2];
  Json* metadata = find(state, removed, removed.size() - 2);
  if (metadata == nullptr || (map != "labels" && map != "annotations")) return;
  const Json* left = child(*metadata, map);
  if (left != nullptr && left->is_object() && left->empty()) metadata->erase(map);
}

}  // namespace

Expected<Json> guard(const Json& object, const Json& patch) {
  if (!patch.is_array()) return Error{"a patch must be a list of operations"};
  Guarded guarded(object, Known::captured);
  for (std::size_t i = 0; i < patch.size(); ++i) {
    const auto taken = guarded.take(patch[i]);
    if (!taken.ok()) return operation_error(i, patch[i], taken.error());
  }
  return guarded.patch();
}

Json undo_patch(const Json& before, const Json& after, const Json& patch) {
  if (!patch.is_array()) return nullptr;
  Json state = before;
  Json reversed = Json(Json::value_t::array);  // in the order of `patch`, to be run from its end
  for (const Json& json : patch) {
    const auto operation = parse_operation(json);
    Json next = state;
    if (!operation.ok() || !apply_operation(next, *operation).ok()) return nullptr;
    reverse(state, *operation, reversed);
    state = std::move(next);
  }
  if (state != after) return nullptr;
  for (const Json& json : patch) drop_emptied(state, *parse_operation(json));
  Guarded guarded(std::move(state), Known::assumed);
  for (auto json = reversed.rbegin(); json != reversed.rend(); ++json) {
    if (!guarded.take(*json).ok()) return nullptr;
  }
  return guarded.patch();
}

}  // namespace meshdx::fix
