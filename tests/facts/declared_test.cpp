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

/// `CODE|mtls URL -n NS --from WHO`: all that recordings ask.
mesh::Complaint complaint_of(const std::vector<std::string>& args) {
  mesh::Complaint complaint;
  REQUIRE(args.size() >= 2);
  complaint.playbook = args[0] == "mtls" || args[0] == "404" ? args[0] : "503";
  if (const auto code = to_number(args[0])) complaint.code = static_cast<int>(*code);
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

void check_reads(const facts::Fact& fact, const facts::Finding& finding) {
  for (const auto& source : finding.read) {
    const auto key = evidence::key_of(source.argv);
    if (!key) continue;
    const std::string kind = evidence::kind_name(key->kind);
    const bool declared = std::find(fact.needs.begin(), fact.needs.end(), key->kind) != fact.needs.end();
    CHECK_MESSAGE(declared, std::string(fact.id) << " reads " << kind << " and does not declare it");
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
    for (const auto& fact : facts::registry()) check_reads(fact, base[fact.id]);
    // The same question without a caller, and of what only some of the evidence says.
    auto anyone = complaint;
    anyone.from = mesh::Complaint::From::unknown;
    const facts::FactBase other(evidence, anyone);
    for (const auto& fact : facts::registry()) check_reads(fact, other[fact.id]);
  }
}
