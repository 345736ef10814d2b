// ICMP "fragmentation needed" and ICMPv6 "packet too big".
#include <algorithm>

#include "byte_order.h"
#include "packet.h"

namespace postern {
namespace {

constexpr size_t kHeader4 = 20, kHeader6 = 40, kIcmpHeader = 8;
constexpr uint8_t kIcmp = 1, kIcmp6 = 58, kHopLimit = 64;

bool isIcmpError4(uint8_t type) noexcept { return type == 3 || type == 4 || type == 5 || type == 11 || type == 12; }

// RFC 1122 section 3.2.2: an address that names one host. Multicast, class E and broadcast start at 224.
bool isHost4(Ipv4 a) noexcept { return a >> 24 != 0 && a >> 24 != 127 && a >> 24 < 224; }
bool isHost6(const Ipv6& a) noexcept {
  return a[0] != 0xff && std::any_of(a.begin(), a.end(), [](uint8_t b) { return b != 0; });
}

void storeComplement(uint8_t* at, uint64_t sum) noexcept { store16(at, static_cast<uint16_t>(~checksumFold(sum))); }

size_t build4(ByteView packet, const PacketInfo& info, uint16_t mtu, Ipv4 gateway, ByteSpan into) noexcept {
  const uint16_t fragment = load16(&packet[6]);
  constexpr uint16_t kDontFragment = 0x4000, kOffset = 0x1fff;
  if ((fragment & kDontFragment) == 0 || (fragment & kOffset) != 0) return 0;
  if (!isHost4(info.src4) || !isHost4(info.dst4) || gateway == 0) return 0;
  const size_t header = (packet[0] & 0x0f) * 4u;
  if (info.protocol == kIcmp && (packet.size() <= header || isIcmpError4(packet[header]))) return 0;

  const size_t quoted = std::min(packet.size(), header + 8);
  const size_t length = kHeader4 + kIcmpHeader + quoted;
  if (into.size() < length) return 0;
  uint8_t* ip = into.data();
  std::fill_n(ip, kHeader4 + kIcmpHeader, 0);
  ip[0] = 0x45;
  ip[1] = 0xc0;  // internetwork control, RFC 1812 section 4.3.2.5
  store16(ip + 2, static_cast<uint16_t>(length));
  ip[8] = kHopLimit;
  ip[9] = kIcmp;
  store32(ip + 12, gateway);
  store32(ip + 16, info.src4);
  storeComplement(ip + 10, checksumPartial({ip, kHeader4}));
  uint8_t* icmp = ip + kHeader4;
  icmp[0] = 3;
  icmp[1] = 4;
  store16(icmp + 6, mtu);
  std::copy_n(packet.data(), quoted, icmp + kIcmpHeader);
  storeComplement(icmp + 2, checksumPartial({icmp, kIcmpHeader + quoted}));
  return length;
}

size_t build6(ByteView packet, const PacketInfo& info, uint16_t mtu, const Ipv6& gateway, ByteSpan into) noexcept {
  constexpr size_t kMaxError = 1280;
  uint8_t protocol;
  size_t offset;
  if (!transport6(packet, protocol, offset)) return 0;
  if (!isHost6(info.src6) || !isHost6(info.dst6) || !isHost6(gateway)) return 0;
  if (protocol == kIcmp6 && (packet.size() <= offset || packet[offset] < 128)) return 0;

  const size_t quoted = std::min(packet.size(), kMaxError - kHeader6 - kIcmpHeader);
  const size_t length = kHeader6 + kIcmpHeader + quoted;
  if (into.size() < length) return 0;
  uint8_t* ip = into.data();
  std::fill_n(ip, kHeader6 + kIcmpHeader, 0);
  ip[0] = 0x60;
  store16(ip + 4, static_cast<uint16_t>(kIcmpHeader + quoted));
  ip[6] = kIcmp6;
  ip[7] = kHopLimit;
  std::copy(gateway.begin(), gateway.end(), ip + 8);
  std::copy(info.src6.begin(), info.src6.end(), ip + 24);
  uint8_t* icmp = ip + kHeader6;
  icmp[0] = 2;
  store32(icmp + 4, mtu);
  std::copy_n(packet.data(), quoted, icmp + kIcmpHeader);
  PacketInfo answer;
  answer.version = 6;
  answer.src6 = gateway;
  answer.dst6 = info.src6;
  const auto icmpLength = static_cast<uint32_t>(kIcmpHeader + quoted);
  storeComplement(icmp + 2, checksumPartial({icmp, icmpLength}, pseudoHeaderSum(answer, kIcmp6, icmpLength)));
  return length;
}

}  // namespace

size_t buildTooBig(ByteView packet, uint16_t mtu, Ipv4 gateway4, const Ipv6& gateway6, ByteSpan into) noexcept {
  PacketInfo info;
  if (!parsePacket(packet, info)) return 0;
  return info.version == 4 ? build4(packet, info, mtu, gateway4, into) : build6(packet, info, mtu, gateway6, into);
}

}  // namespace postern
