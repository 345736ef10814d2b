#include "event_queue.h"

#include <openssl/crypto.h>

namespace postern {
namespace {

// Implementation constants.
constexpr size_t kKeptBytes = 1 << 20;  // a batch larger than this gives its memory back

}  // namespace

void EventBatch::wipe() noexcept {
  OPENSSL_cleanse(bytes.data(), bytes.size());
  if (bytes.capacity() > kKeptBytes) Bytes().swap(bytes);
  bytes.clear();
  meta.clear();
}

void EventQueue::open(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  batch_.wipe();
  armed_ = false;
  for (const Stat s : {Stat::eventsQueued, Stat::eventBatches}) stats_.sub(s, stats_.get(s));
  wake_ = std::move(wake);
}

void EventQueue::close() noexcept {
  std::lock_guard lock(mutex_);
  wake_ = nullptr;
}

void EventQueue::post(EventType type, uint32_t handle, uint32_t arg, ByteView payload) noexcept {
  std::lock_guard lock(mutex_);
  Bytes& bytes = batch_.bytes;
  if (bytes.capacity() - bytes.size() < payload.size()) {  // growing by hand: the old memory holds secrets
    Bytes grown;
    grown.reserve(2 * (bytes.size() + payload.size()));
    grown.assign(bytes.begin(), bytes.end());
    OPENSSL_cleanse(bytes.data(), bytes.size());
    bytes.swap(grown);
  }
  const uint32_t words[kEventWords] = {static_cast<uint32_t>(type), handle, static_cast<uint32_t>(bytes.size()), static_cast<uint32_t>(payload.size()), arg};
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  batch_.meta.insert(batch_.meta.end(), words, words + kEventWords);
  stats_.add(Stat::eventsQueued);
  if (type != EventType::kConnection) arm();
}

void EventQueue::flush() noexcept {
  std::lock_guard lock(mutex_);
  if (!batch_.empty()) arm();
}

void EventQueue::arm() noexcept {
  if (armed_ || !wake_) return;
  armed_ = true;
  wake_();
}

void EventQueue::take(EventBatch& into) {
  into.wipe();
  std::lock_guard lock(mutex_);
  std::swap(into, batch_);
  armed_ = false;
  if (!into.empty()) stats_.add(Stat::eventBatches);
}

void EventQueue::addStats(std::array<uint64_t, kStatCount>& sum) const noexcept {
  for (size_t i = 0; i < kStatCount; ++i) sum[i] += stats_.get(static_cast<Stat>(i));
}

}  // namespace postern
