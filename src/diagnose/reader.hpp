// Strict reading of a YAML document's maps: unknown keys and wrong types are errors with their place. Private to
// diagnose.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/cause.hpp"
#include "util/yaml.hpp"

namespace meshdx::diagnose {

/// Reads values and keeps the first error; after one, further reads give defaults and say nothing.
class Reader {
 public:
  Reader(const YamlDocument& document, const FactIds& known) : m_document(document), m_known(known) {}

  [[nodiscard]] bool ok() const { return m_error.empty(); }
  [[nodiscard]] const std::string& error() const { return m_error; }
  /// Keeps "file:line:column: message" for the value at a pointer, unless there is an error already.
  void fail(const std::string& pointer, std::string_view message);

  /// The value at a pointer, or nullptr.
  [[nodiscard]] const Json* find(std::string_view pointer) const;
  [[nodiscard]] bool has(std::string_view pointer) const { return find(pointer) != nullptr; }

  /// Whether there is a map with no keys but these. An unknown key is reported where it stands.
  bool map(const std::string& pointer, std::initializer_list<std::string_view> keys);
  /// A text. Missing, null, empty or of another type: an error when `required`, else "".
  std::string text(const std::string& pointer, bool required = true);
  /// One of a few words; the first of them when there is none.
  std::string word(const std::string& pointer, std::initializer_list<std::string_view> words);
  /// A list of texts; empty when there is none.
  std::vector<std::string> texts(const std::string& pointer);
  /// The id of a known fact.
  std::string fact(const std::string& pointer);
  Condition condition(const std::string& pointer);
  /// How many elements the list at a pointer has; an error when it is something else.
  std::size_t list(const std::string& pointer);

 private:
  const YamlDocument& m_document;
  const FactIds& m_known;
  std::string m_error;
};

/// ", did you mean x?" for the nearest of some words, or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& words);

}  // namespace meshdx::diagnose
