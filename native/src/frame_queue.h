// CSTP frames, not yet encrypted, of a tunnel whose socket takes no more. Bounded; the oldest goes first: what is
// encrypted can no longer be dropped without breaking the TLS stream (reference dataplane section 3.6).
#pragma once
#include "buffer_pool.h"
#include "cstp.h"

namespace postern {

class FrameQueue {
 public:
  // Implementation constant: two super-packets.
  static constexpr size_t kLimit = 2 * 65536;

  bool empty() const noexcept { return head_ == bytes_.size(); }
  size_t size() const noexcept { return bytes_.size() - head_; }

  // Room for a frame of `length` bytes (header included, <= kLimit); `dropped` grows by the frames that had to go.
  uint8_t* reserve(size_t length, BufferPool& pool, size_t& dropped) {
    if (bytes_.capacity() == 0) bytes_ = pool.take();
    while (size() + length > kLimit) {
      head_ += front().size();
      ++dropped;
    }
    if (head_ >= kLimit / 2 || empty()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
    const size_t at = bytes_.size();
    bytes_.resize(at + length);
    return bytes_.data() + at;
  }
  // The oldest frame, complete with its header. Not when empty.
  ByteView front() const noexcept {
    const uint8_t* at = bytes_.data() + head_;
    return {at, cstp::kHeader + static_cast<size_t>(at[4] << 8 | at[5])};
  }
  void pop(BufferPool& pool) {
    head_ += front().size();
    if (empty()) clear(pool);
  }
  void clear(BufferPool& pool) {
    head_ = 0;
    pool.give(std::move(bytes_));
    bytes_ = Bytes();
  }

 private:
  Bytes bytes_;
  size_t head_ = 0;
};

}  // namespace postern
