// JUnit XML, as CI systems read it: a suite a run, a case a check or an object.
#pragma once

#include <string>
#include <vector>

namespace meshdx::report {

/// What one test case came to. An error is what could not be decided and has to be for exit code 0.
struct JunitCase {
  enum class Outcome { passed, failure, error, skipped };
  std::string name;
  Outcome outcome = Outcome::passed;
  std::string type, message, detail;   ///< type: "MDX0101 no-endpoints-selector-mismatch"
  std::string file;                    ///< "" or where it stands
  int line = 0;
};

/// `name`: of the suite, which is also its cases' class name.
std::string junit_xml(const std::string& name, const std::vector<JunitCase>& cases);

}  // namespace meshdx::report
