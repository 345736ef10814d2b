// CSTP frames, not yet encrypted, of a tunnel whose socket takes no more. Bounded in bytes, where the oldest goes first (what
// is encrypted can no longer be dropped without breaking the TLS stream, reference dataplane section 3.6), and in time: what
// has waited long is thinned out, and what has waited too long is not sent at all (section 3.5).
#pragma once
#include "buffer_pool.h"
#include "codel.h"
#include "cstp.h"

namespace postern {

class FrameQueue {
 public:
  // Implementation constants: two super-packets, and what is of no use to anybody any more.
  static constexpr size_t kLimit = 2 * 65536;
  static constexpr uint64_t kMaxAgeUs = 1'000'000;

  struct Losses {
    size_t dropped = 0;  // frames: too many bytes
    size_t late = 0;     // frames: waited too long
    size_t marked = 0;   // frames: went with a mark instead
  };

  // For a queue that is emptied at a rate, bytes a second (0: unknown): `limit` bytes may wait, and a packet is not late
  // for what its predecessor takes (RFC 8289 section 4.4).
  void bound(size_t limit, uint64_t rate) noexcept {
    limit_ = limit;
    codel_.aim(rate == 0 ? 0 : 2 * kPacket * 1'000'000 / rate);
  }

  bool empty() const noexcept { return head_ == bytes_.size(); }
  size_t size() const noexcept { return bytes_.size() - head_; }
  // Frames that have been put in, and those that have left it in whatever way; they wrap.
  uint32_t taken() const noexcept { return taken_; }
  uint32_t gone() const noexcept { return gone_; }

  // Room for a data frame of `length` bytes (header included), which is complete before the next call. Makes room
  // where there is none.
  uint8_t* reserve(size_t length, uint64_t nowUs, BufferPool& pool, Losses& losses) {
    if (bytes_.capacity() == 0) bytes_ = pool.take();
    for (; !empty() && size() + kStamp + length > limit_; ++losses.dropped) advance();
    if (head_ >= limit_ / 2 || empty()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
    ++taken_;
    const size_t at = bytes_.size();
    bytes_.resize(at + kStamp + length);
    std::memcpy(&bytes_[at], &nowUs, kStamp);
    return &bytes_[at + kStamp];
  }
  // The next frame to send, complete with its header; empty when there is none. What must not go any more is gone.
  ByteView next(uint64_t nowUs, BufferPool& pool, Losses& losses) {
    for (; !empty(); pop(pool), ++losses.late) {
      const ByteView frame = front();
      uint64_t sinceUs;
      std::memcpy(&sinceUs, &bytes_[head_], kStamp);
      if (nowUs > sinceUs + kMaxAgeUs) continue;
      if (!codel_.over(sinceUs, nowUs, size() == kStamp + frame.size())) return frame;
      if (!markCongestion({&bytes_[head_ + kStamp + cstp::kHeader], frame.size() - cstp::kHeader})) continue;
      ++losses.marked;
      return frame;
    }
    return {};
  }
  // Takes off what next() gave.
  void pop(BufferPool& pool) {
    advance();
    if (empty()) clear(pool);
  }
  void clear(BufferPool& pool) {
    head_ = 0;
    gone_ = taken_;
    pool.give(std::move(bytes_));
    bytes_ = Bytes();
  }

 private:
  static constexpr size_t kPacket = 1500;
  static constexpr size_t kStamp = sizeof(uint64_t);  // before each frame: when it came
  ByteView front() const noexcept {
    const uint8_t* at = bytes_.data() + head_ + kStamp;
    return {at, cstp::kHeader + static_cast<size_t>(at[4] << 8 | at[5])};
  }
  void advance() noexcept {
    head_ += kStamp + front().size();
    ++gone_;
  }
  Bytes bytes_;
  size_t head_ = 0;
  size_t limit_ = kLimit;
  uint32_t taken_ = 0, gone_ = 0;
  Codel codel_;
};

}  // namespace postern
