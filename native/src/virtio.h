// The 10-byte header in front of every packet of a TUN device with IFF_VNET_HDR (host order). Written here because
// <linux/virtio_net.h> of some kernels does not compile as C++.
#pragma once
#include <cstddef>
#include <cstdint>

namespace postern {

// Specification constants (virtio 1.x, "struct virtio_net_hdr").
inline constexpr uint8_t kVirtioNeedsCsum = 1;  // flags: csum_start and csum_offset are valid
inline constexpr uint8_t kVirtioDataValid = 2;
inline constexpr uint8_t kVirtioGsoNone = 0;
inline constexpr uint8_t kVirtioGsoTcpv4 = 1;
inline constexpr uint8_t kVirtioGsoTcpv6 = 4;
inline constexpr uint8_t kVirtioGsoUdpL4 = 5;
inline constexpr uint8_t kVirtioGsoEcn = 0x80;  // or-ed to a TCP type

struct VirtioNetHeader {
  uint8_t flags = 0;
  uint8_t gsoType = kVirtioGsoNone;
  uint16_t hdrLen = 0;
  uint16_t gsoSize = 0;
  uint16_t csumStart = 0;
  uint16_t csumOffset = 0;
};
static_assert(sizeof(VirtioNetHeader) == 10);

}  // namespace postern
