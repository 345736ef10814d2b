// The MTU of a path that narrows, widens, and loses what it likes; a clock of seconds, no sockets.
#include "path_mtu.h"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <vector>

using namespace postern;

namespace {

// A channel, its client and the path between them.
struct Path {
  explicit Path(uint16_t most = 1434) : mtu(most) { channel.begin(now); }

  // One second: what is due goes out, what comes back is told.
  void second() {
    ++now;
    for (int guard = 0; guard < 50; ++guard) {
      if (const uint16_t size = channel.due(now)) {
        probes.push_back(size);
        if (answers && size <= mtu && !(loses && loses(probes.size()))) waiting.push_back({now + rttSec, echoes ? size : uint16_t{0}});
      }
      if (waiting.empty() || waiting.front().first > now) break;
      const size_t payload = waiting.front().second;
      waiting.pop_front();
      channel.heard(now);
      channel.answered(payload, now);
    }
  }
  void run(uint32_t seconds) {
    for (; seconds != 0; --seconds) second();
  }
  // Each second a packet of the MTU goes down; with `hears` the client says something as well.
  void traffic(uint32_t seconds, bool hears) {
    for (; seconds != 0; --seconds) {
      channel.sent(channel.mtu(), now);
      if (hears) channel.heard(now);
      second();
    }
  }
  // Seconds of traffic until the MTU is `expected`; 0 = never.
  uint32_t until(uint16_t least, uint16_t most, bool hears, uint32_t limit = 200) {
    for (uint32_t i = 1; i <= limit; ++i) {
      traffic(1, hears);
      if (channel.mtu() >= least && channel.mtu() <= most) return i;
    }
    return 0;
  }

  size_t mtu;  // of the path, inner packets
  bool answers = true, echoes = false;
  uint32_t rttSec = 0;
  std::function<bool(size_t)> loses;
  uint32_t now = 1000;
  PathMtu channel{static_cast<uint16_t>(mtu)};
  std::vector<uint16_t> probes;
  std::deque<std::pair<uint32_t, uint16_t>> waiting;
};

bool near(uint16_t found, size_t mtu) { return found <= mtu && size_t{found} + PathMtu::kPrecision > mtu; }

}  // namespace

TEST_CASE("D12 a new channel is probed once at the full size, not at all when the client has done it; idle it costs nothing") {
  Path path;
  path.run(3600);
  CHECK(path.probes == std::vector<uint16_t>{1434});
  CHECK(path.channel.nextDue() == 0);
  Path probed;
  probed.channel.clientProbed(1434);
  probed.run(3600);
  CHECK(probed.probes.empty());
  // A client that settled for less has found the path to be narrow, or its own way is: that says nothing of ours.
  Path less;
  less.channel.clientProbed(1434);
  less.channel.clientProbed(1300);
  less.run(3600);
  CHECK(less.probes == std::vector<uint16_t>{1434});
}

TEST_CASE("D12 black hole: found in seconds, nothing large goes in meanwhile, and the MTU is the path's") {
  for (const bool echoes : {false, true}) {
    for (const uint32_t rtt : {0u, 1u}) {
      for (const size_t mtu : {1433u, 1400u, 1280u, 1000u, 577u, 576u}) {
        Path path;
        path.echoes = echoes;
        path.rttSec = rtt;
        path.traffic(20, true);
        CHECK(path.channel.mtu() == 1434);
        path.mtu = mtu;
        path.traffic(3, false);
        CHECK_FALSE(path.channel.carries(mtu + 1));
        CHECK(path.until(576, 1433, false, 60) != 0);
        CHECK(near(path.channel.mtu(), mtu));
        CHECK(path.channel.carries(path.channel.mtu()));
        CHECK_FALSE(path.channel.carries(path.channel.mtu() + 1));
      }
    }
  }
}

TEST_CASE("D12 a black hole that other traffic hides is found by the look every 30 s, and only with large packets") {
  Path path;
  path.run(10);
  path.mtu = 1200;
  const size_t before = path.probes.size();
  for (int i = 0; i < 300; ++i) {
    path.channel.sent(PathMtu::kLeast, path.now);
    path.channel.heard(path.now);
    path.second();
  }
  CHECK(path.probes.size() == before);
  CHECK(path.channel.mtu() == 1434);
  const uint32_t found = path.until(1190, 1200, true);
  CHECK(found != 0);
  CHECK(found < 70);
}

TEST_CASE("traffic on a sound path costs a probe in 30 s, one way only one in 5 s") {
  Path path;
  path.traffic(600, true);
  CHECK(path.probes.size() >= 18);
  CHECK(path.probes.size() <= 22);
  Path oneWay;
  oneWay.answers = true;
  for (int i = 0; i < 600; ++i) {
    oneWay.channel.sent(1434, oneWay.now);
    oneWay.second();
  }
  CHECK(oneWay.probes.size() <= 600 / PathMtu::kSuspectGapSec + 2);
  CHECK(oneWay.channel.mtu() == 1434);
  CHECK(oneWay.channel.carries(1434));
}

