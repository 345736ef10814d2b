// How much a flow may send now: a window that grows until packets get lost, as TCP's does, and perhaps a rate.
#pragma once
#include <algorithm>
#include <cstdint>

namespace load {

class Pace {
 public:
  // Packets; `rate` in packets a second, 0 for none. `phase`, 0 to 1: how far the first packet has come, so that flows of one rate do
  // not send all at once.
  Pace(uint64_t most, double rate, double phase = 0) : most_(double(most)), window_(std::min(64.0, double(most))), rate_(rate), skipped_(-phase) {}

  // Packets that may go now. `sent` counts all so far.
  uint64_t room(uint64_t sent, uint64_t nowNs) {
    if (rate_ > 0) {
      if (startNs_ == 0) startNs_ = nowNs;
      // Never more than 10 ms of it at once, whatever was missed.
      const double due = rate_ * double(nowNs - startNs_) / 1e9 - skipped_;
      if (due - double(sent) > rate_ / 100 + 1) skipped_ += due - double(sent) - (rate_ / 100 + 1);
      const double now = rate_ * double(nowNs - startNs_) / 1e9 - skipped_;
      return now > double(sent) ? uint64_t(now - double(sent)) : 0;
    }
    const uint64_t flight = sent - std::min(sent, acked_);
    // A lost tail is never acknowledged: go on after a pause.
    if (sent > acked_ && nowNs - heardNs_ > 200'000'000) {
      acked_ = sent;
      heardNs_ = nowNs;
      window_ = std::max(8.0, window_ / 2);
      ++stalls;
    }
    return uint64_t(window_) > flight ? uint64_t(window_) - flight : 0;
  }
  void acknowledge(uint64_t highest, uint64_t count, uint64_t nowNs) {
    heardNs_ = nowNs;
    if (highest + 1 > acked_) {
      const uint64_t fresh = highest + 1 - acked_;
      acked_ = highest + 1;
      const uint64_t lost = acked_ - std::min(acked_, count);
      if (lost > lost_ && acked_ >= pardon_) {
        window_ = std::max(8.0, window_ / 2);
        pardon_ = acked_ + uint64_t(window_);
      } else {
        window_ = std::min(most_, window_ + double(fresh) * 8 / window_);
      }
      lost_ = std::max(lost_, lost);
    }
  }
  void begin(uint64_t nowNs) { heardNs_ = nowNs; }
  double window() const { return window_; }
  uint64_t acked() const { return acked_; }
  uint64_t stalls = 0;

 private:
  double most_, window_, rate_, skipped_;
  uint64_t acked_ = 0, lost_ = 0, pardon_ = 0, heardNs_ = 0, startNs_ = 0;
};

}  // namespace load
