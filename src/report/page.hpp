// Lines for a terminal: marks, headings, two columns, colours. Knows nothing of verdicts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace meshdx::report {

/// Builds a page of text. All text given to it may come from outside: it is made safe to print, and line breaks in a
/// sentence become blanks, so that nobody can fake a line of the report.
class Page {
 public:
  struct Look {
    bool color = false, ascii = false;
    int width = 100;
  };
  enum class Mark { yes, no, unknown, item };
  enum class Style { plain, bold, dim, green, red, yellow };
  /// What becomes of a right column that does not fit beside its text. It is never cut: half a command cannot be pasted.
  enum class Overflow { leave_out, next_line };

  explicit Page(Look look) : m_look(look) {}

  /// "✓ text                      right". `brief` stands in for a right column that does not fit, where it fits itself.
  void marked(Mark mark, std::string_view text, std::string_view right, Overflow overflow, int indent = 0, std::string_view brief = "");
  /// "CAUSE  text", the heading padded to its column.
  void headed(std::string_view heading, std::string_view text, Style style = Style::bold);
  /// A paragraph, wrapped.
  void paragraph(std::string_view text, int indent = 0);
  /// Rows in columns under their titles. Wide columns are wrapped; last ones that still find no room stand below their row,
  /// each behind its title.
  void table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows, int indent = 2);
  /// Lines to paste: as they are. A single line may be indented; several never are (here documents would break).
  void command(std::string_view text, int indent = 2);
  void blank();

  [[nodiscard]] const std::string& text() const { return m_text; }
  /// "→" or "->".
  [[nodiscard]] const char* arrow() const { return m_look.ascii ? "->" : "→"; }

 private:
  void row_of(const std::vector<std::string>& cells, const std::vector<int>& widths, Style style, int indent);
  [[nodiscard]] std::string styled(Style style, std::string_view text) const;
  [[nodiscard]] std::string sentence(std::string_view text) const;

  Look m_look;
  std::string m_text;
};

/// Columns that a text takes: code points, which is right for what Kubernetes names are made of.
int columns(std::string_view text);

}  // namespace meshdx::report
