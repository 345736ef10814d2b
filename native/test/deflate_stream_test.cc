#include "deflate_stream.h"

#include <doctest/doctest.h>

#include "codec_packets.h"

using namespace postern;
using namespace postern::test;

namespace {

const char* const kVectors[] = {"72656008616070607060646038b02282f1c08a08560686448a00000000ffff306e1c1f", "72a5819900000000ffff9b3b383d"};

Bytes compressed(Deflater& deflater, const Bytes& packet) {
  Bytes out(packet.size() + Deflater::growth(packet.size()));
  out.resize(deflater.compress(packet, out));
  return out;
}
Bytes expanded(Inflater& inflater, const Bytes& coded, size_t room = 16384) {
  Bytes out(room);
  out.resize(inflater.expand(coded, out));
  return out;
}

}  // namespace

TEST_CASE("G15 deflate: the vectors that the real client accepts are read, and what we write is what they say") {
  Inflater inflater, ours;
  Deflater deflater;
  for (const char* vector : kVectors) {
    const Bytes golden = fromHex(vector), coded = compressed(deflater, goldenPacket());
    CHECK(expanded(inflater, golden) == goldenPacket());
    CHECK(expanded(ours, coded) == goldenPacket());
    // The flush marker and the running sum are the same at any level.
    CHECK(Bytes(coded.end() - 8, coded.end()) == Bytes(golden.end() - 8, golden.end()));
  }
}

TEST_CASE("G15 deflate: what is written is read again, over the whole life of a stream") {
  std::mt19937 random(17);
  Deflater deflater;
  Inflater inflater;
  for (int i = 0; i < 800; ++i) {
    Bytes packet = randomPacket(random, 1 + random() % (i % 50 == 0 ? 16000 : 1500));
    if (i % 3 == 0) {
      for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
    }
    const Bytes coded = compressed(deflater, packet);
    REQUIRE_FALSE(coded.empty());
    REQUIRE(expanded(inflater, coded) == packet);
  }
}

TEST_CASE("G15 deflate: a second packet like the first costs nearly nothing") {
  std::mt19937 random(18);
  Bytes packet(1400);
  for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random());
  Deflater deflater;
  CHECK(compressed(deflater, packet).size() > 1400);
  CHECK(compressed(deflater, packet).size() < 60);
}

TEST_CASE("G15 deflate: anything out of step is refused") {
  const Bytes first = fromHex(kVectors[0]), second = fromHex(kVectors[1]);
  const auto refused = [](const Bytes& coded, size_t room = 16384) {
    Inflater inflater;
    return expanded(inflater, coded, room).empty();
  };
  CHECK_FALSE(refused(first));
  CHECK(refused(second));  // without the first
  for (size_t n = 0; n < first.size(); ++n) {
    CHECK(refused(test::first(first, n)));
    Bytes bent = first;
    bent[n] ^= 0x01;
    CHECK(refused(bent));
  }
  for (size_t room = 0; room < 84; ++room) CHECK(refused(first, room));
  CHECK_FALSE(refused(first, 84));
  Inflater inflater;
  CHECK(expanded(inflater, first) == goldenPacket());
  CHECK(expanded(inflater, first).empty());  // twice
  Bytes ended = fromHex("0300 00000001");    // the last block of a stream
  CHECK(refused(ended));
}

TEST_CASE("G15 deflate: a bomb is cut at the room it has") {
  Deflater deflater;
  const Bytes bomb = compressed(deflater, Bytes(60000, 'x'));
  CHECK(bomb.size() < 400);
  Inflater inflater;
  Bytes out(2048 + 1, 0xee);
  CHECK(inflater.expand(bomb, {out.data(), 2048}) == 0);
  CHECK(out[2048] == 0xee);
}
