// Finds where JSON values end without parsing them: it only pairs brackets outside strings, whoever parses the slices
// judges the rest. Internal to src/evidence: big dumps are parsed one element at a time, joined lists are taken apart.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace meshdx::evidence {

class JsonScanner {
 public:
  JsonScanner(std::string_view text, std::size_t at)
      : m_begin(text.data()), m_at(text.data() + at), m_end(text.data() + text.size()) {}

  [[nodiscard]] std::size_t at() const { return static_cast<std::size_t>(m_at - m_begin); }
  /// The next character that is no blank, '\0' at the end.
  char peek();
  /// Takes `c` if it is the next character.
  bool take(char c);
  /// Takes one value whole; "" when the text ends in it or no value stands here.
  std::string_view value();
  /// The object that begins here on a line of its own, up to the line that closes it at the same indentation, as pretty
  /// printers lay it out; "" when it is laid out otherwise. Takes nothing: whether the slice is the object's text is for a
  /// parser to say (a beginning that reads as a whole object is the object). Looks at line ends only.
  [[nodiscard]] std::string_view laid_out_object() const;
  /// Steps behind a slice that begins here.
  void skip(std::string_view slice) { m_at = slice.data() + slice.size(); }
  /// Takes `"name":` and gives the name as it is written; `ok` says whether one stands here.
  std::string_view name(bool& ok);

 private:
  [[nodiscard]] std::string_view slice(const char* start) const { return {start, static_cast<std::size_t>(m_at - start)}; }
  bool string();
  bool container();
  void skip_indent();

  const char* m_begin;
  const char* m_at;
  const char* m_end;
};

/// Where the JSON of a command's output begins: at the first line that begins with a bracket; text.size() when none does.
std::size_t json_start(std::string_view text);

/// The elements of a list as they are written; nullopt when it is no list, or breaks off.
std::optional<std::vector<std::string_view>> element_slices(std::string_view list);

/// The member's value as it is written, "" when the object (a slice that begins with `{`) has no such member or is broken.
std::string_view member_slice(std::string_view object, std::string_view name);

}  // namespace meshdx::evidence
