#include "run/sha256.hpp"

#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace meshdx::run {
namespace {

/// Looked up once. Checksums and certificates need nothing of what the machine's openssl.cnf sets up, and reading it takes a
/// millisecond, as does tidying up for a process that ends.
const EVP_MD* algorithm() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr);
  return EVP_MD_fetch(nullptr, "SHA256", nullptr);
}

}  // namespace

std::string sha256(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned int size = 0;
  static const EVP_MD* const method = algorithm();
  EVP_Digest(bytes.data(), bytes.size(), sum.data(), &size, method, nullptr);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += {digits[sum[i] >> 4U], digits[sum[i] & 0xFU]};
  return text;
}

}  // namespace meshdx::run
