// IP addresses and ranges ("10.96.0.0/16", "fd00::/8"), as NetworkPolicies and capture annotations write them.
#pragma once

#include <array>
#include <optional>
#include <string>

namespace meshdx {

/// An address range. IPv4 is held as IPv4-mapped IPv6, so both families compare alike.
struct Cidr {
  std::array<unsigned char, 16> address{};
  unsigned prefix = 128;      ///< leading bits that count, of 128
};

/// Reads "ADDRESS" or "ADDRESS/BITS"; nullopt for what is neither.
std::optional<Cidr> parse_cidr(const std::string& text);

/// Whether an address lies in a range. Text that is no address lies in none.
bool in_cidr(const std::string& address, const Cidr& range);

}  // namespace meshdx
