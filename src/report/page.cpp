#include "report/page.hpp"

#include <algorithm>

#include "util/text.hpp"

namespace meshdx::report {

namespace {

constexpr int k_heading_width = 7;    ///< "VERIFY "
constexpr int k_command_column = 62;  ///< where commands start when their line leaves room
constexpr int k_column_gap = 3;
constexpr int k_least_column = 16;    ///< a text wrapped to less cannot be read

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

/// The pieces of a cell that a line may end after: words, and what commas part. Each with the blank or comma behind it.
std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces(1);
  for (const char c : text) {
    pieces.back() += c;
    if (c == ' ' || c == ',') pieces.emplace_back();
  }
  return pieces;
}

std::string without_blanks_behind(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

/// A cell's text in lines of a width. A longer word stays whole.
std::vector<std::string> wrapped(const std::string& text, int width) {
  std::vector<std::string> lines(1);
  for (const auto& piece : pieces_of(text)) {
    if (!lines.back().empty() && columns(lines.back()) + columns(without_blanks_behind(piece)) > width) lines.emplace_back();
    lines.back() += piece;
  }
  for (auto& line : lines) line = without_blanks_behind(line);
  return lines;
}

struct Column {
  int wanted = 0, least = 0;   ///< without wrapping; with
};

/// The width of each of the first columns that find room together; the others are left out.
std::vector<int> fitting(const std::vector<Column>& all, int room) {
  constexpr int gap = 2;
  std::size_t count = 0;
  int used = 0;
  for (; count < all.size(); ++count) {
    const int more = all[count].least + (count == 0 ? 0 : gap);
    if (count > 0 && used + more > room) break;
    used += more;
  }
  std::vector<int> widths;
  for (std::size_t i = 0; i < count; ++i) widths.push_back(all[i].least);
  // What room is left goes to the first columns that want it: names stand there.
  for (std::size_t i = 0; i < count && used < room; ++i) {
    const int more = std::min(all[i].wanted - widths[i], room - used);
    widths[i] += more;
    used += more;
  }
  return widths;
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
    if (columns(command) <= room) {
      const int gap = std::min(std::max(k_command_column - used, k_column_gap), m_look.width - used - columns(command));
      m_text += blanks(gap) + styled(Style::dim, command);
    } else if (overflow == Overflow::next_line) {
      m_text += "\n" + blanks(start + 2) + styled(Style::dim, sentence(right));
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
  std::vector<Column> wishes(titles.size());
  for (auto& cells : lines) {
    cells.resize(titles.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      cells[i] = sentence(cells[i]);
      wishes[i].wanted = std::max(wishes[i].wanted, columns(cells[i]));
      for (const auto& piece : pieces_of(cells[i])) wishes[i].least = std::max(wishes[i].least, columns(without_blanks_behind(piece)));
    }
  }
  for (auto& wish : wishes) wish.least = std::max(wish.least, std::min(wish.wanted, k_least_column));
  const auto widths = fitting(wishes, m_look.width - indent);
  for (std::size_t row = 0; row < lines.size(); ++row) {
    row_of(lines[row], widths, row == 0 ? Style::dim : Style::plain, indent);
    std::vector<std::string> rest;
    for (std::size_t i = widths.size(); row > 0 && i < titles.size(); ++i) {
      if (!lines[row][i].empty() && lines[row][i] != "-") rest.push_back(lines[0][i] + ": " + lines[row][i]);
    }
    paragraph(join(rest, "; "), indent + 2);
  }
}

void Page::row_of(const std::vector<std::string>& cells, const std::vector<int>& widths, Style style, int indent) {
  std::vector<std::vector<std::string>> parts;
  std::size_t height = 1;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    parts.push_back(wrapped(cells[i], widths[i]));
    height = std::max(height, parts.back().size());
  }
  for (std::size_t line = 0; line < height; ++line) {
    std::string shown = blanks(indent);
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string part = line < parts[i].size() ? parts[i][line] : "";
      shown += part + blanks(widths[i] - columns(part) + 2);
    }
    m_text += styled(style, without_blanks_behind(shown)) + "\n";
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
