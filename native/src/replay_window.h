// Which record sequence numbers of one epoch have been seen (RFC 6347 section 4.1.2.6): the last 1,024 as a ring of bits.
// Ask fresh() before a record is opened and mark() only once its tag has been verified.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace postern {

class ReplayWindow {
 public:
  static constexpr uint64_t kSize = 1024;  // implementation constant: records

  // `highest` counts as seen, nothing below it does.
  explicit ReplayWindow(uint64_t highest) noexcept : highest_(highest) { set(highest); }

  bool fresh(uint64_t sequence) const noexcept {
    if (sequence > highest_) return true;
    if (highest_ - sequence >= kSize) return false;
    return (words_[word(sequence)] & bit(sequence)) == 0;
  }

  // Only for a sequence that is fresh().
  void mark(uint64_t sequence) noexcept {
    if (sequence > highest_) {
      if (sequence - highest_ > 1) forget(highest_ + 1, sequence);
      highest_ = sequence;
    }
    set(sequence);
  }

  uint64_t highest() const noexcept { return highest_; }

 private:
  static size_t word(uint64_t sequence) noexcept { return sequence / 64 % (kSize / 64); }
  static uint64_t bit(uint64_t sequence) noexcept { return uint64_t{1} << sequence % 64; }
  void set(uint64_t sequence) noexcept { words_[word(sequence)] |= bit(sequence); }

  // Clears the places of [from, to]; they belonged to numbers 1,024 lower.
  void forget(uint64_t from, uint64_t to) noexcept {
    if (to - from >= kSize) {
      words_.fill(0);
      return;
    }
    const uint64_t upToFrom = bit(from) - 1, behindTo = ~(bit(to) - 1) & ~bit(to);
    if (from / 64 == to / 64) {
      words_[word(from)] &= upToFrom | behindTo;
      return;
    }
    words_[word(from)] &= upToFrom;
    for (uint64_t at = from / 64 + 1; at < to / 64; ++at) words_[at % (kSize / 64)] = 0;
    words_[word(to)] &= behindTo;
  }

  uint64_t highest_;
  std::array<uint64_t, kSize / 64> words_{};
};

}  // namespace postern
