#include "lzs.h"

#include <algorithm>

#include "byte_order.h"
#include "match_length.h"

namespace postern::lzs {
namespace {

// Most significant bit first.
class BitWriter {
 public:
  explicit BitWriter(ByteSpan out) noexcept : at_(out.data()), start_(out.data()), end_(out.data() + out.size()) {}

  void put(uint32_t bits, unsigned count) noexcept {
    held_ = held_ << count | bits;
    for (count_ += count; count_ >= 8; count_ -= 8) {
      if (at_ == end_) {
        full_ = true;
        continue;
      }
      *at_++ = static_cast<uint8_t>(held_ >> (count_ - 8));
    }
  }
  bool full() const noexcept { return full_; }
  // What is left of the last byte is 0.
  size_t finish() noexcept {
    if (count_ != 0) put(0, 8 - count_);
    return full_ ? 0 : static_cast<size_t>(at_ - start_);
  }

 private:
  uint64_t held_ = 0;
  unsigned count_ = 0;
  bool full_ = false;
  uint8_t* at_;
  uint8_t* const start_;
  uint8_t* const end_;
};

class BitReader {
 public:
  explicit BitReader(ByteView in) noexcept : at_(in.data()), end_(in.data() + in.size()) {}

  // False when there are fewer.
  bool take(unsigned count, uint32_t& bits) noexcept {
    if (count_ < count && !fill(count)) return false;
    count_ -= count;
    bits = static_cast<uint32_t>(held_ >> count_) & ((1u << count) - 1);
    return true;
  }

 private:
  bool fill(unsigned count) noexcept {
    if (end_ - at_ >= 4) {
      held_ = held_ << 32 | load32(at_);
      at_ += 4;
      count_ += 32;
      return true;
    }
    for (; count_ < count; count_ += 8) {
      if (at_ == end_) return false;
      held_ = held_ << 8 | *at_++;
    }
    return true;
  }

  uint64_t held_ = 0;
  unsigned count_ = 0;
  const uint8_t* at_;
  const uint8_t* const end_;
};

size_t hashOf(const uint8_t* at) noexcept {
  const uint32_t pair = uint32_t{at[0]} << 8 | at[1];
  return pair * 2654435761u >> (32 - kHashBits);
}

void putMatch(BitWriter& bits, size_t offset, size_t length) noexcept {
  if (offset <= kShortWindow) bits.put(static_cast<uint32_t>(0x180 | offset), 9);
  else bits.put(static_cast<uint32_t>(0x1000 | offset), 13);
  if (length < 5) return bits.put(static_cast<uint32_t>(length - 2), 2);
  if (length < 8) return bits.put(static_cast<uint32_t>(length + 7), 4);
  bits.put(0xf, 4);
  for (length -= 8; length >= 15 && !bits.full(); length -= 15) bits.put(0xf, 4);
  bits.put(static_cast<uint32_t>(length), 4);
}

// A length: 2, 3, 4 in two bits, 5, 6, 7 in four, from 8 on in nibbles. False at the end of the bits, or above `most`.
bool takeLength(BitReader& bits, size_t most, size_t& length) noexcept {
  uint32_t part;
  if (!bits.take(2, part)) return false;
  length = part + 2;
  if (part == 3) {
    if (!bits.take(2, part)) return false;
    length = part + 5;
    if (part == 3) {
      for (length = 8;; length += 15) {
        if (length > most || !bits.take(4, part)) return false;
        if (part != 15) break;
      }
      length += part;
    }
  }
  return length <= most;
}

}  // namespace

size_t compress(ByteView in, ByteSpan out, Table& table) noexcept {
  if (in.size() > kLongest) return 0;
  // Always all of it: what another packet left there would show in the length of this one.
  std::fill(std::begin(table.heads), std::end(table.heads), 0);
  const uint8_t* const data = in.data();
  const uint8_t* const end = data + in.size();
  BitWriter bits(out);
  const auto enter = [&](size_t at) {
    uint16_t& head = table.heads[hashOf(data + at)];
    const uint16_t before = head;
    table.before[at % kChain] = before;
    head = static_cast<uint16_t>(at + 1);
    return before;
  };

  size_t at = 0;
  while (at + kLeastMatch <= in.size() && !bits.full()) {
    size_t best = kLeastMatch - 1, offset = 0;
    uint16_t next = enter(at);
    for (int probe = 0; probe < kProbes && next != 0 && at - (next - 1u) <= kWindow; ++probe) {
      const uint8_t* const from = data + (next - 1);
      if (data + at + best < end && from[best] == data[at + best]) {
        const size_t length = matchLength(from, data + at, end);
        if (length > best) {
          best = length;
          offset = at - (next - 1u);
        }
      }
      next = table.before[(next - 1) % kChain];
    }
    if (offset == 0) {
      bits.put(data[at++], 9);
      continue;
    }
    putMatch(bits, offset, best);
    const size_t stop = at + best;
    for (++at; at < stop; ++at) {
      if (at + kLeastMatch <= in.size()) enter(at);
    }
  }
  for (; at < in.size(); ++at) bits.put(data[at], 9);
  bits.put(0x180, 9);
  return bits.finish();
}

size_t expand(ByteView in, ByteSpan out) noexcept {
  BitReader bits(in);
  size_t n = 0;
  for (;;) {
    uint32_t part;
    if (!bits.take(9, part)) return 0;
    if (part < 0x100) {
      if (n == out.size()) return 0;
      out[n++] = static_cast<uint8_t>(part);
      continue;
    }
    size_t offset = part & 0x7f;
    if (part < 0x180) {
      uint32_t low;
      if (!bits.take(4, low)) return 0;
      offset = offset << 4 | low;
    } else if (offset == 0) {
      return n;
    }
    size_t length;
    if (offset == 0 || offset > n || !takeLength(bits, out.size() - n, length)) return 0;
    copyMatch(out.data() + n, offset, length);
    n += length;
  }
}

}  // namespace postern::lzs
