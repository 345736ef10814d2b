// Raw LZ4 blocks, one packet at a time, without a size in front (lz4_Block_format.md of the LZ4 project, reference protocol
// section 8). Sans I/O. Written here because node exports no LZ4 and the addon links to nothing.
#pragma once
#include "bytes.h"

namespace postern::lz4 {

// Specification constants.
inline constexpr size_t kLeastMatch = 4;
inline constexpr size_t kTail = 5;         // the last bytes are literals
inline constexpr size_t kMatchLimit = 12;  // no match begins closer to the end
// Implementation constants.
inline constexpr size_t kHashBits = 11;
inline constexpr size_t kLongest = 65535;  // of what is encoded: every offset fits

// What an encoder works with; its content does not outlive a call.
struct Table {
  uint16_t places[1 << kHashBits];
};

// Returns the length, 0 when it does not fit `out`.
size_t compress(ByteView in, ByteSpan out, Table& table) noexcept;
// Returns the length; 0 when `in` is not one whole block, or is longer than `out`.
size_t expand(ByteView in, ByteSpan out) noexcept;

}  // namespace postern::lz4
