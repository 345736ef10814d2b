#include "mss_clamp.h"

#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using test::Flow;

namespace {

constexpr uint8_t kSyn = 0x02, kSynAck = 0x12, kAck = 0x10;
const Bytes kSackWindow{4, 2, 1, 3, 3, 7};

Flow synFlow(bool ipv6, Bytes options, uint8_t flags = kSyn) {
  Flow f;
  f.ipv6 = ipv6;
  f.flags = flags;
  while (options.size() % 4 != 0) options.push_back(0);
  f.options = std::move(options);
  return f;
}
Bytes mssOption(size_t mss, size_t nops = 0) {
  Bytes options(nops, 1);
  options.insert(options.end(), {2, 4, static_cast<uint8_t>(mss >> 8), static_cast<uint8_t>(mss)});
  options.insert(options.end(), kSackWindow.begin(), kSackWindow.end());
  return options;
}
bool clamp(Bytes& packet, uint16_t mtu) { return isTcpSyn(packet) && clampMss(packet, mtu); }

}  // namespace

TEST_CASE("D12 SYN and SYN-ACK of both families: the option is lowered at any alignment, the checksum stays right") {
  for (const bool ipv6 : {false, true}) {
    for (const uint8_t flags : {kSyn, kSynAck}) {
      for (size_t nops = 0; nops < 5; ++nops) {
        for (const uint16_t mtu : {1354, 1355, 1280, 576}) {
          Flow f = synFlow(ipv6, mssOption(1460, nops), flags);
          Bytes packet = test::build(f, {});
          REQUIRE(clamp(packet, mtu));
          CHECK(test::get16(packet, f.l4() + 22 + nops) == mtu - (ipv6 ? 60 : 40));
          CHECK(test::fault(packet, f.l4(), 6) == "");
          CHECK_FALSE(clamp(packet, mtu));
        }
      }
    }
  }
}

TEST_CASE("D12 an option is never raised, and nothing is added") {
  for (const bool ipv6 : {false, true}) {
    const uint16_t fits = 1400 - (ipv6 ? 60 : 40);
    for (const size_t mss : {size_t{0}, size_t{536}, size_t{fits}}) {
      Bytes packet = test::build(synFlow(ipv6, mssOption(mss)), {});
      const Bytes before = packet;
      CHECK_FALSE(clamp(packet, 1400));
      CHECK(packet == before);
    }
    Bytes none = test::build(synFlow(ipv6, kSackWindow), {});
    const Bytes before = none;
    CHECK_FALSE(clamp(none, 576));
    CHECK(none == before);
  }
}

TEST_CASE("only TCP with SYN, whole or first fragment") {
  Bytes ack = test::build(synFlow(false, mssOption(1460), kAck), {});
  CHECK_FALSE(isTcpSyn(ack));
  Flow udp;
  udp.udp = true;
  CHECK_FALSE(isTcpSyn(test::build(udp, test::payload(40, 0xff))));
  Flow later = synFlow(false, mssOption(1460));
  later.fragment = 0x2001;
  CHECK_FALSE(isTcpSyn(test::build(later, {})));
  Flow first = synFlow(false, mssOption(1460));
  first.fragment = 0x2000;
  CHECK(isTcpSyn(test::build(first, {})));
  Flow extended = synFlow(true, mssOption(1460));
  extended.extension = Bytes(8, 0);
  Bytes packet = test::build(extended, {});
  REQUIRE(clamp(packet, 1300));
  CHECK(test::fault(packet, extended.l4(), 6) == "");
  Bytes cut = test::build(synFlow(false, {}), {});
  cut.resize(39);
  test::put16(cut, 2, 39);
  CHECK_FALSE(isTcpSyn(cut));
}

TEST_CASE("malformed options stay as they are") {
  for (const Bytes& options : {Bytes{2, 3, 5, 0xb4}, Bytes{2, 0, 5, 0xb4}, Bytes{2, 1, 5, 0xb4}, Bytes{2, 5, 5, 0xb4, 0, 0, 0, 0},
                               Bytes{1, 1, 1, 2}, Bytes{1, 1, 2, 4}, Bytes{8, 40, 2, 4, 5, 0xb4, 0, 0}, Bytes{0, 2, 4, 5, 0xb4, 0, 0, 0}}) {
    Bytes packet = test::build(synFlow(false, options), {});
    const Bytes before = packet;
    CHECK_FALSE(clamp(packet, 576));
    CHECK(packet == before);
  }
  // A header that says it is longer than the packet, and one shorter than TCP's.
  for (const uint8_t words : {15, 4, 0}) {
    Bytes packet = test::build(synFlow(false, Bytes{2, 4, 5, 0xb4}), {});
    packet[20 + 12] = static_cast<uint8_t>(words << 4);
    CHECK(clamp(packet, 576) == (words == 15));
  }
}
