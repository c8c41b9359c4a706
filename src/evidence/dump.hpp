// The simdjson door: walks a list-like dump and hands out one element at a time. Internal: only evidence/envoy*.cpp and
// evidence/proxy_log*.cpp include it (simdjson.h costs more than a second of compile time a file).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "util/expected.hpp"
#include "util/input.hpp"

namespace meshdx::evidence::dump {

/// True when `key` is the camelCase name or its snake_case spelling: "consecutive5xx" is "consecutive_5xx" too
/// (formats.md 0.2: proxy-config prints the first, raw config dumps the second).
bool same_key(std::string_view key, std::string_view camel);

/// What was wrong with the element that is being read; the first trouble wins.
struct Trouble {
  std::string what;
};

/// A JSON value, or none: a missing key and `null` are none. Reads never throw: none reads as the default, a value of
/// another type than asked for does too but is noted as trouble, which fails the dump. Valid while its element is.
class View {
 public:
  View() = default;
  View(simdjson::dom::element element, Trouble* trouble, const char* key);

  explicit operator bool() const { return m_trouble != nullptr; }
  /// The member by its camelCase name, in either spelling.
  [[nodiscard]] View get(const char* camel) const;
  /// The member at the end of a path of members.
  [[nodiscard]] View get(std::initializer_list<const char*> path) const;
  [[nodiscard]] std::string_view view() const;
  [[nodiscard]] std::string text(std::string_view fallback = "") const;
  /// The member's text; trouble when it is missing or empty.
  [[nodiscard]] std::string need(const char* camel) const;
  /// An enumeration's name; protojson prints values it has no name for as numbers, which read as "".
  [[nodiscard]] std::string word(std::string_view fallback = "") const;
  [[nodiscard]] bool flag(bool fallback = false) const;
  /// A whole number, also as text: protojson prints 64 bit integers as strings (formats.md 0.3).
  [[nodiscard]] std::optional<std::uint64_t> number() const;
  [[nodiscard]] std::int64_t signed_number() const;
  /// A whole number that fits the type; trouble when it does not.
  template <class T>
  [[nodiscard]] std::optional<T> fit() const {
    const auto value = number();
    if (!value) return std::nullopt;
    if (*value <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return static_cast<T>(*value);
    note("is out of range");
    return std::nullopt;
  }
  /// Text, number or bool as it would be printed; for Struct content and JSON logs, where types are free. No trouble.
  [[nodiscard]] std::string printed() const;

  /// Calls `fn(View)` for each element of a list.
  template <class F>
  void each(F fn) const {
    simdjson::dom::array list;
    if (!m_trouble) return;
    if (m_element.get_array().get(list) != simdjson::SUCCESS) return note("is no list");
    for (const auto element : list) fn(View(element, m_trouble, m_key));
  }
  /// Calls `fn(std::string_view key, View)` for each member of an object, `null` members included as none.
  template <class F>
  void members(F fn) const {
    simdjson::dom::object object;
    if (!m_trouble) return;
    if (m_element.get_object().get(object) != simdjson::SUCCESS) return note("is no object");
    for (const auto field : object) {
      fn(field.key, field.value.is_null() ? View() : View(field.value, m_trouble, m_key));
    }
  }
  /// Notes trouble with this value: "\"KEY\" WHAT".
  void note(std::string_view what) const;

 private:
  simdjson::dom::element m_element;
  Trouble* m_trouble = nullptr;   ///< also says whether there is a value
  const char* m_key = "";
};

/// A list inside the object form of a dump, and where in its elements the record stands ("active_state", "listener").
struct List {
  const char* key;
  std::vector<const char*> inner;
  bool may_lack = false;   ///< elements without the inner value are no records (a listener that never became active)
};

/// How one kind of dump may be laid out: a list of records, or an object with the named lists, or such objects as
/// elements of "configs" (raw config_dump).
struct Shape {
  const char* what;       ///< "clusters dump", for messages
  const char* section;    ///< "ClustersConfigDump": the section's @type, which may be there without any list
  std::vector<List> lists;
  bool empty_object = false;   ///< `{}` is an empty dump (secrets, formats.md 2.3)
};

/// Reads one record; `list` is the key of the list it stands in, "" for a plain list.
using Reader = std::function<void(const View& record, std::string_view list)>;

/// Calls the reader for each record of a dump, parsing one element at a time: memory is that of the largest element.
/// Lines before the first one that begins with `[` or `{` are skipped (istioctl warnings). Takes any bytes; gives an
/// sentence with element and byte when the text breaks off, is no JSON, has another shape, or a record has trouble. Of a
/// text that comes part by part no more than a part is in memory; where it cannot be read to its end, or has a gap of blanks
/// of some kilobytes, that is an error too.
Expected<Done> for_each_record(const Input& text, const Shape& shape, const Reader& reader);

/// Parses single small JSON texts (log lines) with one reused buffer.
class LineParser {
 public:
  /// The value, or none when the line is no JSON object. Valid until the next call.
  View parse(std::string_view line);

 private:
  simdjson::dom::parser m_parser;
  std::string m_buffer;
  Trouble m_trouble;
};

/// Copies a slice into the buffer with the padding simdjson reads past the end, and parses it.
simdjson::error_code parse_padded(simdjson::dom::parser& parser, std::string& buffer, std::string_view slice,
                                  simdjson::dom::element& element);

}  // namespace meshdx::evidence::dump
