// Big-endian fields at any alignment.
#pragma once
#include <cstdint>
#include <cstring>

namespace postern {

inline uint16_t load16(const uint8_t* at) noexcept { return static_cast<uint16_t>(at[0] << 8 | at[1]); }
inline uint32_t load32(const uint8_t* at) noexcept {
  uint32_t v;
  std::memcpy(&v, at, 4);
  return __builtin_bswap32(v);
}
inline uint64_t load64(const uint8_t* at) noexcept {
  uint64_t v;
  std::memcpy(&v, at, 8);
  return __builtin_bswap64(v);
}
inline void store16(uint8_t* at, uint16_t v) noexcept {
  at[0] = static_cast<uint8_t>(v >> 8);
  at[1] = static_cast<uint8_t>(v);
}
inline void store32(uint8_t* at, uint32_t v) noexcept {
  v = __builtin_bswap32(v);
  std::memcpy(at, &v, 4);
}
inline void store64(uint8_t* at, uint64_t v) noexcept {
  v = __builtin_bswap64(v);
  std::memcpy(at, &v, 8);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

}  // namespace postern
