#include "fragment.h"

#include <algorithm>

#include "byte_order.h"

namespace postern {
namespace {

// Specification constants, RFC 791 section 3.1.
constexpr size_t kHeader = 20;
constexpr uint16_t kDontFragment = 0x4000, kMoreFragments = 0x2000, kOffset = 0x1fff;

// Where the payload of fragment `index` begins, without the header.
size_t begin(const FragmentPlan& plan, size_t index) noexcept {
  return index == 0 ? 0 : plan.first + (index - 1) * plan.next;
}

size_t payloadLength(const FragmentPlan& plan, ByteView packet, size_t index) noexcept {
  const size_t left = packet.size() - plan.header - begin(plan, index);
  return std::min(left, index == 0 ? plan.first : plan.next);
}

}  // namespace

bool mayFragment(ByteView packet, const PacketInfo& info) noexcept {
  return info.version == 4 && (load16(&packet[6]) & kDontFragment) == 0;
}

FragmentPlan planFragments(ByteView packet, uint16_t mtu) noexcept {
  FragmentPlan plan;
  plan.header = (packet[0] & 0x0f) * 4u;
  plan.first = (mtu - plan.header) & ~size_t{7};
  plan.next = (mtu - kHeader) & ~size_t{7};
  const size_t behind = packet.size() - plan.header - plan.first;
  plan.count = 1 + (behind + plan.next - 1) / plan.next;
  return plan;
}

size_t fragmentLength(const FragmentPlan& plan, ByteView packet, size_t index) noexcept {
  return (index == 0 ? plan.header : kHeader) + payloadLength(plan, packet, index);
}

void writeFragment(const FragmentPlan& plan, ByteView packet, size_t index, uint8_t* into) noexcept {
  const size_t header = index == 0 ? plan.header : kHeader;
  const size_t length = payloadLength(plan, packet, index);
  const size_t at = begin(plan, index);
  std::copy_n(packet.data(), header, into);
  std::copy_n(packet.data() + plan.header + at, length, into + header);
  const uint16_t field = load16(&packet[6]);  // the packet may be a fragment itself
  const bool more = index + 1 < plan.count || (field & kMoreFragments) != 0;
  into[0] = static_cast<uint8_t>(0x40 | header / 4);
  store16(into + 2, static_cast<uint16_t>(header + length));
  store16(into + 6, static_cast<uint16_t>(((field & kOffset) + at / 8) | (more ? kMoreFragments : 0)));
  store16(into + 10, 0);
  store16(into + 10, static_cast<uint16_t>(~checksumFold(checksumPartial({into, header}))));
}

}  // namespace postern
