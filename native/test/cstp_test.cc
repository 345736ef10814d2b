#include "cstp.h"

#include <doctest/doctest.h>

#include <random>
#include <utility>

using namespace postern;
using cstp::Framer;

namespace {
using Frames = std::vector<std::pair<uint8_t, Bytes>>;

Bytes frame(uint8_t type, const Bytes& payload) {
  Bytes b(cstp::kHeader);
  cstp::writeHeader(b.data(), static_cast<cstp::Type>(type), static_cast<uint16_t>(payload.size()));
  b.insert(b.end(), payload.begin(), payload.end());
  return b;
}

auto collect(Frames& into) {
  return [&into](const cstp::Frame& f) {
    into.emplace_back(f.type, Bytes(f.payload.begin(), f.payload.end()));
    return true;
  };
}

Framer::Error violation(Bytes bytes, size_t split) {
  Framer framer;
  Frames frames;
  const bool first = framer.feed(ByteView(bytes).first(split), collect(frames));
  const bool ok = first && framer.feed(ByteView(bytes).subspan(split), collect(frames));
  CHECK_FALSE(ok);
  CHECK(frames.empty());
  CHECK_FALSE(framer.feed(frame(0, {1}), collect(frames)));  // dead
  CHECK(frames.empty());
  return framer.error();
}
}  // namespace

TEST_CASE("the header on the wire") {
  CHECK(frame(cstp::kDpdReq, Bytes(0x102)).size() == 8 + 0x102);
  const Bytes header = frame(cstp::kDpdResp, {});
  CHECK(header == Bytes{0x53, 0x54, 0x46, 0x01, 0, 0, 4, 0});
}

TEST_CASE("any split or merge of the stream gives the same frames") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Frames sent;
    Bytes stream;
    for (int n = static_cast<int>(random() % 12); n >= 0; --n) {
      static constexpr size_t kSizes[] = {0, 1, 7, 8, 9, 1400, cstp::kMaxPayload};
      Bytes payload(kSizes[random() % 7]);
      for (auto& b : payload) b = static_cast<uint8_t>(random());
      const auto type = static_cast<uint8_t>(random() % 12);
      const Bytes f = frame(type, payload);
      stream.insert(stream.end(), f.begin(), f.end());
      sent.emplace_back(type, std::move(payload));
    }
    Framer framer;
    Frames got;
    const size_t largest = round % 3 == 0 ? 3 : round % 3 == 1 ? 2000 : 40000;
    for (size_t at = 0; at < stream.size();) {
      const size_t n = std::min<size_t>(random() % largest, stream.size() - at);
      const Bytes piece(stream.begin() + static_cast<ptrdiff_t>(at), stream.begin() + static_cast<ptrdiff_t>(at + n));
      REQUIRE(framer.feed(piece, collect(got)));
      REQUIRE(framer.buffered() < cstp::kHeader + cstp::kMaxPayload);
      at += n;
    }
    REQUIRE(got == sent);
    REQUIRE(framer.buffered() == 0);
  }
}

TEST_CASE("whole frames are delivered where they lie") {
  Bytes stream = frame(0, Bytes(100, 1));
  const Bytes second = frame(0, Bytes(50, 2));
  stream.insert(stream.end(), second.begin(), second.end());
  Framer framer;
  std::vector<const uint8_t*> at;
  CHECK(framer.feed(stream, [&](const cstp::Frame& f) {
    at.push_back(f.payload.data());
    return true;
  }));
  REQUIRE(at.size() == 2);
  CHECK(at[0] == stream.data() + 8);
  CHECK(at[1] == stream.data() + 116);
}

TEST_CASE("a reassembled payload stays readable until the next feed") {
  Framer framer;
  const Bytes f = frame(0, Bytes(100, 5));
  ByteView kept;
  const auto keep = [&](const cstp::Frame& got) {
    kept = got.payload;
    return true;
  };
  framer.feed(ByteView(f).first(50), keep);
  Bytes rest(f.begin() + 50, f.end());
  rest.insert(rest.end(), f.begin(), f.begin() + 20);
  framer.feed(rest, keep);
  rest.clear();
  rest.shrink_to_fit();
  CHECK(framer.buffered() == 20);
  CHECK(Bytes(kept.begin(), kept.end()) == Bytes(100, 5));
}

TEST_CASE("zero length is legal, an unknown type is delivered") {
  Framer framer;
  Frames got;
  CHECK(framer.feed(frame(0, {}), collect(got)));
  CHECK(framer.feed(frame(0xee, {1, 2}), collect(got)));
  CHECK(got == Frames{{0, {}}, {0xee, {1, 2}}});
}

TEST_CASE("violations end the framer wherever the stream is cut") {
  for (size_t split = 0; split <= 8; ++split) {
    for (size_t at = 0; at < 4; ++at) {
      Bytes b = frame(0, {1});
      b[at] ^= 1;
      CHECK(violation(b, split) == Framer::Error::kMagic);
    }
    Bytes b = frame(0, {1});
    b[7] = 1;
    CHECK(violation(b, split) == Framer::Error::kReserved);
    b = frame(0, {});
    b[4] = static_cast<uint8_t>((cstp::kMaxPayload + 1) >> 8);
    b[5] = static_cast<uint8_t>(cstp::kMaxPayload + 1);
    CHECK(violation(b, split) == Framer::Error::kLength);
    b[4] = b[5] = 0xff;
    CHECK(violation(b, split) == Framer::Error::kLength);
  }
}

TEST_CASE("frames before a violation are delivered, none after") {
  Bytes stream = frame(0, {1});
  Bytes bad = frame(0, {2});
  bad[0] = 'X';
  stream.insert(stream.end(), bad.begin(), bad.end());
  const Bytes good = frame(0, {3});
  stream.insert(stream.end(), good.begin(), good.end());
  Framer framer;
  Frames got;
  CHECK_FALSE(framer.feed(stream, collect(got)));
  CHECK(got == Frames{{0, {1}}});
}

TEST_CASE("a sink that says no stops the delivery and drops the rest") {
  Bytes stream;
  for (uint8_t i = 0; i < 3; ++i) {
    const Bytes f = frame(i, {});
    stream.insert(stream.end(), f.begin(), f.end());
  }
  stream.push_back('S');
  Framer framer;
  int calls = 0;
  CHECK(framer.feed(stream, [&](const cstp::Frame&) { return ++calls < 2; }));
  CHECK(calls == 2);
  CHECK(framer.buffered() == 0);
  CHECK(framer.error() == Framer::Error::kNone);
}
