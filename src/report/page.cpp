#include "report/page.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::report {

namespace {

constexpr int k_heading_width = 7;    ///< "VERIFY "
constexpr int k_command_column = 62;  ///< where commands start when their line leaves room
constexpr int k_column_gap = 3;
constexpr int k_least_command = 24;   ///< a command shortened to less says nothing

const char* code_of(Page::Style style) {
  switch (style) {
    case Page::Style::bold: return "\033[1m";
    case Page::Style::dim: return "\033[2m";
    case Page::Style::green: return "\033[32m";
    case Page::Style::red: return "\033[31m";
    case Page::Style::yellow: return "\033[33m";
    case Page::Style::plain: break;
  }
  return "";
}

struct MarkLook {
  const char* sign;
  const char* ascii;
  Page::Style style;
};

MarkLook look_of(Page::Mark mark) {
  switch (mark) {
    case Page::Mark::yes: return {"✓", "ok", Page::Style::green};
    case Page::Mark::no: return {"✗", "!!", Page::Style::red};
    case Page::Mark::unknown: return {"–", "--", Page::Style::yellow};
    case Page::Mark::item: break;
  }
  return {"·", "-", Page::Style::plain};
}

std::string ascii_only(std::string text) {
  for (const auto& [fancy, plain] : {std::pair{"→", "->"}, {"–", "-"}, {"—", "-"}, {"…", "..."}, {"·", "-"}, {"×", "x"}, {"≤", "<="}, {"≥", ">="}}) {
    text = replace_all(std::move(text), fancy, plain);
  }
  return text;
}

std::string blanks(int n) { return std::string(static_cast<std::size_t>(std::max(n, 0)), ' '); }

/// The first `width` columns of a text.
std::string_view first_columns(std::string_view text, int width) {
  std::size_t at = 0;
  for (int column = 0; at < text.size() && column < width; ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U) ++at;
  }
  return text.substr(0, at);
}

}  // namespace

int columns(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string Page::styled(Style style, std::string_view text) const {
  const bool plain = !m_look.color || style == Style::plain;
  return plain ? std::string(text) : code_of(style) + std::string(text) + "\033[0m";
}

std::string Page::sentence(std::string_view text) const {
  auto safe = printable_line(text);
  std::replace(safe.begin(), safe.end(), '\t', ' ');
  return m_look.ascii ? ascii_only(std::move(safe)) : safe;
}

void Page::marked(Mark mark, std::string_view text, std::string_view right, Overflow overflow, int indent, std::string_view brief) {
  const auto look = look_of(mark);
  const std::string sign = m_look.ascii ? look.ascii : look.sign;
  const auto body = sentence(text);
  const int start = indent + columns(sign) + 1;
  m_text += blanks(indent) + styled(look.style, sign) + " " + body;
  auto command = sentence(right);
  if (!command.empty()) {
    const int used = start + columns(body);
    const int room = m_look.width - used - k_column_gap;
    if (columns(command) > room && !brief.empty()) command = sentence(brief);
    if (columns(command) > room && overflow == Overflow::next_line) {
      m_text += "\n" + blanks(start + 2) + styled(Style::dim, sentence(right));
    } else if (columns(command) <= room || room >= k_least_command) {
      const std::string dots = m_look.ascii ? "..." : "…";
      if (columns(command) > room) command = std::string(first_columns(command, room - columns(dots))) + dots;
      const int gap = std::min(std::max(k_command_column - used, k_column_gap), m_look.width - used - columns(command));
      m_text += blanks(gap) + styled(Style::dim, command);
    }
  }
  m_text += "\n";
}

void Page::headed(std::string_view heading, std::string_view text, Style style) {
  m_text += styled(style, heading);
  const int pad = text.empty() ? 0 : std::max(k_heading_width - columns(heading), 1);
  m_text += blanks(pad) + sentence(text) + "\n";
}

void Page::paragraph(std::string_view text, int indent) {
  const auto margin = blanks(indent);
  std::string line;
  for (const auto& word : split(sentence(text), ' ')) {
    if (word.empty()) continue;
    if (!line.empty() && indent + columns(line) + 1 + columns(word) > m_look.width) {
      m_text += margin + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  if (!line.empty()) m_text += margin + line + "\n";
}

void Page::table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows, int indent) {
  std::vector<std::vector<std::string>> lines = {titles};
  lines.insert(lines.end(), rows.begin(), rows.end());
  std::vector<int> widths(titles.size(), 0);
  for (auto& cells : lines) {
    cells.resize(titles.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = sentence(cells[i]);
      widths[i] = std::max(widths[i], columns(cells[i]));
    }
  }
  const auto last = titles.size() - 1;
  for (std::size_t row = 0; row < lines.size(); ++row) {
    std::string line = blanks(indent);
    for (std::size_t i = 0; i < last; ++i) line += lines[row][i] + blanks(widths[i] - columns(lines[row][i]) + 2);
    const int start = columns(line);
    std::string shown = line;
    int used = start;
    for (const auto& word : split(lines[row][last], ' ')) {
      const bool fits = used == start || used + 1 + columns(word) <= m_look.width;
      if (!fits) {
        m_text += styled(row == 0 ? Style::dim : Style::plain, shown) + "\n";
        shown = blanks(start);
        used = start;
      }
      shown += (used == start ? "" : " ") + word;
      used += (used == start ? 0 : 1) + columns(word);
    }
    shown.erase(shown.find_last_not_of(' ') + 1);
    m_text += styled(row == 0 ? Style::dim : Style::plain, shown) + "\n";
  }
}

void Page::command(std::string_view text, int indent) {
  const auto safe = printable(trim(text));
  const bool several = contains(safe, "\n");
  m_text += blanks(several ? 0 : indent) + safe + "\n";
}

void Page::blank() {
  if (!m_text.empty() && !ends_with(m_text, "\n\n")) m_text += "\n";
}

}  // namespace meshdx::report
