// One HTML file that needs nothing else.
#include "report/sheet.hpp"
#include "util/text.hpp"

namespace meshdx::report {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

namespace {

constexpr const char* k_style =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:75em;margin:2em auto;padding:0 1em;color:#1a1a1a;background:#fff}"
    "pre,code{font:14px/1.4 ui-monospace,monospace;background:#f2f2f2}pre{padding:.7em;white-space:pre-wrap;overflow-wrap:anywhere}"
    "code{overflow-wrap:anywhere}table{border-collapse:collapse}th,td{border:1px solid #ccc;padding:.2em .6em;text-align:left;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre,code{background:#2a2a2a}th,td{border-color:#555}}";

std::string safe(std::string_view text) { return escaped(printable(text)); }

class Html : public Sheet {
 public:
  explicit Html(std::string_view title) : m_title(title) {}

  void heading(int level, std::string_view text) override { element("h" + std::to_string(level), safe(text)); }
  void paragraph(std::string_view text) override { element("p", safe(text)); }
  void item(std::string_view mark, std::string_view text, std::string_view command) override {
    if (!m_in_list) m_text += "<ul>\n";
    m_in_list = true;
    m_text += "<li>" + safe(mark) + (mark.empty() ? "" : " ") + safe(text) + (command.empty() ? "" : "<br><code>" + safe(command) + "</code>") + "</li>\n";
  }
  void table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) override {
    std::string body = "<tr>";
    for (const auto& title : titles) body += "<th>" + safe(title) + "</th>";
    for (const auto& cells : rows) {
      body += "</tr>\n<tr>";
      for (const auto& cell : cells) body += "<td>" + safe(cell) + "</td>";
    }
    element("table", body + "</tr>");
  }
  void code(std::string_view /*language*/, std::string_view text) override { element("pre", safe(text)); }
  [[nodiscard]] std::string text() const override {
    return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + safe(m_title) + "</title>\n<style>" + k_style + "</style>\n</head>\n<body>\n" +
           m_text + (m_in_list ? "</ul>\n" : "") + "</body>\n</html>\n";
  }

 private:
  void element(const std::string& name, const std::string& body) {
    if (m_in_list) m_text += "</ul>\n";
    m_in_list = false;
    m_text += "<" + name + ">" + body + "</" + name + ">\n";
  }

  std::string m_title, m_text;
  bool m_in_list = false;
};

}  // namespace

std::unique_ptr<Sheet> html_sheet(std::string_view title) { return std::make_unique<Html>(title); }

}  // namespace meshdx::report
