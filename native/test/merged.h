// What a Coalescer wrote, flattened.
#pragma once
#include "coalesce.h"
#include "packets.h"
#include "segment.h"

namespace postern::test {

struct Merged {
  VirtioNetHeader header;
  Bytes packet;
  size_t packets = 0;
  bool alone() const {  // all-zero header
    static constexpr VirtioNetHeader kZero;
    return packets == 1 && std::memcmp(&header, &kZero, sizeof header) == 0;
  }
};

inline std::vector<Merged> drain(Coalescer& coalescer) {
  std::vector<Merged> out;
  coalescer.flush([&](const iovec* parts, int count, size_t packets, size_t bytes) {
    Merged m;
    std::memcpy(&m.header, parts[0].iov_base, sizeof m.header);
    for (int i = 1; i < count; ++i) {
      const auto* at = static_cast<const uint8_t*>(parts[i].iov_base);
      m.packet.insert(m.packet.end(), at, at + parts[i].iov_len);
    }
    m.packets = packets;
    if (parts[0].iov_len != 10 || bytes != m.packet.size()) m.packets = 0;  // fails every expectation
    out.push_back(std::move(m));
  });
  return out;
}

// Adds copies (each in a block of its own) and writes them out. Packets must parse.
inline std::vector<Merged> merge(const std::vector<Bytes>& packets, Coalescer::Options options = {true, true, true}) {
  Coalescer coalescer(options);
  std::vector<Bytes> copies = packets;
  std::vector<Merged> out;
  for (Bytes& p : copies) {
    PacketInfo info;
    if (!parsePacket(p, info)) return {};
    if (coalescer.add(p, info, 1)) continue;
    for (Merged& m : drain(coalescer)) out.push_back(std::move(m));
    if (!coalescer.add(p, info, 1)) return {};
  }
  for (Merged& m : drain(coalescer)) out.push_back(std::move(m));
  return out;
}

// Back to single packets, through segment().
inline std::vector<Bytes> split(const std::vector<Merged>& merged) {
  std::vector<Bytes> out;
  for (const Merged& m : merged) {
    segment(m.header, m.packet, [&](size_t length) {
      out.emplace_back(length);
      return out.back().data();
    });
  }
  return out;
}

}  // namespace postern::test
