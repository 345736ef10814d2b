// TUN -> client: a packet read with a virtio header, possibly a TSO/USO super-packet, cut into packets of the wire
// (reference dataplane section 4, "split").
#pragma once
#include "virtio.h"

#include "packet.h"

namespace postern {

// Cuts one read of the TUN device. For each resulting packet calls
//   uint8_t* reserve(size_t length)   room for exactly `length` bytes, or nullptr to stop
// and fills it: headers fixed, L4 checksum complete. Without GSO: one packet, checksum completed when NEEDS_CSUM.
// Returns the number of packets, or -1 when the virtio header contradicts the bytes (counted by the caller).
template <typename Reserve>
int segment(const VirtioNetHeader& header, ByteView packet, Reserve&& reserve);

// The plan behind segment(), separate so that it can be tested and fuzzed alone.
struct SegmentPlan {
  size_t headerLength = 0;   // IP + L4 header
  size_t l4Offset = 0;
  size_t gsoSize = 0;        // 0 = not GSO
  size_t count = 1;
  bool tcp = false, udp = false, ipv6 = false;
  bool needsChecksum = false;
  size_t csumStart = 0, csumOffset = 0;
};
bool planSegments(const VirtioNetHeader& header, ByteView packet, SegmentPlan& plan) noexcept;
size_t segmentLength(const SegmentPlan& plan, ByteView packet, size_t index) noexcept;
void writeSegment(const SegmentPlan& plan, ByteView packet, size_t index, uint8_t* into) noexcept;

template <typename Reserve>
int segment(const VirtioNetHeader& header, ByteView packet, Reserve&& reserve) {
  SegmentPlan plan;
  if (!planSegments(header, packet, plan)) return -1;
  int n = 0;
  for (size_t i = 0; i < plan.count; ++i) {
    uint8_t* into = reserve(segmentLength(plan, packet, i));
    if (into == nullptr) break;
    writeSegment(plan, packet, i, into);
    ++n;
  }
  return n;
}

}  // namespace postern
