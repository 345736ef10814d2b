#include "parked_packets.h"

#include <doctest/doctest.h>

using namespace postern;
using Successor = ParkedPackets::Successor;

namespace {

TunnelSpec addressed(uint32_t host) {
  TunnelSpec spec;
  spec.ipv4 = 0x0a000000 + host;
  return spec;
}

struct Rig {
  size_t settle(uint64_t nowMs, Successor found = Successor::kNone) {
    delivered.clear();
    return parked.settle(
        nowMs, [&](uint32_t, const TunnelSpec&) { return found; }, [&](const HandedPacket& p) { delivered.push_back(p.packet); },
        [&](uint32_t tunnel, const TunnelSpec& spec) {
          CHECK(spec.ipv4);
          forgotten.push_back(tunnel);
        });
  }
  bool keep(uint32_t tunnel, size_t length, uint8_t fill = 0) { return parked.keep(tunnel, {}, Bytes(length, fill)); }
  ParkedPackets parked;
  std::vector<Bytes> delivered;
  std::vector<uint32_t> forgotten;
};

}  // namespace

TEST_CASE("packets wait for their client, and go on in their order when it is back") {
  Rig rig;
  CHECK_FALSE(rig.keep(7, 10));  // nobody is expected
  rig.parked.open(7, addressed(7), 1000);
  for (uint8_t i = 0; i < 3; ++i) CHECK(rig.keep(7, 10, i));
  CHECK(rig.parked.holding());
  CHECK(rig.settle(1500) == 0);
  CHECK(rig.delivered.empty());
  CHECK(rig.settle(2000, Successor::kSameClient) == 0);
  REQUIRE(rig.delivered.size() == 3);
  for (uint8_t i = 0; i < 3; ++i) CHECK(rig.delivered[i] == Bytes(10, i));
  CHECK_FALSE(rig.parked.holding());
  CHECK(rig.forgotten.empty());  // the old routes are nobody's: they go with their time
  CHECK(rig.settle(1000 + ParkedPackets::kKeepMs) == 0);
  CHECK(rig.forgotten == std::vector<uint32_t>{7});
  CHECK(rig.parked.empty());
}

TEST_CASE("packets of a client that stays away, or whose address somebody else has by now, are lost") {
  Rig rig;
  rig.parked.open(7, addressed(7), 0);
  rig.parked.open(8, addressed(8), 1);
  CHECK(rig.keep(7, 10));
  CHECK(rig.keep(8, 10));
  CHECK(rig.settle(2, Successor::kStranger) == 2);
  CHECK(rig.delivered.empty());
  CHECK(rig.keep(7, 10));
  CHECK(rig.settle(ParkedPackets::kKeepMs) == 1);
  CHECK(rig.forgotten == std::vector<uint32_t>{7});
  CHECK_FALSE(rig.keep(7, 10));
  CHECK(rig.keep(8, 10));
  CHECK(rig.settle(ParkedPackets::kKeepMs + 1) == 1);
  CHECK_FALSE(rig.parked.holding());
}

TEST_CASE("a packet that finds its client gone again is parked again") {
  Rig rig;
  for (const uint32_t tunnel : {7u, 8u, 9u}) rig.parked.open(tunnel, addressed(tunnel), 0);
  CHECK(rig.keep(7, 10));
  CHECK(rig.keep(8, 10));
  const auto found = [](uint32_t tunnel, const TunnelSpec&) { return tunnel == 9 ? Successor::kNone : Successor::kSameClient; };
  const auto again = [&](const HandedPacket& p) { CHECK(rig.parked.keep(9, p.header, p.packet)); };
  CHECK(rig.parked.settle(1, found, again, [](uint32_t, const TunnelSpec&) {}) == 0);
  CHECK(rig.parked.holding());
  CHECK(rig.settle(2, Successor::kSameClient) == 0);
  CHECK(rig.delivered.size() == 2);
}

TEST_CASE("what waits for one client and for all is bounded") {
  Rig rig;
  constexpr size_t kPacket = 32 * 1024;
  for (uint32_t tunnel = 1; tunnel <= 40; ++tunnel) rig.parked.open(tunnel, addressed(tunnel), 0);
  for (size_t i = 0; i < ParkedPackets::kBytes / kPacket; ++i) CHECK(rig.keep(1, kPacket));
  CHECK_FALSE(rig.keep(1, 1));
  size_t kept = ParkedPackets::kBytes;
  for (uint32_t tunnel = 2; tunnel <= 40; ++tunnel) {
    for (size_t i = 0; i < ParkedPackets::kBytes / kPacket; ++i) kept += rig.keep(tunnel, kPacket) ? kPacket : 0;
  }
  CHECK(kept == ParkedPackets::kAllBytes);
  CHECK(rig.settle(1, Successor::kSameClient) == 0);
  CHECK(rig.delivered.size() == kept / kPacket);
  CHECK(rig.keep(40, kPacket));
}
