// Which packets belong together: the addresses, the protocol, and the ports, or the identifier of an ICMP echo. Fragments are one
// flow with each other. Sans I/O.
#pragma once
#include "bytes.h"

namespace postern {

// Of a packet, or of its first 48 bytes and more; 0 of what is none.
inline uint32_t flowHash(ByteView packet) noexcept {
  if (packet.size() < 20) return 0;
  const uint8_t* const at = packet.data();
  uint32_t hash = 2166136261;  // FNV-1a
  const auto mix = [&hash](const uint8_t* bytes, size_t count) {
    for (size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 16777619;
  };
  constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58;
  size_t behind;
  uint8_t protocol;
  bool whole = true;
  if (at[0] >> 4 == 4) {
    behind = static_cast<size_t>(at[0] & 15) * 4;
    protocol = at[9];
    whole = ((at[6] & 0x3f) | at[7]) == 0;  // neither more fragments nor an offset
    mix(at + 12, 8);
  } else {
    if (packet.size() < 40) return 0;
    behind = 40;
    protocol = at[6];
    mix(at + 8, 32);
  }
  mix(&protocol, 1);
  if (!whole || packet.size() < behind + 8) return hash;
  if (protocol == kTcp || protocol == kUdp) mix(at + behind, 4);
  else if (protocol == kIcmp || protocol == kIcmp6) mix(at + behind + 4, 2);
  return hash;
}

}  // namespace postern
