// The rules of dataplane reference section 4, "TUN -> UDP (split)".
#include "segment.h"

#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using test::Flow;
using test::get16;
using test::get32;

namespace {

struct Cut {
  int result = 0;
  std::vector<Bytes> packets;
};

Cut cut(const VirtioNetHeader& header, const Bytes& packet) {
  Cut out;
  // Reserved space in separate blocks of exact size: the sanitizer sees one byte too many.
  out.result = segment(header, packet, [&](size_t length) {
    out.packets.emplace_back(length, uint8_t{0xaa});
    return out.packets.back().data();
  });
  return out;
}

Flow flow(bool ipv6, bool udp = false) {
  Flow f;
  f.ipv6 = ipv6;
  f.udp = udp;
  return f;
}

// A super-packet as the kernel hands it out.
struct Super {
  Flow f;
  Bytes data, packet;
  VirtioNetHeader header;
  Super(Flow flow, size_t length, uint16_t gsoSize) : f(std::move(flow)), data(test::payload(length)), packet(test::build(f, data)) {
    header = test::offload(packet, f, gsoSize);
  }
  bool refused() const {
    const Cut c = cut(header, packet);
    CHECK(c.packets.empty());
    return c.result == -1;
  }
};

const bool kFamilies[] = {false, true};
}  // namespace

TEST_CASE("rule 2: a plain packet passes unchanged, whatever the other header fields hold") {
  for (const bool ipv6 : kFamilies) {
    const Bytes packet = test::build(flow(ipv6), test::payload(100));
    VirtioNetHeader header;
    header.hdrLen = 0xffff;
    header.csumStart = 0xffff;
    header.flags = kVirtioDataValid;
    const Cut c = cut(header, packet);
    CHECK(c.result == 1);
    CHECK(c.packets == std::vector<Bytes>{packet});
  }
}

TEST_CASE("rule 2: NEEDS_CSUM without GSO is completed from the pseudo-header sum") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      for (const size_t length : {0, 1, 99, 1400}) {
        const Flow f = flow(ipv6, udp);
        const Bytes complete = test::build(f, test::payload(length));
        Bytes partial = complete;
        const VirtioNetHeader header = test::offload(partial, f, 0);
        const Cut c = cut(header, partial);
        CHECK(c.packets == std::vector<Bytes>{complete});
      }
    }
  }
}

TEST_CASE("rule 2: a UDP checksum of zero is stored as ffff, a TCP one is not") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      for (const uint16_t gso : {0, 100}) {
        const Flow f = flow(ipv6, udp);
        Bytes data = test::payload(50);
        data[0] = data[1] = 0;
        // The two bytes become the complement of the rest: the sum is all ones, its complement zero.
        Bytes packet = test::build(f, data);
        const size_t field = f.l4() + (udp ? 6 : 16);
        test::put16(packet, f.headers(), get16(packet, field));
        const VirtioNetHeader header = test::offload(packet, f, gso);
        const Cut c = cut(header, packet);
        REQUIRE(c.packets.size() == 1);
        CHECK(get16(c.packets[0], field) == (udp ? 0xffff : 0));
        if (udp) CHECK(test::fault(c.packets[0], f.l4(), f.protocol()) == "");
      }
    }
  }
}

TEST_CASE("rule 3: hdr_len is ignored, the TCP data offset counts") {
  for (const bool ipv6 : kFamilies) {
    for (const uint16_t hdrLen : {0, 20, 3000, 65535}) {
      Flow f = flow(ipv6);
      f.options = Bytes(12, 1);
      Super s(f, 3000, 1000);
      s.header.hdrLen = hdrLen;
      const Cut c = cut(s.header, s.packet);
      CHECK(c.result == 3);
      for (const Bytes& p : c.packets) CHECK(Bytes(p.begin() + static_cast<ptrdiff_t>(f.l4() + 20), p.begin() + static_cast<ptrdiff_t>(f.headers())) == f.options);
    }
  }
}

