// How long a worker waits after a round. Under load a moment's wait makes fuller batches: 1.5 times less CPU; an idle line
// never waits, nor does one that only asks and answers. Time goes in, a pause comes out.
#pragma once
#include <algorithm>
#include <cstdint>

namespace postern {

class Moderation {
 public:
  // Implementation constants.
  static constexpr uint64_t kBusyRound = 4;  // buffers in one round, or
  static constexpr uint64_t kBusyMs = 16;    // in a millisecond: from here on a round is followed by a pause
  static constexpr uint64_t kPauseNs = 50'000;
  static constexpr uint64_t kBatch = 16;     // packets that a longer pause is to gather
  static constexpr uint64_t kLongestNs = 300'000;

  // `buffers` and `packets` since the beginning: super-packets, frames and runs of datagrams, and what they held. 0: none.
  uint64_t pauseNs(uint64_t buffers, uint64_t packets, uint64_t nowMs) noexcept {
    const uint64_t round = buffers - buffers_;
    buffers_ = buffers;
    if (nowMs != sinceMs_) tick(buffers, packets, nowMs);
    return round == 0 || (round < kBusyRound && !busy_) ? 0 : pauseNs_;
  }

 private:
  // A stream that trickles in shows in its rate, not in its rounds; it waits longer, for a batch is a matter of packets.
  void tick(uint64_t buffers, uint64_t packets, uint64_t nowMs) noexcept {
    const uint64_t ms = nowMs - sinceMs_;
    busy_ = buffers - buffersThen_ >= kBusyMs * ms;
    const uint64_t more = std::max<uint64_t>(packets - packetsThen_, 1);
    pauseNs_ = busy_ ? std::clamp(kBatch * ms * 1'000'000 / more, kPauseNs, kLongestNs) : kPauseNs;
    sinceMs_ = nowMs;
    buffersThen_ = buffers;
    packetsThen_ = packets;
  }

  uint64_t buffers_ = 0;
  uint64_t sinceMs_ = 0, buffersThen_ = 0, packetsThen_ = 0;  // the last tick of the coarse clock
  uint64_t pauseNs_ = kPauseNs;
  bool busy_ = false;
};

}  // namespace postern
