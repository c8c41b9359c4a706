// The socket tables /proc/net/tcp and /proc/net/tcp6 (formats.md 6; Linux Documentation/networking/proc_net_tcp).
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/core.h>

#include "evidence/control.hpp"
#include "util/text.hpp"

namespace meshdx::evidence {
namespace {

std::optional<std::uint32_t> from_hex(std::string_view text) {
  if (text.empty() || text.size() > 8) return std::nullopt;
  std::uint32_t number = 0;
  for (const char c : text) {
    const auto digit = std::string_view("0123456789abcdef").find(lower(std::string_view(&c, 1)));
    if (digit == std::string_view::npos) return std::nullopt;
    number = number * 16 + static_cast<std::uint32_t>(digit);
  }
  return number;
}

/// The kernel prints each 32-bit word of an address as a number in its own byte order: little-endian on all that runs
/// Istio (amd64, arm64). "0100007F" is 127.0.0.1. An IPv4-mapped address is printed as the IPv4 one it stands for.
std::optional<std::string> address_text(std::string_view hex) {
  if (hex.size() != 8 && hex.size() != 32) return std::nullopt;
  std::array<unsigned char, 16> bytes{};
  for (std::size_t word = 0; word * 8 < hex.size(); ++word) {
    const auto number = from_hex(hex.substr(word * 8, 8));
    if (!number) return std::nullopt;
    for (std::size_t i = 0; i < 4; ++i) bytes[word * 4 + i] = static_cast<unsigned char>(*number >> (8 * i));
  }
  static constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const bool v4_mapped = hex.size() == 32 && std::memcmp(bytes.data(), mapped.data(), mapped.size()) == 0;
  const bool v4 = hex.size() == 8 || v4_mapped;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const unsigned char* from = v4_mapped ? bytes.data() + mapped.size() : bytes.data();
  if (inet_ntop(v4 ? AF_INET : AF_INET6, from, text.data(), text.size()) == nullptr) return std::nullopt;
  return std::string(text.data());
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!(line = trim(line)).empty()) {
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return fields;
}

/// A row of either table: "sl: local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode ...".
std::optional<Socket> read_row(const std::vector<std::string_view>& fields) {
  if (fields.size() < 8) return std::nullopt;
  const auto colon = fields[1].find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto address = address_text(fields[1].substr(0, colon));
  const auto port = from_hex(fields[1].substr(colon + 1));
  const auto uid = to_number(fields[7]);
  if (!address || !port || *port > 65535 || !uid) return std::nullopt;
  Socket socket;
  socket.address = *address;
  socket.port = static_cast<std::uint16_t>(*port);
  socket.uid = static_cast<std::uint32_t>(*uid);
  return socket;
}

}  // namespace

bool Socket::loopback() const { return starts_with(address, "127.") || address == "::1"; }

Expected<std::vector<Socket>> parse_sockets(std::string_view text) {
  constexpr std::size_t shortest_row = 12;   // TIME_WAIT; all other rows have 17 fields
  std::vector<Socket> sockets;
  bool header = false;
  std::size_t number = 0;
  for (const auto& line : split(text, '\n')) {
    ++number;
    const auto fields = fields_of(line);
    if (fields.empty()) continue;
    if (fields.size() > 1 && fields[0] == "sl" && fields[1] == "local_address") {
      header = true;
      continue;
    }
    const auto socket = read_row(fields);
    if (!header || !socket || fields.size() < shortest_row) {
      return Error{fmt::format("line {} is not one of /proc/net/tcp", number)};
    }
    // One listener shows once a worker thread (SO_REUSEPORT).
    const bool seen = std::any_of(sockets.begin(), sockets.end(), [&](const Socket& other) {
      return other.address == socket->address && other.port == socket->port && other.uid == socket->uid;
    });
    if (fields[3] == "0A" && !seen) sockets.push_back(*socket);
  }
  if (!header) return Error{"not /proc/net/tcp: the header line is missing"};
  return sockets;
}

}  // namespace meshdx::evidence
