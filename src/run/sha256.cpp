#include "run/sha256.hpp"

#include <array>

#include <openssl/evp.h>

namespace meshdx::run {

std::string sha256(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), sum.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += {digits[sum[i] >> 4U], digits[sum[i] & 0xFU]};
  return text;
}

}  // namespace meshdx::run
