// The way from all threads to the JavaScript thread: events gather in one batch, and one wake-up stands for many.
#pragma once
#include <functional>
#include <mutex>
#include <vector>

#include "event.h"
#include "stats.h"

namespace postern {

// Five words for each event; offset and length point into the batch's bytes.
inline constexpr size_t kEventWords = 5;  // type, handle, offset, length, arg

struct EventBatch {
  Bytes bytes;  // holds requests with passwords: wipe() when copied
  std::vector<uint32_t> meta;
  bool empty() const noexcept { return meta.empty(); }
  void wipe() noexcept;  // keeps the memory for the next batch
};

class EventQueue final : public EventSink {
 public:
  // `wake` is called under the queue's lock, once for each batch.
  void open(std::function<void()> wake);
  // No wake-up after this returns; events are still taken in.
  void close() noexcept;
  void post(EventType type, uint32_t handle, uint32_t arg, ByteView payload) noexcept override;
  void flush() noexcept override;
  // Swaps the gathered events into `into`, which is wiped first.
  void take(EventBatch& into);
  void addStats(std::array<uint64_t, kStatCount>& sum) const noexcept;

 private:
  void arm() noexcept;  // under the lock

  std::mutex mutex_;
  std::function<void()> wake_;
  bool armed_ = false;
  EventBatch batch_;
  StatBlock stats_;  // written under the lock
};

}  // namespace postern
