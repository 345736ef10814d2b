#include "coalesce.h"

#include <algorithm>
#include <array>

#include "byte_order.h"

namespace postern {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;
constexpr size_t kHeader4 = 20, kHeader6 = 40, kTcpHeader = 20, kUdpHeader = 8;
constexpr size_t kTcpChecksum = 16, kUdpChecksum = 6;
constexpr uint8_t kPsh = 0x08, kAck = 0x10;
constexpr uint16_t kDontFragment = 0x4000, kMoreFragments = 0x2000, kOffset = 0x1fff;

// What a packet is to the merge rules.
struct Segment {
  ByteSpan packet;
  bool ipv6 = false;
  bool ports = false;      // TCP or UDP header found and whole: `l4` and the ports are valid
  bool mergeable = false;  // may start or join a run, as far as the packet alone can tell
  uint8_t protocol = 0;
  size_t l4 = 0;
  size_t headers = 0;      // IP + L4
  size_t payload() const noexcept { return packet.size() - headers; }
  const uint8_t* at(size_t offset) const noexcept { return packet.data() + offset; }
  const uint8_t* l4At(size_t offset) const noexcept { return packet.data() + l4 + offset; }
  size_t addresses() const noexcept { return ipv6 ? 8 : 12; }
  size_t addressBytes() const noexcept { return ipv6 ? 32 : 8; }
};

Segment classify(ByteSpan packet, const PacketInfo& info, const Coalescer::Options& options) noexcept {
  Segment s;
  s.packet = packet;
  s.ipv6 = info.version == 6;
  s.protocol = info.protocol;
  s.l4 = s.ipv6 ? kHeader6 : kHeader4;
  if (s.protocol != kTcp && s.protocol != kUdp) return s;
  const bool plain = s.ipv6 || (packet[0] == 0x45 && (load16(s.at(6)) & (kMoreFragments | kOffset)) == 0);
  const size_t least = s.protocol == kTcp ? kTcpHeader : kUdpHeader;
  if (!plain || packet.size() < s.l4 + least) return s;
  s.ports = true;

  if (s.protocol == kTcp) {
    s.headers = s.l4 + (*s.l4At(12) >> 4) * 4u;
    if (s.headers < s.l4 + kTcpHeader || s.headers >= packet.size()) return s;  // no payload: a pure ACK
    const bool onlyAck = (*s.l4At(13) & ~kPsh) == kAck && (*s.l4At(12) & 0x0f) == 0;
    s.mergeable = onlyAck && (s.ipv6 ? options.tso6 : options.tso4);
  } else {
    s.headers = s.l4 + kUdpHeader;
    s.mergeable = options.uso && s.headers < packet.size() && load16(s.l4At(4)) == packet.size() - s.l4 &&
                  load16(s.l4At(kUdpChecksum)) != 0;
  }
  return s;
}

bool same(const Segment& a, const Segment& b, size_t offset, size_t bytes) noexcept {
  return std::memcmp(a.at(offset), b.at(offset), bytes) == 0;
}

// Ports unknown (a fragment, IPv4 options, an extension header) may be any flow between the two addresses.
bool sameFlow(const Segment& a, const Segment& b) noexcept {
  if (a.ipv6 != b.ipv6 || !same(a, b, a.addresses(), a.addressBytes())) return false;
  if (!a.ports || !b.ports) return true;
  return a.protocol == b.protocol && same(a, b, a.l4, 4);
}

// The rows "IP" and "TCP" of the merge table, without the sequence number: header fields that one merged header
// must stand for. `index` is the place b would take. RFC 6864: the identification means nothing under DF.
bool sameHeaders(const Segment& a, const Segment& b, size_t index) noexcept {
  if (a.headers != b.headers) return false;
  if (a.ipv6) {
    if (!same(a, b, 0, 4) || *a.at(7) != *b.at(7)) return false;
  } else {
    if (*a.at(1) != *b.at(1) || !same(a, b, 6, 3)) return false;
    const bool atomic = (load16(a.at(6)) & kDontFragment) != 0;
    if (!atomic && load16(b.at(4)) != static_cast<uint16_t>(load16(a.at(4)) + index)) return false;
  }
  if (a.protocol == kUdp) return true;
  const size_t options = a.l4 + kTcpHeader;
  return same(a, b, a.l4 + 8, 5) && same(a, b, a.l4 + 14, 2) && same(a, b, a.l4 + 18, 2) &&
         same(a, b, options, a.headers - options);
}

uint64_t pseudo(const Segment& s, size_t l4Length) noexcept {
  const uint64_t sum = s.protocol + l4Length;
  return checksumPartial({s.at(s.addresses()), s.addressBytes()}, sum);
}

bool intact(const Segment& s) noexcept {
  if (!s.ipv6 && checksumFold(checksumPartial({s.packet.data(), kHeader4})) != 0xffff) return false;
  const size_t l4Length = s.packet.size() - s.l4;
  return checksumFold(checksumPartial({s.l4At(0), l4Length}, pseudo(s, l4Length))) == 0xffff;
}

}  // namespace

