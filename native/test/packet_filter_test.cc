#include "packet_filter.h"

#include <doctest/doctest.h>

#include "packets.h"

using namespace postern;
using Protocol = FilterRule::Protocol;

namespace {

FilterRule rule(bool pass, std::vector<std::string> to = {}, Protocol protocol = Protocol::kAny, uint16_t first = 0, uint16_t last = 0xffff) {
  FilterRule made;
  made.pass = pass;
  made.protocol = protocol;
  made.firstPort = first;
  made.lastPort = last;
  made.anywhere = to.empty();
  for (const std::string& prefix : to) REQUIRE(made.to.add(prefix));
  return made;
}
bool passes(const PacketFilter& filter, const Bytes& packet) {
  PacketInfo info;
  REQUIRE(parsePacket(packet, info));
  return filter.fromClient(packet, info);
}
Bytes packet4(const char* destination, uint8_t protocol, Bytes payload, uint16_t fragment = 0) {
  AddressSet check;
  REQUIRE(check.add(destination));
  Bytes p(20);
  p[0] = 0x45;
  p[9] = protocol;
  test::put16(p, 6, fragment);
  unsigned a, b, c, d;
  REQUIRE(std::sscanf(destination, "%u.%u.%u.%u", &a, &b, &c, &d) == 4);
  p[16] = static_cast<uint8_t>(a), p[17] = static_cast<uint8_t>(b), p[18] = static_cast<uint8_t>(c), p[19] = static_cast<uint8_t>(d);
  p.insert(p.end(), payload.begin(), payload.end());
  test::put16(p, 2, p.size());
  return p;
}
Bytes packet6(uint8_t lastByte, uint8_t next, Bytes payload) {
  Bytes p(40);
  p[0] = 0x60;
  p[6] = next;
  p[24] = 0xfd;
  p[39] = lastByte;
  test::put16(p, 4, payload.size());
  p.insert(p.end(), payload.begin(), payload.end());
  return p;
}
Bytes ports(uint16_t to) { return {0x9c, 0x40, static_cast<uint8_t>(to >> 8), static_cast<uint8_t>(to), 0, 0, 0, 0}; }
Bytes behind(Bytes header, const Bytes& rest) {
  header.insert(header.end(), rest.begin(), rest.end());
  return header;
}
constexpr uint8_t kTcp = 6, kUdp = 17, kIcmp = 1, kIcmp6 = 58;

}  // namespace

TEST_CASE("G17 the first rule that matches decides; where none does, the packet passes") {
  const PacketFilter filter({rule(false, {"10.1.0.0/16"}), rule(true, {"10.0.0.0/8"}), rule(false, {"0.0.0.0/0"})}, {});
  CHECK_FALSE(passes(filter, packet4("10.1.255.255", kTcp, ports(1))));
  CHECK(passes(filter, packet4("10.2.0.0", kTcp, ports(1))));
  CHECK(passes(filter, packet4("10.0.255.255", kTcp, ports(1))));
  CHECK_FALSE(passes(filter, packet4("11.0.0.0", kTcp, ports(1))));
  CHECK(passes(filter, packet6(1, kTcp, ports(1))));
}

TEST_CASE("G17 protocols and ports of both families, at their ends") {
  const PacketFilter filter({rule(true, {}, Protocol::kTcp, 80, 443), rule(true, {}, Protocol::kIcmp), rule(true, {}, Protocol::kUdp), rule(false)}, {});
  for (const bool ipv6 : {false, true}) {
    const auto make = [&](uint8_t protocol, Bytes payload) { return ipv6 ? packet6(1, protocol, payload) : packet4("10.0.0.1", protocol, payload); };
    CHECK_FALSE(passes(filter, make(kTcp, ports(79))));
    CHECK(passes(filter, make(kTcp, ports(80))));
    CHECK(passes(filter, make(kTcp, ports(443))));
    CHECK_FALSE(passes(filter, make(kTcp, ports(444))));
    CHECK(passes(filter, make(kUdp, ports(9))));
    CHECK(passes(filter, make(ipv6 ? kIcmp6 : kIcmp, {8, 0})));
    CHECK_FALSE(passes(filter, make(ipv6 ? kIcmp : kIcmp6, {8, 0})));
    CHECK_FALSE(passes(filter, make(132, ports(80))));
  }
}

