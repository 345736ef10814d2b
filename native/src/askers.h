// Whether some ask and answer while others send in bulk. A client that asks now and then beside others who never stop is one
// whose packet comes behind a silence of its own and right behind a packet of somebody else. Sans I/O; the worker's thread only.
#pragma once
#include <cstdint>

namespace postern {

class Askers {
 public:
  // Implementation constants.
  static constexpr uint64_t kSilenceMs = 8;   // longer than a tick of the coarse clock
  static constexpr uint64_t kWindowMs = 100;
  static constexpr uint64_t kBulk = 16;       // packets for each of theirs: fewer are a crowd of askers, who may all wait a little
  static constexpr uint64_t kStayMs = 1000;

  // A packet from or to a tunnel, whose last one was at `lastMs`.
  void packet(uint32_t tunnel, uint64_t& lastMs, uint64_t nowMs) noexcept {
    if (tunnel != tunnel_) {
      if (nowMs - lastMs >= kSilenceMs && nowMs - packetMs_ < kSilenceMs) ++asked_;
      tunnel_ = tunnel;
    }
    lastMs = packetMs_ = nowMs;
  }
  // Once a round. `packets`: read since the beginning.
  bool present(uint64_t packets, uint64_t nowMs) noexcept {
    if (nowMs - sinceMs_ >= kWindowMs) {
      if (asked_ != 0 && packets - packetsThen_ > kBulk * asked_) untilMs_ = nowMs + kStayMs;
      asked_ = 0;
      packetsThen_ = packets;
      sinceMs_ = nowMs;
    }
    return nowMs < untilMs_;
  }

 private:
  uint32_t tunnel_ = 0;        // of the last packet
  uint64_t packetMs_ = 0;      // and when that was
  uint64_t asked_ = 0;
  uint64_t packetsThen_ = 0, sinceMs_ = 0;
  uint64_t untilMs_ = 0;
};

}  // namespace postern
