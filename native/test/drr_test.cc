// Turns: who gets how much in a round.
#include "drr.h"

#include <doctest/doctest.h>

#include <map>

using postern::DeficitRoundRobin;
using postern::Turn;

namespace {

// Members with bytes waiting, who take what they can get in pieces of a size of their own.
struct Members {
  struct Member {
    Turn turn;
    int64_t waiting = 0, piece = 1500, taken = 0;
  };
  void add(uint32_t id, int64_t bytes) {
    members[id].waiting += bytes;
    line.want(id, members[id].turn);
  }
  void round() {
    line.round(
        [&](uint32_t id) {
          const auto it = members.find(id);
          return it == members.end() ? nullptr : &it->second.turn;
        },
        [&](uint32_t id, int64_t credit) {
          Member& m = members[id];
          served.push_back(id);
          int64_t bytes = 0;
          while (bytes < credit && m.waiting > 0) {
            const int64_t piece = std::min(m.piece, m.waiting);
            m.waiting -= piece;
            bytes += piece;
          }
          m.taken += bytes;
          return DeficitRoundRobin::Served{bytes, m.waiting > 0};
        });
  }
  std::map<uint32_t, Member> members;
  std::vector<uint32_t> served;
  DeficitRoundRobin line;
};
constexpr int64_t kQuantum = DeficitRoundRobin::kQuantum;

}  // namespace

TEST_CASE("one that floods does not starve twenty small ones: each is served in every round") {
  Members m;
  m.add(1, int64_t{1} << 40);
  m.members[1].piece = 3 * kQuantum;  // and takes more than its share at once
  for (int round = 0; round < 100; ++round) {
    for (uint32_t id = 2; id <= 21; ++id) m.add(id, 3000);
    m.round();
    for (uint32_t id = 2; id <= 21; ++id) {
      REQUIRE(m.members[id].waiting == 0);
      REQUIRE(m.members[id].taken == 3000 * (round + 1));
    }
    // Never more than its quanta so far and one piece.
    REQUIRE(m.members[1].taken <= kQuantum * (round + 1) + m.members[1].piece);
    REQUIRE(m.members[1].taken >= kQuantum * (round + 1) - kQuantum);
  }
}

TEST_CASE("all that flood get the same, whatever the size of their pieces") {
  Members m;
  const int64_t pieces[] = {100, 1500, 16384, 200'000, 1'000'000};
  for (uint32_t id = 0; id < std::size(pieces); ++id) {
    m.add(id, int64_t{1} << 40);
    m.members[id].piece = pieces[id];
  }
  for (int round = 0; round < 1000; ++round) m.round();
  for (uint32_t id = 0; id < std::size(pieces); ++id) {
    CHECK(m.members[id].taken >= 1000 * kQuantum - kQuantum);
    CHECK(m.members[id].taken <= 1000 * kQuantum + pieces[id]);
  }
}

TEST_CASE("nobody saves up: who was silent gets one quantum") {
  Members m;
  m.add(1, 10);
  for (int round = 0; round < 50; ++round) m.round();
  CHECK(m.line.empty());
  m.add(1, int64_t{1} << 40);
  m.round();
  CHECK(m.members[1].taken <= 10 + kQuantum + 1500);
}

TEST_CASE("a debt outlives the end of one's bytes, as long as there is anybody to share with") {
  for (const bool alone : {false, true}) {
    Members m;
    m.members[1].piece = 3 * kQuantum;
    m.add(1, 3 * kQuantum);
    if (!alone) m.add(2, int64_t{1} << 40);
    m.round();
    CHECK(m.members[1].taken == 3 * kQuantum);
    CHECK(m.line.empty() == alone);
    m.add(1, 100);
    m.round();
    CHECK((m.members[1].waiting == 0) == alone);
    m.round();  // owed for two rounds
    CHECK((m.members[1].waiting == 0) == alone);
    m.round();
    CHECK(m.members[1].waiting == 0);
    m.round();
    CHECK_FALSE(m.members[1].turn.inLine);
  }
}

TEST_CASE("order is that of arrival, and members may come and go in their turn") {
  Members m;
  for (const uint32_t id : {3, 1, 2}) m.add(id, 10);
  m.add(1, 10);
  m.members.erase(1);
  m.round();
  CHECK(m.served == std::vector<uint32_t>{3, 2});
  CHECK(m.line.empty());

  DeficitRoundRobin line;
  Turn turns[3];
  std::vector<uint32_t> order;
  line.want(0, turns[0]);
  const auto find = [&](uint32_t id) { return &turns[id]; };
  const auto serve = [&](uint32_t id, int64_t) {
    order.push_back(id);
    if (id == 0 && order.size() == 1) {
      line.want(1, turns[1]);
      line.want(0, turns[0]);
    }
    return DeficitRoundRobin::Served{0, false};
  };
  line.round(find, serve);
  CHECK(order == std::vector<uint32_t>{0});
  line.round(find, serve);
  CHECK(order == std::vector<uint32_t>{0, 1, 0});
  CHECK(line.empty());
}
