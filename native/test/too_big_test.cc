#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using test::Flow;
using test::get16;

namespace {
constexpr Ipv4 kGateway4 = 0x0a140001;
const Ipv6 kGateway6{0xfd, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

Bytes tooBig(const Bytes& packet, uint16_t mtu = 1300, Ipv4 gateway4 = kGateway4, const Ipv6& gateway6 = kGateway6) {
  Bytes into(1280);
  into.resize(buildTooBig(packet, mtu, gateway4, gateway6, into));
  return into;
}
Bytes packet4(uint16_t fragment = 0x4000) {
  Flow f;
  f.fragment = fragment;
  return test::build(f, test::payload(1400));
}
Bytes packet6() {
  Flow f;
  f.ipv6 = true;
  return test::build(f, test::payload(1400));
}
}  // namespace

TEST_CASE("IPv4: RFC 792 and 1191, header and 64 bits quoted") {
  const Bytes original = packet4();
  const Bytes icmp = tooBig(original);
  REQUIRE(icmp.size() == 56);
  CHECK(icmp[0] == 0x45);
  CHECK(get16(icmp, 2) == 56);
  CHECK(icmp[9] == 1);
  CHECK(test::naiveSum(ByteView(icmp).first(20)) == 0xffff);
  CHECK(test::get32(icmp, 12) == kGateway4);
  CHECK(test::get32(icmp, 16) == 0x0a140002);
  CHECK(icmp[20] == 3);
  CHECK(icmp[21] == 4);
  CHECK(get16(icmp, 24) == 0);
  CHECK(get16(icmp, 26) == 1300);
  CHECK(test::naiveSum(ByteView(icmp).subspan(20)) == 0xffff);
  CHECK(std::equal(icmp.begin() + 28, icmp.end(), original.begin()));
}

TEST_CASE("IPv4: options are quoted whole") {
  Bytes p = packet4();
  p[0] = 0x4f;
  CHECK(tooBig(p).size() == 28 + 60 + 8);
}

TEST_CASE("IPv6: RFC 4443 section 3.2, as much as fits 1,280 bytes") {
  const Bytes original = packet6();
  const Bytes icmp = tooBig(original);
  REQUIRE(icmp.size() == 1280);
  CHECK(get16(icmp, 4) == 1240);
  CHECK(icmp[6] == 58);
  CHECK(std::equal(icmp.begin() + 8, icmp.begin() + 24, kGateway6.begin()));
  CHECK(std::equal(icmp.begin() + 24, icmp.begin() + 40, original.begin() + 8));
  CHECK(icmp[40] == 2);
  CHECK(icmp[41] == 0);
  CHECK(test::get32(icmp, 44) == 1300);
  CHECK(test::naiveSum(ByteView(icmp).subspan(40), test::naivePseudo(icmp, 58, 1240)) == 0xffff);
  CHECK(std::equal(icmp.begin() + 48, icmp.end(), original.begin()));
  Flow f;
  f.ipv6 = true;
  CHECK(tooBig(test::build(f, test::payload(100))).size() == 48 + 160);
}

TEST_CASE("none when DF is not set or for a later fragment") {
  CHECK(tooBig(packet4(0)).empty());
  CHECK(tooBig(packet4(0x4001)).empty());
  CHECK_FALSE(tooBig(packet4(0x6000)).empty());
  Bytes p = packet6();
  p[6] = 44;
  p[40] = 6;
  test::put16(p, 42, 8);
  CHECK(tooBig(p).empty());
}

TEST_CASE("none about an ICMP error, one about an echo request") {
  Bytes p = packet4();
  p[9] = 1;
  for (const uint8_t error : {3, 4, 5, 11, 12}) {
    p[20] = error;
    CHECK(tooBig(p).empty());
  }
  p[20] = 8;
  CHECK_FALSE(tooBig(p).empty());
  p.resize(20);
  test::put16(p, 2, 20);
  CHECK(tooBig(p).empty());  // no type to look at

  Bytes p6 = packet6();
  p6[6] = 58;
  for (const uint8_t error : {1, 2, 3, 4, 127}) {
    p6[40] = error;
    CHECK(tooBig(p6).empty());
  }
  p6[40] = 128;
  CHECK_FALSE(tooBig(p6).empty());
}

TEST_CASE("none to or about an address that is not one host") {
  for (const uint32_t address : {0u, 0x7f000001u, 0xe0000001u, 0xffffffffu}) {
    Bytes p = packet4();
    test::put32(p, 12, address);
    CHECK(tooBig(p).empty());
    p = packet4();
    test::put32(p, 16, address);
    CHECK(tooBig(p).empty());
  }
  Bytes p = packet6();
  p[24] = 0xff;
  CHECK(tooBig(p).empty());
  p = packet6();
  p[8] = 0xff;
  CHECK(tooBig(p).empty());
  std::fill_n(p.begin() + 8, 16, uint8_t{0});
  CHECK(tooBig(p).empty());
}

TEST_CASE("none without a gateway address of the family or from a packet that does not parse") {
  CHECK(tooBig(packet4(), 1300, 0).empty());
  CHECK(tooBig(packet6(), 1300, kGateway4, Ipv6{}).empty());
  Bytes p = packet4();
  p.pop_back();
  CHECK(tooBig(p).empty());
}

TEST_CASE("never more than the room given") {
  Bytes into(60);
  CHECK(buildTooBig(packet4(), 1300, kGateway4, kGateway6, into) == 56);
  CHECK(buildTooBig(packet6(), 1300, kGateway4, kGateway6, into) == 0);
}
