#include "packet_codec.h"

#include <doctest/doctest.h>

#include "codec_packets.h"

using namespace postern;
using namespace postern::test;

namespace {

constexpr Codec kAll[] = {Codec::kLzs, Codec::kLz4, Codec::kDeflate};

struct Ends {
  explicit Ends(Codec codec, size_t mtu = 1400) : ours(PacketCodec::create(codec, mtu, scratch)), theirs(PacketCodec::create(codec, mtu, scratch)) {}
  Bytes compress(const Bytes& packet) {
    const ByteSpan coded = ours->compress(packet);
    return {coded.begin(), coded.end()};
  }
  Bytes expand(const Bytes& coded) {
    Bytes out(theirs->limit());
    out.resize(theirs->expand(coded, out));
    return out;
  }
  CodecScratch scratch{};
  std::unique_ptr<PacketCodec> ours, theirs;
};

Bytes noise(size_t length, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

}  // namespace

TEST_CASE("G15 no codec is no object") {
  CodecScratch scratch;
  CHECK(PacketCodec::create(Codec::kNone, 1400, scratch) == nullptr);
}

TEST_CASE("G15 packets below 40 bytes go as they are, as from any client") {
  for (const Codec codec : kAll) {
    Ends ends(codec);
    CHECK(ends.compress(Bytes(39, 'a')).empty());
    const Bytes coded = ends.compress(Bytes(40, 'a'));
    CHECK_FALSE(coded.empty());
    CHECK(ends.expand(coded) == Bytes(40, 'a'));
    CHECK(ends.compress(Bytes(PacketCodec::kLargest + 1, 'a')).empty());
  }
}

TEST_CASE("G15 what does not shrink goes as it is; of a stream it goes compressed") {
  for (const Codec codec : kAll) {
    Ends ends(codec);
    const Bytes packet = noise(1400, 1), coded = ends.compress(packet);
    CHECK(coded.empty() == (codec != Codec::kDeflate));
    if (!coded.empty()) CHECK(ends.expand(coded) == packet);
  }
}

TEST_CASE("G15 what never shrinks is seldom tried, what shrinks again is soon found") {
  constexpr uint32_t kPackets = PacketCodec::kPatience + 20 * (PacketCodec::kPause + 1);
  Ends ends(Codec::kDeflate);  // where a try shows
  uint32_t tried = 0;
  for (uint32_t i = 0; i < kPackets; ++i) {
    const Bytes packet = noise(1400, i), coded = ends.compress(packet);
    if (coded.empty()) continue;
    ++tried;
    REQUIRE(ends.expand(coded) == packet);  // the stream goes on behind packets that went past it
  }
  CHECK(tried == PacketCodec::kPatience + 20);
  for (const Codec codec : kAll) {
    Ends again(codec);
    for (uint32_t i = 0; i < 1000; ++i) again.compress(noise(1400, i));
    uint32_t missed = 0;
    while (again.compress(goldenPacket()).empty()) ++missed;
    CHECK(missed <= PacketCodec::kPause);
    for (int i = 0; i < 100; ++i) REQUIRE_FALSE(again.compress(goldenPacket()).empty());
  }
}

TEST_CASE("G15 a client that now and then sends what shrinks never pauses") {
  Ends ends(Codec::kLz4);
  for (uint32_t i = 0; i < 1000; ++i) {
    const bool shrinks = i % PacketCodec::kPatience == 0;
    REQUIRE(ends.compress(shrinks ? goldenPacket() : noise(1400, i)).empty() != shrinks);
  }
}

TEST_CASE("G15 a packet is bounded by what a client may send, whatever it says") {
  for (const Codec codec : kAll) {
    for (const auto& [mtu, most] : {std::pair<size_t, size_t>{576, 2048}, {1400, 2048}, {9000, 9256}, {16384, 16376}}) {
      CHECK(PacketCodec::limit(mtu) == most);
      Ends ends(codec, mtu), wide(codec, 16384);
      for (const size_t length : {most, most + 1}) {
        if (length > PacketCodec::kLargest) continue;
        const Bytes coded = wide.compress(Bytes(length, 'b'));
        Bytes out(most + 1, 0xee);
        CHECK((ends.theirs->expand(coded, {out.data(), most}) == length) == (length <= most));
        CHECK(out[most] == 0xee);
      }
    }
  }
}

TEST_CASE("G15 damage is refused, and only deflate cannot go on") {
  for (const Codec codec : kAll) {
    Ends ends(codec);
    CHECK(ends.theirs->stateful() == (codec == Codec::kDeflate));
    CHECK(ends.expand({}).empty());
    CHECK(ends.expand(Bytes(100, 0xff)).empty());
    if (codec != Codec::kDeflate) CHECK(ends.expand(ends.compress(goldenPacket())) == goldenPacket());
  }
}
