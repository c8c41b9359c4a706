// Checksums of recorded outputs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace meshdx::run {

/// The SHA-256 of any bytes, as 64 lower-case hex digits.
std::string sha256(std::string_view bytes);

/// The same of bytes that come one after the other.
class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  /// Of all that was added. To be asked once.
  std::string sum();

 private:
  std::shared_ptr<void> m_context;
};

}  // namespace meshdx::run