TEST_CASE("rule 4: TCP segments carry their share of the payload, sequence, lengths, id and checksums") {
  for (const bool ipv6 : kFamilies) {
    Flow f = flow(ipv6);
    f.flags = 0x19;  // FIN PSH ACK
    f.seq = 0xfffffc00;
    f.id = 0xffff;
    f.tos = 0x02;
    const Super s(f, 2500, 1000);
    const Cut c = cut(s.header, s.packet);
    REQUIRE(c.result == 3);
    Bytes joined;
    for (size_t i = 0; i < 3; ++i) {
      const Bytes& p = c.packets[i];
      CHECK(test::fault(p, f.l4(), 6) == "");
      CHECK(p.size() == f.headers() + (i == 2 ? 500 : 1000));
      CHECK(get32(p, f.l4() + 4) == static_cast<uint32_t>(0xfffffc00 + i * 1000));
      CHECK(p[f.l4() + 13] == (i == 2 ? 0x19 : 0x10));
      if (!ipv6) CHECK(get16(p, 4) == (0xffff + i) % 65536);
      joined.insert(joined.end(), p.begin() + static_cast<ptrdiff_t>(f.headers()), p.end());
      // Everything else as in the super-packet.
      CHECK(get32(p, f.l4() + 8) == f.ack);
      CHECK(get16(p, f.l4() + 14) == f.window);
      CHECK((ipv6 ? p[7] : p[8]) == 64);
      CHECK((ipv6 ? get16(p, 0) : get16(p, 0)) == get16(s.packet, 0));
    }
    CHECK(joined == s.data);
  }
}

TEST_CASE("rule 4: UDP segments carry their own length and a checksum") {
  for (const bool ipv6 : kFamilies) {
    const Flow f = flow(ipv6, true);
    const Super s(f, 2401, 1200);
    const Cut c = cut(s.header, s.packet);
    REQUIRE(c.result == 3);
    Bytes joined;
    for (size_t i = 0; i < 3; ++i) {
      const Bytes& p = c.packets[i];
      CHECK(test::fault(p, f.l4(), 17) == "");
      CHECK(get16(p, f.l4() + 4) == (i == 2 ? 9 : 1208));
      if (!ipv6) CHECK(get16(p, 4) == 1000 + i);
      joined.insert(joined.end(), p.begin() + static_cast<ptrdiff_t>(f.headers()), p.end());
    }
    CHECK(joined == s.data);
  }
}

TEST_CASE("rule 5: CWR stays on the first segment only, ECE on all, the ECN bit of the type is tolerated") {
  for (const bool ipv6 : kFamilies) {
    Flow f = flow(ipv6);
    f.flags = 0xd0;  // CWR ECE ACK
    Super s(f, 300, 100);
    s.header.gsoType |= kVirtioGsoEcn;
    const Cut c = cut(s.header, s.packet);
    REQUIRE(c.result == 3);
    CHECK(c.packets[0][f.l4() + 13] == 0xd0);
    CHECK(c.packets[1][f.l4() + 13] == 0x50);
    CHECK(c.packets[2][f.l4() + 13] == 0x50);
    for (const Bytes& p : c.packets) CHECK(test::fault(p, f.l4(), 6) == "");
  }
}

TEST_CASE("rule 6: any number of segments") {
  for (const bool ipv6 : kFamilies) {
    const Super s(flow(ipv6), 65000, 10);
    const Cut c = cut(s.header, s.packet);
    CHECK(c.result == 6500);
    CHECK(test::fault(c.packets.back(), s.f.l4(), 6) == "");
  }
}

TEST_CASE("a super-packet no longer than one segment, or without payload, is one packet") {
  for (const size_t length : {0, 1, 1000}) {
    const Super s(flow(false), length, 1000);
    const Cut c = cut(s.header, s.packet);
    REQUIRE(c.result == 1);
    CHECK(c.packets[0] == test::build(s.f, s.data));
  }
}

TEST_CASE("the caller stops the cut by giving no room") {
  const Super s(flow(false), 5000, 1000);
  std::vector<Bytes> packets;
  const int n = segment(s.header, s.packet, [&](size_t length) -> uint8_t* {
    if (packets.size() == 2) return nullptr;
    packets.emplace_back(length);
    return packets.back().data();
  });
  CHECK(n == 2);
}

