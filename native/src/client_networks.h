// Networks behind a client (`iroute`): routed to its tunnel, and its packets may come from them.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "ip_prefix.h"

namespace postern {

class ClientNetworks {
 public:
  explicit ClientNetworks(std::vector<IpPrefix> prefixes) : prefixes_(std::move(prefixes)) {}

  const std::vector<IpPrefix>& prefixes() const noexcept { return prefixes_; }
  bool holds(uint32_t ipv4) const noexcept {  // host order
    const std::array<uint8_t, 4> bytes{static_cast<uint8_t>(ipv4 >> 24), static_cast<uint8_t>(ipv4 >> 16), static_cast<uint8_t>(ipv4 >> 8), static_cast<uint8_t>(ipv4)};
    return holds(false, bytes.data());
  }
  bool holds(const std::array<uint8_t, 16>& ipv6) const noexcept { return holds(true, ipv6.data()); }
  bool operator==(const ClientNetworks&) const = default;

 private:
  bool holds(bool ipv6, const uint8_t* address) const noexcept {
    return std::any_of(prefixes_.begin(), prefixes_.end(), [&](const IpPrefix& prefix) {
      const size_t whole = prefix.length / 8, rest = prefix.length % 8;
      if (prefix.ipv6 != ipv6 || std::memcmp(prefix.bytes.data(), address, whole) != 0) return false;
      return rest == 0 || (prefix.bytes[whole] ^ address[whole]) >> (8 - rest) == 0;
    });
  }

  std::vector<IpPrefix> prefixes_;
};

}  // namespace postern
