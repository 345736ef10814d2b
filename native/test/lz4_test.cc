#include "lz4.h"

#include <dlfcn.h>
#include <doctest/doctest.h>

#include "codec_packets.h"

using namespace postern;
using namespace postern::test;

namespace {

Bytes compressed(const Bytes& packet, size_t room = 32768) {
  static lz4::Table table;
  Bytes out(room);
  out.resize(lz4::compress(packet, out, table));
  return out;
}
Bytes expanded(const Bytes& coded, size_t room = 16384) {
  Bytes out(room);
  out.resize(lz4::expand(coded, out));
  return out;
}

// The LZ4 project's own library, which Debian's apt brings along.
struct Judge {
  using Coder = int (*)(const char*, char*, int, int);
  void* library = ::dlopen("liblz4.so.1", RTLD_NOW | RTLD_LOCAL);
  Coder compress = function("LZ4_compress_default"), expand = function("LZ4_decompress_safe");

  static Bytes run(Coder coder, const Bytes& in, size_t room) {
    Bytes out(room);
    const int n = coder(reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()), static_cast<int>(in.size()), static_cast<int>(room));
    out.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return out;
  }

 private:
  Coder function(const char* name) const { return library == nullptr ? nullptr : reinterpret_cast<Coder>(::dlsym(library, name)); }
};

}  // namespace

TEST_CASE("G15 LZ4: the vector that the real client accepts, both directions") {
  const Bytes golden = fromHex("ff08450000540000400040010000c0a85801c0a85805000061010025506161616161");
  CHECK(compressed(goldenPacket()) == golden);
  CHECK(expanded(golden) == goldenPacket());
}

TEST_CASE("G15 LZ4: what is written is read again, here and by the project's own library, and the other way round") {
  const Judge judge;
  if (judge.library == nullptr) MESSAGE("SKIP the library: there is no liblz4.so.1");
  std::mt19937 random(16);
  for (int i = 0; i < 1500; ++i) {
    const Bytes packet = randomPacket(random, 1 + random() % (i % 50 == 0 ? 16000 : 1500));
    const Bytes coded = compressed(packet);
    REQUIRE(coded.size() <= packet.size() + packet.size() / 255 + 16);
    REQUIRE(expanded(coded) == packet);
    REQUIRE(expanded(coded, packet.size()) == packet);
    if (judge.library == nullptr) continue;
    REQUIRE(Judge::run(judge.expand, coded, packet.size()) == packet);
    const Bytes theirs = Judge::run(judge.compress, packet, 32768);
    REQUIRE(expanded(theirs) == packet);
    REQUIRE(coded.size() <= theirs.size() + packet.size() / 4 + 8);
  }
}

TEST_CASE("G15 LZ4: a result that does not fit is none, at every size of the room") {
  const Bytes packet = goldenPacket(), coded = compressed(packet);
  for (size_t room = 0; room < coded.size(); ++room) CHECK(compressed(packet, room).empty());
  CHECK(compressed(packet, coded.size()) == coded);
  for (size_t room = 0; room < packet.size(); ++room) CHECK(expanded(coded, room).empty());
}

TEST_CASE("G15 LZ4: a packet leaves nothing behind that shows in the next") {
  const Bytes packet = payload(1400, 3), alone = compressed(packet);
  std::mt19937 random(2);
  for (int i = 0; i < 20; ++i) {
    compressed(randomPacket(random, 1400));
    REQUIRE(compressed(packet) == alone);
  }
}

TEST_CASE("G15 LZ4: every truncation, a bomb and offsets to nowhere are refused") {
  const Bytes coded = compressed(goldenPacket());
  constexpr size_t kLiterals = 25;  // behind them a block may end
  for (size_t n = 0; n < coded.size(); ++n) {
    if (n == kLiterals) CHECK(expanded(first(coded, n)) == first(goldenPacket(), 23));
    else if (n < coded.size() - 5) CHECK(expanded(first(coded, n)).empty());
    else CHECK(expanded(first(coded, n)) != goldenPacket());
  }
  Bytes bomb = fromHex("1f61 0100");
  bomb.resize(2000, 0xff);
  bomb.push_back(0);
  CHECK(expanded(bomb).empty());
  Bytes lengths = fromHex("f0");
  lengths.resize(4000, 0xff);
  CHECK(expanded(lengths).empty());            // literals that never end
  CHECK(expanded(fromHex("1061 0000 00")).empty());  // offset 0
  CHECK(expanded(fromHex("1061 0200 00")).empty());  // two bytes back, after one
  CHECK(expanded(fromHex("1061 01")).empty());       // half an offset
  CHECK(expanded({}).empty());
  CHECK(expanded(fromHex("00")).empty());            // a block of nothing: no packet
}
