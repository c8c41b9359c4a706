#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/archive_library.hpp"
#include "run/recording.hpp"
#include "run/sha256.hpp"
#include "util/json.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

namespace fs = std::filesystem;

bool is_archive_name(const std::string& path) { return ends_with(path, ".tar.gz") || ends_with(path, ".tgz"); }

/// Where the files of a recording go while it is being written.
class Sink {
 public:
  virtual ~Sink() = default;
  /// "" or the reason it could not be written.
  virtual std::string write(const std::string& file, const std::string& bytes) = 0;
  /// Completes it; "" or the reason it could not be.
  virtual std::string finish() = 0;
};

std::string write_all(int fd, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto put = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return std::strerror(errno);
    done += static_cast<std::size_t>(put);
  }
  return "";
}

class FolderSink : public Sink {
 public:
  explicit FolderSink(std::string folder) : m_folder(std::move(folder)) {}

  std::string write(const std::string& file, const std::string& bytes) override {
    const std::string path = m_folder + "/" + file;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return std::strerror(errno);
    std::string failed = write_all(fd, bytes);
    if (::close(fd) != 0 && failed.empty()) failed = std::strerror(errno);
    return failed;
  }

  std::string finish() override { return ""; }

  /// Makes the two folders; "" or the reason.
  std::string make() {
    if (::mkdir(m_folder.c_str(), 0777) != 0) return std::strerror(errno);
    if (::mkdir((m_folder + "/out").c_str(), 0777) != 0) return std::strerror(errno);
    return "";
  }

 private:
  std::string m_folder;
};

class ArchiveSink : public Sink {
 public:
  ArchiveSink(const ArchiveLibrary& library, const std::string& file, std::string top)
      : m_library(library), m_top(std::move(top)), m_archive(m_library.write_new()) {
    m_library.write_add_filter_gzip(m_archive);
    m_library.write_set_format_pax_restricted(m_archive);
    m_failed = m_library.write_open_filename(m_archive, file.c_str()) != ARCHIVE_OK;
  }
  ArchiveSink(const ArchiveSink&) = delete;
  ArchiveSink& operator=(const ArchiveSink&) = delete;
  ~ArchiveSink() override { m_library.write_free(m_archive); }

  std::string write(const std::string& file, const std::string& bytes) override {
    if (m_failed) return reason();
    archive_entry* entry = m_library.entry_new();
    m_library.entry_set_pathname(entry, (m_top + "/" + file).c_str());
    m_library.entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
    m_library.entry_set_filetype(entry, AE_IFREG);
    m_library.entry_set_perm(entry, 0644);
    m_library.entry_set_mtime(entry, std::time(nullptr), 0);
    m_failed = m_library.write_header(m_archive, entry) != ARCHIVE_OK;
    m_library.entry_free(entry);
    const auto size = static_cast<la_ssize_t>(bytes.size());
    m_failed = m_failed || m_library.write_data(m_archive, bytes.data(), bytes.size()) != size;
    return m_failed ? reason() : "";
  }

  std::string finish() override { return m_library.write_close(m_archive) == ARCHIVE_OK ? "" : reason(); }

 private:
  std::string reason() {
    const char* text = m_library.error_string(m_archive);
    return text == nullptr ? "it cannot be written" : text;
  }

  const ArchiveLibrary& m_library;
  std::string m_top;
  archive* m_archive;
  bool m_failed = false;
};

/// Writes one output and describes it; an empty one has neither.
std::string put_output(Sink& sink, const std::string& file, const std::string& bytes, const char* key, Json& command) {
  if (bytes.empty()) return "";
  command[key] = Json::object({{"file", file}, {"bytes", bytes.size()}, {"sha256", sha256(bytes)}});
  return sink.write(file, bytes);
}

Json describe(const CommandResult& result) {
  Json command = Json::object();
  command["argv"] = result.argv;
  command["exit"] = nullptr;
  if (result.end == End::exited) command["exit"] = result.exit_code;
  else command["end"] = end_name(result.end);
  if (!result.why.empty()) command["why"] = result.why;
  if (result.truncated) command["truncated"] = true;
  if (!result.together.empty()) command["together"] = result.together;
  command["ms"] = result.took.count();
  return command;
}

