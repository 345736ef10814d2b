// A batch of packets, merged and cut again, is the batch. Input, repeated: one octet of flags (1: another tunnel,
// 2: leave the checksums as they are, 4: take the sequence number from the last packet's end), two octets of length,
// that many bytes.
#include <cstdlib>
#include <map>

#include "../test/merged.h"

using namespace postern;

namespace {

struct Entry {
  Bytes packet;
  uint32_t tunnel;
};

void repair(Bytes& packet, bool follow, uint32_t& next) {
  const bool v6 = packet[0] >> 4 == 6;
  const size_t l4 = v6 ? 40 : 20;
  const uint8_t protocol = packet[v6 ? 6 : 9];
  const bool tcp = protocol == 6;
  if (packet.size() < l4 + (tcp ? 20 : 8) || (!tcp && protocol != 17) || (!v6 && packet[0] != 0x45)) return;
  if (tcp && follow) test::put32(packet, l4 + 4, next);
  if (tcp) next = test::get32(packet, l4 + 4) + static_cast<uint32_t>(packet.size() - l4) - (packet[l4 + 12] >> 4) * 4u;
  if (!tcp) test::put16(packet, l4 + 4, packet.size() - l4);
  test::fixChecksums(packet, l4, protocol);
}

// Same packet: an identification under DF means nothing, and a checksum has two zeros.
Bytes canonical(Bytes p) {
  const auto zero = [&](size_t at) {
    if (at + 2 <= p.size() && test::get16(p, at) == 0xffff) test::put16(p, at, 0);
  };
  const bool v6 = p[0] >> 4 == 6;
  if (!v6 && (p[6] & 0x40) != 0) {
    test::put16(p, 4, 0);
    test::put16(p, 10, 0);
  }
  if (!v6) zero(10);
  const size_t l4 = v6 ? 40 : (p[0] & 15) * 4u;
  const uint8_t protocol = p[v6 ? 6 : 9];
  if (protocol == 6) zero(l4 + 16);
  return p;
}

// The flow as far as the bytes tell; packets without ports share their pair's.
std::map<Bytes, std::vector<Bytes>> byFlow(const std::vector<Bytes>& packets) {
  std::map<Bytes, std::vector<Bytes>> out;
  for (const Bytes& p : packets) {
    const bool v6 = p[0] >> 4 == 6;
    const size_t l4 = v6 ? 40 : 20;
    Bytes key(p.begin() + (v6 ? 8 : 12), p.begin() + static_cast<ptrdiff_t>(l4));
    key.push_back(p[v6 ? 6 : 9]);
    key.insert(key.end(), p.begin() + static_cast<ptrdiff_t>(l4), p.begin() + static_cast<ptrdiff_t>(std::min(l4 + 4, p.size())));
    out[key].push_back(canonical(p));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<Entry> entries;
  uint32_t next = 0;
  while (size >= 3 && entries.size() < 300) {
    const uint8_t flags = data[0];
    const size_t length = std::min<size_t>(size - 3, size_t{data[1]} << 8 | data[2]);
    Bytes packet(data + 3, data + 3 + length);
    data += 3 + length;
    size -= 3 + length;
    if (packet.size() < 20) continue;
    const bool v6 = packet[0] >> 4 == 6;
    if (v6 && packet.size() < 40) continue;
    test::put16(packet, v6 ? 4 : 2, packet.size() - (v6 ? 40 : 0));
    if ((flags & 2) == 0) repair(packet, (flags & 4) != 0, next);
    PacketInfo info;
    if (parsePacket(packet, info)) entries.push_back({std::move(packet), 1u + (flags & 1)});
  }

  for (uint32_t tunnel = 1; tunnel <= 2; ++tunnel) {
    std::vector<Bytes> in;
    for (const Entry& e : entries) {
      if (e.tunnel == tunnel) in.push_back(e.packet);
    }
    const auto out = test::split(test::merge(in));
    if (out.size() != in.size() || byFlow(out) != byFlow(in)) std::abort();
  }

  // Both tunnels in one batch: bytes and counts hold.
  Coalescer coalescer({true, true, true});
  size_t packets = 0;
  const auto drain = [&] {
    for (const auto& m : test::drain(coalescer)) packets += m.packets;
  };
  for (Entry& e : entries) {
    PacketInfo info;
    if (!parsePacket(e.packet, info)) std::abort();
    if (coalescer.add(e.packet, info, e.tunnel)) continue;
    drain();
    if (!coalescer.add(e.packet, info, e.tunnel)) std::abort();
  }
  drain();
  if (packets != entries.size()) std::abort();
  return 0;
}
