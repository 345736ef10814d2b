// Who asks and answers beside whose bulk.
#include "askers.h"

#include <doctest/doctest.h>

using namespace postern;

namespace {

constexpr uint64_t kTickMs = 4;  // of the coarse clock

// A line on which packets of tunnels come with every tick; the worker asks once a tick.
struct Line {
  // So many packets of that tunnel.
  void come(uint32_t tunnel, uint64_t packets) {
    for (uint64_t i = 0; i < packets; ++i) askers.packet(tunnel, lastMs[tunnel], nowMs);
    all += packets;
  }
  bool tick() {
    const bool present = askers.present(all, nowMs);
    nowMs += kTickMs;
    return present;
  }
  Askers askers;
  uint64_t lastMs[256] = {};
  uint64_t nowMs = 100'000, all = 0;
};

}  // namespace

TEST_CASE("one who asks beside the bulk of another is noticed within a window, and forgotten a second after the last time") {
  Line line;
  uint64_t noticed = 0, forgotten = 0;
  for (uint64_t ms = 0; ms < 2000; ms += kTickMs) {
    line.come(1, 400);
    if (ms % 20 == 0 && ms < 500) line.come(2, 1);
    line.come(1, 400);
    if (ms % 20 == 0 && ms < 500) line.come(2, 1);  // the answer
    const bool present = line.tick();
    if (present && noticed == 0) noticed = ms;
    if (present) forgotten = ms;
  }
  CHECK(noticed != 0);
  CHECK(noticed <= 2 * Askers::kWindowMs + kTickMs);
  CHECK(forgotten >= 500 + Askers::kStayMs - Askers::kWindowMs - kTickMs);
  CHECK(forgotten <= 500 + Askers::kStayMs + Askers::kWindowMs + kTickMs);
}

TEST_CASE("nobody asks: one tunnel alone with pauses, two in bulk, one that asks on an idle line, a crowd of askers") {
  const auto present = [](auto&& come) {
    Line line;
    bool ever = false;
    for (uint64_t ms = 0; ms < 2000; ms += kTickMs) {
      come(line, ms);
      const bool now = line.tick();
      ever = ever || (now && ms > Askers::kStayMs + 2 * Askers::kWindowMs);  // who begins could be one who asks
    }
    return ever;
  };
  CHECK_FALSE(present([](Line& line, uint64_t ms) { line.come(1, ms % 40 < 8 ? 400 : 0); }));
  CHECK_FALSE(present([](Line& line, uint64_t) { line.come(1, 400), line.come(2, 400), line.come(1, 400); }));
  CHECK_FALSE(present([](Line& line, uint64_t ms) { line.come(2, ms % 20 == 0); }));
  // 200 sessions that say something every 200 ms, and one whose bulk is no more than theirs.
  CHECK_FALSE(present([](Line& line, uint64_t ms) {
    for (uint32_t id = 2; id < 202; ++id) line.come(id, (ms / kTickMs + id) % 50 == 0);
    line.come(1, 40);
  }));
}
