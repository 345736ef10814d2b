// Byte strings and big-endian numbers.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace load {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;

// Every failure that ends a command: one line for the user.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void put16(uint8_t* to, uint64_t value) { to[0] = uint8_t(value >> 8), to[1] = uint8_t(value); }
inline void put32(uint8_t* to, uint64_t value) { put16(to, value >> 16), put16(to + 2, value); }
inline void put48(uint8_t* to, uint64_t value) { put16(to, value >> 32), put32(to + 2, value); }
inline void put64(uint8_t* to, uint64_t value) { put32(to, value >> 32), put32(to + 4, value); }
inline uint32_t get16(const uint8_t* from) { return uint32_t(from[0]) << 8 | from[1]; }
inline uint32_t get32(const uint8_t* from) { return get16(from) << 16 | get16(from + 2); }
inline uint64_t get48(const uint8_t* from) { return uint64_t(get16(from)) << 32 | get32(from + 2); }
inline uint64_t get64(const uint8_t* from) { return uint64_t(get32(from)) << 32 | get32(from + 4); }

inline std::string toHex(View bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) text += {digits[byte >> 4], digits[byte & 15]};
  return text;
}

inline Bytes fromHex(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    throw Failure("not hexadecimal");
  };
  if (text.size() % 2 != 0) throw Failure("not hexadecimal");
  Bytes bytes;
  for (size_t i = 0; i < text.size(); i += 2) bytes.push_back(uint8_t(digit(text[i]) << 4 | digit(text[i + 1])));
  return bytes;
}

}  // namespace load
