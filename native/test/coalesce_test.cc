// The table "merge B behind A" of dataplane reference section 4: all of it but what TCP alone has.
#include "coalesce.h"

#include <doctest/doctest.h>

#include "flows.h"

using namespace postern;
using test::flow;
using test::Flow;
using test::get16;
using test::kFamilies;
using test::merge;
using test::Merged;
using test::separates;
using test::separatesIp;
using test::sizes;
using test::Sizes;
using test::train;

TEST_CASE("equal UDP datagrams become one super-packet when the device takes them") {
  for (const bool ipv6 : kFamilies) {
    const Flow f = flow(ipv6, true);
    const auto out = merge(train(f, {1200, 1200, 1}));
    REQUIRE(out.size() == 1);
    const Merged& m = out[0];
    CHECK(m.header.gsoType == kVirtioGsoUdpL4);
    CHECK(m.header.gsoSize == 1200);
    CHECK(m.header.hdrLen == f.headers());
    CHECK(m.header.csumOffset == 6);
    CHECK(get16(m.packet, f.l4() + 4) == 2401 + 8);
    CHECK(get16(m.packet, f.l4() + 6) == test::naivePseudo(m.packet, 17, 2401 + 8));
  }
}

TEST_CASE("a single packet leaves unchanged behind an all-zero header") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      const auto in = train(flow(ipv6, udp), {700});
      const auto out = merge(in);
      REQUIRE(out.size() == 1);
      CHECK(out[0].alone());
      CHECK(out[0].packet == in[0]);
    }
  }
}

TEST_CASE("each offload the device lacks switches its merging off") {
  struct Row {
    bool ipv6, udp;
    Coalescer::Options without;
  };
  for (const Row& row : {Row{false, false, {false, true, true}}, Row{true, false, {true, false, true}}, Row{false, true, {true, true, false}},
                         Row{true, true, {true, true, false}}}) {
    const auto in = train(flow(row.ipv6, row.udp), {100, 100});
    CHECK(sizes(merge(in)) == Sizes{2});
    CHECK(sizes(merge(in, row.without)) == Sizes{1, 1});
  }
}

TEST_CASE("IP: TOS with its ECN bits, TTL, DF and flow label must agree") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      CHECK(separatesIp(ipv6, udp, [](Flow& f) { f.tos = 0x03; }));
      CHECK(separatesIp(ipv6, udp, [](Flow& f) { f.tos = 0xb8; }));
      CHECK(separatesIp(ipv6, udp, [](Flow& f) { f.ttl = 63; }));
      if (ipv6) CHECK(separatesIp(ipv6, udp, [](Flow& f) { f.flowLabel = 0x12345; }));
      if (!ipv6) CHECK(separatesIp(ipv6, udp, [](Flow& f) { f.fragment = 0; }));
      if (!ipv6) CHECK(separatesIp(ipv6, udp, [](Flow& f) { f.fragment = 0xc000; }));
    }
  }
}

TEST_CASE("IPv4: without DF the identification must count, with DF it means nothing (RFC 6864)") {
  Flow f = flow(false);
  f.fragment = 0;
  CHECK(sizes(merge(train(f, {100, 100}))) == Sizes{2});
  CHECK(separates(f, [](Flow& b) { b.id += 7; }));
  f.fragment = 0x4000;
  Flow b = f;
  b.seq += 100;
  b.id = 0;
  CHECK(sizes(merge({test::build(f, test::payload(100)), test::build(b, test::payload(100))})) == Sizes{2});
}

TEST_CASE("other addresses, ports or tunnels are other flows, which do not disturb a run") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      const Flow f = flow(ipv6, udp);
      const auto in = train(f, {100, 100});
      for (const std::function<void(Flow&)>& alter : std::initializer_list<std::function<void(Flow&)>>{
               [](Flow& o) { o.dst = 9; }, [](Flow& o) { o.src = 9; }, [](Flow& o) { o.dstPort = 9; }, [](Flow& o) { o.srcPort = 9; }}) {
        Flow o = f;
        alter(o);
        const auto other = train(o, {100, 100});
        const auto out = merge({in[0], other[0], in[1], other[1]});
        CHECK(sizes(out) == Sizes{2, 2});
      }
      Coalescer coalescer({true, true, true});
      auto copies = in;
      for (uint32_t i = 0; i < 2; ++i) {
        PacketInfo info;
        REQUIRE(parsePacket(copies[i], info));
        coalescer.add(copies[i], info, i + 1);
      }
      CHECK(sizes(test::drain(coalescer)) == Sizes{1, 1});
    }
  }
}

