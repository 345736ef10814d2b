#include "mss_clamp.h"

#include <algorithm>

#include "byte_order.h"

namespace postern {
namespace {

// Specification constants, RFC 9293 sections 3.1 and 3.2.
constexpr uint8_t kTcp = 6, kSyn = 0x02;
constexpr uint8_t kEnd = 0, kNothing = 1, kMss = 2, kMssLength = 4;
constexpr size_t kTcpHeader = 20, kDataOffset = 12, kFlags = 13, kChecksum = 16;
constexpr uint16_t kHeaders4 = 40, kHeaders6 = 60;

// Where TCP begins; 0 when it does not.
size_t tcpOffset(ByteView packet) noexcept {
  if (packet[0] >> 4 == 4) {
    constexpr uint16_t kOffset = 0x1fff;
    return packet[9] == kTcp && (load16(&packet[6]) & kOffset) == 0 ? (packet[0] & 0x0f) * 4u : 0;
  }
  uint8_t protocol;
  size_t offset;
  return transport6(packet, protocol, offset) && protocol == kTcp ? offset : 0;
}

// One's complement: the sum without `before` and with `after`. A field that begins at an odd place lies in two words of the
// sum, with its bytes exchanged.
uint16_t exchanged(uint16_t checksum, uint16_t before, uint16_t after, bool odd) noexcept {
  const auto word = [odd](uint16_t value) { return odd ? __builtin_bswap16(value) : value; };
  const uint64_t sum = static_cast<uint16_t>(~checksum) + uint64_t{static_cast<uint16_t>(~word(before))} + word(after);
  return static_cast<uint16_t>(~checksumFold(sum));
}

}  // namespace

bool isTcpSyn(ByteView packet) noexcept {
  const size_t tcp = tcpOffset(packet);
  return tcp != 0 && packet.size() >= tcp + kTcpHeader && (packet[tcp + kFlags] & kSyn) != 0;
}

bool clampMss(ByteSpan packet, uint16_t mtu) noexcept {
  const uint16_t headers = packet[0] >> 4 == 4 ? kHeaders4 : kHeaders6;
  if (mtu <= headers) return false;
  const auto most = static_cast<uint16_t>(mtu - headers);
  uint8_t* const tcp = packet.data() + tcpOffset(packet);
  const size_t length = packet.size() - static_cast<size_t>(tcp - packet.data());
  const size_t end = std::min<size_t>((tcp[kDataOffset] >> 4) * 4u, length);
  bool changed = false;
  for (size_t at = kTcpHeader; at < end && tcp[at] != kEnd;) {
    if (tcp[at] == kNothing) {
      ++at;
      continue;
    }
    if (end - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > end - at) break;
    const uint16_t mss = tcp[at] == kMss && tcp[at + 1] == kMssLength ? load16(tcp + at + 2) : 0;
    if (mss > most) {
      store16(tcp + at + 2, most);
      store16(tcp + kChecksum, exchanged(load16(tcp + kChecksum), mss, most, at % 2 != 0));
      changed = true;
    }
    at += tcp[at + 1];
  }
  return changed;
}

}  // namespace postern
