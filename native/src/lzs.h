// LZS, one packet at a time (RFC 1974 section 2.4, reference protocol section 8): nothing is remembered between packets. Sans I/O.
#pragma once
#include "bytes.h"

namespace postern::lzs {

// Specification constants.
inline constexpr size_t kWindow = 2047;    // farthest an offset reaches
inline constexpr size_t kShortWindow = 127;
inline constexpr size_t kLeastMatch = 2;
// Implementation constants.
inline constexpr size_t kHashBits = 12;
inline constexpr size_t kChain = 2048;     // a power of 2 above kWindow
inline constexpr int kProbes = 4;          // places looked at for one match: more gain 1 % for 15 % of time
inline constexpr size_t kLongest = 65535;  // of what is encoded

// What an encoder works with; its content does not outlive a call.
struct Table {
  uint16_t heads[1 << kHashBits];  // place + 1 of the last two bytes of that hash, 0 = none
  uint16_t before[kChain];         // the place + 1 before it
};

// Returns the length, 0 when it does not fit `out`.
size_t compress(ByteView in, ByteSpan out, Table& table) noexcept;
// Returns the length; 0 when `in` is not LZS up to its end marker, or is longer than `out`.
size_t expand(ByteView in, ByteSpan out) noexcept;

}  // namespace postern::lzs
