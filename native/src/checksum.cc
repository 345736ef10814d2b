// Internet checksum, RFC 1071. Sums little-endian 32-bit words in 64-bit lanes and swaps once at the end: the sum of
// swapped words is the swapped sum.
#include "byte_order.h"
#include "packet.h"

namespace postern {
namespace {

using Lanes32 = uint32_t __attribute__((vector_size(32)));
using Lanes64 = uint64_t __attribute__((vector_size(64)));

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
  if (left >= sizeof(Lanes32)) {
    Lanes64 lanes{};
    for (; left >= sizeof(Lanes32); left -= sizeof(Lanes32), at += sizeof(Lanes32)) {
      Lanes32 words;
      std::memcpy(&words, at, sizeof words);
      lanes += __builtin_convertvector(words, Lanes64);
    }
    for (int i = 0; i < 8; ++i) sum += lanes[i];
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
