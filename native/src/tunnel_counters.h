// Counters of one tunnel: written by its worker, read by any thread.
#pragma once
#include <atomic>

#include "tunnel_spec.h"

namespace postern {

class TunnelCounters {
 public:
  // Order = TUNNEL_COUNTERS in core/dataplane.ts, without the two ages.
  enum Word : size_t { kRxPackets, kRxBytes, kTxPackets, kTxBytes, kRxSpoofed, kRxInvalid, kTxDropped,
                       kDtlsRxPackets, kDtlsRxBytes, kDtlsTxPackets, kDtlsTxBytes, kWords };

  explicit TunnelCounters(uint64_t nowMs) noexcept : heardMs_(nowMs), payloadMs_(nowMs) {}

  // Worker only.
  void add(Word word, uint64_t n = 1) noexcept {
    words_[word].store(words_[word].load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void heard(uint64_t nowMs) noexcept { heardMs_.store(nowMs, std::memory_order_relaxed); }
  void payload(uint64_t nowMs) noexcept { payloadMs_.store(nowMs, std::memory_order_relaxed); }
  uint64_t heardMs() const noexcept { return heardMs_.load(std::memory_order_relaxed); }

  // Any thread.
  TunnelCounterWords read(uint64_t nowMs) const noexcept {
    TunnelCounterWords words{};
    for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
    words[kWords] = age(nowMs, heardMs_);
    words[kWords + 1] = age(nowMs, payloadMs_);
    return words;
  }

 private:
  static uint64_t age(uint64_t nowMs, const std::atomic<uint64_t>& since) noexcept {
    const uint64_t at = since.load(std::memory_order_relaxed);
    return nowMs > at ? nowMs - at : 0;
  }
  std::atomic<uint64_t> words_[kWords]{};
  std::atomic<uint64_t> heardMs_, payloadMs_;
};
static_assert(TunnelCounters::kWords + 2 == kTunnelCounterWords);

}  // namespace postern
