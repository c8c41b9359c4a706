#include "run/recorder.hpp"

#include <ctime>

#include <fmt/core.h>

#include "run/redact.hpp"

namespace meshdx::run {
namespace {

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

void RecordingRunner::start(std::size_t ticket, Argv argv, std::chrono::milliseconds timeout) {
  m_order.emplace(ticket, m_started++);
  m_inner.start(ticket, std::move(argv), timeout);
}

std::optional<Finished> RecordingRunner::wait() {
  auto finished = m_inner.wait();
  if (!finished) return finished;
  const auto place = m_order.find(finished->ticket);
  if (place != m_order.end()) {
    m_results[place->second] = finished->result;
    m_order.erase(place);
  }
  return finished;
}

Expected<Done> RecordingRunner::write(const std::string& path, Recording head) const {
  Redactor redactor;
  for (auto& argument : head.args) argument = redactor.redact_argument(argument);
  std::vector<CommandResult> results;
  results.reserve(m_results.size());
  for (const auto& [order, raw] : m_results) {
    auto clean = how_it_ended(raw);
    clean.out = redactor.redact(raw.argv, raw.out);
    clean.err = redactor.redact(raw.argv, raw.err);
    results.push_back(std::move(clean));
  }
  if (head.time.empty()) head.time = now();
  head.redactions = redactor.redactions();
  return write_recording(path, head, results);
}

}  // namespace meshdx::run
