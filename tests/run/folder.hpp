// A folder for one test, and files in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace meshdx::run::test {

/// A fresh folder under /tmp, removed at the end of the test.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "meshdx-run-XXXXXX").string();
    m_path = ::mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(m_path); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& file = "") const { return (m_path / file).string(); }
  void write(const std::string& file, const std::string& bytes) const {
    std::filesystem::create_directories((m_path / file).parent_path());
    std::ofstream(path(file), std::ios::binary) << bytes;
  }
  /// A shell script that may be run.
  void script(const std::string& file, const std::string& body) const {
    write(file, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(path(file), std::filesystem::perms::owner_all);
  }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream stream(path(file), std::ios::binary);
    std::ostringstream bytes;
    bytes << stream.rdbuf();
    return bytes.str();
  }

 private:
  std::filesystem::path m_path;
};

}  // namespace meshdx::run::test