TEST_CASE("G17 what cannot be seen matches a rule that drops and none that passes") {
  const PacketFilter denies({rule(false, {}, Protocol::kUdp, 53, 53)}, {});
  const PacketFilter allows({rule(true, {}, Protocol::kUdp, 53, 53), rule(false)}, {});
  const PacketFilter allowsAll({rule(true, {}, Protocol::kUdp), rule(false)}, {});
  const Bytes later = packet4("10.0.0.1", kUdp, ports(9), 185), cut = packet4("10.0.0.1", kUdp, {1, 2, 0});
  const Bytes laterTcp = packet4("10.0.0.1", kTcp, ports(53), 185);
  for (const Bytes& unseen : {later, cut}) {
    CHECK_FALSE(passes(denies, unseen));
    CHECK_FALSE(passes(allows, unseen));
    CHECK(passes(allowsAll, unseen));
  }
  CHECK(passes(denies, laterTcp));
  // The first fragment shows its ports.
  CHECK(passes(allows, packet4("10.0.0.1", kUdp, ports(53), 0x2000)));
  CHECK_FALSE(passes(denies, packet4("10.0.0.1", kUdp, ports(53), 0x2000)));

  const Bytes options{kUdp, 0, 1, 4, 0, 0, 0, 0}, first{kUdp, 0, 0, 1, 0, 0, 0, 7}, second{kUdp, 0, 0, 8, 0, 0, 0, 7}, broken{kUdp, 200, 0, 0, 0, 0, 0, 0};
  CHECK_FALSE(passes(denies, packet6(1, 60, behind(options, ports(53)))));
  CHECK(passes(allows, packet6(1, 60, behind(options, ports(53)))));
  CHECK(passes(allows, packet6(1, 44, behind(first, ports(53)))));
  for (const Bytes& unseen : {packet6(1, 44, behind(second, ports(53))), packet6(1, 60, behind(broken, ports(53))), packet6(1, 60, {})}) {
    CHECK_FALSE(passes(denies, unseen));
    CHECK_FALSE(passes(allows, unseen));
    CHECK_FALSE(passes(allowsAll, unseen));
  }
}

TEST_CASE("G17 everywhere but there; networks that overlap, hosts, the ends of the address space") {
  FilterRule outside = rule(false, {"10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "255.255.255.255/32", "0.0.0.0/32", "fd00::/120"});
  outside.elsewhere = true;
  const PacketFilter filter({outside}, {});
  for (const char* inside : {"10.0.0.0", "10.1.0.1", "10.255.255.255", "192.0.2.7", "255.255.255.255", "0.0.0.0"}) CHECK(passes(filter, packet4(inside, kUdp, {})));
  for (const char* other : {"9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "255.255.255.254", "0.0.0.1"}) CHECK_FALSE(passes(filter, packet4(other, kUdp, {})));
  CHECK(passes(filter, packet6(255, kUdp, {})));
  Bytes beyond = packet6(0, kUdp, {});
  beyond[38] = 1;
  CHECK_FALSE(passes(filter, beyond));
}

TEST_CASE("G17 networks whose packets do not go to the client") {
  AddressSet closed;
  REQUIRE(closed.add("10.20.0.0/16"));
  REQUIRE(closed.add("fd20::/64"));
  const PacketFilter filter({}, closed);
  Bytes four = packet4("10.20.0.5", kUdp, {}), six = packet6(1, kUdp, {});
  CHECK(filter.toClient(four));
  CHECK(filter.toClient(six));
  four[12] = 10, four[13] = 20;
  six[8] = 0xfd, six[9] = 0x20;
  CHECK_FALSE(filter.toClient(four));
  CHECK_FALSE(filter.toClient(six));
  CHECK(PacketFilter({}, {}).toClient(four));
}

TEST_CASE("what is no prefix is refused") {
  AddressSet set;
  for (const char* text : {"", "10.0.0.0/33", "fd::/129", "10.0.0/8", "any"}) CHECK_FALSE(set.add(text));
  CHECK(set.empty());
}