struct Coalescer::Run {
  Segment head;
  uint32_t tunnel;
  uint32_t nextSeq;
  uint32_t packets;
  uint32_t bytes;     // of the IP packet that leaves
  bool headVerified;
  bool push;
  VirtioNetHeader header;
  std::array<iovec, 1 + kMaxParts> parts;
};

struct Coalescer::Batch {
  std::array<Run, kMaxRuns> runs;
  // The runs that may still grow, oldest first; at most one for a flow, and it is the flow's newest run.
  std::array<uint8_t, kSearch> open;
  size_t openCount = 0;

  void close(size_t i) noexcept {
    std::copy(open.begin() + i + 1, open.begin() + openCount, open.begin() + i);
    --openCount;
  }
};

Coalescer::Coalescer(Options options) : batch_(new Batch), options_(options) {
  static_assert(kMaxRuns <= 256, "Batch::open holds run numbers in bytes");
}

Coalescer::~Coalescer() { delete batch_; }

void Coalescer::setOptions(Options options) noexcept {
  options_ = options;
  batch_->openCount = 0;
}

bool Coalescer::add(ByteSpan packet, const PacketInfo& info, uint32_t tunnel) noexcept {
  const Segment s = classify(packet, info, options_);
  const uint32_t seq = s.protocol == kTcp && s.ports ? load32(s.l4At(4)) : 0;
  Batch& batch = *batch_;
  for (size_t i = batch.openCount; i-- > 0;) {
    Run& run = batch.runs[batch.open[i]];
    if (run.tunnel != tunnel || !sameFlow(run.head, s)) continue;
    const bool fits = s.mergeable && run.packets < kMaxParts && run.bytes + s.payload() <= kMaxBytes &&
                      s.payload() <= run.head.payload() && (s.protocol == kUdp || seq == run.nextSeq);
    if (!fits || !sameHeaders(run.head, s, run.packets) || !intact(s) || !(run.headVerified || intact(run.head))) {
      // What follows of this flow must not overtake this packet.
      batch.close(i);
      if (!s.ports) continue;
      break;
    }
    run.headVerified = true;
    run.parts[1 + run.packets] = {packet.data() + s.headers, s.payload()};
    ++run.packets;
    run.bytes += static_cast<uint32_t>(s.payload());
    run.nextSeq += static_cast<uint32_t>(s.payload());
    run.push = s.protocol == kTcp && (*s.l4At(13) & kPsh) != 0;
    if (run.push || s.payload() < run.head.payload()) batch.close(i);
    return true;
  }

  if (runs_ == kMaxRuns) return false;
  Run& run = batch.runs[runs_];
  run.head = s;
  run.tunnel = tunnel;
  run.packets = 1;
  run.bytes = static_cast<uint32_t>(packet.size());
  run.parts[1] = {packet.data(), packet.size()};
  const bool opens = s.mergeable && !(s.protocol == kTcp && (*s.l4At(13) & kPsh) != 0);
  if (opens) {
    run.nextSeq = seq + static_cast<uint32_t>(s.payload());
    run.headVerified = false;
    run.push = false;
    if (batch.openCount == kSearch) batch.close(0);
    batch.open[batch.openCount++] = static_cast<uint8_t>(runs_);
  }
  ++runs_;
  return true;
}

void Coalescer::finish(Run& run) noexcept {
  run.header = VirtioNetHeader{};
  run.parts[0] = {&run.header, sizeof run.header};
  if (run.packets == 1) return;
  const Segment& head = run.head;
  uint8_t* const ip = head.packet.data();
  uint8_t* const l4 = ip + head.l4;
  const bool tcp = head.protocol == kTcp;
  run.header.flags = kVirtioNeedsCsum;
  run.header.gsoType = !tcp ? kVirtioGsoUdpL4 : head.ipv6 ? kVirtioGsoTcpv6 : kVirtioGsoTcpv4;
  run.header.hdrLen = static_cast<uint16_t>(head.headers);
  run.header.gsoSize = static_cast<uint16_t>(head.payload());
  run.header.csumStart = static_cast<uint16_t>(head.l4);
  run.header.csumOffset = static_cast<uint16_t>(tcp ? kTcpChecksum : kUdpChecksum);

  if (head.ipv6) {
    store16(ip + 4, static_cast<uint16_t>(run.bytes - kHeader6));
  } else {
    store16(ip + 2, static_cast<uint16_t>(run.bytes));
    store16(ip + 10, 0);
    store16(ip + 10, static_cast<uint16_t>(~checksumFold(checksumPartial({ip, kHeader4}))));
  }
  const size_t l4Length = run.bytes - head.l4;
  if (tcp) {
    if (run.push) l4[13] |= kPsh;
  } else {
    store16(l4 + 4, static_cast<uint16_t>(l4Length));
  }
  store16(l4 + run.header.csumOffset, checksumFold(pseudo(head, l4Length)));
}

Coalescer::Ready Coalescer::ready(size_t i) noexcept {
  Run& run = batch_->runs[i];
  finish(run);
  return {run.parts.data(), static_cast<int>(1 + run.packets), run.packets, run.bytes};
}

void Coalescer::clear() noexcept {
  runs_ = 0;
  batch_->openCount = 0;
}

}  // namespace postern