TEST_CASE("IPv4 options, fragments and IPv6 extension headers go alone and close every run of their addresses") {
  const auto in = train(flow(false), {100, 100, 100});
  Bytes options = in[1];
  options.insert(options.begin() + 20, 4, uint8_t{1});
  options[0] = 0x46;
  test::put16(options, 2, options.size());
  CHECK(sizes(merge({in[0], options, in[1]})) == Sizes{1, 1, 1});
  for (const uint16_t fragment : {0x2000, 0x0001, 0x6000}) {
    Flow f = flow(false);
    f.fragment = fragment;
    f.srcPort = 1;
    CHECK(sizes(merge({in[0], test::build(f, test::payload(100)), in[1]})) == Sizes{1, 1, 1});
    f.src = 99;
    CHECK(sizes(merge({in[0], test::build(f, test::payload(100)), in[1]})) == Sizes{2, 1});
  }
  const auto in6 = train(flow(true), {100, 100});
  Flow f = flow(true);
  f.extension = Bytes(8);
  CHECK(sizes(merge({in6[0], test::build(f, test::payload(100)), in6[1]})) == Sizes{1, 1, 1});
}

TEST_CASE("size: a shorter payload closes the run, a longer one starts another") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      CHECK(sizes(merge(train(flow(ipv6, udp), {500, 500, 300, 300, 300}))) == Sizes{3, 2});
      CHECK(sizes(merge(train(flow(ipv6, udp), {300, 500, 500}))) == Sizes{1, 2});
    }
  }
}

TEST_CASE("size: at most 64 packets and 65,535 bytes in a run") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      const Flow f = flow(ipv6, udp);
      CHECK(sizes(merge(train(f, Sizes(130, 10)))) == Sizes{64, 64, 2});
      const size_t fits = (65535 - f.headers()) / 3;
      const auto out = merge(train(f, {fits, fits, fits, fits}));
      CHECK(sizes(out) == Sizes{3, 1});
      CHECK(out[0].packet.size() == f.headers() + 3 * fits);
      CHECK(sizes(merge(train(f, {fits + 1, fits + 1, fits + 1}))) == Sizes{2, 1});
    }
  }
}

TEST_CASE("checksum: a bad one goes alone and unchanged, in any place") {
  for (const bool ipv6 : kFamilies) {
    for (const bool udp : {false, true}) {
      for (size_t bad = 0; bad < 4; ++bad) {
        auto in = train(flow(ipv6, udp), {100, 100, 100, 100});
        in[bad].back() ^= 0x10;
        const auto out = merge(in);
        CHECK(sizes(out) == (bad == 0 ? Sizes{1, 3} : bad == 1 ? Sizes{1, 1, 2} : bad == 2 ? Sizes{2, 1, 1} : Sizes{3, 1}));
        REQUIRE(bad < 4);
        const size_t at = bad == 0 ? 0 : 1;
        CHECK(out[at].alone());
        CHECK(out[at].packet == in[bad]);
      }
    }
  }
}

TEST_CASE("checksum: a bad IPv4 header checksum is not repaired by merging") {
  for (const size_t bad : {0, 1}) {
    auto in = train(flow(false), {100, 100});
    in[bad][10] ^= 1;
    const auto out = merge(in);
    REQUIRE(sizes(out) == Sizes{1, 1});
    CHECK(out[bad].packet == in[bad]);
  }
}

TEST_CASE("UDP: no checksum, a wrong length or no payload goes alone") {
  for (const bool ipv6 : kFamilies) {
    const Flow f = flow(ipv6, true);
    auto in = train(f, {100, 100, 100});
    test::put16(in[1], f.l4() + 6, 0);
    CHECK(sizes(merge(in)) == Sizes{1, 1, 1});
    in = train(f, {100, 100, 100});
    test::put16(in[1], f.l4() + 4, 100);
    CHECK(sizes(merge(in)) == Sizes{1, 1, 1});
    CHECK(sizes(merge(train(f, {100, 0, 100}))) == Sizes{1, 1, 1});
  }
}

