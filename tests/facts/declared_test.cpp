// What facts read, over all recordings there are, is what they declare.
#include <ostream>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "facts/fact.hpp"
#include "run/recording.hpp"
#include "util/text.hpp"

using namespace meshdx;

namespace {

/// Recordings by folder; fixtures may also stand in the folder MESHDX_RECORDINGS names.
std::vector<std::string> recordings() {
  namespace fs = std::filesystem;
  const char* other = std::getenv("MESHDX_RECORDINGS");
  const fs::path root = other != nullptr ? fs::path(other) : fs::path(SOURCE_DIR) / "fixtures";
  std::vector<std::string> found;
  if (!fs::exists(root)) return found;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (fs::exists(entry.path() / "recording.json")) found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  REQUIRE_FALSE(found.empty());
  return found;
}

void read_url(std::string url, mesh::Complaint& complaint) {
  const auto scheme_end = url.find("://");
  if (scheme_end != std::string::npos) {
    complaint.scheme = url.substr(0, scheme_end);
    complaint.path_given = true;
    complaint.port = complaint.scheme == "https" ? 443 : 80;
    complaint.named = mesh::Complaint::Named::host;
    url = url.substr(scheme_end + 3);
  }
  const auto slash = url.find('/');
  if (slash != std::string::npos) {
    const std::string rest = url.substr(slash);
    complaint.path = rest.substr(0, rest.find('?'));
    if (contains(rest, "?")) complaint.query = rest.substr(rest.find('?') + 1);
  }
  const std::string authority = url.substr(0, slash);
  complaint.host = authority.substr(0, authority.find(':'));
  if (contains(authority, ":"))
    complaint.port = static_cast<std::uint16_t>(*to_number(authority.substr(authority.find(':') + 1)));
}

/// `CODE|PLAYBOOK URL -n NS --from WHO`: all that recordings ask.
mesh::Complaint complaint_of(const std::vector<std::string>& args) {
  mesh::Complaint complaint;
  REQUIRE(args.size() >= 2);
  const auto code = to_number(args[0]);
  complaint.playbook = code && args[0] != "404" ? "503" : args[0];
  if (code) complaint.code = static_cast<int>(*code);
  complaint.of_workload = args[0] == "injection" || args[0] == "isolation";
  complaint.target = args[1];
  read_url(args[1], complaint);
  std::string from;
  for (std::size_t i = 2; i + 1 < args.size(); ++i) {
    if (args[i] == "-n") complaint.ns = args[i + 1];
    if (args[i] == "--from") from = args[i + 1];
  }
  if (from.empty()) return complaint;
  complaint.from = starts_with(from, "gateway") ? mesh::Complaint::From::gateway : mesh::Complaint::From::workload;
  if (complaint.from == mesh::Complaint::From::gateway) return complaint;
  const auto dot = from.find('.');
  complaint.from_name = from.substr(0, dot);
  complaint.from_ns = dot == std::string::npos ? complaint.ns : from.substr(dot + 1);
  return complaint;
}

template <class Row, class Result>
void check_reads(const Row& row, const Result& result) {
  for (const auto& source : result.read) {
    const auto key = evidence::key_of(source.argv);
    if (!key) continue;
    const std::string kind = evidence::kind_name(key->kind);
    const bool declared = std::find(row.needs.begin(), row.needs.end(), key->kind) != row.needs.end();
    CHECK_MESSAGE(declared, std::string(row.id) << " reads " << kind << " and does not declare it");
  }
}

void check_all(const facts::FactBase& base) {
  for (const auto& fact : facts::registry()) check_reads(fact, base[fact.id]);
  for (const auto& kind : facts::answer_registry()) {
    const auto& answer = base.answer(kind.id);
    check_reads(kind, answer);
    for (const auto& row : answer.rows) CHECK(row.size() == kind.columns.size());
  }
}

}  // namespace

TEST_CASE("facts declare what they read") {
  for (const auto& folder : recordings()) {
    CAPTURE(folder);
    const auto recording = run::read_recording(folder);
    const std::string error = recording ? "" : recording.error();
    REQUIRE_MESSAGE(recording.ok(), error);
    evidence::Evidence evidence;
    for (const auto& command : recording->commands) evidence.add(recording->result(command));
    const auto complaint = complaint_of(recording->args);
    const facts::FactBase base(evidence, complaint);
    check_all(base);
    // The same question without a caller, and of what only some of the evidence says.
    auto anyone = complaint;
    anyone.from = mesh::Complaint::From::unknown;
    const facts::FactBase other(evidence, anyone);
    check_all(other);
    auto alone = anyone;
    alone.of_workload = true;
    const facts::FactBase target(evidence, alone);
    check_all(target);
  }
}
