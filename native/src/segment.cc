#include "segment.h"

#include <algorithm>

#include "byte_order.h"

namespace postern {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;
constexpr size_t kTcpChecksum = 16, kUdpChecksum = 6, kUdpHeader = 8;
constexpr uint8_t kFin = 0x01, kPsh = 0x08, kCwr = 0x80;

// The GSO type against the packet: its family, its protocol, L4 starting at csum_start.
bool planGso(const VirtioNetHeader& header, ByteView packet, SegmentPlan& plan) noexcept {
  PacketInfo info;
  if (!parsePacket(packet, info)) return false;
  const uint8_t type = header.gsoType & static_cast<uint8_t>(~kVirtioGsoEcn);
  plan.tcp = (type == kVirtioGsoTcpv4 && info.version == 4) || (type == kVirtioGsoTcpv6 && info.version == 6);
  plan.udp = type == kVirtioGsoUdpL4 && type == header.gsoType;
  if ((!plan.tcp && !plan.udp) || !plan.needsChecksum || header.gsoSize == 0) return false;

  uint8_t protocol = info.protocol;
  size_t l4 = (packet[0] & 0x0f) * 4u;
  if (info.version == 4) {
    if ((load16(&packet[6]) & 0x3fff) != 0) return false;  // a fragment
  } else if (!transport6(packet, protocol, l4)) {
    return false;
  }
  if (protocol != (plan.tcp ? kTcp : kUdp) || l4 != plan.csumStart) return false;
  if (plan.csumOffset != (plan.tcp ? kTcpChecksum : kUdpChecksum)) return false;

  // The kernel's hdr_len may cover the whole linear part of a forwarded packet: not used.
  size_t l4Header = kUdpHeader;
  const size_t l4Length = packet.size() - l4;
  if (plan.tcp) {
    if (l4Length < 20) return false;
    l4Header = (packet[l4 + 12] >> 4) * 4u;
    if (l4Header < 20) return false;
  } else if (l4Length < kUdpHeader || load16(&packet[l4 + 4]) != l4Length) {
    return false;
  }
  if (l4Header > l4Length) return false;
  plan.l4Offset = l4;
  plan.headerLength = l4 + l4Header;
  plan.gsoSize = header.gsoSize;
  plan.count = std::max<size_t>(1, (l4Length - l4Header + plan.gsoSize - 1) / plan.gsoSize);
  return true;
}

void storeChecksum(uint8_t* at, uint64_t sum, bool udp) noexcept {
  const auto value = static_cast<uint16_t>(~checksumFold(sum));
  store16(at, udp && value == 0 ? 0xffff : value);
}

}  // namespace

bool planSegments(const VirtioNetHeader& header, ByteView packet, SegmentPlan& plan) noexcept {
  plan = SegmentPlan{};
  if (packet.empty()) return false;
  plan.ipv6 = packet[0] >> 4 == 6;
  plan.needsChecksum = (header.flags & kVirtioNeedsCsum) != 0;
  if (plan.needsChecksum) {
    plan.csumStart = header.csumStart;
    plan.csumOffset = header.csumOffset;
    const size_t ipHeader = plan.ipv6 ? 40 : 20;
    if (plan.csumStart < ipHeader || plan.csumStart + plan.csumOffset + 2 > packet.size()) return false;
  }
  return header.gsoType == kVirtioGsoNone || planGso(header, packet, plan);
}

size_t segmentLength(const SegmentPlan& plan, ByteView packet, size_t index) noexcept {
  if (plan.gsoSize == 0) return packet.size();
  const size_t payload = packet.size() - plan.headerLength;
  return plan.headerLength + std::min(plan.gsoSize, payload - index * plan.gsoSize);
}

void writeSegment(const SegmentPlan& plan, ByteView packet, size_t index, uint8_t* into) noexcept {
  const size_t length = segmentLength(plan, packet, index);
  uint8_t* const checksum = into + plan.csumStart + plan.csumOffset;
  if (plan.gsoSize == 0) {
    std::memcpy(into, packet.data(), length);
    // The field holds the pseudo-header sum, so summing it too is all it takes.
    if (plan.needsChecksum) {
      storeChecksum(checksum, checksumPartial({into + plan.csumStart, length - plan.csumStart}), plan.csumOffset == kUdpChecksum);
    }
    return;
  }

  std::memcpy(into, packet.data(), plan.headerLength);
  std::memcpy(into + plan.headerLength, packet.data() + plan.headerLength + index * plan.gsoSize, length - plan.headerLength);
  if (plan.ipv6) {
    store16(into + 4, static_cast<uint16_t>(length - 40));
  } else {
    store16(into + 2, static_cast<uint16_t>(length));
    store16(into + 4, static_cast<uint16_t>(load16(into + 4) + index));
    store16(into + 10, 0);
    storeChecksum(into + 10, checksumPartial({into, (into[0] & 0x0f) * size_t{4}}), false);
  }

  uint8_t* const l4 = into + plan.l4Offset;
  const size_t l4Length = length - plan.l4Offset;
  if (plan.tcp) {
    store32(l4 + 4, static_cast<uint32_t>(load32(l4 + 4) + index * plan.gsoSize));
    if (index + 1 < plan.count) l4[13] &= static_cast<uint8_t>(~(kFin | kPsh));
    if (index > 0) l4[13] &= static_cast<uint8_t>(~kCwr);
  } else {
    store16(l4 + 4, static_cast<uint16_t>(l4Length));
  }
  // The field holds the pseudo-header sum with the super-packet's length: summed with the rest, then the length is
  // exchanged (one's complement subtraction). Right for any IPv6 routing header too.
  const auto superLength = static_cast<uint16_t>(packet.size() - plan.l4Offset);
  const uint64_t exchange = static_cast<uint64_t>(static_cast<uint16_t>(~superLength)) + l4Length;
  storeChecksum(checksum, checksumPartial({l4, l4Length}, exchange), plan.udp);
}

}  // namespace postern
