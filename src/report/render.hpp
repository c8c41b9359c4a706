// The forms of -o.
#pragma once

#include <string>
#include <vector>

#include "report/report.hpp"
#include "report/survey.hpp"

namespace meshdx::report {

/// "text", "json", "yaml", "markdown", "html", "sarif", "junit".
const std::vector<std::string>& forms();

/// JSON as -o json or -o yaml prints it.
std::string render(const Json& json, const std::string& form);

/// The report in one of forms(). `look` is for text, `version` for SARIF.
std::string render(const Report& report, const std::string& form, const TextOptions& look, const std::string& version);
std::string render(const SurveyReport& report, const std::string& form, const TextOptions& look, const std::string& version);

/// One result a cause found; confirmed ones are errors, likely ones warnings.
std::string to_sarif(const SurveyReport& report, const std::string& version);
std::string to_sarif(const Report& report, const std::string& version);

/// A case for each check and for each cause found; what leaves the answer open is an error, so that it fails as exit code 3 does.
std::string to_junit(const Report& report);
/// A case for each Service and Gateway.
std::string to_junit(const SurveyReport& report);

}  // namespace meshdx::report
