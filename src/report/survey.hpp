// A survey (sweep, check) as text or JSON (meshdx.survey/v1); render.hpp has the other forms.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/report.hpp"
#include "survey/survey.hpp"
#include "survey/sweep.hpp"

namespace meshdx::report {

/// Where an object, or the part of it that is wrong, stands in a file.
struct Place {
  std::string file;
  int line = 1, column = 1;
  [[nodiscard]] std::string text() const { return file + ":" + std::to_string(line) + ":" + std::to_string(column); }
};

struct SurveyReport {
  std::string command;                          ///< "meshdx sweep -n shop": what was asked, and asks again
  std::vector<std::string> args;
  std::string scope;                            ///< "namespace shop", "3 namespaces of the mesh", "4 files"
  std::string basis;                            ///< what was looked at, and what was not: one sentence each
  survey::Survey survey;
  std::map<std::size_t, Place> places;          ///< of problems, by their index; manifests only
  std::vector<survey::Unread> unread;
  std::vector<std::string> remarks;             ///< what was taken for granted or not taken into account
  bool open_counts = true;                      ///< an undecided request makes the answer inconclusive
  bool diffs = false;                           ///< fixes are shown as changes of a file, not as commands
  bool interrupted = false;
  std::vector<std::string> context_flags;
};

std::string to_text(const SurveyReport& report, const TextOptions& options);
Json json_of(const SurveyReport& report);

/// 2 when a problem is confirmed; 3 when one is likely, or something was not decided or read; 0; 130 when interrupted.
int exit_code(const SurveyReport& report);

}  // namespace meshdx::report
