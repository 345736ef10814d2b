// What TCP adds to the table "merge B behind A" of dataplane reference section 4.
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

TEST_CASE("consecutive TCP segments become one super-packet with the right headers") {
  for (const bool ipv6 : kFamilies) {
    Flow f = flow(ipv6);
    f.options = Bytes{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    f.tos = 0x01;
    const auto out = merge(train(f, {1000, 1000, 400}));
    REQUIRE(out.size() == 1);
    const Merged& m = out[0];
    CHECK(m.packets == 3);
    CHECK(m.header.flags == kVirtioNeedsCsum);
    CHECK(m.header.gsoType == (ipv6 ? kVirtioGsoTcpv6 : kVirtioGsoTcpv4));
    CHECK(m.header.gsoSize == 1000);
    CHECK(m.header.hdrLen == f.headers());
    CHECK(m.header.csumStart == f.l4());
    CHECK(m.header.csumOffset == 16);
    CHECK(m.packet.size() == f.headers() + 2400);
    CHECK(get16(m.packet, ipv6 ? 4 : 2) == m.packet.size() - (ipv6 ? 40 : 0));
    if (!ipv6) CHECK(test::naiveSum(ByteView(m.packet).first(20)) == 0xffff);
    // Folded, not complemented.
    CHECK(get16(m.packet, f.l4() + 16) == test::naivePseudo(m.packet, 6, m.packet.size() - f.l4()));
    CHECK(m.packet[f.l4() + 13] == 0x10);
  }
}

TEST_CASE("TCP: ack, window, urgent pointer and options must agree byte for byte") {
  for (const bool ipv6 : kFamilies) {
    Flow f = flow(ipv6);
    f.options = Bytes{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
    CHECK(separates(f, [](Flow& b) { ++b.ack; }));
    CHECK(separates(f, [](Flow& b) { ++b.window; }));
    CHECK(separates(f, [](Flow& b) { b.urgent = 1; }));
    CHECK(separates(f, [](Flow& b) { ++b.options[11]; }));
    CHECK(separates(f, [](Flow& b) { b.options = Bytes(16, 1); }));
    CHECK(separates(f, [](Flow& b) { b.options = {}; }));
  }
}

TEST_CASE("TCP: a gap, a repetition or an older segment does not merge") {
  for (const bool ipv6 : kFamilies) {
    CHECK(separatesIp(ipv6, false, [](Flow& b) { b.seq += 50; }));
    CHECK(separatesIp(ipv6, false, [](Flow& b) { b.seq -= 100; }));
    CHECK(separatesIp(ipv6, false, [](Flow& b) { b.seq -= 1; }));
    Flow f = flow(ipv6);
    f.seq = 0xffffff00;
    CHECK(sizes(merge(train(f, {200, 200, 200}))) == Sizes{3});  // across the wrap
  }
}

TEST_CASE("TCP: every flag but ACK and PSH goes alone, after closing the flow's run") {
  for (const bool ipv6 : kFamilies) {
    for (const uint8_t flags : {0x00, 0x08, 0x11, 0x12, 0x14, 0x30, 0x50, 0x90, 0xd0, 0x19}) {
      CHECK(separatesIp(ipv6, false, [flags](Flow& b) { b.flags = flags; }));
    }
    // A reserved bit (RFC 9768 calls the lowest AE).
    auto in = train(flow(ipv6), {100, 100});
    for (Bytes& p : in) {
      p[flow(ipv6).l4() + 12] |= 1;
      test::fixChecksums(p, flow(ipv6).l4(), 6);
    }
    CHECK(sizes(merge(in)) == Sizes{1, 1});
  }
}

TEST_CASE("TCP: a pure ACK goes alone and is not overtaken") {
  for (const bool ipv6 : kFamilies) {
    const Flow f = flow(ipv6);
    auto in = train(f, {100, 0, 100});
    const auto out = merge(in);
    CHECK(sizes(out) == Sizes{1, 1, 1});
    CHECK(out[1].packet == in[1]);
    CHECK(sizes(merge(train(f, {0, 0}))) == Sizes{1, 1});
  }
}

TEST_CASE("TCP: PSH is set in the merged header and closes the run; a first packet with PSH stays alone") {
  for (const bool ipv6 : kFamilies) {
    const Flow f = flow(ipv6);
    auto in = train(f, {100, 100}, true);
    Flow next = f;
    next.seq += 200;
    for (const Bytes& p : train(next, {100, 100})) in.push_back(p);
    const auto out = merge(in);
    REQUIRE(sizes(out) == Sizes{2, 2});
    CHECK(out[0].packet[f.l4() + 13] == 0x18);
    CHECK(out[1].packet[f.l4() + 13] == 0x10);
    in.erase(in.begin());
    CHECK(sizes(merge(in)) == Sizes{1, 2});
  }
}
