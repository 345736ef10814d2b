// When a queue has grown old instead of long: CoDel (RFC 8289), with marks in place of drops where both ends of an inner packet
// speak ECN (RFC 3168). Sans I/O: microseconds in, verdicts out.
#pragma once
#include <algorithm>
#include <cmath>

#include "bytes.h"

namespace postern {

class Codel {
 public:
  // RFC 8289 section 4.2.
  static constexpr uint64_t kTargetUs = 5'000, kIntervalUs = 100'000;

  // On a slow line the target is what a packet or two take (section 4.4), never less than above.
  void aim(uint64_t targetUs) noexcept { targetUs_ = std::max(targetUs, kTargetUs); }

  // Of the packet at the head, which has waited since `sinceUs`. `alone`: nothing waits behind it. True when it must not go
  // as it is: drop it and ask for the next one, or mark it and send it.
  bool over(uint64_t sinceUs, uint64_t nowUs, bool alone) noexcept {
    const bool late = lateFor(sinceUs, nowUs, alone);
    if (dropping_) {
      if (!late) dropping_ = false;
      if (!dropping_ || nowUs < nextUs_) return false;
      ++count_;
      nextUs_ += step();
      return true;
    }
    if (!late) return false;
    dropping_ = true;
    // Soon after the last time: go on with the rate that was enough then.
    const uint32_t drops = count_ - lastCount_;
    count_ = drops > 1 && nowUs < nextUs_ + 16 * kIntervalUs ? drops : 1;
    lastCount_ = count_;
    nextUs_ = nowUs + step();
    return true;
  }

 private:
  bool lateFor(uint64_t sinceUs, uint64_t nowUs, bool alone) noexcept {
    if (alone || nowUs < sinceUs + targetUs_) {
      lateFromUs_ = 0;
      return false;
    }
    if (lateFromUs_ == 0) lateFromUs_ = nowUs + kIntervalUs;
    return nowUs >= lateFromUs_;
  }
  uint64_t step() const noexcept { return static_cast<uint64_t>(static_cast<double>(kIntervalUs) / std::sqrt(count_)); }

  uint64_t targetUs_ = kTargetUs;
  uint64_t lateFromUs_ = 0;  // from here on a packet is late; 0 = none was
  uint64_t nextUs_ = 0;      // of the next drop
  uint32_t count_ = 0;       // drops in a row, and with how many the row began
  uint32_t lastCount_ = 0;
  bool dropping_ = false;
};

// Congestion experienced, in an inner IP packet whose sender allows it: false where it does not. Checksums stay right.
bool markCongestion(ByteSpan packet) noexcept;

}  // namespace postern
