// The small parts of a tunnel that do no I/O: clocks, wheel, prefixes.
#include <doctest/doctest.h>

#include "ip_prefix.h"
#include "liveness.h"
#include "timer_wheel.h"

using namespace postern;

TEST_CASE("liveness: probe after silence, again at half the interval, dead after the retries") {
  using Action = Liveness::Action;
  const ChannelClocks clocks{30, 2, 0};
  Liveness l(100);
  CHECK(l.nextDue(clocks) == 130);
  CHECK(l.check(clocks, 129) == Action::kNone);
  CHECK(l.check(clocks, 130) == Action::kProbe);
  CHECK(l.check(clocks, 130) == Action::kNone);
  CHECK(l.nextDue(clocks) == 145);
  l.heard(140);
  CHECK(l.nextDue(clocks) == 170);
  CHECK(l.check(clocks, 170) == Action::kProbe);
  CHECK(l.check(clocks, 185) == Action::kProbe);
  CHECK(l.check(clocks, 199) == Action::kNone);
  CHECK(l.check(clocks, 200) == Action::kDead);
}

TEST_CASE("liveness: keepalive only when nothing was sent, nothing at all when switched off") {
  using Action = Liveness::Action;
  ChannelClocks clocks{0, 3, 0};
  CHECK(Liveness(5).nextDue(clocks) == 0);
  CHECK(Liveness(5).check(clocks, 1'000'000) == Action::kNone);
  clocks.keepaliveSec = 20;
  Liveness l(100);
  l.sent(110);
  CHECK(l.nextDue(clocks) == 130);
  CHECK(l.check(clocks, 129) == Action::kNone);
  CHECK(l.check(clocks, 130) == Action::kKeepalive);
  CHECK(l.nextDue(clocks) == 150);
}

TEST_CASE("the wheel visits each entry once, in its second, near or far, within the budget") {
  TimerWheel wheel(1000);
  std::vector<std::pair<uint32_t, uint32_t>> visits;
  const auto visit = [&](uint32_t id, uint32_t at) { visits.emplace_back(id, at); };
  CHECK(wheel.schedule(1, 1005) == 1005);
  CHECK(wheel.schedule(2, 900) == 1001);    // overdue: the next second
  CHECK(wheel.schedule(3, 9000) == 1127);   // too far: a look on the way
  CHECK(wheel.advance(1004, 10, visit));
  CHECK(visits == std::vector<std::pair<uint32_t, uint32_t>>{{2, 1001}});
  CHECK(wheel.advance(1200, 10, visit));
  CHECK(visits.size() == 3);
  CHECK(visits[1] == std::pair<uint32_t, uint32_t>{1, 1005});
  CHECK(visits[2] == std::pair<uint32_t, uint32_t>{3, 1127});

  for (uint32_t id = 10; id < 20; ++id) wheel.schedule(id, 1201);
  visits.clear();
  CHECK_FALSE(wheel.advance(1203, 4, visit));
  CHECK(visits.size() == 4);
  CHECK_FALSE(wheel.advance(1203, 4, visit));
  CHECK(wheel.advance(1203, 4, visit));
  CHECK(visits.size() == 10);
  CHECK(visits.back().second == 1201);
}

TEST_CASE("prefixes: what parses, and the network of one") {
  IpPrefix p;
  REQUIRE(parsePrefix("10.20.30.40/20", p));
  CHECK(p.length == 20);
  CHECK(p.network().bytes[2] == 16);
  CHECK(p.network().bytes[3] == 0);
  REQUIRE(parsePrefix("fd20::1/64", p));
  CHECK(p.ipv6);
  CHECK(p.network().bytes[15] == 0);
  CHECK(p.network().bytes[0] == 0xfd);
  REQUIRE(parsePrefix("10.0.0.1", p));
  CHECK(p.length == 32);
  REQUIRE(parsePrefix("::/0", p));
  for (const char* bad : {"", "/", "10.0.0.1/-1", "10.0.0.1/ 8", "10.0.0/8", "1:2", "fd20::1/64x", "10.0.0.1/8/8"}) {
    CHECK_FALSE(parsePrefix(bad, p));
  }
}