TEST_CASE("IPv6 with extension headers: L4 begins at csum_start") {
  for (const bool udp : {false, true}) {
    Flow f = flow(true, udp);
    f.extension = Bytes(16);
    const Super s(f, 2000, 900);
    const Cut c = cut(s.header, s.packet);
    REQUIRE(c.result == 3);
    for (const Bytes& p : c.packets) {
      CHECK(test::fault(p, 56, f.protocol()) == "");
      CHECK(p[40] == f.protocol());
    }
  }
}

TEST_CASE("IPv4 with options: L4 begins behind them") {
  const Super plain(flow(false), 2000, 900);
  Bytes packet = plain.packet;
  packet.insert(packet.begin() + 20, 4, uint8_t{1});
  packet[0] = 0x46;
  test::put16(packet, 2, packet.size());
  VirtioNetHeader header = plain.header;
  header.csumStart = 24;
  const Cut c = cut(header, packet);
  REQUIRE(c.result == 3);
  for (const Bytes& p : c.packets) CHECK(test::fault(p, 24, 6) == "");
}

TEST_CASE("a checksum field outside the packet or inside the IP header is refused") {
  for (const bool ipv6 : kFamilies) {
    Super s(flow(ipv6), 10, 0);
    s.header.csumStart = static_cast<uint16_t>(s.packet.size());
    CHECK(s.refused());
    s.header.csumStart = 0xffff;
    s.header.csumOffset = 0xffff;
    CHECK(s.refused());
    s.header.csumStart = static_cast<uint16_t>(s.packet.size() - 17);
    s.header.csumOffset = 16;
    CHECK(s.refused());
    s.header.csumStart = ipv6 ? 39 : 19;
    CHECK(s.refused());
  }
  CHECK(cut(VirtioNetHeader{}, Bytes{}).result == -1);
}

TEST_CASE("a GSO type that contradicts the packet is refused") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      const Super good(flow(ipv6, udp), 3000, 1000);
      REQUIRE_FALSE(cut(good.header, good.packet).result == -1);
      for (int type = 1; type < 256; ++type) {
        Super s = good;
        s.header.gsoType = static_cast<uint8_t>(type);
        const bool right = udp ? type == 5 : (type & 0x7f) == (ipv6 ? 4 : 1);
        if (!right) CHECK(s.refused());
      }
      Super s = good;
      s.header.gsoSize = 0;
      CHECK(s.refused());
      s = good;
      s.header.flags = 0;
      CHECK(s.refused());
      s = good;
      ++s.header.csumOffset;
      CHECK(s.refused());
      s = good;
      ++s.header.csumStart;
      CHECK(s.refused());
      s = good;
      s.packet.push_back(0);  // lengths disagree
      CHECK(s.refused());
      s = good;
      s.packet[ipv6 ? 6 : 9] = udp ? 6 : 17;
      CHECK(s.refused());
    }
  }
}

TEST_CASE("L4 headers that do not fit and fragments are refused") {
  for (const bool ipv6 : kFamilies) {
    Super s(flow(ipv6), 10, 5);
    s.packet[s.f.l4() + 12] = 0x40;  // data offset below 5
    CHECK(s.refused());
    s.packet[s.f.l4() + 12] = 0xf0;  // beyond the packet
    CHECK(s.refused());
    Super u(flow(ipv6, true), 10, 5);
    test::put16(u.packet, u.f.l4() + 4, 19);
    CHECK(u.refused());
  }
  Super s(flow(false), 3000, 1000);
  test::put16(s.packet, 6, 0x2000);
  CHECK(s.refused());
  test::put16(s.packet, 6, 0x0001);
  CHECK(s.refused());
  Flow f = flow(true);
  f.extension = Bytes(8);
  Super fragment(f, 3000, 1000);
  fragment.packet[6] = 44;
  test::put16(fragment.packet, 42, 8);
  CHECK(fragment.refused());
}
