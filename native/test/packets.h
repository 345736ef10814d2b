// Inner packets for tests and fuzz targets: built, checksummed and compared the plain way, independent of src/.
#pragma once
#include <array>
#include <cstring>
#include <string>

#include "packet.h"
#include "virtio.h"

namespace postern::test {

// RFC 1071 word by word, as the oracle. `initial` as checksumPartial().
inline uint16_t naiveSum(ByteView bytes, uint64_t initial = 0) {
  uint64_t sum = initial;
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? uint64_t{bytes[i]} << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

inline uint16_t get16(const Bytes& p, size_t at) { return static_cast<uint16_t>(p[at] << 8 | p[at + 1]); }
inline uint32_t get32(const Bytes& p, size_t at) { return uint32_t{get16(p, at)} << 16 | get16(p, at + 2); }
inline void put16(Bytes& p, size_t at, size_t v) {
  p[at] = static_cast<uint8_t>(v >> 8);
  p[at + 1] = static_cast<uint8_t>(v);
}
inline void put32(Bytes& p, size_t at, uint32_t v) {
  put16(p, at, v >> 16);
  put16(p, at + 2, v & 0xffff);
}

inline uint16_t naivePseudo(const Bytes& p, uint8_t protocol, size_t l4Length) {
  const bool v6 = p[0] >> 4 == 6;
  return naiveSum(ByteView(p).subspan(v6 ? 8 : 12, v6 ? 32 : 8), protocol + l4Length);
}

// What a test writes down; build() makes lengths and checksums right.
struct Flow {
  bool ipv6 = false;
  bool udp = false;
  uint8_t tos = 0, ttl = 64, flags = 0x10;
  uint16_t id = 1000, fragment = 0x4000;
  uint32_t flowLabel = 0;
  uint8_t src = 2, dst = 1;
  uint16_t srcPort = 40000, dstPort = 443;
  uint32_t seq = 1, ack = 77;
  uint16_t window = 500, urgent = 0;
  Bytes options;     // TCP, a multiple of 4
  Bytes extension;   // IPv6: destination options, a multiple of 8, without next header and length
  size_t l4() const { return ipv6 ? 40 + extension.size() : 20; }
  size_t headers() const { return l4() + (udp ? 8 : 20 + options.size()); }
  uint8_t protocol() const { return udp ? 17 : 6; }
};

inline void fixChecksums(Bytes& p, size_t l4, uint8_t protocol) {
  if (p[0] >> 4 == 4) {
    put16(p, 10, 0);
    put16(p, 10, static_cast<uint16_t>(~naiveSum(ByteView(p).first(l4))));
  }
  const size_t at = l4 + (protocol == 6 ? 16 : 6);
  put16(p, at, 0);
  const size_t length = p.size() - l4;
  auto sum = static_cast<uint16_t>(~naiveSum(ByteView(p).subspan(l4), naivePseudo(p, protocol, length)));
  if (protocol == 17 && sum == 0) sum = 0xffff;
  put16(p, at, sum);
}

inline Bytes payload(size_t length, uint8_t seed = 0) {
  Bytes b(length);
  for (size_t i = 0; i < length; ++i) b[i] = static_cast<uint8_t>(i * 7 + seed);
  return b;
}

inline Bytes build(const Flow& f, const Bytes& data) {
  Bytes p(f.headers() + data.size());
  const size_t l4 = f.l4();
  if (f.ipv6) {
    put32(p, 0, 0x60000000u | uint32_t{f.tos} << 20 | f.flowLabel);
    put16(p, 4, p.size() - 40);
    p[6] = f.extension.empty() ? f.protocol() : 60;
    p[7] = f.ttl;
    p[8] = p[24] = 0xfd;
    p[23] = f.src;
    p[39] = f.dst;
    if (!f.extension.empty()) {
      std::memcpy(&p[40], f.extension.data(), f.extension.size());
      p[40] = f.protocol();
      p[41] = static_cast<uint8_t>(f.extension.size() / 8 - 1);
    }
  } else {
    p[0] = 0x45;
    p[1] = f.tos;
    put16(p, 2, p.size());
    put16(p, 4, f.id);
    put16(p, 6, f.fragment);
    p[8] = f.ttl;
    p[9] = f.protocol();
    put32(p, 12, 0x0a140000u | f.src);
    put32(p, 16, 0x0a000000u | f.dst);
  }
  put16(p, l4, f.srcPort);
  put16(p, l4 + 2, f.dstPort);
  if (f.udp) {
    put16(p, l4 + 4, p.size() - l4);
  } else {
    put32(p, l4 + 4, f.seq);
    put32(p, l4 + 8, f.ack);
    p[l4 + 12] = static_cast<uint8_t>((5 + f.options.size() / 4) << 4);
    p[l4 + 13] = f.flags;
    put16(p, l4 + 14, f.window);
    put16(p, l4 + 18, f.urgent);
    if (!f.options.empty()) std::memcpy(&p[l4 + 20], f.options.data(), f.options.size());
  }
  if (!data.empty()) std::memcpy(&p[f.headers()], data.data(), data.size());
  fixChecksums(p, l4, f.protocol());
  return p;
}

// Empty, or what is wrong with the packet's lengths and checksums.
inline std::string fault(const Bytes& p, size_t l4, uint8_t protocol) {
  const bool v6 = p[0] >> 4 == 6;
  if (get16(p, v6 ? 4 : 2) + (v6 ? 40u : 0u) != p.size()) return "ip length";
  if (!v6 && naiveSum(ByteView(p).first(l4)) != 0xffff) return "ip checksum";
  if (protocol == 17 && get16(p, l4 + 4) != p.size() - l4) return "udp length";
  if (protocol == 17 && get16(p, l4 + 6) == 0) return "no udp checksum";
  if (naiveSum(ByteView(p).subspan(l4), naivePseudo(p, protocol, p.size() - l4)) != 0xffff) return "l4 checksum";
  return {};
}

// Makes a built packet what the kernel hands out: pseudo-header sum in the checksum field, header to match.
inline VirtioNetHeader offload(Bytes& p, const Flow& f, uint16_t gsoSize) {
  VirtioNetHeader h;
  h.flags = kVirtioNeedsCsum;
  h.gsoSize = gsoSize;
  if (gsoSize > 0) h.gsoType = f.udp ? kVirtioGsoUdpL4 : f.ipv6 ? kVirtioGsoTcpv6 : kVirtioGsoTcpv4;
  h.csumStart = static_cast<uint16_t>(f.l4());
  h.csumOffset = f.udp ? 6 : 16;
  put16(p, f.l4() + h.csumOffset, naivePseudo(p, f.protocol(), p.size() - f.l4()));
  return h;
}

}  // namespace postern::test
