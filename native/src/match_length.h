// How far two places of one packet are alike: what every encoder here spends its time on.
#pragma once
#include <bit>
#include <cstring>

#include "bytes.h"

namespace postern {

// Bytes that are the same at `from` and at `at`, which comes later, up to `end`.
inline size_t matchLength(const uint8_t* from, const uint8_t* at, const uint8_t* end) noexcept {
  static_assert(std::endian::native == std::endian::little);
  const uint8_t* const start = at;
  for (; end - at >= 8; from += 8, at += 8) {
    uint64_t a, b;
    std::memcpy(&a, from, sizeof a);
    std::memcpy(&b, at, sizeof b);
    if (a != b) return static_cast<size_t>(at - start) + static_cast<size_t>(std::countr_zero(a ^ b)) / 8;
  }
  while (at < end && *from == *at) ++from, ++at;
  return static_cast<size_t>(at - start);
}

// Bytes of the output again, `offset` back from its end, which may lie within what is being written.
inline void copyMatch(uint8_t* at, size_t offset, size_t length) noexcept {
  const uint8_t* from = at - offset;
  if (offset >= length) {
    std::memcpy(at, from, length);
  } else if (offset == 1) {
    std::memset(at, *from, length);
  } else {
    for (size_t i = 0; i < length; ++i) at[i] = from[i];
  }
}

}  // namespace postern
