#include "util/yaml.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "util/text.hpp"
#include "util/yaml_stream.hpp"

namespace meshdx {
namespace {

constexpr std::size_t max_size = 4U << 20U;
constexpr std::size_t max_depth = 64;
/// yaml-cpp keeps every token of a line of flow brackets in memory until it has seen the line's end.
constexpr std::size_t max_line = 64U << 10U;

/// The lines of a text: what a mark of yaml-cpp (line and byte, from 0) points into.
class Lines {
 public:
  Lines(std::string_view text, int first_line) : m_first(first_line) {
    while (!text.empty()) {
      const auto end = text.find('\n');
      m_lines.push_back(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
  }

  [[nodiscard]] std::string_view operator[](int line) const {
    return line >= 0 && static_cast<std::size_t>(line) < m_lines.size() ? m_lines[static_cast<std::size_t>(line)] : "";
  }
  [[nodiscard]] const std::vector<std::string_view>& all() const { return m_lines; }

  /// The byte a mark points at, or NUL.
  [[nodiscard]] char byte(const YAML::Mark& mark) const {
    const auto line = (*this)[mark.line];
    return mark.column >= 0 && static_cast<std::size_t>(mark.column) < line.size()
               ? line[static_cast<std::size_t>(mark.column)]
               : '\0';
  }

  /// A mark as people count: from 1, columns in characters.
  [[nodiscard]] Mark human(const YAML::Mark& mark) const {
    if (mark.line < 0) return first();
    const auto before = (*this)[mark.line].substr(0, static_cast<std::size_t>(std::max(mark.column, 0)));
    const auto characters = std::count_if(before.begin(), before.end(),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    return Mark{mark.line + m_first, static_cast<int>(characters) + 1};
  }
  [[nodiscard]] Mark first() const { return Mark{m_first, 1}; }

  /// The byte of the first tab in a line's indentation, or npos.
  [[nodiscard]] std::size_t indenting_tab(int line) const {
    const auto text = (*this)[line];
    const auto tab = text.find('\t');
    return tab < text.find_first_not_of(" \t\r") ? tab : std::string_view::npos;
  }

 private:
  int m_first;
  std::vector<std::string_view> m_lines;
};

constexpr const char* tab_message = "a tab in the indentation; indent with blanks";

[[noreturn]] void fail(const YAML::Mark& mark, const std::string& reason) { throw YAML::ParserException(mark, reason); }

/// A plain scalar's value. Numbers are those of JSON's grammar; one that 64 bits cannot hold stays the text it is.
Json plain_value(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const bool numeric = !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
  if (!numeric) return text;
  auto parsed = parse_json(text);
  if (!parsed.ok() || !parsed->is_number()) return text;
  const bool integral = text.find_first_of(".eE") == std::string::npos;
  if (integral && !parsed->is_number_integer()) return text;
  return std::move(*parsed);
}

/// Builds the JSON value from yaml-cpp's events and refuses what meshdx's YAML does not have. Throws
/// YAML::ParserException.
class Builder : public YAML::EventHandler {
 public:
  Builder(YamlDocument& document, const Lines& lines) : m_document(document), m_lines(lines) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (m_started) fail(mark, "more than one document; a file holds one");
    m_started = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "?", anchor);
    if (expects_key()) fail(mark, "a key must be text; quote it");
    // An empty value has no place of its own (yaml-cpp gives that of whatever comes next): its key's is the best there
    // is.
    place(in_map() ? m_frames.back().key_mark : m_frames.empty() ? YAML::Mark() : mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    fail(mark, "aliases (*name) are not taken");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& /*name*/) override { refuse_anchor(mark); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    if (expects_key()) return take_key(mark, value);
    place(mark, tag == "!" ? Json(value) : plain_value(value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map whose end has not come yet.
  struct Frame {
    Json value;
    std::string pointer;
    std::string key;
    YAML::Mark key_mark;
    bool has_key = false;
  };

  [[nodiscard]] bool in_map() const { return !m_frames.empty() && m_frames.back().value.is_object(); }
  [[nodiscard]] bool expects_key() const { return in_map() && !m_frames.back().has_key; }

  [[noreturn]] static void refuse_anchor(const YAML::Mark& mark) { fail(mark, "anchors (&name) are not taken"); }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    const char first = m_lines.byte(mark);
    if (anchor != YAML::NullAnchor || first == '&') refuse_anchor(mark);
    // yaml-cpp gives quoted scalars the tag "!" and all else "?"; a written `!` is told by its place.
    if (first == '!' || (!tag.empty() && tag != "?" && tag != "!")) fail(mark, "tags (!name) are not taken");
    const auto tab = m_lines.indenting_tab(mark.line);
    if (tab != std::string_view::npos) {
      YAML::Mark place = mark;
      place.column = static_cast<int>(tab);
      fail(place, tab_message);
    }
  }

  void take_key(const YAML::Mark& mark, const std::string& key) {
    Frame& frame = m_frames.back();
    const std::string pointer = frame.pointer + "/" + escape_pointer(key);
    if (frame.value.contains(key)) {
      fail(mark,
           fmt::format("the key {} stands twice; first on line {}", dump_json(key), m_document.keys[pointer].line));
    }
    frame.key = key;
    frame.key_mark = mark;
    frame.has_key = true;
    m_document.keys[pointer] = m_lines.human(mark);
  }

  /// The pointer of the value that comes next.
  [[nodiscard]] std::string next_pointer() const {
    if (m_frames.empty()) return "";
    const Frame& frame = m_frames.back();
    return frame.pointer + "/" + (in_map() ? escape_pointer(frame.key) : std::to_string(frame.value.size()));
  }

  void put(Json value) {
    if (m_frames.empty()) {
      m_document.value = std::move(value);
    } else if (Frame& frame = m_frames.back(); frame.value.is_object()) {
      frame.value[frame.key] = std::move(value);
      frame.has_key = false;
    } else {
      frame.value.push_back(std::move(value));
    }
  }

  void place(const YAML::Mark& mark, Json value) {
    m_document.marks[next_pointer()] = m_lines.human(mark);
    put(std::move(value));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json value) {
    check(mark, tag, anchor);
    if (expects_key()) fail(mark, "a key must be text, not a list or a map");
    if (m_frames.size() >= max_depth) fail(mark, fmt::format("nested deeper than {} levels", max_depth));
    Frame frame;
    frame.value = std::move(value);
    frame.pointer = next_pointer();
    m_document.marks[frame.pointer] = m_lines.human(mark);
    m_frames.push_back(std::move(frame));
  }

  void close() {
    Json value = std::move(m_frames.back().value);
    m_frames.pop_back();
    put(std::move(value));
  }

  YamlDocument& m_document;
  const Lines& m_lines;
  std::vector<Frame> m_frames;
  bool m_started = false;
};

/// yaml-cpp's words for the commonest slips say what its parser missed; these say what the writer did.
std::string plain_words(const std::string& message) {
  static const std::array<std::pair<const char*, const char*>, 8> words = {{
      {"end of map not found", "bad indentation, or a key without ':'"},
      {"end of sequence not found", "bad indentation, or a list entry without '-'"},
      {"end of map flow not found", "a '{' without its '}'"},
      {"end of sequence flow not found", "a '[' without its ']'"},
      {"illegal map value", "a ':' where no key can be: bad indentation, or text that must be quoted"},
      {"illegal block entry", "a '-' where no list can begin"},
      {"illegal document indicator in scalar", "a quoted text without its closing quote"},
      {"illegal tab when looking for indentation", tab_message},
  }};
  for (const auto& word : words) {
    if (message == word.first) return word.second;
  }
  return message;
}

std::string place_and(const std::string& file, Mark mark, std::string_view message) {
  return fmt::format("{}:{}:{}: {}", file, mark.line, mark.column, message);
}

/// The first thing in the bytes themselves that makes them no YAML of ours, or "".
std::string bad_bytes(const std::string& file, const Lines& lines) {
  for (std::size_t i = 0; i < lines.all().size(); ++i) {
    std::string_view line = lines.all()[i];
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    YAML::Mark mark;
    mark.line = static_cast<int>(i);
    if (line.size() > max_line)
      return place_and(file, lines.human(mark), fmt::format("a line longer than {} bytes", max_line));
    const std::string shown = printable(line);
    const auto wrong = std::mismatch(line.begin(), line.end(), shown.begin(), shown.end()).first;
    if (wrong == line.end() && shown.size() == line.size()) continue;
    mark.column = static_cast<int>(wrong - line.begin());
    return place_and(file, lines.human(mark), "a control character or broken UTF-8");
  }
  return "";
}

std::string parser_error(const std::string& file, const Lines& lines, const YAML::Exception& error) {
  YAML::Mark mark = error.mark;
  const auto tab = lines.indenting_tab(mark.line);
  if (tab == std::string_view::npos) return place_and(file, lines.human(mark), plain_words(error.msg));
  mark.column = static_cast<int>(tab);
  return place_and(file, lines.human(mark), tab_message);
}

/// The marks' place at a pointer, or at the nearest parent that has one.
Mark nearest_mark(const std::map<std::string, Mark>& marks, std::string pointer) {
  while (true) {
    const auto found = marks.find(pointer);
    if (found != marks.end()) return found->second;
    if (pointer.empty()) return Mark{1, 1};
    const auto slash = pointer.rfind('/');
    pointer.resize(slash == std::string::npos ? 0 : slash);
  }
}

/// Whether a YAML 1.1 or 1.2 reader takes the bare word for this very text.
bool bare(std::string_view text) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  static constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
  static constexpr std::array<std::string_view, 9> words = {"null", "true", "false", "yes", "no",
                                                            "on",   "off",  "y",     "n"};
  if (text.empty() || text.find_first_not_of(safe) != std::string_view::npos) return false;
  if (text[0] != '/' && letters.find(text[0]) == std::string_view::npos) return false;
  return std::find(words.begin(), words.end(), lower(text)) == words.end();
}

std::string scalar(const Json& value) {
  if (value.is_string() && bare(value.get_ref<const std::string&>())) return value.get<std::string>();
  return dump_json(value);
}

bool is_block(const Json& value) { return value.is_structured() && !value.empty(); }

/// Prints a list or map with members, each on lines of its own. `hanging`: the first line's indentation is printed
/// already.
void print_block(std::string& out, const Json& value, std::size_t indent, bool hanging) {
  const auto begin_line = [&] {
    if (!hanging) out.append(indent, ' ');
    hanging = false;
  };
  if (value.is_array()) {
    for (const Json& element : value) {
      begin_line();
      out += "- ";
      if (is_block(element)) print_block(out, element, indent + 2, true);
      else out += scalar(element) + "\n";
    }
    return;
  }
  for (auto member = value.begin(); member != value.end(); ++member) {
    begin_line();
    out += scalar(Json(member.key())) + ":";
    if (!is_block(member.value())) {
      out += " " + scalar(member.value()) + "\n";
      continue;
    }
    out += "\n";
    // Lists stand at their key's own column, as kubectl prints them.
    print_block(out, member.value(), member.value().is_array() ? indent : indent + 2, false);
  }
}

}  // namespace

std::string YamlDocument::at(const std::string& pointer, std::string_view message) const {
  return place_and(file, nearest_mark(marks, pointer), message);
}

std::string YamlDocument::at_key(const std::string& pointer, std::string_view message) const {
  const auto found = keys.find(pointer);
  return found == keys.end() ? at(pointer, message) : place_and(file, found->second, message);
}

Expected<YamlDocument> parse_yaml(std::string file, std::string_view text) { return parse_yaml_at(std::move(file), text, 1); }

Expected<YamlDocument> parse_yaml_at(std::string file, std::string_view text, int first_line) {
  if (starts_with(text, "\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text, first_line);
  if (text.size() > max_size) return Error{place_and(file, lines.first(), "larger than 4 MiB")};
  std::string wrong = bad_bytes(file, lines);
  if (!wrong.empty()) return Error{std::move(wrong)};

  YamlDocument document;
  document.file = std::move(file);
  try {
    // yaml-cpp takes a quoted text that the file's end cuts off for a whole one; a document end mark makes it an error.
    std::istringstream stream(std::string(text) + "\n...\n");
    YAML::Parser parser(stream);
    Builder builder(document, lines);
    // The second call is there to find a second document, which the builder refuses.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& error) {
    return Error{parser_error(document.file, lines, error)};
  } catch (const std::exception& error) {
    return Error{place_and(document.file, lines.first(), error.what())};
  }
  return document;
}

std::string dump_yaml(const Json& value) {
  if (!is_block(value)) return scalar(value) + "\n";
  std::string out;
  print_block(out, value, 0, false);
  return out;
}

std::string escape_pointer(std::string_view key) {
  return replace_all(replace_all(std::string(key), "~", "~0"), "/", "~1");
}

}  // namespace meshdx
