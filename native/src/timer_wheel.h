// Deadlines of a worker's tunnels, in whole seconds: 128 slots, lazy. An entry is only a number; whoever is visited
// computes the next deadline, and a stale entry finds nobody (reference dataplane section 5).
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace postern {

class TimerWheel {
 public:
  // Implementation constant: deadlines further away come back for a look every kSlots - 1 seconds.
  static constexpr uint32_t kSlots = 128;

  explicit TimerWheel(uint32_t nowSec) : now_(nowSec) {}

  // Returns the second in which the entry will really be visited.
  uint32_t schedule(uint32_t id, uint32_t dueSec) {
    const uint32_t first = now_ + 1;
    if (dueSec < first) dueSec = first;
    if (dueSec > now_ + kSlots - 1) dueSec = now_ + kSlots - 1;
    slots_[dueSec % kSlots].push_back(id);
    return dueSec;
  }

  // Calls visit(id, second) for at most `budget` entries that are due. False when some are left for the next round.
  template <typename Visit>
  bool advance(uint32_t nowSec, size_t budget, Visit&& visit) {
    for (;;) {
      while (!due_.empty()) {
        if (budget-- == 0) return false;
        const uint32_t id = due_.back();
        due_.pop_back();
        visit(id, now_);
      }
      if (now_ >= nowSec) return true;
      ++now_;
      due_.swap(slots_[now_ % kSlots]);
    }
  }

 private:
  uint32_t now_;
  std::vector<uint32_t> due_;  // what is left of the current second
  std::vector<uint32_t> slots_[kSlots];
};

}  // namespace postern
