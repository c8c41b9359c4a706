// The JSON of a report or a survey, laid out on a sheet.
#pragma once

#include "report/sheet.hpp"
#include "util/json.hpp"

namespace meshdx::report {

/// `report`: meshdx.report/v1.
void write_report(const Json& report, Sheet& sheet);
/// `survey`: meshdx.survey/v1. `diffs`: fixes are changes of a file, not commands.
void write_survey(const Json& survey, bool diffs, Sheet& sheet);

}  // namespace meshdx::report
