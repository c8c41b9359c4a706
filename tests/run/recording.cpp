#include <ostream>

#include <functional>

#include <archive.h>
#include <archive_entry.h>
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.hpp"
#include "run/recording.hpp"
#include "run/sha256.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

using namespace meshdx;
using namespace meshdx::run;
namespace fs = std::filesystem;

namespace {

CommandResult exited(Argv argv, int code, std::string out, std::string err = "") {
  CommandResult result;
  result.argv = std::move(argv);
  result.exit_code = code;
  result.out = std::move(out);
  result.err = std::move(err);
  result.took = std::chrono::milliseconds(12);
  return result;
}

CommandResult ended(Argv argv, End end, std::string why) {
  CommandResult result = exited(std::move(argv), 0, "part");
  result.end = end;
  result.why = std::move(why);
  return result;
}

std::vector<CommandResult> samples() {
  auto cut = exited({"kubectl", "get", "events", "-n", "shop"}, 0, std::string(100'000, 'x') + '\0' + "\xFF");
  cut.truncated = true;
  cut.together = {"kubectl", "get", "pods,services", "-n", "shop", "-o", "json"};
  return {exited({"kubectl", "version", "-o", "json"}, 0, "{}\n", "WARNING: skew\n"),
          exited({"kubectl", "get", "pods", "-n", "shop", "-o", "json"}, 1, "", "Error from server (Forbidden)\n"),
          cut,
          ended({"kubectl", "logs", "web-1"}, End::timed_out, "`kubectl logs web-1` did not end within 5 s"),
          ended({"istioctl", "version"}, End::not_started, "istioctl is not on PATH"),
          ended({"kubectl", "delete", "x"}, End::refused, "refused"),
          ended({"istioctl", "analyze"}, End::interrupted, "interrupted")};
}

Recording head() {
  Recording recording;
  recording.args = {"503", "web", "-n", "shop"};
  recording.versions = {{"istio", "1.30.3"}, {"kubernetes", "1.34"}};
  recording.time = "2026-11-22T17:38:00Z";
  recording.redactions = {{{"kubectl", "logs", "web-1"}, "jwt", 2}};
  return recording;
}

void check_round_trip(const std::string& path) {
  const auto samples_ = samples();
  const auto written = write_recording(path, head(), samples_);
  REQUIRE_MESSAGE(written.ok(), written.error());
  const auto recording = read_recording(path);
  REQUIRE_MESSAGE(recording.ok(), recording.error());
  CHECK(recording->args == head().args);
  CHECK(recording->versions == head().versions);
  CHECK(recording->time == head().time);
  REQUIRE(recording->redactions.size() == 1);
  CHECK(recording->redactions[0].kind == "jwt");
  REQUIRE(recording->commands.size() == samples_.size());
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const CommandResult result = recording->result(recording->commands[i]);
    CHECK(result.argv == samples_[i].argv);
    CHECK((result.end == samples_[i].end));
    CHECK(result.exit_code == samples_[i].exit_code);
    CHECK((result.out == samples_[i].out));
    CHECK(result.err == samples_[i].err);
    CHECK(result.why == samples_[i].why);
    CHECK(result.truncated == samples_[i].truncated);
    CHECK(result.together == samples_[i].together);
    CHECK(result.took == samples_[i].took);
  }
}

/// A recording of one command whose recording.json is changed before it is read.
std::string error_after(const std::function<void(Json&)>& change) {
  const test::TempFolder folder;
  REQUIRE(write_recording(folder.path("r"), head(), {samples()[0]}).ok());
  auto json = parse_json(folder.read("r/recording.json"));
  REQUIRE(json.ok());
  change(*json);
  folder.write("r/recording.json", dump_json(*json));
  const auto recording = read_recording(folder.path("r"));
  return recording.ok() ? "" : recording.error();
}

CommandResult result_after(const std::function<void(const test::TempFolder&)>& change) {
  const test::TempFolder folder;
  REQUIRE(write_recording(folder.path("r"), head(), samples()).ok());
  change(folder);
  const auto recording = read_recording(folder.path("r"));
  REQUIRE_MESSAGE(recording.ok(), recording.error());
  const auto other = recording->result(recording->commands[2]);
  CHECK((other.end == End::exited));  // damage stays with its command
  return recording->result(recording->commands[0]);
}

struct Entry {
  std::string name;
  std::string bytes;
  unsigned int kind = AE_IFREG;
  std::string link;
};

std::string error_of_archive(const std::vector<Entry>& entries) {
  const test::TempFolder folder;
  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax(writer);
  archive_write_open_filename(writer, folder.path("r.tar.gz").c_str());
  for (const auto& item : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, item.name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(item.bytes.size()));
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_filetype(entry, item.kind);
    if (item.kind == AE_IFLNK) archive_entry_set_symlink(entry, item.link.c_str());
    else if (!item.link.empty()) archive_entry_set_hardlink(entry, item.link.c_str());
    archive_write_header(writer, entry);
    archive_write_data(writer, item.bytes.data(), item.bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  const auto recording = read_recording(folder.path("r.tar.gz"));
  return recording.ok() ? "" : recording.error();
}

const std::string g_empty = R"({"format":"meshdx.recording/v1","args":[],"commands":[]})";

}  // namespace

TEST_CASE("recording: sha256 of a known text") {
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("recording: a folder comes back as it was") {
  const test::TempFolder folder;
  check_round_trip(folder.path("r"));
  CHECK(fs::exists(folder.path("r/out/001.out")));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);  // nothing temporary left
}

TEST_CASE("recording: an archive comes back as it was") {
  const test::TempFolder folder;
  check_round_trip(folder.path("r.tar.gz"));
  check_round_trip(folder.path("s.tgz"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 2);
}

TEST_CASE("recording: an existing target is never overwritten") {
  const test::TempFolder folder;
  folder.write("full/file", "precious");
  folder.write("a.tar.gz", "precious");
  fs::create_directory(folder.path("empty"));
  const auto full = write_recording(folder.path("full/"), head(), samples());
  REQUIRE_FALSE(full.ok());
  CHECK(contains(full.error(), "is not empty: give the recording a new one"));
  CHECK(folder.read("full/file") == "precious");
  CHECK_FALSE(check_recording_target(folder.path("a.tar.gz")).ok());
  CHECK_FALSE(check_recording_target(folder.path("full/file")).ok());
  CHECK_FALSE(check_recording_target(folder.path("no/such/place")).ok());
  CHECK_FALSE(check_recording_target("").ok());
  CHECK(check_recording_target(folder.path("new")).ok());
  CHECK(write_recording(folder.path("empty/"), head(), samples()).ok());
}

TEST_CASE("recording: the lab's recordings are read") {
  const std::string path = std::string(SOURCE_DIR) + "/../shared/captures";
  if (!fs::is_directory(path)) return;
  std::size_t commands = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (!entry.is_directory()) continue;
    const auto recording = read_recording(entry.path().string());
    REQUIRE_MESSAGE(recording.ok(), recording.error());
    for (const auto& command : recording->commands) {
      CHECK((recording->result(command).end == End::exited));
      ++commands;
    }
  }
  CHECK(commands > 1000);
}

TEST_CASE("recording: bad fields are named") {
  CHECK(error_after([](Json&) {}).empty());
  const std::vector<std::pair<std::function<void(Json&)>, std::string>> table{
      {[](Json& j) { j = Json::array(); }, "not a JSON object"},
      {[](Json& j) { j.erase("format"); }, "`format` is missing"},
      {[](Json& j) { j["format"] = "meshdx.recording/v2"; }, "`format` is `meshdx.recording/v2`"},
      {[](Json& j) { j["format"] = 1; }, "`format` is not a string"},
      {[](Json& j) { j["args"] = "503"; }, "`args` is not a list"},
      {[](Json& j) { j["args"] = Json::array({1}); }, "`args` holds something else"},
      {[](Json& j) { j["versions"] = 1; }, "`versions` is not an object"},
      {[](Json& j) { j["versions"]["x"] = 1; }, "`versions.x`"},
      {[](Json& j) { j["time"] = 1; }, "`time`"},
      {[](Json& j) { j.erase("commands"); }, "`commands` is missing"},
      {[](Json& j) { j["commands"] = 1; }, "`commands` is not a list"},
      {[](Json& j) { j["commands"][0] = 1; }, "`commands[0]` is not an object"},
      {[](Json& j) { j["commands"][0]["argv"] = Json::array(); }, "`commands[0].argv` is empty"},
      {[](Json& j) { j["commands"][0].erase("argv"); }, "`commands[0].argv`"},
      {[](Json& j) { j["commands"][0]["argv"] = Json::array({std::string(9000, 'x')}); }, "argv` holds"},
      {[](Json& j) { j["commands"][0]["argv"] = std::vector<std::string>(300, "x"); }, "at most 256 words"},
      {[](Json& j) { j["commands"][0].erase("exit"); }, "`commands[0].exit` is missing"},
      {[](Json& j) { j["commands"][0]["exit"] = -1; }, "exit` is not a whole number"},
      {[](Json& j) { j["commands"][0]["exit"] = 256; }, "between 0 and 255"},
      {[](Json& j) { j["commands"][0]["exit"] = 1.5; }, "exit` is not a whole number"},
      {[](Json& j) { j["commands"][0]["exit"] = "0"; }, "exit` is not a whole number"},
      {[](Json& j) { j["commands"][0]["end"] = "timed-out"; }, "does not go with an exit code"},
      {[](Json& j) { j["commands"][0]["exit"] = nullptr; j["commands"][0]["end"] = "lost"; }, "no way to end"},
      {[](Json& j) { j["commands"][0]["ms"] = 1e300; }, "ms` is not a whole number"},
      {[](Json& j) { j["commands"][0]["truncated"] = 1; }, "truncated`"},
      {[](Json& j) { j["commands"][0]["together"] = "x"; }, "together`"},
      {[](Json& j) { j["commands"][0]["stdout"] = "out"; }, "stdout` is not an object"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = "../../etc/passwd"; }, "leads out of the recording"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = "out/../../x"; }, "leads out of the recording"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = "/etc/passwd"; }, "is absolute"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = "out//x"; }, "empty part"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = ""; }, "is empty"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = "out/\u001b[31m"; }, "control character"},
      {[](Json& j) { j["commands"][0]["stdout"]["file"] = "out"; }, "is not a regular file"},
      {[](Json& j) { j["commands"][0]["stdout"]["bytes"] = 1ULL << 40U; }, "claims 1099511627776 bytes"},
      {[](Json& j) { j["commands"][0]["stdout"]["bytes"] = -3; }, "bytes` is not a whole number"},
      {[](Json& j) { j["commands"][0]["stdout"]["bytes"] = ~0ULL; }, "bytes` is not a whole number"},
      {[](Json& j) { j["commands"][0]["stdout"]["sha256"] = "abc"; }, "64 lower-case hex"},
      {[](Json& j) { j["commands"][0]["stdout"].erase("sha256"); }, "sha256` is missing"},
      {[](Json& j) { j["redactions"] = 1; }, "`redactions`"},
      {[](Json& j) {
         j["commands"][0]["stdout"]["bytes"] = 500U << 20U;
         for (int i = 0; i < 5; ++i) j["commands"].push_back(j["commands"][0]);
       }, "bytes of output, more than"},
      {[](Json& j) { j["commands"] = std::vector<Json>(10'001, j["commands"][0]); }, "10001 commands, more than 10000"},
  };
  for (const auto& row : table) {
    const std::string error = error_after(row.first);
    CHECK_MESSAGE(contains(error, row.second), row.second, " / ", error);
    CHECK_MESSAGE(contains(error, "bad recording "), error);
    CHECK_FALSE(contains(error, "\x1b"));
  }
}

TEST_CASE("recording: what is no JSON or too deep") {
  CHECK_FALSE(parse_recording("").ok());
  CHECK_FALSE(parse_recording("{").ok());
  CHECK_FALSE(parse_recording(std::string(1'000'000, '[')).ok());
  CHECK_FALSE(parse_recording("\xFF\xFE\x00").ok());
  CHECK(parse_recording(g_empty).ok());
}

TEST_CASE("recording: what is not there") {
  const test::TempFolder folder;
  CHECK(contains(read_recording(folder.path("none")).error(), "there is no recording"));
  CHECK(contains(read_recording(folder.path()).error(), "recording.json is missing"));
  CHECK(contains(read_recording("/dev/null").error(), "neither a folder nor"));
}

TEST_CASE("recording: links lead nowhere") {
  const test::TempFolder folder;
  REQUIRE(write_recording(folder.path("r"), head(), samples()).ok());
  fs::rename(folder.path("r/out/001.out"), folder.path("elsewhere"));
  fs::create_symlink(folder.path("elsewhere"), folder.path("r/out/001.out"));
  CHECK(contains(read_recording(folder.path("r")).error(), "out/001.out is a link"));
  fs::remove(folder.path("r/out/001.out"));
  fs::rename(folder.path("r/out"), folder.path("out"));
  fs::create_directory_symlink(folder.path("out"), folder.path("r/out"));
  CHECK(contains(read_recording(folder.path("r")).error(), "is a link"));
  fs::rename(folder.path("r/recording.json"), folder.path("recording.json"));
  fs::create_symlink(folder.path("recording.json"), folder.path("r/recording.json"));
  CHECK(contains(read_recording(folder.path("r")).error(), "recording.json is a link"));
  fs::remove(folder.path("r/recording.json"));
  ::mkfifo(folder.path("r/recording.json").c_str(), 0600);
  CHECK(contains(read_recording(folder.path("r")).error(), "is not a regular file"));
}

TEST_CASE("recording: a link swapped in after the check is not followed") {
  const test::TempFolder folder;
  REQUIRE(write_recording(folder.path("r"), head(), samples()).ok());
  const auto recording = read_recording(folder.path("r"));
  REQUIRE(recording.ok());
  fs::rename(folder.path("r/out/001.out"), folder.path("elsewhere"));
  fs::create_symlink(folder.path("elsewhere"), folder.path("r/out/001.out"));
  const auto result = recording->result(recording->commands[0]);
  CHECK((result.end == End::damaged));
  CHECK(contains(result.why, "is a link"));
  CHECK(result.out.empty());
}

TEST_CASE("recording: a damaged output damages its command only") {
  const std::vector<std::pair<std::function<void(const test::TempFolder&)>, std::string>> table{
      {[](const auto& folder) { fs::remove(folder.path("r/out/001.out")); }, "out/001.out is missing"},
      {[](const auto& folder) { folder.write("r/out/001.out", "{"); },
          "out/001.out holds 1 bytes, but 3 were recorded"},
      {[](const auto& folder) { folder.write("r/out/001.out", "[]\n"); },
          "out/001.out was changed after the recording"},
      {[](const auto& folder) { folder.write("r/out/001.err", "x"); }, "out/001.err holds"},
  };
  for (const auto& row : table) {
    const auto result = result_after(row.first);
    CHECK((result.end == End::damaged));
    CHECK_MESSAGE(contains(result.why, row.second), result.why);
    CHECK(contains(result.why, "`kubectl version -o json`"));
    CHECK(result.out.empty());
  }
}

TEST_CASE("recording: a proxy's dump too big to be held is read where it lies, folder or archive, and checked at its end") {
  const std::string dump = "[" + std::string(g_most_held, ' ') + "]";
  for (const char* const name : {"r", "r.tar.gz"}) {
    CAPTURE(name);
    const test::TempFolder folder;
    CommandResult big;
    big.argv = {"istioctl", "proxy-config", "clusters", "web-1.shop", "-o", "json"};
    big.out = dump;
    CommandResult list = big;
    list.argv = {"kubectl", "get", "pods", "-n", "shop", "-o", "json"};
    REQUIRE(write_recording(folder.path(name), head(), {big, list}).ok());
    const auto recording = read_recording(folder.path(name));
    REQUIRE(recording.ok());
    CHECK(recording->result(recording->commands[1]).out == dump);
    const auto result = recording->result(recording->commands[0]);
    CHECK(result.out.empty());
    REQUIRE(result.stored);
    for (int i = 0; i < 2; ++i) CHECK(*result.stored().whole() == dump);
    if (contains(name, ".")) continue;
    const auto error = [&] { return result.stored().whole().error(); };
    folder.write("r/out/001.out", "{" + dump.substr(1));
    CHECK(error() == "out/001.out was changed after the recording");
    folder.write("r/out/001.out", dump.substr(1));
    CHECK(error() == "out/001.out holds " + std::to_string(dump.size() - 1) + " bytes, but " + std::to_string(dump.size()) + " were recorded");
    folder.write("r/out/001.out", dump + dump);
    CHECK(contains(error(), "but " + std::to_string(dump.size()) + " were recorded"));
    fs::remove(folder.path("r/out/001.out"));
    CHECK(error() == "out/001.out is missing");
    fs::create_symlink("/etc/passwd", folder.path("r/out/001.out"));
    CHECK(error() == "out/001.out is a link");
  }
}

TEST_CASE("recording: archives with odd entries are refused") {
  CHECK(error_of_archive({{"recording.json", g_empty}}).empty());
  CHECK(error_of_archive({{"./", "", AE_IFDIR}, {"./recording.json", g_empty}}).empty());
  CHECK(error_of_archive({{"top/", "", AE_IFDIR}, {"top/out/", "", AE_IFDIR},
      {"top/recording.json", g_empty}}).empty());
  CHECK(contains(error_of_archive({}), "bad recording"));
  CHECK(contains(error_of_archive({{"a", "x"}, {"b/recording.json", g_empty}}), "recording.json is missing"));
  CHECK(contains(error_of_archive({{"recording.json", g_empty}, {"../x", "x"}}), "leads out of the recording"));
  CHECK(contains(error_of_archive({{"/etc/x", "x"}}), "is absolute"));
  CHECK(contains(error_of_archive({{"recording.json", "", AE_IFLNK, "/etc/passwd"}}), "is a link"));
  CHECK(contains(error_of_archive({{"a", "x"}, {"recording.json", "", AE_IFREG, "a"}}), "is a link"));
  CHECK(contains(error_of_archive({{"recording.json", "", AE_IFIFO}}), "not a regular file"));
  CHECK(contains(error_of_archive({{"recording.json", g_empty}, {"recording.json", g_empty}}), "twice"));
}

TEST_CASE("recording: a broken archive is refused") {
  const test::TempFolder folder;
  folder.write("text.tar.gz", "this is no archive");
  CHECK_FALSE(read_recording(folder.path("text.tar.gz")).ok());
  REQUIRE(write_recording(folder.path("r.tar.gz"), head(), samples()).ok());
  const std::string whole = folder.read("r.tar.gz");
  for (std::size_t size = 0; size < whole.size(); size += 37) {
    folder.write("cut.tar.gz", whole.substr(0, size));
    CHECK_FALSE(read_recording(folder.path("cut.tar.gz")).ok());
  }
}
