#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/core.h>

#include "run/store.hpp"
#include "util/text.hpp"

namespace meshdx::run {
namespace {

/// A descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : m_fd(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(-1); }
  [[nodiscard]] int get() const { return m_fd; }
  void reset(int fd) {
    if (m_fd >= 0) ::close(m_fd);
    m_fd = fd;
  }

 private:
  int m_fd;
};

/// The `left` bytes of a descriptor; a file that grows meanwhile is not followed.
Input::Next reader_of(std::shared_ptr<Descriptor> descriptor, std::size_t left) {
  return [descriptor = std::move(descriptor), left](char* into, std::size_t room) mutable -> Expected<std::size_t> {
    for (;;) {
      const auto got = ::read(descriptor->get(), into, std::min(room, left));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error{std::strerror(errno)};
      left -= static_cast<std::size_t>(got);
      return static_cast<std::size_t>(got);
    }
  };
}

class Folder : public OutputStore {
 public:
  explicit Folder(int fd) : m_folder(fd) {}

  [[nodiscard]] Expected<Input> open(const std::string& file) const override {
    // Part by part and O_NOFOLLOW each, so that no link can be swapped in on the way; O_NONBLOCK for a planted FIFO.
    const auto at = std::make_shared<Descriptor>(::fcntl(m_folder.get(), F_DUPFD_CLOEXEC, 0));
    const auto parts = split(file, '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const int kind = i + 1 < parts.size() ? O_DIRECTORY : O_NONBLOCK;
      const int next = ::openat(at->get(), parts[i].c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | kind);
      if (next < 0) return Error{refusal(errno)};
      at->reset(next);
    }
    struct stat status {};
    if (::fstat(at->get(), &status) != 0) return Error{std::strerror(errno)};
    if (!S_ISREG(status.st_mode)) return Error{"is not a regular file"};
    const auto size = static_cast<std::size_t>(status.st_size);
    return Input(reader_of(at, size), size);
  }

  [[nodiscard]] std::string objection(const std::string& file) const override {
    for (std::size_t end = file.find('/'); ; end = file.find('/', end + 1)) {
      const std::string part = file.substr(0, end);
      struct stat status {};
      if (::fstatat(m_folder.get(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return "";
      if (S_ISLNK(status.st_mode)) return "is a link";
      if (end == std::string::npos) return S_ISREG(status.st_mode) ? "" : "is not a regular file";
      if (!S_ISDIR(status.st_mode)) return "is not a folder";
    }
  }

 private:
  static std::string refusal(int error) {
    if (error == ENOENT) return "is missing";
    if (error == ELOOP) return "is a link";
    return std::string("cannot be read: ") + std::strerror(error);
  }

  Descriptor m_folder;
};

}  // namespace

std::string path_objection(const std::string& path) {
  if (path.empty() || path.size() > 1024) return "is empty or too long";
  if (path[0] == '/') return "is absolute";
  for (const unsigned char c : path) {
    if (c < 0x20 || c == 0x7F || c == '\\') return "holds a control character or a backslash";
  }
  for (const auto& part : split(path, '/')) {
    if (part == "..") return "leads out of the recording (`..`)";
    if (part.empty() || part == ".") return "has an empty part";
  }
  return "";
}

Expected<std::shared_ptr<const OutputStore>> open_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error{fmt::format("the recording {} cannot be opened: {}", path, std::strerror(errno))};
  return std::shared_ptr<const OutputStore>(std::make_shared<Folder>(fd));
}

}  // namespace meshdx::run
