// An IP prefix as the configuration writes it: `10.20.0.1/16`, `fd20::1/64`, `10.20.0.1` (a host).
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace postern {

struct IpPrefix {
  bool ipv6 = false;
  std::array<uint8_t, 16> bytes{};  // network order; IPv4 uses the first four
  uint8_t length = 0;               // bits

  size_t size() const noexcept { return ipv6 ? 16 : 4; }
  IpPrefix network() const noexcept;  // host bits cleared
  bool operator==(const IpPrefix&) const = default;
};

// False: not a numeric address, or a length that is no number or too long.
bool parsePrefix(const std::string& text, IpPrefix& out);

}  // namespace postern
