// Internet checksum, RFC 1071. Sums little-endian 32-bit words in 64-bit lanes and swaps once at the end: the sum of
// swapped words is the swapped sum.
#include "byte_order.h"
#include "packet.h"

namespace postern {
namespace {

// Sums whole blocks of two vectors and says how many bytes it took. Each vector holds 32-bit words; the even and the odd
// ones go to 64-bit lanes of their own, so no carry is lost before 2^32 blocks.
struct Vector16 {
  using Words = uint64_t __attribute__((vector_size(16)));
};
struct Vector32 {
  using Words = uint64_t __attribute__((vector_size(32)));
};
template <typename Vector>
[[gnu::always_inline]] inline size_t sumBlocks(const uint8_t* at, size_t length, uint64_t& sum) noexcept {
  using Words = typename Vector::Words;
  constexpr size_t kWidth = sizeof(Words);
  Words even[2]{}, odd[2]{};
  size_t done = 0;
  for (; length - done >= 2 * kWidth; done += 2 * kWidth) {
    for (size_t i = 0; i < 2; ++i) {
      Words words;
      std::memcpy(&words, at + done + i * kWidth, kWidth);
      even[i] += words & 0xffffffff;
      odd[i] += words >> 32;
    }
  }
  const Words all = even[0] + even[1] + odd[0] + odd[1];
  uint64_t lanes[kWidth / 8];
  std::memcpy(lanes, &all, kWidth);
  for (const uint64_t lane : lanes) sum += lane;
  return done;
}

size_t sumBaseline(const uint8_t* at, size_t length, uint64_t& sum) noexcept { return sumBlocks<Vector16>(at, length, sum); }

#ifdef __x86_64__
[[gnu::target("avx2")]] size_t sumAvx2(const uint8_t* at, size_t length, uint64_t& sum) noexcept {
  return sumBlocks<Vector32>(at, length, sum);
}
const auto sumVectors = __builtin_cpu_supports("avx2") ? sumAvx2 : sumBaseline;
#else
constexpr auto sumVectors = sumBaseline;
#endif

uint16_t fold(uint64_t sum) noexcept {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

}  // namespace

uint64_t checksumPartial(ByteView bytes, uint64_t initial) noexcept {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t sum = 0;
  if (left >= 64) {
    const size_t done = sumVectors(at, left, sum);
    at += done;
    left -= done;
  }
  for (; left >= 4; left -= 4, at += 4) {
    uint32_t word;
    std::memcpy(&word, at, 4);
    sum += word;
  }
  if (left > 0) {
    uint32_t word = 0;
    std::memcpy(&word, at, left);
    sum += word;
  }
  return initial + __builtin_bswap16(fold(sum));
}

uint16_t checksumFold(uint64_t sum) noexcept { return fold(sum); }

uint64_t pseudoHeaderSum(const PacketInfo& info, uint8_t protocol, uint32_t l4Length) noexcept {
  uint64_t sum = protocol;
  sum += l4Length;
  if (info.version == 4) return sum + info.src4 + info.dst4;
  return checksumPartial(info.dst6, checksumPartial(info.src6, sum));
}

}  // namespace postern
