// Rates that several tunnels have together: those of a user, of a group. They are found by the number that the control plane gives
// them, and live as long as a tunnel has them. Any thread.
#pragma once
#include <memory>
#include <mutex>
#include <unordered_map>

#include "rate_bucket.h"

namespace postern {

struct RateShare {
  RateShare() {
    up.lanes = std::make_unique<RateLanes>();
    down.lanes = std::make_unique<RateLanes>();
  }
  RateBucket up, down;
};

class RateShares {
 public:
  // With these rates from now on, for everybody who has it.
  std::shared_ptr<RateShare> get(uint32_t id, uint64_t up, uint64_t down, uint64_t nowNs) {
    std::lock_guard lock(mutex_);
    std::weak_ptr<RateShare>& known = shares_[id];
    std::shared_ptr<RateShare> share = known.lock();
    if (share == nullptr) known = share = std::make_shared<RateShare>();
    share->up.limit(up, nowNs);
    share->down.limit(down, nowNs);
    if (shares_.size() > sweepAt_) {
      std::erase_if(shares_, [](const auto& entry) { return entry.second.expired(); });
      sweepAt_ = 2 * shares_.size() + kSweep;
    }
    return share;
  }
  size_t size() const {
    std::lock_guard lock(mutex_);
    return shares_.size();
  }

 private:
  static constexpr size_t kSweep = 64;  // implementation constant
  mutable std::mutex mutex_;
  std::unordered_map<uint32_t, std::weak_ptr<RateShare>> shares_;
  size_t sweepAt_ = kSweep;
};

}  // namespace postern
