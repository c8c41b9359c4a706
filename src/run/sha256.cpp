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

EVP_MD_CTX* context_of(const std::shared_ptr<void>& context) { return static_cast<EVP_MD_CTX*>(context.get()); }

}  // namespace

Sha256::Sha256() : m_context(EVP_MD_CTX_new(), [](void* context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); }) {
  static const EVP_MD* const method = algorithm();
  EVP_DigestInit_ex(context_of(m_context), method, nullptr);
}

void Sha256::add(std::string_view bytes) { EVP_DigestUpdate(context_of(m_context), bytes.data(), bytes.size()); }

std::string Sha256::sum() {
  static constexpr char digits[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_of(m_context), sum.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += {digits[sum[i] >> 4U], digits[sum[i] & 0xFU]};
  return text;
}

std::string sha256(std::string_view bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.sum();
}

}  // namespace meshdx::run
