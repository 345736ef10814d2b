#include "replay_window.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

using postern::ReplayWindow;

namespace {
constexpr uint64_t kTop = (uint64_t{1} << 48) - 1;

// The same by a set of all numbers ever marked.
struct Model {
  std::set<uint64_t> seen;
  bool fresh(uint64_t n) const { return n > *seen.rbegin() || (*seen.rbegin() - n < ReplayWindow::kSize && seen.count(n) == 0); }
};
}  // namespace

TEST_CASE("a record counts once, and only within 1,024 of the highest") {
  ReplayWindow window(0);
  CHECK_FALSE(window.fresh(0));
  CHECK(window.fresh(5000));
  window.mark(5000);
  CHECK_FALSE(window.fresh(5000));
  CHECK(window.fresh(5000 - 1023));
  CHECK_FALSE(window.fresh(5000 - 1024));
  CHECK_FALSE(window.fresh(0));
  window.mark(5000 - 1023);
  CHECK_FALSE(window.fresh(5000 - 1023));
  CHECK(window.highest() == 5000);
}

TEST_CASE("asking changes nothing") {
  ReplayWindow window(10);
  CHECK(window.fresh(kTop));
  CHECK(window.highest() == 10);
  CHECK(window.fresh(11));
  CHECK(window.fresh(9));  // not above the highest, but never seen
}

TEST_CASE("a jump to the last number of 48 bits and what is left behind it") {
  ReplayWindow window(3);
  window.mark(kTop);
  CHECK_FALSE(window.fresh(kTop));
  CHECK_FALSE(window.fresh(4));
  for (uint64_t back = 1; back < ReplayWindow::kSize; ++back) REQUIRE(window.fresh(kTop - back));
  CHECK_FALSE(window.fresh(kTop - ReplayWindow::kSize));
}

TEST_CASE("any order of arrival gives what a set of all numbers gives") {
  std::mt19937_64 random(11);
  for (const uint64_t base : {uint64_t{0}, uint64_t{63}, uint64_t{1} << 32, kTop - 60'000}) {
    ReplayWindow window(base);
    Model model{{base}};
    for (int i = 0; i < 20'000; ++i) {
      static constexpr uint64_t kReach[] = {2, 70, 130, 1030, 3000};
      const uint64_t reach = kReach[random() % 5], high = window.highest();
      uint64_t n = high + random() % reach;
      const uint64_t back = random() % 1100;
      if (random() % 2 == 0) n = n > back ? n - back : 0;
      if (n > kTop) continue;
      if (n > high + 2 && random() % 4 != 0) n = high + 1;  // mostly in order
      REQUIRE(window.fresh(n) == model.fresh(n));
      if (!model.fresh(n)) continue;
      window.mark(n);
      model.seen.insert(n);
    }
  }
}