TEST_CASE("UDP: only the newest run of a flow may grow") {
  const Flow f = flow(false, true);
  // The third would fit the first run; it would overtake the second.
  CHECK(sizes(merge(train(f, {100, 200, 100, 200}))) == Sizes{1, 2, 1});
}

TEST_CASE("order: a run pushed out of the search by eight others is closed for good") {
  Flow f = flow(false);
  const auto first = train(f, {100, 100, 100});
  std::vector<Bytes> in{first[0]};
  for (uint16_t i = 0; i < Coalescer::kSearch; ++i) {
    f.srcPort = static_cast<uint16_t>(1 + i);
    in.push_back(train(f, {100})[0]);
  }
  in.push_back(first[1]);
  // Pushes close the others; the old run must still not take the third past the second.
  in.push_back(first[2]);
  const auto out = merge(in);
  CHECK(out.size() == 10);
  CHECK(out[0].packets == 1);
  CHECK(out[9].packets == 2);
}

TEST_CASE("a truncated L4 header goes alone") {
  for (const bool udp : {false, true}) {
    auto in = train(flow(false, udp), {100, 100});
    Bytes stub(in[0].begin(), in[0].begin() + 24);
    test::put16(stub, 2, 24);
    CHECK(sizes(merge({in[0], stub, in[1]})) == Sizes{1, 1, 1});
  }
  auto in = train(flow(false), {100, 100});
  in[1][32] = 0xf0;  // data offset at the end of the packet or beyond: no payload
  CHECK(sizes(merge(in)) == Sizes{1, 1});
  in[1][32] = 0x10;
  CHECK(sizes(merge(in)) == Sizes{1, 1});
}

TEST_CASE("other protocols pass alone, in order") {
  auto in = train(flow(false), {100, 100});
  Bytes icmp = in[0];
  icmp[9] = 1;
  test::fixChecksums(icmp, 20, 1);
  Bytes icmp2 = icmp;
  const auto out = merge({icmp, icmp2, in[0], in[1]});
  CHECK(sizes(out) == Sizes{1, 1, 2});
  CHECK(out[0].packet == icmp);
}

TEST_CASE("a full batch says so, keeps what it has and takes more after the flush") {
  Coalescer coalescer({true, true, true});
  CHECK(coalescer.empty());
  Flow f = flow(false);
  std::vector<Bytes> packets;
  for (size_t i = 0; i <= Coalescer::kMaxRuns; ++i) {
    f.srcPort = static_cast<uint16_t>(1 + i);
    packets.push_back(test::build(f, test::payload(10)));
  }
  PacketInfo info;
  for (size_t i = 0; i < Coalescer::kMaxRuns; ++i) {
    REQUIRE(parsePacket(packets[i], info));
    REQUIRE(coalescer.add(packets[i], info, 1));
  }
  REQUIRE(parsePacket(packets.back(), info));
  CHECK_FALSE(coalescer.add(packets.back(), info, 1));
  // One that joins an open run needs no room.
  --f.srcPort;
  f.seq += 10;
  Bytes joins = test::build(f, test::payload(10));
  CHECK(coalescer.add(joins, info, 1));
  auto out = test::drain(coalescer);
  CHECK(out.size() == Coalescer::kMaxRuns);
  CHECK(out.back().packets == 2);
  CHECK(coalescer.empty());
  CHECK(coalescer.add(packets.back(), info, 1));
  out = test::drain(coalescer);
  REQUIRE(out.size() == 1);
  CHECK(out[0].packet == packets.back());
}

TEST_CASE("new options hold from the next packet on") {
  Coalescer coalescer({true, true, true});
  auto in = train(flow(false), {100, 100});
  PacketInfo info;
  REQUIRE(parsePacket(in[0], info));
  coalescer.add(in[0], info, 1);
  coalescer.setOptions({});
  coalescer.add(in[1], info, 1);
  CHECK(sizes(test::drain(coalescer)) == Sizes{1, 1});
}
