#include "codel.h"

#include "byte_order.h"

namespace postern {

bool markCongestion(ByteSpan packet) noexcept {
  constexpr uint8_t kCongestion = 3;
  if (packet.size() < 20) return false;
  uint8_t* const at = packet.data();
  const bool ipv6 = at[0] >> 4 == 6;
  if (!ipv6 && at[0] >> 4 != 4) return false;
  const int shift = ipv6 ? 4 : 0;  // in octet 1: the low bits of the class, or of the type of service
  const uint8_t before = at[1], ecn = before >> shift & kCongestion;
  if (ecn == 0) return false;
  at[1] = static_cast<uint8_t>(before | kCongestion << shift);
  if (!ipv6) {
    // RFC 1624, equation 3.
    uint32_t sum = static_cast<uint16_t>(~load16(at + 10)) + static_cast<uint16_t>(~uint32_t{before}) + uint32_t{at[1]};
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    store16(at + 10, static_cast<uint16_t>(~sum));
  }
  return true;
}

}  // namespace postern
