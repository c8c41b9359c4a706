#include <map>

#include <fmt/core.h>

#include "run/archive_library.hpp"
#include "run/store.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

using Files = std::map<std::string, std::string>;

class Unpacked : public OutputStore {
 public:
  explicit Unpacked(Files files) : m_files(std::move(files)) {}

  [[nodiscard]] Expected<Input> open(const std::string& file) const override {
    const auto found = m_files.find(file);
    if (found == m_files.end()) return Error{"is missing"};
    return Input(found->second);
  }

  // Links and odd kinds of entry were refused while unpacking.
  [[nodiscard]] std::string objection(const std::string&) const override { return ""; }

 private:
  Files m_files;
};

/// Reads the entries of one archive, and refuses it at the first one that has no place in a recording.
class Unpacker {
 public:
  Unpacker(const ArchiveLibrary& library, const std::string& path) : m_library(library), m_path(path), m_archive(m_library.read_new()) {
    m_library.read_support_filter_gzip(m_archive);
    m_library.read_support_format_tar(m_archive);
  }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
  ~Unpacker() { m_library.read_free(m_archive); }

  Expected<Files> unpack() {
    if (m_library.read_open_filename(m_archive, m_path.c_str(), 1U << 16U) != ARCHIVE_OK) return broken();
    archive_entry* entry = nullptr;
    for (;;) {
      const int answer = m_library.read_next_header(m_archive, &entry);
      if (answer == ARCHIVE_EOF) break;
      if (answer != ARCHIVE_OK) return broken();
      const auto taken = take(entry);
      if (!taken.ok()) return Error{taken.error()};
    }
    return without_top_folder();
  }

 private:
  Expected<Done> take(archive_entry* entry) {
    const char* raw = m_library.entry_pathname(entry);
    std::string name = raw == nullptr ? "" : raw;
    const auto kind = m_library.entry_filetype(entry);
    const bool folder = kind == AE_IFDIR;
    if (++m_entries > 2 * g_max_recorded_commands + 100) return refuse("holds too many entries");
    while (starts_with(name, "./")) name.erase(0, 2);
    if (folder && !name.empty() && name.back() == '/') name.pop_back();
    if (folder && (name.empty() || name == ".")) return Done{};
    if (const auto objection = path_objection(name); !objection.empty()) {
      return refuse(fmt::format("holds the entry `{}`, which {}", printable(name), objection));
    }
    if (m_library.entry_hardlink(entry) != nullptr || m_library.entry_symlink(entry) != nullptr) {
      return refuse(fmt::format("holds the entry `{}`, which is a link", name));
    }
    if (folder) return Done{};
    if (kind != AE_IFREG) return refuse(fmt::format("holds the entry `{}`, which is not a regular file", name));
    return take_bytes(name);
  }

  Expected<Done> take_bytes(const std::string& name) {
    const auto [place, is_new] = m_files.try_emplace(name);
    if (!is_new) return refuse(fmt::format("holds the entry `{}` twice", name));
    std::string& bytes = place->second;
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int answer = m_library.read_data_block(m_archive, &block, &size, &offset);
      if (answer == ARCHIVE_EOF) return Done{};
      if (answer != ARCHIVE_OK) return broken();
      // The offset comes from the archive (sparse files): a gap counts as bytes, before any are made.
      const auto end = static_cast<std::uint64_t>(offset) + size;
      if (offset < 0 || end < bytes.size() || end > g_max_recorded_output) {
        return refuse(fmt::format("holds the entry `{}`, which is larger than {} bytes", name, g_max_recorded_output));
      }
      m_total += end - bytes.size();
      if (m_total > g_max_recorded_total) {
        return refuse(fmt::format("unpacks to more than {} bytes", g_max_recorded_total));
      }
      bytes.resize(static_cast<std::size_t>(offset));
      bytes.append(static_cast<const char*>(block), size);
    }
  }

  /// `tar -czf x.tar.gz DIR` puts everything under DIR/: drop that part when all files have it.
  Files without_top_folder() {
    if (m_files.empty() || m_files.count("recording.json") != 0) return std::move(m_files);
    const std::string top = m_files.begin()->first.substr(0, m_files.begin()->first.find('/') + 1);
    for (const auto& file : m_files) {
      if (top.empty() || !starts_with(file.first, top)) return std::move(m_files);
    }
    Files files;
    for (auto& [name, bytes] : m_files) {
      files.emplace(name.substr(top.size()), std::move(bytes));
    }
    return files;
  }

  Error refuse(const std::string& what) const { return {fmt::format("the recording {} {}", m_path, what)}; }
  Error broken() const {
    const char* text = m_library.error_string(m_archive);
    return refuse(fmt::format("is no whole .tar.gz: {}", text == nullptr ? "unknown reason" : printable(text)));
  }

  const ArchiveLibrary& m_library;
  std::string m_path;
  archive* m_archive;
  Files m_files;
  std::size_t m_entries = 0;
  std::uint64_t m_total = 0;
};

}  // namespace

Expected<std::shared_ptr<const OutputStore>> open_archive(const std::string& path) {
  const auto library = archive_library();
  if (!library) return Error{fmt::format("the recording {} cannot be read: {}", path, library.error())};
  auto files = Unpacker(**library, path).unpack();
  if (!files.ok()) return Error{files.error()};
  return std::shared_ptr<const OutputStore>(std::make_shared<Unpacked>(std::move(*files)));
}

}  // namespace meshdx::run
