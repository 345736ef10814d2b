#include <doctest/doctest.h>

#include <random>

#include "packets.h"

using namespace postern;

TEST_CASE("the sum equals the naive one for every length, alignment and starting value") {
  std::mt19937 random(1);
  Bytes bytes(2100);
  for (auto& b : bytes) b = static_cast<uint8_t>(random());
  for (size_t offset = 0; offset < 5; ++offset) {
    for (size_t length = 0; length < 2000; length += length < 80 ? 1 : 37) {
      const ByteView view = ByteView(bytes).subspan(offset, length);
      const uint64_t initial = random();
      REQUIRE(checksumFold(checksumPartial(view, initial)) == test::naiveSum(view, initial));
    }
  }
}

TEST_CASE("all ones in 64 KiB and a large starting value do not overflow") {
  const Bytes bytes(65535, 0xff);
  CHECK(checksumFold(checksumPartial(bytes, 0xffffffffffff)) == test::naiveSum(bytes, 0xffffffffffff));
  CHECK(checksumFold(checksumPartial(Bytes(64, 0))) == 0);
}

TEST_CASE("sums chain over pieces of even length") {
  const Bytes bytes = test::payload(333);
  const ByteView view(bytes);
  CHECK(checksumFold(checksumPartial(view.subspan(120), checksumPartial(view.first(120)))) == test::naiveSum(view));
}

TEST_CASE("RFC 1071 section 3: the worked example") {
  const Bytes bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  CHECK(checksumFold(checksumPartial(bytes)) == 0xddf2);
}

TEST_CASE("the pseudo header of both families") {
  for (const bool ipv6 : {false, true}) {
    test::Flow flow;
    flow.ipv6 = ipv6;
    const Bytes packet = test::build(flow, test::payload(99));
    PacketInfo info;
    REQUIRE(parsePacket(packet, info));
    const size_t length = packet.size() - flow.l4();
    CHECK(checksumFold(pseudoHeaderSum(info, 6, static_cast<uint32_t>(length))) == test::naivePseudo(packet, 6, length));
  }
}
