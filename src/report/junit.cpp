#include "report/junit.hpp"

#include <algorithm>

#include "report/sheet.hpp"
#include "util/text.hpp"

namespace meshdx::report {

namespace {

using Outcome = JunitCase::Outcome;

std::string attribute(const char* name, const std::string& value) {
  return std::string(" ") + name + "=\"" + escaped(printable_line(value)) + "\"";
}

std::string number_of(const std::vector<JunitCase>& cases, Outcome outcome) {
  return std::to_string(std::count_if(cases.begin(), cases.end(), [&](const JunitCase& c) { return c.outcome == outcome; }));
}

std::string case_xml(const std::string& suite, const JunitCase& one) {
  std::string xml = "    <testcase" + attribute("classname", suite) + attribute("name", one.name);
  if (!one.file.empty()) xml += attribute("file", one.file) + attribute("line", std::to_string(one.line));
  if (one.outcome == Outcome::passed) return xml + "/>\n";
  const char* element = one.outcome == Outcome::failure ? "failure" : one.outcome == Outcome::error ? "error" : "skipped";
  xml += ">\n      <" + std::string(element) + attribute("message", one.message);
  if (one.outcome == Outcome::skipped) return xml + "/>\n    </testcase>\n";
  return xml + attribute("type", one.type) + ">" + escaped(printable(one.detail)) + "</" + element + ">\n    </testcase>\n";
}

}  // namespace

std::string junit_xml(const std::string& name, const std::vector<JunitCase>& cases) {
  const std::string numbers = " tests=\"" + std::to_string(cases.size()) + "\" failures=\"" + number_of(cases, Outcome::failure) + "\" errors=\"" +
                              number_of(cases, Outcome::error) + "\"";
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"meshdx\"" + numbers + ">\n  <testsuite" + attribute("name", name) + numbers + " skipped=\"" +
                    number_of(cases, Outcome::skipped) + "\">\n";
  for (const auto& one : cases) xml += case_xml(name, one);
  return xml + "  </testsuite>\n</testsuites>\n";
}

}  // namespace meshdx::report
