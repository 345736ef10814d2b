// Process-wide counters. Each thread owns one block and writes it with relaxed stores; readers add the blocks up.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

namespace postern {

// Order = STATS in core/dataplane.ts (a test compares the two).
#define POSTERN_STATS(X)                                                                                   \
  X(accepted) X(handshakes) X(handshakeFailures) X(handshakeTimeouts) X(refusedConnections)                \
  X(refusedPerAddress) X(connectionsOpen) X(handshakesOpen) X(promoted) X(tunnelsOpen)                     \
  X(tunRxPackets) X(tunRxBytes) X(tunTxPackets) X(tunTxBytes) X(tunReads) X(tunWrites) X(tunWriteErrors)   \
  X(cstpRxFrames) X(cstpTxFrames) X(cstpFrameErrors) X(tlsWrites) X(tlsReads)                              \
  X(rxSpoofed) X(rxInvalid) X(noRoute) X(tooBig) X(txDropped) X(handedOver) X(handOverDropped)             \
  X(unknownFrames) X(dpdReceived) X(dpdSent) X(keepalivesSent) X(dpdTimeouts) X(eventsQueued)              \
  X(eventBatches) X(moderationPauses) X(slowReaders)                                                       \
  X(udpReads) X(udpWrites) X(udpRxDatagrams) X(udpTxDatagrams) X(udpWriteErrors) X(udpUnknown)             \
  X(udpOverflow) X(udpHandedOver) X(udpHandOverDropped) X(udpMoved)                                        \
  X(dtlsHellosVerified) X(dtlsHellosRefused) X(dtlsHandshakes) X(dtlsHandshakeFailures)                    \
  X(dtlsHandshakesRefused) X(dtlsHandshakesOpen) X(dtlsOpen) X(dtlsRxRecords) X(dtlsTxRecords)             \
  X(dtlsReplayed) X(dtlsForged) X(dtlsInvalid)                                                             \
  X(mergesDisabled) X(codelDropped) X(codelMarked)                                                         \
  X(keyUpdatesSent) X(keyUpdatesReceived) X(dtlsRekeys) X(dtlsRoamed) X(dtlsRoamingRefused)                \
  X(mtuProbes) X(mtuLowered) X(mssClamped) X(compressed) X(decompressed) X(decompressFailures)             \
  X(connectionsWaiting) X(proxied) X(proxyHeadersRefused) X(filtered) X(rxDropped)

enum class Stat : uint32_t {
#define X(name) name,
  POSTERN_STATS(X)
#undef X
  kCount
};
inline constexpr size_t kStatCount = static_cast<size_t>(Stat::kCount);

// Single writer. Gauges (…Open) are kept as per-thread deltas; their sum is the gauge.
class alignas(64) StatBlock {
 public:
  void add(Stat s, uint64_t n = 1) noexcept {
    auto& v = values_[static_cast<size_t>(s)];
    v.store(v.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void sub(Stat s, uint64_t n = 1) noexcept { add(s, ~n + 1); }
  uint64_t get(Stat s) const noexcept { return values_[static_cast<size_t>(s)].load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kStatCount> values_{};
};

}  // namespace postern
