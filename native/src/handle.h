// Numbers of connections as the control plane sees them: 31 bits, never 0, never a pointer. A stale number names a
// generation that is over and is therefore harmless.
#pragma once
#include <cstddef>
#include <cstdint>

namespace postern {

// Implementation constants.
inline constexpr uint32_t kMaxFronts = 4;           // 2 bits
inline constexpr uint32_t kMaxSlots = 1 << 14;      // connections of one front, 14 bits
inline constexpr uint32_t kGenerations = 1 << 15;   // 15 bits, 0 is not used

struct HandleParts {
  uint32_t front = 0, slot = 0, generation = 0;
};
inline constexpr uint32_t makeHandle(HandleParts p) noexcept { return p.front << 29 | p.slot << 15 | p.generation; }
inline constexpr HandleParts splitHandle(uint32_t handle) noexcept {
  return {handle >> 29 & 3, handle >> 15 & (kMaxSlots - 1), handle & (kGenerations - 1)};
}

}  // namespace postern
