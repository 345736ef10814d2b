// When a worker waits, and how long.
#include "moderation.h"

#include <doctest/doctest.h>

using namespace postern;

namespace {

// A line on which so many buffers, of so many packets each, come in every millisecond, in rounds of `round` buffers.
// The pause of its last round after ten milliseconds.
uint64_t pauseAt(uint64_t perMs, uint64_t packetsEach, uint64_t round) {
  Moderation moderation;
  uint64_t buffers = 0, pause = 0;
  for (uint64_t ms = 1; ms <= 10; ++ms) {
    for (uint64_t came = 0; came < perMs; came += round) {
      buffers += round;
      pause = moderation.pauseNs(buffers, buffers * packetsEach, ms);
    }
  }
  return pause;
}

}  // namespace

TEST_CASE("an idle line never waits, nor does one that only asks and answers") {
  Moderation moderation;
  CHECK(moderation.pauseNs(0, 0, 1) == 0);
  CHECK(moderation.pauseNs(1, 1, 1000) == 0);
  CHECK(moderation.pauseNs(1, 1, 1001) == 0);
  CHECK(pauseAt(Moderation::kBusyMs - 1, 1, 1) == 0);
  CHECK(pauseAt(Moderation::kBusyMs - 1, 1, Moderation::kBusyRound - 1) == 0);
}

TEST_CASE("a full round is followed by the short pause") {
  Moderation moderation;
  CHECK(moderation.pauseNs(Moderation::kBusyRound, 4, 1000) == Moderation::kPauseNs);
  CHECK(moderation.pauseNs(Moderation::kBusyRound, 4, 1000) == 0);  // nothing came
  CHECK(moderation.pauseNs(3 * Moderation::kBusyRound, 12, 1000) == Moderation::kPauseNs);
}

TEST_CASE("packets that trickle in are waited for, within the longest pause") {
  CHECK(pauseAt(40, 1, 2) == Moderation::kLongestNs);   // 16 of them are 400 us
  CHECK(pauseAt(100, 1, 2) == 160'000);
  CHECK(pauseAt(1000, 1, 8) == Moderation::kPauseNs);
  CHECK(pauseAt(20, 44, 2) == Moderation::kPauseNs);    // super-packets are batches already
  CHECK(pauseAt(16, 1, 1) == Moderation::kLongestNs);
}

TEST_CASE("the first packets behind a silence get the short pause, and so does what comes after a flood") {
  Moderation moderation;
  uint64_t buffers = 0;
  const auto after = [&](uint64_t more, uint64_t ms) {
    buffers += more;
    return moderation.pauseNs(buffers, buffers, ms);
  };
  for (uint64_t ms = 1; ms <= 5; ++ms) after(50, ms);
  CHECK(after(1, 5) > Moderation::kPauseNs);
  CHECK(after(1, 5000) == 0);
  CHECK(after(8, 5000) == Moderation::kPauseNs);
}
