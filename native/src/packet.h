// Inner IP packets: the few facts the data plane needs, each length checked before use.
#pragma once
#include "bytes.h"
#include "tunnel_spec.h"

namespace postern {

struct PacketInfo {
  uint8_t version = 0;   // 4 or 6
  uint8_t protocol = 0;  // v4 protocol or v6 next header of the fixed header
  uint16_t length = 0;   // the header's own total length; <= bytes.size()
  Ipv4 src4 = 0, dst4 = 0;
  Ipv6 src6{}, dst6{};
};

// False: not IPv4/IPv6, header truncated, total length field not equal to bytes.size().
bool parsePacket(ByteView bytes, PacketInfo& out) noexcept;
// The same for a packet read from the TUN device (same rule; a GSO super-packet's length field may be 0 for v6 jumbo: then false).
// Destination alone, for routing. False as above.
bool destination(ByteView bytes, PacketInfo& out) noexcept;

// Walks the IPv6 extension headers of a packet accepted by parsePacket(): the transport protocol and its offset. False when
// the chain is broken, longer than 8 headers, or the packet is a fragment other than the first.
bool transport6(ByteView packet, uint8_t& protocol, size_t& offset) noexcept;

// Builds an ICMP "fragmentation needed" (RFC 792, 1191) or ICMPv6 "packet too big" (RFC 4443 section 3.2) towards the
// sender of `packet`, from `gateway4` / `gateway6`. Returns its length, 0 when none may be sent (ICMP errors,
// fragments other than the first, multicast, DF not set). `into` holds at least 1280 bytes.
size_t buildTooBig(ByteView packet, uint16_t mtu, Ipv4 gateway4, const Ipv6& gateway6, ByteSpan into) noexcept;

// Internet checksum (RFC 1071) over bytes, added to `initial` (not folded, not complemented). Sums chain as long as every
// piece but the last has an even length.
uint64_t checksumPartial(ByteView bytes, uint64_t initial = 0) noexcept;
uint16_t checksumFold(uint64_t sum) noexcept;  // folded, not complemented, host order of the big-endian sum
// Unfolded pseudo-header sum for the packet's addresses (RFC 793, 8200 section 8.1).
uint64_t pseudoHeaderSum(const PacketInfo& info, uint8_t protocol, uint32_t l4Length) noexcept;

}  // namespace postern
