#include "util/cidr.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "util/text.hpp"

namespace meshdx {

std::optional<Cidr> parse_cidr(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  Cidr range;
  unsigned family_bits = 128;
  unsigned char four[4];
  if (inet_pton(AF_INET, address.c_str(), four) == 1) {
    family_bits = 32;
    range.address[10] = range.address[11] = 0xff;
    std::copy(std::begin(four), std::end(four), range.address.begin() + 12);
  } else if (inet_pton(AF_INET6, address.c_str(), range.address.data()) != 1) {
    return std::nullopt;
  }
  if (slash == std::string::npos) return range;
  const auto bits = to_number(text.substr(slash + 1));
  if (!bits || *bits > family_bits) return std::nullopt;
  range.prefix = 128 - family_bits + static_cast<unsigned>(*bits);
  return range;
}

bool in_cidr(const std::string& address, const Cidr& range) {
  const auto single = contains(address, "/") ? std::nullopt : parse_cidr(address);
  if (!single) return false;
  for (unsigned bit = 0; bit < range.prefix; ++bit) {
    const unsigned char mask = static_cast<unsigned char>(0x80u >> (bit % 8));
    if ((single->address[bit / 8] & mask) != (range.address[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace meshdx
