// The small parts of a tunnel that do no I/O: clocks, wheel, prefixes.
#include <doctest/doctest.h>

#include "ip_prefix.h"
#include "liveness.h"
#include "silence_trial.h"
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

TEST_CASE("liveness: where silences are tried out, only a long one ends the channel, however many probes it had") {
  using Action = Liveness::Action;
  TunnelSpec spec;
  spec.dpdSec = 300;
  spec.dtlsDpdSec = 20;
  spec.dpdRetries = 1;
  CHECK(dtlsClocks(spec).giveUpSec == 0);
  spec.learning = true;
  CHECK(tlsClocks(spec).giveUpSec == 0);
  Liveness l(1000);
  l.sent(1010);
  CHECK(l.silence(1025) == 15);
  uint32_t now = 1000, probes = 0;
  for (Action action = Action::kNone; action != Action::kDead; ++now) {
    action = l.check(dtlsClocks(spec), now);
    probes += action == Action::kProbe;
    REQUIRE(now < 2000);
  }
  CHECK(now - 1 >= 1000 + 300 + kLearningGraceSec);
  CHECK(now - 1 <= 1000 + 300 + kLearningGraceSec + 10);
  CHECK(probes > 20);
}

TEST_CASE("trial: an answer before anything else shows that the path survived, however late") {
  using Step = SilenceTrial::Step;
  SilenceTrial t;
  CHECK_FALSE(t.running());
  t.begin(45, 100);
  CHECK(t.running());
  CHECK(t.nextDue() == 103);
  CHECK(t.check(102) == Step::kNone);
  CHECK(t.answered() == 45);
  CHECK_FALSE(t.running());
  CHECK(t.nextDue() == 0);
  t.begin(45, 100);
  for (const uint32_t at : {103u, 106u}) CHECK(t.check(at) == Step::kProbe);
  CHECK(t.check(109) == Step::kUnanswered);
  CHECK(t.check(500) == Step::kNone);
  CHECK(t.nextDue() == 0);
  CHECK(t.running());
  CHECK(t.answered() == 45);
}

TEST_CASE("trial: lost only when every probe was, and the client was there") {
  SilenceTrial t;
  t.begin(45, 100);
  for (const uint32_t at : {103u, 106u, 109u}) t.check(at);
  CHECK(t.spoke() == 45);
  CHECK_FALSE(t.running());
  t.begin(0, 200);  // the silence was too short to show anything
  for (const uint32_t at : {203u, 206u, 209u}) t.check(at);
  CHECK(t.spoke() == 0);
}

TEST_CASE("trial: a client that speaks in between leaves it open") {
  using Step = SilenceTrial::Step;
  SilenceTrial t;
  t.begin(45, 100);
  CHECK(t.spoke() == 0);      // crossed the first probe, whose answer may come yet
  CHECK(t.answered() == 45);
  t.begin(45, 100);
  CHECK(t.spoke() == 0);
  CHECK(t.check(103) == Step::kNone);
  CHECK_FALSE(t.running());
  t.begin(45, 100);
  CHECK(t.check(103) == Step::kProbe);
  CHECK(t.spoke() == 0);      // the answer to the second proves nothing: the client has opened the path
  CHECK_FALSE(t.running());
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
