// One direction of a tunnel that has a rate: packets pass while every bucket allows it, and wait otherwise, bounded in bytes and thinned
// out by CoDel, so that a TCP sender meets a queue and not a wall. A flow of which nothing waits goes first and is not thinned out (as
// new flows do in RFC 8290 section 4.1): one who asks and answers does not stand behind the bulk of his own. Sans I/O; the worker's
// thread only, but for the buckets.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "frame_queue.h"
#include "rate_bucket.h"

namespace postern {

class ShaperLine;

class Shaper {
 public:
  // Implementation constants: bytes that may wait (an eighth of a second at the rate, a super-packet at least).
  static constexpr size_t kLeastQueue = 80 * 1024, kMostQueue = 4 * 1024 * 1024;
  // Flows told apart by hash, and bytes of those that go first.
  static constexpr size_t kFlows = 256, kMostSparse = 64 * 1024;
  using Buckets = std::vector<std::shared_ptr<RateBucket>>;

  Shaper(uint32_t tunnel, ShaperLine& line);
  ~Shaper() { setWaiting(false); }
  Shaper(const Shaper&) = delete;
  Shaper& operator=(const Shaper&) = delete;

  // From now on. The tunnel's own bucket, then those it shares. What waits goes on waiting for the new ones.
  void limit(Buckets buckets);
  // Null: the packet may go now, and is paid for. Otherwise where to write it (`length` bytes); it goes when its turn has come.
  // `flow`: a hash of what the packet belongs to.
  uint8_t* hold(size_t length, uint32_t flow, uint64_t nowUs, BufferPool& pool, FrameQueue::Losses& losses);
  bool waits() const noexcept { return waiting_; }
  size_t queued() const noexcept { return queue_.size() + sparse_.size(); }

 private:
  friend class ShaperLine;
  uint64_t readyNs() const noexcept;
  bool contested() const noexcept;
  bool mayTake(uint64_t nowNs) noexcept;
  void asked(uint64_t nowNs) noexcept;
  void tookTurn(size_t bytes) noexcept;
  void take(size_t bytes, uint64_t nowNs) noexcept;
  void setWaiting(bool waits) noexcept;
  FrameQueue& queueFor(size_t length, uint32_t flow);
  bool idle() const noexcept { return sparse_.empty() && queue_.empty(); }
  FrameQueue& ahead() noexcept { return sparse_.empty() ? queue_ : sparse_; }

  // Of the packets of one hash the last, as the queues count them.
  struct Flow {
    uint32_t inQueue = 0, inSparse = 0;
  };
  const uint32_t tunnel_;
  ShaperLine& line_;
  Buckets buckets_;
  FrameQueue queue_, sparse_;
  std::unique_ptr<std::array<Flow, kFlows>> flows_;  // since something waited
  int64_t credit_;        // bytes left of its turn, which it had in
  uint64_t round_ = 0;
  bool waiting_ = false;  // stands in the line, and counts in the buckets
};

// Both directions of a tunnel.
struct Shapers {
  Shapers(uint32_t tunnel, ShaperLine& upLine, ShaperLine& downLine) : up(tunnel, upLine), down(tunnel, downLine) {}
  const std::shared_ptr<RateBucket> ownUp = std::make_shared<RateBucket>(), ownDown = std::make_shared<RateBucket>();
  Shaper up, down;
};

}  // namespace postern
