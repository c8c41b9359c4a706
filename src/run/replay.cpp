#include "run/replay.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "run/verbs.hpp"
#include "util/shell.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

/// Words glued so that no two different lists give the same text (a NUL cannot be in an argv word that was run).
std::string glue(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    text += word;
    text += '\0';
  }
  return text;
}

/// The last `.` of a proxy's name divides pod and namespace; without one, -n gives it.
void fold_namespace(ParsedCommand& command) {
  if (command.verb->program != "istioctl" || command.words.size() != 1) return;
  if (command.words[0].find('.') != std::string::npos || !command.has_flag("namespace")) return;
  command.words[0] += "." + command.flag("namespace");
  const auto is_namespace = [](const auto& flag) { return flag.first == "namespace"; };
  command.flags.erase(std::remove_if(command.flags.begin(), command.flags.end(), is_namespace), command.flags.end());
}

/// What a command means, however it is spelt; "" when it is none that meshdx knows.
std::string meaning(const Argv& argv) {
  auto parsed = parse_command(argv);
  if (!parsed.ok()) return "";
  ParsedCommand& command = *parsed;
  fold_namespace(command);
  const std::string verb = verb_name(*command.verb);
  std::vector<std::string> words{verb};
  for (const auto& word : command.words) {
    const auto slash = verb == "kubectl get" && command.words.size() == 1 ? word.find('/') : std::string::npos;
    words.push_back(word.substr(0, slash));
    if (slash != std::string::npos) words.push_back(word.substr(slash + 1));
  }
  std::sort(command.flags.begin(), command.flags.end());
  for (const auto& [name, value] : command.flags) {
    // How many lines were asked for does not change what a line says.
    if (name != "tail") words.push_back("--" + name + "=" + value);
  }
  words.emplace_back("--");
  words.insert(words.end(), command.after_dashes.begin(), command.after_dashes.end());
  return glue(words);
}

constexpr std::size_t g_word_cost = 100;

/// Exchanging a word costs less the longer the common beginning is: pods of one workload differ in their endings only.
std::size_t exchange_cost(const std::string& a, const std::string& b) {
  if (a == b) return 0;
  const std::size_t shorter = std::min(a.size(), b.size());
  std::size_t common = 0;
  while (common < shorter && a[common] == b[common]) ++common;
  return g_word_cost - g_word_cost / 2 * common / std::max<std::size_t>(1, std::max(a.size(), b.size()));
}

std::size_t distance(const Argv& a, const Argv& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j * g_word_cost;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i * g_word_cost;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t exchanged = diagonal + exchange_cost(a[i - 1], b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + g_word_cost, row[j - 1] + g_word_cost, exchanged});
    }
  }
  return row.back();
}

}  // namespace

const RecordedCommand* nearest_command(const Recording& recording, const Argv& argv) {
  const RecordedCommand* best = nullptr;
  std::size_t best_distance = argv.size() * g_word_cost / 2 + 1;
  for (const auto& command : recording.commands) {
    const auto& other = command.argv;
    const std::size_t longer = std::max(argv.size(), other.size());
    if (argv.empty() || other[0] != argv[0] || longer - std::min(argv.size(), other.size()) > argv.size() / 2) continue;
    const std::size_t found = distance(argv, other);
    if (found < best_distance) {
      best = &command;
      best_distance = found;
    }
  }
  return best;
}

ReplayRunner::ReplayRunner(const Recording& recording) : m_recording(recording) {
  for (const auto& command : recording.commands) {
    m_exact.emplace(glue(command.argv), &command);
    if (auto key = meaning(command.argv); !key.empty()) m_alike.emplace(std::move(key), &command);
  }
}

void ReplayRunner::start(std::size_t ticket, Argv argv, std::chrono::milliseconds) {
  m_asked.emplace_back(ticket, std::move(argv));
}

std::optional<Finished> ReplayRunner::wait() {
  if (m_asked.empty()) return std::nullopt;
  Finished finished;
  finished.ticket = m_asked.front().first;
  Argv argv = std::move(m_asked.front().second);
  m_asked.pop_front();
  const RecordedCommand* command = find(argv);
  finished.result = command == nullptr ? miss(argv) : m_recording.result(*command);
  finished.result.argv = std::move(argv);
  return finished;
}

const RecordedCommand* ReplayRunner::find(const Argv& argv) const {
  if (const auto exact = m_exact.find(glue(argv)); exact != m_exact.end()) return exact->second;
  const auto alike = m_alike.find(meaning(argv));
  return alike == m_alike.end() ? nullptr : alike->second;
}

CommandResult ReplayRunner::miss(const Argv& argv) const {
  CommandResult result;
  result.end = End::not_recorded;
  result.why = fmt::format("the recording does not hold `{}`", printable(shell_join(argv)));
  if (const auto* near = nearest_command(m_recording, argv)) {
    result.why += fmt::format("; the nearest it has is `{}`", printable(shell_join(near->argv)));
  }
  return result;
}

}  // namespace meshdx::run