TEST_CASE("D12 a path that widens again is used within ten minutes, at once by a new channel or a peer that has moved") {
  Path path;
  path.mtu = 1000;
  path.traffic(60, false);
  REQUIRE(near(path.channel.mtu(), 1000));
  path.mtu = 1434;
  path.run(PathMtu::kRaiseSec - 60);
  CHECK(near(path.channel.mtu(), 1000));
  path.run(70);
  CHECK(path.channel.mtu() == 1434);

  path.mtu = 1000;
  path.traffic(60, false);
  REQUIRE(near(path.channel.mtu(), 1000));
  path.channel.stop();
  CHECK(path.channel.nextDue() == 0);
  CHECK(near(path.channel.mtu(), 1000));
  path.mtu = 1200;  // wider, not as wide as it was
  path.channel.begin(path.now);
  path.run(40);
  CHECK(near(path.channel.mtu(), 1200));
}

TEST_CASE("D12 a narrow path that stays is tried every ten minutes, at a bounded price, and keeps its MTU all the time") {
  Path path;
  path.mtu = 1300;
  path.traffic(60, false);
  const uint16_t settled = path.channel.mtu();
  REQUIRE(near(settled, 1300));
  const size_t before = path.probes.size();
  for (uint32_t i = 0; i < 3 * PathMtu::kRaiseSec; ++i) {
    path.run(1);
    CHECK(path.channel.carries(settled));
    CHECK_FALSE(path.channel.carries(1301));
  }
  CHECK(near(path.channel.mtu(), 1300));
  CHECK(path.probes.size() - before <= 3 * 2 * 9);
}

TEST_CASE("a client that answers no probe keeps its MTU, and is asked ever more seldom") {
  Path path;
  path.answers = false;
  path.traffic(6000, true);
  CHECK(path.channel.mtu() == 1434);
  CHECK(path.probes.size() < 120);
  CHECK(path.probes.size() > 6);
}

TEST_CASE("single losses and an answer that comes late lower nothing") {
  for (size_t period = 2; period < 5; ++period) {
    Path path;
    path.loses = [period](size_t n) { return n % period == 0; };
    path.traffic(3000, true);
    CHECK(path.channel.mtu() == 1434);
  }
  Path slow;
  slow.rttSec = PathMtu::kAnswerSec;
  slow.traffic(600, true);
  CHECK(slow.channel.mtu() == 1434);
}

TEST_CASE("the answer to an ordinary DPD request is never taken for a probe's") {
  Path path;
  path.mtu = 1000;
  path.channel.sent(1434, path.now);
  path.run(3);
  REQUIRE(path.probes == std::vector<uint16_t>{1434});
  path.channel.disturbed(path.now);  // while the probe is under way: it is void
  path.channel.answered(0, path.now);
  CHECK(path.channel.due(path.now + 1) == 0);
  path.run(60);
  CHECK(near(path.channel.mtu(), 1000));
  // An echo has to have the probe's length.
  Path echo;
  echo.echoes = true;
  echo.run(2);
  REQUIRE(echo.probes.size() == 1);
  Path other;
  other.answers = false;
  other.run(3);
  REQUIRE(other.probes.size() == 1);
  other.channel.answered(1433, other.now);
  CHECK(other.channel.nextDue() == other.now + PathMtu::kAnswerSec - 1);
}

TEST_CASE("D12 what the kernel refuses is the MTU at once; below 576 only the channel is closed to packets, senders hear of 576") {
  Path path;
  path.run(10);
  path.channel.tooLong(1350, path.now);
  CHECK(path.channel.mtu() == 1350);
  CHECK_FALSE(path.channel.carries(1351));
  path.channel.tooLong(1400, path.now);  // no news
  CHECK(path.channel.mtu() == 1350);
  path.channel.tooLong(486, path.now);   // a forged ICMP message: the kernel believes 552
  CHECK(path.channel.mtu() == 576);
  CHECK(path.channel.carries(486));
  CHECK_FALSE(path.channel.carries(487));
  path.run(PathMtu::kRaiseSec + 10);     // nothing in it: the path is as wide as ever
  CHECK(path.channel.mtu() == 1434);
  CHECK(path.channel.carries(1434));
}

TEST_CASE("D12 a probe that the kernel refuses ends the search where the kernel says") {
  Path path;
  path.mtu = 1000;
  path.traffic(60, false);
  path.mtu = 1434;
  path.channel.begin(path.now);
  uint16_t size = 0;
  while ((size = path.channel.due(++path.now)) == 0) {}
  CHECK(size == 1434);
  path.channel.tooLong(1350, path.now);
  path.run(20);
  CHECK(near(path.channel.mtu(), 1350));
}

TEST_CASE("the tunnel's own MTU bounds all of it, and may change") {
  Path small(300);
  small.traffic(100, false);
  CHECK(small.channel.mtu() == 300);
  CHECK(small.probes.empty());
  Path path;
  path.run(10);
  path.channel.limit(1300, path.now);
  CHECK(path.channel.mtu() == 1300);
  CHECK_FALSE(path.channel.carries(1301));
  path.channel.limit(1434, path.now);
  CHECK(path.channel.mtu() == 1434);
  path.mtu = 1000;
  path.traffic(60, false);
  path.channel.limit(1400, path.now);
  CHECK(near(path.channel.mtu(), 1000));
}
