#include "shaper.h"

#include <algorithm>

#include "shaper_line.h"

namespace postern {

Shaper::Shaper(uint32_t tunnel, ShaperLine& line) : tunnel_(tunnel), line_(line), credit_(ShaperLine::kQuantum) {}

void Shaper::limit(Buckets buckets) {
  const bool waited = waiting_;
  setWaiting(false);
  buckets_ = std::move(buckets);
  setWaiting(waited);
  uint64_t slowest = 0;
  for (const auto& bucket : buckets_) {
    if (bucket->rate() != 0 && (slowest == 0 || bucket->rate() < slowest)) slowest = bucket->rate();
  }
  queue_.bound(std::clamp<uint64_t>(slowest / 8, kLeastQueue, kMostQueue), slowest);
  sparse_.bound(kMostSparse, slowest);
}

uint8_t* Shaper::hold(size_t length, uint32_t flow, uint64_t nowUs, BufferPool& pool, FrameQueue::Losses& losses) {
  if (!waiting_ && !contested() && readyNs() <= nowUs * 1000) {
    take(length, nowUs * 1000);
    return nullptr;
  }
  uint8_t* const at = queueFor(cstp::kHeader + length, flow).reserve(cstp::kHeader + length, nowUs, pool, losses);
  cstp::writeHeader(at, cstp::kData, static_cast<uint16_t>(length));
  if (!waiting_) {
    setWaiting(true);
    line_.join(*this);
  }
  return at + cstp::kHeader;
}

FrameQueue& Shaper::queueFor(size_t length, uint32_t flow) {
  if (flows_ == nullptr) flows_ = std::make_unique<std::array<Flow, kFlows>>();
  Flow& of = (*flows_)[flow % kFlows];
  const auto waits = [](const FrameQueue& queue, uint32_t last) { return static_cast<int32_t>(last - queue.gone()) > 0; };
  const bool first = !waits(queue_, of.inQueue) && !waits(sparse_, of.inSparse) && sparse_.size() + length + 64 <= kMostSparse;
  FrameQueue& queue = first ? sparse_ : queue_;
  (first ? of.inSparse : of.inQueue) = queue.taken() + 1;
  return queue;
}

uint64_t Shaper::readyNs() const noexcept {
  uint64_t at = 0;
  for (const auto& bucket : buckets_) at = std::max(at, bucket->readyNs());
  return at;
}

// Somebody waits for a bucket that it has, too.
bool Shaper::contested() const noexcept {
  return std::any_of(buckets_.begin(), buckets_.end(), [](const auto& bucket) { return bucket->rate() != 0 && bucket->waiting.load(std::memory_order_relaxed) != 0; });
}

// Is it its worker's turn, as far as buckets are shared?
bool Shaper::mayTake(uint64_t nowNs) noexcept {
  return std::all_of(buckets_.begin(), buckets_.end(), [&](const auto& bucket) {
    return bucket->lanes == nullptr || bucket->rate() == 0 || bucket->lanes->mayTake(line_.lane(), bucket->rate(), bucket->waiting.load(std::memory_order_relaxed), bucket->readyNs(), nowNs);
  });
}

// It waits, for the buckets that are not ready.
void Shaper::asked(uint64_t nowNs) noexcept {
  for (const auto& bucket : buckets_) {
    if (bucket->lanes != nullptr && bucket->readyNs() > nowNs) bucket->lanes->asked(line_.lane(), nowNs);
  }
}

void Shaper::tookTurn(size_t bytes) noexcept {
  for (const auto& bucket : buckets_) {
    if (bucket->lanes != nullptr) bucket->lanes->took(line_.lane(), bytes);
  }
}

void Shaper::take(size_t bytes, uint64_t nowNs) noexcept {
  for (const auto& bucket : buckets_) bucket->take(bytes, nowNs);
}

void Shaper::setWaiting(bool waits) noexcept {
  if (waits == waiting_) return;
  waiting_ = waits;
  for (const auto& bucket : buckets_) {
    if (waits) bucket->waiting.fetch_add(1, std::memory_order_relaxed);
    else bucket->waiting.fetch_sub(1, std::memory_order_relaxed);
    if (bucket->lanes == nullptr) continue;
    if (waits) bucket->lanes->join(line_.lane());
    else bucket->lanes->leave(line_.lane());
  }
}

}  // namespace postern
