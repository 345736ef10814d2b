// IPv4 fragmentation (RFC 791 section 3.2) of packets that are too long for a tunnel and allow it. Sans I/O.
#pragma once
#include "packet.h"

namespace postern {

// A parsed IPv4 packet without "don't fragment".
bool mayFragment(ByteView packet, const PacketInfo& info) noexcept;

struct FragmentPlan {
  size_t header = 0;     // of the first fragment: options stay there
  size_t first = 0;      // payload bytes of the first fragment, a multiple of 8
  size_t next = 0;       // of each further one but the last
  size_t count = 0;
};
// `packet` is longer than `mtu`; `mtu` >= 68 (RFC 791).
FragmentPlan planFragments(ByteView packet, uint16_t mtu) noexcept;
size_t fragmentLength(const FragmentPlan& plan, ByteView packet, size_t index) noexcept;
void writeFragment(const FragmentPlan& plan, ByteView packet, size_t index, uint8_t* into) noexcept;

}  // namespace postern
