// Any virtio header in front of any packet. Input: the 10-byte header, then the packet. A first octet with the highest bit
// set asks to make lengths and the pseudo-header sum right, which random bytes never are.
#include <cstdlib>

#include "../test/packets.h"
#include "segment.h"

using namespace postern;

namespace {
bool repair(const VirtioNetHeader& header, Bytes& packet) {
  const bool v6 = packet[0] >> 4 == 6;
  if (packet.size() < 48) return false;
  test::put16(packet, v6 ? 4 : 2, packet.size() - (v6 ? 40 : 0));
  const size_t l4 = header.csumStart;
  const uint8_t protocol = header.csumOffset == 6 ? 17 : 6;
  if (l4 + (protocol == 17 ? 8 : 20) > packet.size() || l4 < (v6 ? 40 : 20)) return false;
  const size_t length = packet.size() - l4;
  if (protocol == 17) test::put16(packet, l4 + 4, length);
  test::put16(packet, l4 + (protocol == 17 ? 6 : 16), test::naivePseudo(packet, protocol, length));
  return true;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  VirtioNetHeader header;
  if (size <= sizeof header) return 0;
  std::memcpy(&header, data, sizeof header);
  Bytes packet(data + sizeof header, data + size);
  const bool repaired = (header.flags & 0x80) != 0 && repair(header, packet);

  SegmentPlan plan;
  const bool planned = planSegments(header, packet, plan);
  size_t payload = 0, count = 0;
  Bytes out;
  const int n = segment(header, packet, [&](size_t length) -> uint8_t* {
    if (length == 0 || length > packet.size()) std::abort();
    if (plan.gsoSize != 0 && length > plan.headerLength + plan.gsoSize) std::abort();
    payload += length - plan.headerLength;
    ++count;
    out = Bytes(length);
    return out.data();
  });
  if (!planned) {
    if (n != -1 || count != 0) std::abort();
    return 0;
  }
  if (n < 1 || static_cast<size_t>(n) != count || payload != packet.size() - plan.headerLength) std::abort();
  // The last segment, whole: the addresses of a packet without routing headers make its checksum.
  if (plan.gsoSize != 0 && repaired) {
    const uint8_t protocol = plan.tcp ? 6 : 17;
    if (!test::fault(out, plan.l4Offset, protocol).empty()) std::abort();
  }
  return 0;
}
