// Tunnels of one worker whose packets wait for their rate, one direction: deficit round robin over them. Who begins to wait and has
// something left of this round's turn comes first (as in RFC 8290 section 4.1), so that the packets of one who asks and answers do not
// queue behind those of bulk senders of the same group. Sans I/O: microseconds in, frames out.
#pragma once
#include <cstdint>
#include <deque>

#include "shaper.h"

namespace postern {

class ShaperLine {
 public:
  // Implementation constants: bytes of a turn; of one call, so that a worker comes back to its sockets.
  static constexpr int64_t kQuantum = 1600;
  static constexpr size_t kBytes = 1 << 20;
  static constexpr uint64_t kNever = UINT64_MAX;
  static constexpr uint64_t kTurnUs = 1000;  // until a worker whose turn it is not looks again

  // `lane`: the worker's number.
  explicit ShaperLine(uint32_t lane = 0) : lane_(lane) {}
  uint32_t lane() const noexcept { return lane_; }

  void join(Shaper& shaper) {
    if (shaper.round_ < round_) {
      shaper.credit_ = std::min(kQuantum, shaper.credit_ + static_cast<int64_t>(round_ - shaper.round_) * kQuantum);
      shaper.round_ = round_;
    }
    (shaper.credit_ > 0 ? fresh_ : line_).push_back(shaper.tunnel_);
  }
  bool empty() const noexcept { return fresh_.empty() && line_.empty(); }
  // When serve() has something to do again, microseconds; after a serve().
  uint64_t dueUs() const noexcept { return fresh_.empty() ? dueUs_ : 0; }

  // What may go by now. `find(tunnel)` is its Shaper, nullptr when it has gone; send(tunnel, frame) takes a data frame whose bytes
  // stay until it returns; lost(tunnel, losses) hears what the queue has dropped.
  template <typename Find, typename Send, typename Lost>
  void serve(uint64_t nowUs, BufferPool& pool, Find&& find, Send&& send, Lost&& lost) {
    size_t sum = 0;
    dueUs_ = kNever;
    while (!empty() && sum < kBytes) {
      const bool fresh = !fresh_.empty();
      std::deque<uint32_t>& from = fresh ? fresh_ : line_;
      const uint32_t tunnel = from.front();
      from.pop_front();
      Shaper* const shaper = find(tunnel);
      if (shaper == nullptr) continue;
      if (shaper->credit_ <= 0) {
        shaper->credit_ += kQuantum;
        shaper->round_ = std::max(shaper->round_ + 1, round_);
        round_ = shaper->round_;
      }
      bool blocked = false;
      FrameQueue::Losses losses;
      while (shaper->credit_ > 0 && !shaper->idle()) {
        uint64_t readyUs = (shaper->readyNs() + 999) / 1000;
        if (readyUs > nowUs) shaper->asked(nowUs * 1000);
        else if (!fresh && !shaper->mayTake(nowUs * 1000)) readyUs = nowUs + kTurnUs;
        blocked = readyUs > nowUs;
        if (blocked) {
          dueUs_ = std::min(dueUs_, readyUs);
          break;
        }
        FrameQueue& queue = shaper->ahead();
        const ByteView frame = queue.next(nowUs, pool, losses);
        if (frame.empty()) continue;  // what waited there must not go any more
        const size_t length = frame.size() - cstp::kHeader;
        shaper->take(length, nowUs * 1000);
        shaper->tookTurn(length);
        shaper->credit_ -= static_cast<int64_t>(length);
        sum += length;
        send(tunnel, frame);
        queue.pop(pool);
      }
      lost(tunnel, losses);
      if (blocked) blocked_.push_back(tunnel);
      else if (!shaper->idle()) line_.push_back(tunnel);
      else shaper->setWaiting(false);
    }
    // Whose turn it was when the rate was used up begins next time.
    line_.insert(line_.begin(), blocked_.begin(), blocked_.end());
    blocked_.clear();
    if (sum >= kBytes) dueUs_ = 0;
  }

 private:
  const uint32_t lane_;
  std::deque<uint32_t> fresh_, line_, blocked_;
  uint64_t round_ = 0;  // turns of those who wait all the time
  uint64_t dueUs_ = kNever;
};

}  // namespace postern
