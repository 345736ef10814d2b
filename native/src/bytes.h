// Byte views used at every border of the data plane.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace postern {
using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;
using ByteSpan = std::span<uint8_t>;
}  // namespace postern
