#include "evidence/certificate.hpp"

#include <chrono>
#include <ctime>
#include <limits>
#include <memory>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "util/text.hpp"

namespace meshdx::evidence {

namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(char* p) const { OPENSSL_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

/// Lower-case hex without leading zeros, as `istioctl proxy-config secret` prints it.
std::string serial_of(const X509& certificate) {
  const Owned<BIGNUM> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
  const Owned<char> hex(number ? BN_bn2hex(number.get()) : nullptr);
  if (!hex) return {};
  const auto text = lower(hex.get());
  const auto first = text.find_first_not_of('0');
  return first == std::string::npos ? "0" : text.substr(first);
}

/// Looked up once: a lookup takes longer than the sum.
const EVP_MD* sha256() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

std::string fingerprint_of(const X509& certificate) {
  static constexpr char digits[] = "0123456789abcdef";
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  std::string hex;
  if (X509_digest(&certificate, sha256(), bytes, &size) != 1) return hex;
  for (unsigned int i = 0; i < size; ++i) hex += {digits[bytes[i] >> 4U], digits[bytes[i] & 0xFU]};
  return hex;
}

std::string uri_san_of(const X509& certificate) {
  const Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const auto* uri = name->d.uniformResourceIdentifier;
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
            static_cast<std::size_t>(ASN1_STRING_length(uri))};
  }
  return {};
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  using namespace std::chrono;
  const sys_days day = year(parts.tm_year + 1900) / month(static_cast<unsigned>(parts.tm_mon) + 1) /
                       std::chrono::day(static_cast<unsigned>(parts.tm_mday));
  const auto midnight = duration_cast<seconds>(day.time_since_epoch()).count();
  return midnight + parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec;
}

Certificate describe(const X509& certificate) {
  Certificate result;
  result.subject_alt_name = uri_san_of(certificate);
  result.serial = serial_of(certificate);
  result.fingerprint = fingerprint_of(certificate);
  result.not_before = seconds_of(X509_get0_notBefore(&certificate));
  result.not_after = seconds_of(X509_get0_notAfter(&certificate));
  return result;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  while (ends_with(text, "=")) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  unsigned int bits = 0;
  int held = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6U | static_cast<unsigned int>(digit)) & 0xFFFFU;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> static_cast<unsigned int>(held) & 0xFFU);
  }
  return bytes;
}

Expected<std::vector<Certificate>> parse_certificates(std::string_view pem) {
  std::vector<Certificate> chain;
  if (pem.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return Error{"the PEM text is too long"};
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // The empty password keeps OpenSSL from asking on the terminal for an encrypted block.
  static char no_password[] = "";
  ERR_clear_error();
  while (bio) {
    const Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, no_password));
    if (!certificate) break;
    chain.push_back(describe(*certificate));
  }
  const auto code = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  const char* const reason = ERR_reason_error_string(code);
  const std::string why = reason ? reason : "unknown";
  ERR_clear_error();
  if (!at_end) return Error{"certificate " + std::to_string(chain.size() + 1) + " cannot be read (" + why + ")"};
  return chain;
}

}  // namespace meshdx::evidence
