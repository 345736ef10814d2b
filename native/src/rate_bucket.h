// A rate, kept as the time at which what has gone so far would have gone at that rate (virtual scheduling, ITU-T I.371). The
// packet that crosses the line goes whole, and the next one pays: any packet passes any rate. Any thread.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "rate_lanes.h"

namespace postern {

class RateBucket {
 public:
  // Implementation constant: what has not been used for so long is lost. Longer than a thread waits for its turn.
  static constexpr uint64_t kBurstNs = 30'000'000;

  // Bytes a second, 0: no limit. Another rate than before begins without debts.
  void limit(uint64_t rate, uint64_t nowNs) noexcept {
    if (rate_.exchange(rate, std::memory_order_relaxed) == rate) return;
    if (freeNs_.load(std::memory_order_relaxed) > nowNs) freeNs_.store(nowNs, std::memory_order_relaxed);
  }
  uint64_t rate() const noexcept { return rate_.load(std::memory_order_relaxed); }
  // When the next packet may go; `nowNs` or earlier: at once.
  uint64_t readyNs() const noexcept { return rate() == 0 ? 0 : freeNs_.load(std::memory_order_relaxed); }
  void take(size_t bytes, uint64_t nowNs) noexcept {
    const uint64_t rate = this->rate();
    if (rate == 0) return;
    const uint64_t cost = static_cast<uint64_t>(bytes) * 1'000'000'000 / rate, earliest = nowNs - std::min(nowNs, kBurstNs);
    for (uint64_t was = freeNs_.load(std::memory_order_relaxed); !freeNs_.compare_exchange_weak(was, std::max(was, earliest) + cost, std::memory_order_relaxed);) {
    }
  }

  // Tunnels that wait for it, of all workers: who comes anew queues behind them.
  std::atomic<uint32_t> waiting{0};
  // Of a bucket that tunnels of several workers have; nullptr: one tunnel's own.
  std::unique_ptr<RateLanes> lanes;

 private:
  std::atomic<uint64_t> rate_{0};
  std::atomic<uint64_t> freeNs_{0};
};

}  // namespace postern