Json describe_head(const Recording& head) {
  Json json = Json::object();
  json["format"] = g_recording_format;
  json["args"] = head.args;
  json["versions"] = head.versions;
  if (!head.time.empty()) json["time"] = head.time;
  Json redactions = Json::array();
  for (const auto& redaction : head.redactions) {
    redactions.push_back(
        Json::object({{"argv", redaction.argv}, {"kind", redaction.kind}, {"count", redaction.count}}));
  }
  json["redactions"] = std::move(redactions);
  return json;
}

std::string put_all(Sink& sink, const Recording& head, const std::vector<CommandResult>& results) {
  Json json = describe_head(head);
  Json commands = Json::array();
  for (std::size_t i = 0; i < results.size(); ++i) {
    Json command = describe(results[i]);
    const std::string stem = fmt::format("out/{:03}", i + 1);
    std::string failed = put_output(sink, stem + ".out", results[i].out, "stdout", command);
    if (failed.empty()) failed = put_output(sink, stem + ".err", results[i].err, "stderr", command);
    if (!failed.empty()) return failed;
    commands.push_back(std::move(command));
  }
  json["commands"] = std::move(commands);
  const std::string failed = sink.write("recording.json", dump_json(json, 1) + "\n");
  return failed.empty() ? sink.finish() : failed;
}

std::string put_into(const std::string& temporary, const fs::path& target, const Recording& head,
                     const std::vector<CommandResult>& results) {
  if (!is_archive_name(target.string())) {
    FolderSink sink(temporary);
    const std::string failed = sink.make();
    return failed.empty() ? put_all(sink, head, results) : failed;
  }
  const auto library = archive_library();
  if (!library) return library.error();
  const std::string name = target.filename().string();
  ArchiveSink sink(**library, temporary, name.substr(0, name.size() - (ends_with(name, ".tgz") ? 4 : 7)));
  return put_all(sink, head, results);
}

/// `DIR/` and `DIR` are the same target.
fs::path without_slash(const std::string& path) {
  std::string text = path;
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return fs::absolute(text).lexically_normal();
}

}  // namespace

Expected<Done> check_recording_target(const std::string& path) {
  if (path.empty()) return Error{"the recording needs a folder's name or a name that ends in .tar.gz"};
  if (is_archive_name(path)) {
    if (const auto library = archive_library(); !library) return Error{fmt::format("{} cannot be recorded to: {}", path, library.error())};
  }
  std::error_code failed;
  const fs::path target = without_slash(path);
  const auto status = fs::symlink_status(target, failed);
  if (!fs::exists(status)) {
    const fs::path parent = target.parent_path();
    if (fs::is_directory(parent, failed)) return Done{};
    return Error{fmt::format("{} cannot be recorded to: the folder {} does not exist", path, parent.string())};
  }
  if (is_archive_name(path)) return Error{fmt::format("{} exists already: give the recording a new name", path)};
  if (!fs::is_directory(status)) {
    return Error{fmt::format("{} exists and is no folder: give the recording a new one", path)};
  }
  if (!fs::is_empty(target, failed) || failed) {
    return Error{fmt::format("the folder {} is not empty: give the recording a new one", path)};
  }
  return Done{};
}

Expected<Done> write_recording(const std::string& path, const Recording& head,
                               const std::vector<CommandResult>& results) {
  if (const auto free = check_recording_target(path); !free.ok()) return free;
  const fs::path target = without_slash(path);
  const fs::path temporary = target.parent_path() / fmt::format(".{}.{}.tmp", target.filename().string(), ::getpid());
  std::error_code ignored;
  fs::remove_all(temporary, ignored);  // of an earlier process with this number that was killed while it wrote
  std::string failed = put_into(temporary.string(), target, head, results);
  if (failed.empty() && ::rename(temporary.c_str(), target.c_str()) != 0) failed = std::strerror(errno);
  if (failed.empty()) return Done{};
  fs::remove_all(temporary, ignored);
  return Error{fmt::format("the recording {} could not be written: {}", path, failed)};
}

}  // namespace meshdx::run
