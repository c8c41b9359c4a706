#include "run/archive_library.hpp"

#include <string>

#include <dlfcn.h>
#include <fmt/core.h>

namespace meshdx::run {
namespace {

/// The name under which libarchive 3 is installed, whose functions these headers declare.
constexpr const char* k_file = "libarchive.so.13";

/// Loads it once; it stays to the end.
class Loader {
 public:
  ArchiveLibrary library;
  std::string error;

  Loader() : m_handle(::dlopen(k_file, RTLD_NOW | RTLD_LOCAL)) {
    if (m_handle == nullptr) {
      fail();
      return;
    }
    load("archive_entry_filetype", library.entry_filetype);
    load("archive_entry_free", library.entry_free);
    load("archive_entry_hardlink", library.entry_hardlink);
    load("archive_entry_new", library.entry_new);
    load("archive_entry_pathname", library.entry_pathname);
    load("archive_entry_set_filetype", library.entry_set_filetype);
    load("archive_entry_set_mtime", library.entry_set_mtime);
    load("archive_entry_set_pathname", library.entry_set_pathname);
    load("archive_entry_set_perm", library.entry_set_perm);
    load("archive_entry_set_size", library.entry_set_size);
    load("archive_entry_symlink", library.entry_symlink);
    load("archive_error_string", library.error_string);
    load("archive_read_data_block", library.read_data_block);
    load("archive_read_free", library.read_free);
    load("archive_read_new", library.read_new);
    load("archive_read_next_header", library.read_next_header);
    load("archive_read_open_filename", library.read_open_filename);
    load("archive_read_support_filter_gzip", library.read_support_filter_gzip);
    load("archive_read_support_format_tar", library.read_support_format_tar);
    load("archive_write_add_filter_gzip", library.write_add_filter_gzip);
    load("archive_write_close", library.write_close);
    load("archive_write_data", library.write_data);
    load("archive_write_free", library.write_free);
    load("archive_write_header", library.write_header);
    load("archive_write_new", library.write_new);
    load("archive_write_open_filename", library.write_open_filename);
    load("archive_write_set_format_pax_restricted", library.write_set_format_pax_restricted);
  }

 private:
  template <class Function>
  void load(const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(m_handle, name));  // NOLINT: POSIX gives functions so
    if (function == nullptr) fail();
  }
  void fail() {
    const char* const reason = ::dlerror();
    if (!error.empty()) return;
    error = fmt::format("a .tar.gz takes {}, which cannot be loaded ({}): install libarchive 3 (Debian: libarchive13), or use a folder",
                        k_file, reason == nullptr ? "no reason given" : reason);
  }

  void* m_handle;
};

}  // namespace

Expected<const ArchiveLibrary*> archive_library() {
  static const Loader loader;
  if (!loader.error.empty()) return Error{loader.error};
  return &loader.library;
}

}  // namespace meshdx::run
