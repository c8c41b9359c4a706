// Markdown as GitHub and GitLab show it.
#include <algorithm>

#include "report/sheet.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

/// A sentence: signs that are markup are escaped.
std::string inline_text(std::string_view text) {
  static constexpr std::string_view signs = "\\`*_[]|~#";
  std::string out;
  for (const char c : printable_line(text)) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (signs.find(c) != std::string_view::npos) out += std::string("\\") + c;
    else out += c;
  }
  return out;
}

/// The longest row of backticks in a text: what encloses it must be longer.
std::size_t longest_ticks(std::string_view text) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string inline_code(std::string_view text) {
  const auto line = printable_line(text);
  const std::string ticks(longest_ticks(line) + 1, '`');
  const std::string pad = ticks.size() > 1 ? " " : "";
  return ticks + pad + line + pad + ticks;
}

class Markdown : public Sheet {
 public:
  void heading(int level, std::string_view text) override {
    block();
    m_text += std::string(static_cast<std::size_t>(level), '#') + " " + inline_text(text) + "\n";
  }
  void paragraph(std::string_view text) override {
    block();
    m_text += inline_text(text) + "\n";
  }
  void item(std::string_view mark, std::string_view text, std::string_view command) override {
    if (!m_in_list) block();
    m_in_list = true;
    m_text += "- " + (mark.empty() ? "" : std::string(mark) + " ") + inline_text(text) + (command.empty() ? "" : " " + inline_code(command)) + "\n";
  }
  void table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) override {
    block();
    row(titles);
    m_text += "|" + [&] { std::string rule; for (std::size_t i = 0; i < titles.size(); ++i) rule += " --- |"; return rule; }() + "\n";
    for (const auto& cells : rows) row(cells);
  }
  void code(std::string_view language, std::string_view text) override {
    block();
    const auto shown = printable(text);
    const std::string fence(std::max<std::size_t>(3, longest_ticks(shown) + 1), '`');
    m_text += fence + std::string(language) + "\n" + shown + (ends_with(shown, "\n") ? "" : "\n") + fence + "\n";
  }
  [[nodiscard]] std::string text() const override { return m_text; }

 private:
  void block() {
    m_in_list = false;
    if (!m_text.empty()) m_text += "\n";
  }
  void row(const std::vector<std::string>& cells) {
    m_text += "|";
    for (const auto& cell : cells) m_text += " " + inline_text(cell) + " |";
    m_text += "\n";
  }

  std::string m_text;
  bool m_in_list = false;
};

}  // namespace

std::unique_ptr<Sheet> markdown_sheet() { return std::make_unique<Markdown>(); }

}  // namespace meshdx::report
