// What the receiver remembers of sequence numbers: duplicates are an error of the sender, reordering and gaps are counted.
#pragma once
#include <bitset>
#include <cstdint>

namespace load {

class Seen {
 public:
  static constexpr uint64_t kWindow = 8192;
  // False for a number seen before, or older than the window.
  bool take(uint64_t number) {
    if (!any_ || number > highest_) {
      if (!any_) first_ = number;
      const uint64_t ahead = any_ ? number - highest_ : 1;
      if (ahead >= kWindow) bits_.reset();
      else
        for (uint64_t i = 1; i < ahead; ++i) bits_.reset((highest_ + i) % kWindow);
      highest_ = number;
      any_ = true;
      bits_.set(number % kWindow);
      ++count_;
      return true;
    }
    ++late_;
    if (highest_ - number >= kWindow || bits_.test(number % kWindow)) {
      ++duplicates_;
      return false;
    }
    bits_.set(number % kWindow);
    if (number < first_) first_ = number;
    ++count_;
    return true;
  }
  uint64_t count() const { return count_; }
  uint64_t highest() const { return highest_; }
  uint64_t duplicates() const { return duplicates_; }
  // Arrived behind a higher number.
  uint64_t reordered() const { return late_ - duplicates_; }
  uint64_t missing() const { return any_ ? highest_ - first_ + 1 - count_ : 0; }

 private:
  std::bitset<kWindow> bits_;
  uint64_t highest_ = 0, first_ = 0, count_ = 0, duplicates_ = 0, late_ = 0;
  bool any_ = false;
};

}  // namespace load
