#include "fragment.h"

#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using namespace postern::test;

namespace {

// Cuts, checks each header, and puts the payload together again.
Bytes reassemble(const Bytes& packet, uint16_t mtu, size_t offset, bool more) {
  const FragmentPlan plan = planFragments(packet, mtu);
  Bytes payload;
  for (size_t i = 0; i < plan.count; ++i) {
    Bytes f(fragmentLength(plan, packet, i));
    writeFragment(plan, packet, i, f.data());
    const size_t header = (f[0] & 0x0f) * 4u;
    REQUIRE(f.size() <= mtu);
    REQUIRE(f.size() > header);
    REQUIRE(get16(f, 2) == f.size());
    REQUIRE(naiveSum(ByteView(f).first(header)) == 0xffff);
    REQUIRE(get32(f, 12) == get32(packet, 12));
    REQUIRE(get16(f, 4) == get16(packet, 4));
    REQUIRE((get16(f, 6) & 0x1fff) == offset + payload.size() / 8);
    REQUIRE(((get16(f, 6) & 0x2000) != 0) == (i + 1 < plan.count || more));
    payload.insert(payload.end(), f.begin() + static_cast<ptrdiff_t>(header), f.end());
  }
  return payload;
}

}  // namespace

TEST_CASE("fragments of every size join to the packet, also when it is a fragment or has options") {
  for (const uint16_t mtu : {68, 69, 75, 76, 576, 1299}) {
    for (const size_t length : {1300, 1301, 1307, 1308, 9000}) {
      for (const bool options : {false, true}) {
        Flow f;
        f.udp = true;
        f.fragment = 0x2000 | 100;
        Bytes packet = build(f, payload(length));
        if (options) {
          packet[0] = 0x46;
          packet.insert(packet.begin() + 20, {1, 1, 1, 0});
          put16(packet, 2, packet.size());
        }
        const size_t header = options ? 24 : 20;
        CHECK(reassemble(packet, mtu, 100, true) == Bytes(packet.begin() + static_cast<ptrdiff_t>(header), packet.end()));
      }
    }
  }
}

TEST_CASE("only IPv4 without DF may be cut") {
  Flow f;
  PacketInfo info;
  for (const bool df : {false, true}) {
    f.fragment = df ? 0x4000 : 0;
    const Bytes packet = build(f, payload(10));
    REQUIRE(parsePacket(packet, info));
    CHECK(mayFragment(packet, info) != df);
  }
  f.ipv6 = true;
  const Bytes packet = build(f, payload(10));
  REQUIRE(parsePacket(packet, info));
  CHECK_FALSE(mayFragment(packet, info));
}
