// Turns of the workers whose tunnels wait for one rate: none of them gets ahead of another by more than a few milliseconds, counted
// for each of its waiting tunnels, so that it does not matter which worker a tunnel is on, nor who wakes first. Who has not asked
// for a while, or does not take what is there for it (its tunnels have slower rates of their own), is not waited for. Any thread: what two
// of them write at once is lost to one of them, and a few packets of fairness with it.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace postern {

class RateLanes {
 public:
  // Implementation constants.
  static constexpr size_t kLanes = 16;               // more workers share lanes
  static constexpr uint64_t kAbsentNs = 10'000'000;  // longer than a worker sleeps that waits
  static constexpr uint64_t kAheadNs = 12'000'000;   // of the rate, or
  static constexpr uint64_t kLeastAhead = 3200;      // bytes of a tunnel
  static constexpr uint64_t kPatienceNs = 2'500'000; // for those whose turn it is

  void join(uint32_t lane) noexcept { at(lane).waiting.fetch_add(1, std::memory_order_relaxed); }
  void leave(uint32_t lane) noexcept { at(lane).waiting.fetch_sub(1, std::memory_order_relaxed); }
  // A tunnel of that worker wants to send. `tunnels` wait in all, for `rate` bytes a second, which have been
  // there since `readyNs`.
  bool mayTake(uint32_t lane, uint64_t rate, uint32_t tunnels, uint64_t readyNs, uint64_t nowNs) noexcept {
    Lane& own = at(lane);
    uint64_t least = UINT64_MAX;
    for (const Lane& other : lanes_) {
      if (&other != &own && other.present(nowNs)) least = std::min(least, other.served.load(std::memory_order_relaxed));
    }
    uint64_t served = own.served.load(std::memory_order_relaxed);
    // Nothing is saved up while it does not ask.
    if (least != UINT64_MAX && !own.present(nowNs) && served < least) own.served.store(served = least, std::memory_order_relaxed);
    own.askedNs.store(nowNs, std::memory_order_relaxed);
    const uint64_t ahead = std::max(kLeastAhead, rate * (kAheadNs / 1'000'000) / 1000 / std::max(tunnels, 1u));
    if (least == UINT64_MAX || served <= least + ahead) return true;
    if (nowNs < readyNs + kPatienceNs) return false;
    for (Lane& other : lanes_) {
      if (&other != &own && other.served.load(std::memory_order_relaxed) < served - ahead) other.served.store(served - ahead, std::memory_order_relaxed);
    }
    return true;
  }
  // It waits for the rate itself.
  void asked(uint32_t lane, uint64_t nowNs) noexcept { at(lane).askedNs.store(nowNs, std::memory_order_relaxed); }
  void took(uint32_t lane, uint64_t bytes) noexcept {
    Lane& own = at(lane);
    own.served.store(own.served.load(std::memory_order_relaxed) + bytes / std::max(own.waiting.load(std::memory_order_relaxed), 1u), std::memory_order_relaxed);
  }

 private:
  struct Lane {
    std::atomic<uint32_t> waiting{0};
    std::atomic<uint64_t> served{0};  // bytes for each of its tunnels
    std::atomic<uint64_t> askedNs{0};
    bool present(uint64_t nowNs) const noexcept {
      return waiting.load(std::memory_order_relaxed) != 0 && nowNs < askedNs.load(std::memory_order_relaxed) + kAbsentNs;
    }
  };
  Lane& at(uint32_t lane) noexcept { return lanes_[lane % kLanes]; }
  std::array<Lane, kLanes> lanes_;
};

}  // namespace postern
