// A report as a page with headings, tables and commands: Markdown for tickets, HTML for mail and archives. Knows nothing of
// verdicts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace meshdx::report {

/// Builds a page. All text may come from outside: nothing in it can become markup, and a line break in a sentence becomes a
/// blank.
class Sheet {
 public:
  virtual ~Sheet() = default;
  virtual void heading(int level, std::string_view text) = 0;
  virtual void paragraph(std::string_view text) = 0;
  /// A list's item; `command` stands beside it, "" when there is none.
  virtual void item(std::string_view mark, std::string_view text, std::string_view command) = 0;
  virtual void table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) = 0;
  /// Lines to paste, as they are. `language`: "sh" or "diff".
  virtual void code(std::string_view language, std::string_view text) = 0;
  /// The whole page.
  [[nodiscard]] virtual std::string text() const = 0;
};

/// GitHub's flavour: tables and fenced code.
std::unique_ptr<Sheet> markdown_sheet();
/// One file without scripts and without anything to load.
std::unique_ptr<Sheet> html_sheet(std::string_view title);

/// & < > and quotes as entities: for HTML and XML alike. What XML 1.0 cannot hold at all is left to printable().
std::string escaped(std::string_view text);

}  // namespace meshdx::report
