#include "lzs.h"

#include <doctest/doctest.h>

#include "codec_packets.h"

using namespace postern;
using namespace postern::test;

namespace {

Bytes compressed(const Bytes& packet, size_t room = 32768) {
  static lzs::Table table;
  Bytes out(room);
  out.resize(lzs::compress(packet, out, table));
  return out;
}
Bytes expanded(const Bytes& coded, size_t room = 16384) {
  Bytes out(room);
  out.resize(lzs::expand(coded, out));
  return out;
}
Bytes text(std::string_view s) { return {s.begin(), s.end()}; }

}  // namespace

TEST_CASE("G15 LZS: the vectors that the real client accepts, both directions") {
  const Bytes golden = fromHex("228000054c1840c1001c30c054160038440b8a0c381ffff8c000");
  CHECK(compressed(goldenPacket()) == golden);
  CHECK(expanded(golden) == goldenPacket());
  const Bytes abcd = fromHex("209088644c27a0c0623219e000");
  CHECK(compressed(text("ABCDABCDABCDABCD0123")) == abcd);
  CHECK(expanded(abcd) == text("ABCDABCDABCDABCD0123"));
}

TEST_CASE("G15 LZS: what is written is read again, whatever the packet") {
  std::mt19937 random(15);
  for (int i = 0; i < 1500; ++i) {
    const Bytes packet = randomPacket(random, 1 + random() % (i % 50 == 0 ? 16000 : 1500));
    const Bytes coded = compressed(packet);
    REQUIRE(coded.size() <= packet.size() * 9 / 8 + 3);
    REQUIRE(expanded(coded) == packet);
    REQUIRE(expanded(coded, packet.size()) == packet);
  }
}

TEST_CASE("G15 LZS: offsets up to 2,047 are used, farther ones never") {
  const Bytes word = text("a word that nothing else repeats");
  for (const size_t gap : {size_t{127}, size_t{128}, size_t{2047}, size_t{2048}}) {
    Bytes packet = word;
    std::mt19937 random(1);
    while (packet.size() < gap) packet.push_back(static_cast<uint8_t>(random() | 0x80));
    const size_t before = compressed(packet).size();
    packet.insert(packet.end(), word.begin(), word.end());
    CHECK((compressed(packet).size() <= before + 4) == (gap <= 2047));
    CHECK(expanded(compressed(packet)) == packet);
  }
}

TEST_CASE("G15 LZS: a result that does not fit is none, at every size of the room") {
  const Bytes packet = goldenPacket(), coded = compressed(packet);
  for (size_t room = 0; room < coded.size(); ++room) CHECK(compressed(packet, room).empty());
  CHECK(compressed(packet, coded.size()) == coded);
  for (size_t room = 0; room < packet.size(); ++room) CHECK(expanded(coded, room).empty());
}

TEST_CASE("G15 LZS: a packet leaves nothing behind that shows in the next") {
  const Bytes packet = payload(1400, 3), alone = compressed(packet);
  std::mt19937 random(2);
  for (int i = 0; i < 20; ++i) {
    compressed(randomPacket(random, 1400));
    REQUIRE(compressed(packet) == alone);
  }
}

TEST_CASE("G15 LZS: every truncation, a bomb and offsets to nowhere are refused") {
  const Bytes coded = compressed(goldenPacket());
  for (size_t n = 0; n < coded.size() - 1; ++n) CHECK(expanded(first(coded, n)).empty());
  // A literal, then a length of 15 for each half octet.
  Bytes bomb = fromHex("30e07f");
  bomb.resize(2000, 0xff);
  CHECK(expanded(bomb).empty());
  CHECK(expanded(fromHex("c0e000")).empty());    // offset 1 at the very beginning
  CHECK(expanded(fromHex("3080018000")).empty()); // literal, long offset 0
  CHECK(expanded(fromHex("30c1180000")).empty()); // literal, then two bytes back
  CHECK(expanded({}).empty());
  CHECK(expanded(fromHex("c000")).empty());      // the end marker alone: no packet
}
