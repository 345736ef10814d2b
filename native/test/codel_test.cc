// Queues that grow old: the law of CoDel, marks instead of drops, and the queue of a slow client's frames.
#include "codel.h"

#include <doctest/doctest.h>

#include <vector>

#include "frame_queue.h"
#include "packets.h"

using namespace postern;
using namespace postern::test;

namespace {

constexpr uint64_t kMs = 1000;

// Moments (ms) at which a queue with this much waiting time loses a packet, asked every millisecond.
std::vector<uint64_t> drops(Codel& codel, uint64_t fromMs, uint64_t toMs, uint64_t waitUs) {
  std::vector<uint64_t> at;
  for (uint64_t t = fromMs; t < toMs; ++t) {
    if (codel.over(t * kMs - waitUs, t * kMs, false)) at.push_back(t);
  }
  return at;
}

}  // namespace

TEST_CASE("CoDel: less than the target, or a burst shorter than the interval, loses nothing") {
  Codel codel;
  CHECK(drops(codel, 1000, 3000, Codel::kTargetUs - 1).empty());
  CHECK(drops(codel, 3000, 3099, 50 * kMs).empty());
  CHECK(drops(codel, 3099, 3100, 0).empty());
  CHECK(drops(codel, 3100, 3199, 50 * kMs).empty());
}

TEST_CASE("CoDel: from the end of the interval on, drops come faster with the root of their number") {
  Codel codel;
  const auto at = drops(codel, 1000, 2000, Codel::kTargetUs);
  REQUIRE(at.size() > 10);
  CHECK(at[0] == 1100);
  CHECK(at[1] == 1200);
  CHECK(at[2] == 1271);  // 100 / sqrt 2
  CHECK(at[3] == 1329);  // 100 / sqrt 3
  CHECK(at[4] == 1379);
}

TEST_CASE("CoDel: a short relief goes on with the rate that was enough, a long one begins anew") {
  for (const bool brief : {true, false}) {
    Codel codel;
    const size_t before = drops(codel, 1000, 3000, 20 * kMs).size();
    REQUIRE(before > 20);
    const uint64_t again = brief ? 3100 : 9000;
    CHECK(drops(codel, 3000, again, 0).empty());
    const auto after = drops(codel, again, again + 300, 20 * kMs);
    REQUIRE(!after.empty());
    CHECK(after[0] == again + 100);
    CHECK((after.size() > 5) == brief);
  }
}

TEST_CASE("CoDel: the last packet of a queue always goes") {
  Codel codel;
  for (uint64_t t = 1000; t < 3000; ++t) CHECK_FALSE(codel.over(0, t * kMs, true));
}

TEST_CASE("a mark: both families, each code point, every other bit and all checksums stay right") {
  for (const bool ipv6 : {false, true}) {
    for (const bool udp : {false, true}) {
      for (uint32_t tos = 0; tos < 256; ++tos) {
        Flow f;
        f.ipv6 = ipv6;
        f.udp = udp;
        f.tos = static_cast<uint8_t>(tos);
        f.id = static_cast<uint16_t>(tos * 257);
        f.flowLabel = 0xfedcb;
        const Bytes before = build(f, payload(33));
        Bytes after = before;
        const bool speaks = (tos & 3) != 0;
        REQUIRE(markCongestion(after) == speaks);
        f.tos = static_cast<uint8_t>(speaks ? tos | 3 : tos);
        REQUIRE(fault(after, f.l4(), f.protocol()) == "");
        const Bytes expected = build(f, payload(33));
        if (ipv6) REQUIRE(after == expected);
        else REQUIRE(Bytes(after.begin() + 12, after.end()) == Bytes(expected.begin() + 12, expected.end()));
        REQUIRE(after[1] == expected[1]);
      }
    }
  }
  for (const Bytes& none : {Bytes{}, Bytes(19, 0x45), Bytes(40, 0x75)}) {
    Bytes same = none;
    CHECK_FALSE(markCongestion(same));
    CHECK(same == none);
  }
}

namespace {

struct Queue {
  // One data frame with an inner packet of this size, at this moment.
  void push(size_t length, uint64_t nowUs, uint8_t tos = 0) {
    Flow f;
    f.udp = true;
    f.tos = tos;
    f.id = number++;
    const Bytes packet = build(f, payload(length - 28));
    uint8_t* at = frames.reserve(cstp::kHeader + length, nowUs, pool, losses);
    cstp::writeHeader(at, cstp::kData, static_cast<uint16_t>(length));
    std::memcpy(at + cstp::kHeader, packet.data(), packet.size());
  }
  // The inner packet that goes next; empty when none does.
  Bytes pop(uint64_t nowUs) {
    const ByteView frame = frames.next(nowUs, pool, losses);
    if (frame.empty()) return {};
    const Bytes packet(frame.begin() + cstp::kHeader, frame.end());
    frames.pop(pool);
    return packet;
  }
  static uint16_t numberOf(const Bytes& packet) { return get16(packet, 4); }
  BufferPool pool;
  FrameQueue frames;
  FrameQueue::Losses losses;
  uint16_t number = 0;
};

}  // namespace

TEST_CASE("the frame queue keeps order and its bound in bytes, and the oldest go first") {
  Queue q;
  for (int i = 0; i < 1000; ++i) {
    q.push(1400, 0);
    REQUIRE(q.frames.size() <= FrameQueue::kLimit);
  }
  const size_t held = FrameQueue::kLimit / (1400 + cstp::kHeader + 8);
  CHECK(q.losses.dropped == 1000 - held);
  for (uint32_t expected = static_cast<uint32_t>(1000 - held); !q.frames.empty(); ++expected) {
    const Bytes packet = q.pop(0);
    REQUIRE(q.numberOf(packet) == expected);
    REQUIRE(fault(packet, 20, 17) == "");
    if (expected % 7 == 0 && q.number < 1050) q.push(1400, 0);
  }
  CHECK(q.number > 1000);
  CHECK(q.losses.late == 0);
  CHECK(q.pop(0).empty());
}

TEST_CASE("what has waited for a second is not sent, what came later is") {
  Queue q;
  for (int i = 0; i < 10; ++i) q.push(500, 1000 * kMs);
  for (int i = 0; i < 5; ++i) q.push(500, 1900 * kMs);
  CHECK(q.numberOf(q.pop(2000 * kMs)) == 0);
  CHECK(q.numberOf(q.pop(2001 * kMs)) == 10);
  CHECK(q.losses.late == 9);
  CHECK(q.pop(9000 * kMs).empty());
  CHECK(q.losses.late == 13);
  CHECK(q.frames.empty());
}

TEST_CASE("a standing queue of frames is thinned out: dropped where the sender knows no better, marked where it does") {
  for (const uint8_t tos : {0, 1, 2, 3}) {
    Queue q;
    size_t sent = 0, marked = 0;
    // 20 ms of queue at one frame a millisecond.
    for (uint64_t ms = 1000; ms < 3000; ++ms) {
      q.push(1000, ms * kMs, tos);
      if (ms < 1020) continue;
      const Bytes packet = q.pop(ms * kMs);
      REQUIRE(!packet.empty());
      REQUIRE(fault(packet, 20, 17) == "");
      ++sent;
      marked += tos != 3 && (packet[1] & 3) == 3;
    }
    const size_t hits = tos == 0 ? q.losses.late : q.losses.marked;
    CHECK(hits > 5);
    CHECK((tos == 0 ? q.losses.marked : q.losses.late) == 0);
    CHECK(sent == 1980);
    if (tos == 1 || tos == 2) CHECK(marked == q.losses.marked);
    CHECK(q.losses.dropped == 0);
  }
}
