#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using test::Flow;

namespace {
Bytes packet4(size_t data = 10) { return test::build(Flow{}, test::payload(data)); }
Bytes packet6(size_t data = 10) {
  Flow f;
  f.ipv6 = true;
  return test::build(f, test::payload(data));
}
bool parses(const Bytes& p) {
  PacketInfo info;
  const bool whole = parsePacket(p, info);
  CHECK(destination(p, info) == whole);
  return whole;
}
}  // namespace

TEST_CASE("an IPv4 packet gives its addresses in host order") {
  PacketInfo info;
  REQUIRE(parsePacket(packet4(), info));
  CHECK(info.version == 4);
  CHECK(info.protocol == 6);
  CHECK(info.length == 50);
  CHECK(info.src4 == 0x0a140002);
  CHECK(info.dst4 == 0x0a000001);
}

TEST_CASE("an IPv6 packet gives its addresses") {
  PacketInfo info;
  REQUIRE(parsePacket(packet6(), info));
  CHECK(info.version == 6);
  CHECK(info.length == 70);
  CHECK(info.src6[0] == 0xfd);
  CHECK(info.src6[15] == 2);
  CHECK(info.dst6[15] == 1);
}

TEST_CASE("no prefix of a packet parses") {
  for (const Bytes& whole : {packet4(), packet6()}) {
    for (size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(parses(Bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(n))));
    CHECK(parses(whole));
  }
}

TEST_CASE("trailing bytes, a foreign version and bad header lengths are refused") {
  for (Bytes p : {packet4(), packet6()}) {
    p.push_back(0);
    CHECK_FALSE(parses(p));
  }
  for (const uint8_t first : {0x05, 0x15, 0x55, 0x75, 0x44, 0x40, 0xf5}) {
    Bytes p = packet4();
    p[0] = first;
    CHECK_FALSE(parses(p));
  }
  Bytes p = packet4(0);
  p.resize(20);
  test::put16(p, 2, 20);
  CHECK(parses(p));
  p[0] = 0x46;  // header longer than the packet
  CHECK_FALSE(parses(p));
  Bytes jumbo = packet6(65536);  // RFC 2675: length field 0
  test::put16(jumbo, 4, 0);
  CHECK_FALSE(parses(jumbo));
}

TEST_CASE("extension headers are walked to the transport header") {
  uint8_t protocol = 0;
  size_t offset = 0;
  Flow f;
  f.ipv6 = true;
  CHECK(transport6(test::build(f, {}), protocol, offset));
  CHECK(offset == 40);
  f.extension = Bytes(24);
  Bytes p = test::build(f, {});
  REQUIRE(transport6(p, protocol, offset));
  CHECK(protocol == 6);
  CHECK(offset == 64);
  p[41] = 200;  // longer than the packet
  CHECK_FALSE(transport6(p, protocol, offset));
}

TEST_CASE("of fragments only the first has a transport header, and a chain has an end") {
  uint8_t protocol = 0;
  size_t offset = 0;
  Flow f;
  f.ipv6 = true;
  f.extension = Bytes(8);
  Bytes p = test::build(f, {});
  p[6] = 44;
  p[41] = 0;
  test::put16(p, 42, 1);  // offset 0, more to come
  CHECK(transport6(p, protocol, offset));
  test::put16(p, 42, 8);
  CHECK_FALSE(transport6(p, protocol, offset));

  Bytes chain(40 + 8 * 9);
  chain[6] = 60;
  for (size_t at = 40; at < chain.size(); at += 8) chain[at] = 60;
  CHECK_FALSE(transport6(chain, protocol, offset));
  chain[40 + 8 * 7] = 6;
  CHECK(transport6(chain, protocol, offset));
  Bytes authenticated(40 + 24 + 20);
  authenticated[6] = 51;
  authenticated[40] = 6;
  authenticated[41] = 4;  // RFC 4302: 32-bit words minus 2
  CHECK(transport6(authenticated, protocol, offset));
  CHECK(offset == 64);
}
