#include "fix/expand.hpp"

#include <utility>

#include "util/text.hpp"
#include "util/yaml.hpp"

namespace meshdx::fix {
namespace {

/// Fills texts and remembers whether all bindings were there.
class Filler {
 public:
  explicit Filler(const facts::Bindings& bindings) : m_bindings(bindings) {}

  std::string text(const std::string& text) { return diagnose::fill(text, m_bindings, &m_missing); }

  /// A JSON pointer: what is filled in is one token of it, whatever it holds.
  std::string pointer(const std::string& text) {
    facts::Bindings escaped;
    for (const auto& item : m_bindings) {
      const Json& value = item.second;
      escaped[item.first] = escape_pointer(value.is_string() ? value.get<std::string>() : dump_json(value));
    }
    // A pointer that is one binding and nothing else was made by the fact, as a whole.
    return diagnose::whole_binding(text).empty() ? diagnose::fill(text, escaped, &m_missing) : this->text(text);
  }

  /// Any value: texts in it are filled; one that is a single binding becomes the binding's value.
  Json value(const Json& json) {
    if (json.is_string()) {
      const auto& text_of = json.get_ref<const std::string&>();
      const auto bound = m_bindings.find(std::string(diagnose::whole_binding(text_of)));
      return bound != m_bindings.end() ? bound->second : Json(text(text_of));
    }
    Json result = json;
    if (json.is_array()) {
      for (auto& element : result) element = value(element);
    } else if (json.is_object()) {
      result.clear();
      for (const auto& item : json.items()) result[text(item.key())] = value(item.value());
    }
    return result;
  }

  [[nodiscard]] bool complete() const { return m_missing.empty(); }

 private:
  const facts::Bindings& m_bindings;
  std::vector<std::string> m_missing;
};

/// The operations of a patch; a binding in an operation's place may hold one or a list of them.
Json operations(const Json& patch, Filler& filler) {
  if (patch.is_string()) return filler.value(patch);
  Json result = Json(Json::value_t::array);
  for (const Json& operation : patch) {
    Json filled = operation.is_object() ? Json(Json::value_t::object) : filler.value(operation);
    if (operation.is_object()) {
      for (const auto& item : operation.items()) {
        const bool pointer = (item.key() == "path" || item.key() == "from") && item.value().is_string();
        filled[item.key()] =
            pointer ? Json(filler.pointer(item.value().get<std::string>())) : filler.value(item.value());
      }
    }
    if (filled.is_array()) result.insert(result.end(), filled.begin(), filled.end());
    else result.push_back(std::move(filled));
  }
  return result;
}

/// Whether filling made an option of a word that was none: `kubectl rollout restart {x}` with x = "--all".
bool became_option(const std::string& before, const std::string& after) {
  return after.empty() || (starts_with(after, "-") && !starts_with(before, "-"));
}

}  // namespace

std::optional<Expanded> expand(const diagnose::FixTemplate& fix, const facts::Bindings& bindings) {
  Filler filler(bindings);
  Expanded made;
  made.title = filler.text(fix.title);
  made.kind = filler.text(fix.kind);
  made.ns = filler.text(fix.ns);
  made.name = filler.text(fix.name);
  made.advice = filler.text(fix.advice);
  made.touches = filler.text(fix.touches);
  if (!fix.patch.is_null()) made.patch = operations(fix.patch, filler);
  if (!fix.create.is_null()) made.create = filler.value(fix.create);
  for (const auto& command : fix.then) {
    made.then.emplace_back();
    for (const auto& word : command) {
      made.then.back().push_back(filler.text(word));
      if (became_option(word, made.then.back().back())) return std::nullopt;
    }
  }
  if (!filler.complete() || (!made.patch.is_null() && !made.patch.is_array())) return std::nullopt;
  return made;
}

}  // namespace meshdx::fix
